"""Every setting of a network and of its training, and the presets; readable without torch.

A preset is an instance. `market1501` and `deepfashion` are the paper's (section and line of the authors' code beside
each surprising value), `people-*` are ours for rendered people, `tiny` finishes in under a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal


@dataclass(frozen=True)
class ModelConfig:
    """The generator, and what it was trained to read. Saved with the weights as `config.json`."""

    size: tuple[int, int] = (256, 176)
    """Height and width of the frame in pixels; each divisible by 4."""
    width: int = 64
    """Channels of the first layer (`ngf`); the blocks have four times as many."""
    blocks: int = 9
    """Pose-attentional transfer blocks."""
    norm: Literal["instance", "batch"] = "instance"
    """Normalisation; the paper: batch for Market-1501, instance for DeepFashion."""
    transfer: Literal["attention", "no_addition", "no_concatenation", "residual"] = "attention"
    """What the blocks do: `attention` is the paper; the others are its ablations (section 4.4). `no_addition` drops the residual
    sum, `no_concatenation` keeps the picture code out of the pose stream, `residual` is a plain residual generator that
    reads photo and poses joined at its input."""
    dropout: bool = True
    """Dropout 0.5 inside the blocks while training."""
    heatmaps: Literal["gaussian", "impulse"] = "gaussian"
    """A bump per joint (paper) or a single pixel (what the authors' DeepFashion script stores)."""
    sigma: float = 6.0
    """Standard deviation of a bump, in pixels of the frame."""
    backdrop: Literal["photo", "plain"] = "photo"
    """What stands behind the person: the photo as it is (paper), or one plain colour, the person cut out."""
    backdrop_colour: tuple[int, int, int] = (224, 224, 224)
    """RGB of the plain backdrop, 0 to 255."""


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Both discriminators: appearance (picture + source photo) and shape (picture + target pose)."""

    appearance: bool = True
    """Use D_appearance: are these two pictures the same person?"""
    shape: bool = True
    """Use D_shape: does this picture fit this pose?"""
    width: int = 64
    """Channels of the first layer (`ndf`)."""
    blocks: int = 3
    """Residual blocks behind the down-sampling; 0 is an ablation of the paper."""
    downsamplings: int = 2
    """Halvings of the size; the third keeps the number of channels."""
    dropout: bool = True
    """Dropout 0.5 inside the residual blocks (authors' code: on; the paper speaks of the generator only)."""
    activation: Literal["relu", "leaky_relu"] = "relu"
    """ReLU in the authors' code; the paper writes LeakyReLU 0.2."""
    head: Literal["features", "patch"] = "features"
    """`features`: the loss is taken over all 4*width channels (authors' code); `patch`: a final 3x3 convolution to one channel."""
    spectral_norm: bool = False
    """Divide each convolution by its largest singular value (Miyato et al., 2018); the paper has none."""
    initialise: Literal["default", "normal", "torch-0.3"] = "default"
    """`default`: torch's own rule (the authors' code never applies its `init_type` here); `normal`: as the generator;
    `torch-0.3`: torch's own rule with batch-norm scales from U(0, 1), as the authors' torch 0.3.1 drew them."""


@dataclass(frozen=True)
class LossConfig:
    """The full objective (paper, section 3.3; weights as in the authors' README)."""

    gan: Literal["vanilla", "lsgan", "hinge"] = "vanilla"
    """Binary cross-entropy on a sigmoid, squared error on the raw output, or the hinge loss."""
    gan_weight: float = 5.0
    """Weight of the adversarial loss; 0 trains no discriminator."""
    gan_weight_scales_discriminators: bool = True
    """Authors' code: the discriminators' losses are multiplied by `gan_weight` too (paper: no; Adam hardly notices)."""
    bce: Literal["logits", "sigmoid"] = "logits"
    """How the vanilla loss is computed: stably from raw scores, or through an explicit sigmoid with the logarithm cut at -100
    (authors' code); they differ only where the sigmoid saturates."""
    gan_start: int = 0
    """First step (counted from 1) at which the discriminators take part; before it only L1 and perceptual loss are used."""
    halve_gan: bool = True
    """Authors' code: with both discriminators the generator's adversarial loss is the mean of the two, not their sum (paper)."""
    l1_weight: float = 10.0
    """Weight of the mean absolute difference on [-1, 1] values."""
    l1_smooth: float = 0.0
    """Differences below this count by their square (Huber); 0 is the paper's L1. Over a plain backdrop half of L1's gradient is the
    sign of differences too small to see, the same for thousands of pixels: it drowns everything that the decoder should learn."""
    perceptual_weight: float = 10.0
    """Weight of the feature loss."""
    perceptual: Literal["vgg19", "vgg16", "none"] = "vgg19"
    """`vgg19`: torchvision's ImageNet weights (fetched or given; the paper). `vgg16`: the layers shipped with this package."""
    perceptual_layers: tuple[str, ...] = ("relu1_2",)
    """Layers whose outputs are compared; the paper: relu1_2 alone."""
    perceptual_distance: Literal["l1", "l2"] = "l1"
    """Mean absolute or mean squared difference of features."""
    perceptual_smooth: float = 0.0
    """As `l1_smooth`, for the differences of features."""
    gram_weight: float = 0.0
    """Weight of the difference of Gram matrices of the same layers (style loss); the paper has none."""
    gram_inside: bool = False
    """Gram matrices inside the target person's mask only, and the channels' means beside them; before a plain backdrop three quarters of
    a picture say nothing about the person. Needs masks."""
    moments_weight: float = 0.0
    """Weight of the difference of each channel's mean and standard deviation where the target person's mask has at least half of a pixel,
    in parts of their length (Huang and Belongie, 2017), for the same layers; the paper has none. Needs masks."""
    contrast_weight: float = 0.0
    """Weight of the contrastive loss (InfoNCE) of those moments, each layer scaled to unit length: the picture should be nearer to its
    truth than to the true pictures of other people; the paper has none. Needs masks."""
    contrast_temperature: float = 0.03
    """Squared distance over which the odds of two people differ by e; summed over the layers, so it grows with their number. True pictures
    of rendered people find their person best at 0.01 with two layers, results at 0.02 (docs/training.md); the presets have three."""
    contrast_queue: int = 1024
    """True pictures of the steps before that are the others."""
    mask_weight: float = 0.0
    """Extra weight of L1 inside the target person's mask (the pose-mask loss of PG2, Ma et al., 2017, is 1); the paper has none. Where
    the outline is uncertain the person wins instead of the backdrop. Needs masks."""
    least_slope: float = 0.0
    """The slope of the last tanh is taken for at least this when gradients go back; 0 is the paper's. A colour that overshoots to the
    wrong end has no gradient else: white clothes got black dots that stayed."""
    parts_weight: float = 0.0
    """Extra weight of L1 around the face and the wrists of the target pose, in units of the rest's; the paper has none."""
    perceptual_weights: str | None = None
    """File with VGG-19 weights (torchvision's `vgg19-dcbb9e9d.pth`); by default looked for in torch's hub cache, then fetched."""

    @property
    def wants_masks(self) -> bool:
        """Whether a term looks at the target person's mask."""
        return bool(self.gram_weight and self.gram_inside) or max(self.moments_weight, self.contrast_weight, self.mask_weight) > 0


@dataclass(frozen=True)
class Augmentation:
    """Random changes of a training pair; all off in the paper's presets. Probabilities in [0, 1]."""

    flip: float = 0.0
    """Probability to mirror both pictures."""
    flip_swaps_names: bool = True
    """Mirroring swaps left and right joints; False: the authors' `use_flip`, which does not."""
    colour: float = 0.0
    """Strength of a change of brightness, contrast, saturation and tint, the same for both pictures of a pair (0.2 is strong)."""
    shift: float = 0.0
    """Largest shift of either picture, as a part of its width."""
    scale: float = 0.0
    """Largest relative change of size of either picture."""
    blur: float = 0.0
    """Largest Gaussian blur of the source, in pixels of the frame."""
    noise: float = 0.0
    """Largest standard deviation of noise on the source, in grey levels of 255."""
    joint_jitter: float = 0.0
    """Standard deviation of noise on each joint, as a part of the picture's height (an estimator's error is about 0.005)."""
    joint_dropout: float = 0.0
    """Probability that a joint is missing."""
    half_body: float = 0.0
    """Probability that the source ends at a random height between hips and ankles: the rest is backdrop, its joints missing."""
    mask_error: float = 0.0
    """Probability that the source's mask is grown, shrunk, blurred or bitten as a segmenter's (plain backdrop only)."""
    light: float = 0.0
    """Strength of light that comes from one side, the same for both pictures of a pair (0.3 is strong)."""
    jpeg: float = 0.0
    """Probability that the source is compressed as JPEG, of quality 25 to 95."""
    background: float = 0.0
    """Probability that both pictures get one new background behind the person; needs masks."""
    estimator_error: float = 0.0
    """Probability of each error of a pose estimator, in parts of what was measured: 1 is an estimator, 0 is none. Joints are
    moved, lost (limbs from their ends on), and now and then left and right are taken for each other. The source's pose."""
    target_error: float = 0.0
    """The same for the target's pose. What is drawn off its joints teaches blur: well below the source's."""


@dataclass(frozen=True)
class TrainingConfig:
    """The loop: optimiser, schedule, precision, what is kept."""

    batch: int = 32
    """Pairs a step, over all processes."""
    accumulate: int = 1
    """Parts that a batch is computed in, one behind the other: less memory, the same gradients (but for batch norm, which sees a part)."""
    steps: int = 87_500
    """Optimiser steps of the generator."""
    constant_steps: int = 62_375
    """Steps at the full learning rate; behind them it falls to zero in steps of `epoch_steps`."""
    epoch_steps: int = 125
    """Steps of the authors' "epoch" of 4,000 random pairs; the learning rate changes at its ends only."""
    last_batch: int = 0
    """Pairs in the last batch of each epoch where they do not divide it (4,000 = 571 x 7 + 3); 0: all batches are whole."""
    decay_epochs: int = 201
    """Epochs that a full decay to zero would take; the last epoch of the paper's presets then has rate exactly 0."""
    optimiser: Literal["adam", "muon"] = "adam"
    """Adam (paper), or Muon (momentum 0.95) for convolutions of 16 channels or more on both sides and Adam for the rest, at one rate."""
    generator_lr: float = 2e-4
    discriminator_lr: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    """Adam's momenta; not Muon's."""
    pool: int = 50
    """Fakes kept per discriminator (authors' default on Market-1501; 0 on DeepFashion)."""
    discriminator_steps: int = 1
    """Discriminator steps a generator step (`DG_ratio`)."""
    sampler: Literal["random", "shuffled"] = "random"
    """`random`: pairs drawn with replacement (authors' code); `shuffled`: every pair once a pass."""
    ema: float = 0.0
    """Decay of the running mean of the generator's weights, smaller in the first steps; 0 is off."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "fp32"
    """Autocast type; `auto` takes bf16 where the processor or GPU computes in it, else fp32."""
    channels_last: bool = True
    """Memory layout of the convolutions; changes speed, not results."""
    fused_adam: bool = True
    """Adam as one kernel for all parameters; changes speed, not results."""
    compile: bool = False
    """Let `torch.compile` write the kernels: the first steps take minutes, the others less time. Needs a C++ compiler."""
    sync_batch_norm: bool = False
    """With several processes: batch norm over the pictures of all of them, as one process with the whole batch has it."""
    freeze_norms: bool = False
    """The generator's batch norm uses and keeps the statistics that it began with, as in use; scale and shift are trained. For going on
    from weights: what a small batch happens to hold no longer changes its pictures."""
    seed: int = 0
    """Decides everything random: first weights, pairs, their changes, dropout, pools."""
    sample_every: int = 1000
    """Steps between two sheets of the 16 fixed test pairs (and two validations)."""
    validation_pairs: int = 256
    """Test pairs that a validation scores, the same ones every time."""
    checkpoint_every: int = 500
    """Steps between two checkpoints."""
    keep_last: int = 2
    """Newest checkpoints kept."""
    keep_best: int = 1
    """Best checkpoints kept besides, by `best_score`; 0 keeps none."""
    best_score: Literal["l1", "l1_person", "ssim"] = "l1_person"
    """Validation score that "best" is judged by: `l1` and `l1_person` (inside the person's mask) should be low, `ssim` high."""
    weights: Literal["last", "best"] = "last"
    """State that `weights/` is made of at the end: the last one (paper) or the best one kept."""


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run; saved in its folder as `settings.json`."""

    model: ModelConfig = field(default_factory=ModelConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)
    training: TrainingConfig = field(default_factory=TrainingConfig)


_MARKET = Settings(ModelConfig(size=(128, 64), norm="batch"), DiscriminatorConfig(), LossConfig(), Augmentation(), TrainingConfig())
_FASHION = Settings(
    ModelConfig(size=(256, 176), norm="instance"),
    DiscriminatorConfig(),
    LossConfig(gan="lsgan", l1_weight=1.0, perceptual_weight=1.0),
    Augmentation(),
    TrainingConfig(batch=7, steps=400_400, constant_steps=285_428, epoch_steps=572, last_batch=3, pool=0),
)

_GROWING = Augmentation(
    flip=0.5,
    colour=0.15,
    shift=0.03,
    scale=0.08,
    blur=0.6,
    noise=5.0,
    joint_jitter=0.006,
    joint_dropout=0.03,
    half_body=0.12,
    mask_error=0.5,
)
_SHIPPED_FEATURES = LossConfig(
    gan="lsgan",
    gan_weight=0.0,
    l1_weight=40.0,
    l1_smooth=0.05,
    perceptual_smooth=0.1,
    perceptual="vgg16",
    perceptual_layers=("relu1_2", "relu2_2", "relu3_3"),
    perceptual_weight=10.0,
)
_GROWING_MODEL = ModelConfig(size=(64, 44), width=16, norm="batch", dropout=False, sigma=1.5, backdrop="plain")
_GROWING_TRAINING = TrainingConfig(
    batch=32, steps=6_000, constant_steps=3_000, epoch_steps=100, decay_epochs=30, generator_lr=1e-3, discriminator_lr=4e-4,
    pool=0, ema=0.999, precision="auto",
)  # fmt: skip

FINE_TUNING = Settings(
    _GROWING_MODEL,  # in place of it stands the model of the weights
    DiscriminatorConfig(width=16),
    _SHIPPED_FEATURES,
    replace(_GROWING, half_body=0.0),
    TrainingConfig(
        batch=8, steps=1_000, constant_steps=500, epoch_steps=50, decay_epochs=11, generator_lr=2e-4, pool=0, sampler="shuffled",
        ema=0.99, precision="auto", sample_every=100, validation_pairs=64, checkpoint_every=100,
    ),
)  # fmt: skip
"""Settings of `posetransfer train --from WEIGHTS`: no discriminators, a small rate, few steps."""

PRESETS: dict[str, Settings] = {
    # the authors' README command line and defaults
    "market1501": _MARKET,
    # batches of 7, 4,000 pairs an epoch = 571 whole steps and one of 3 pairs, LSGAN, no pool
    "deepfashion": _FASHION,
    # the same two trainings on rendered people, with the feature network that is shipped: nothing to fetch
    "people-street": replace(_MARKET, loss=replace(_MARKET.loss, perceptual="vgg16")),
    "people-studio": replace(_FASHION, loss=replace(_FASHION.loss, perceptual="vgg16")),
    "people-64": Settings(_GROWING_MODEL, DiscriminatorConfig(width=16), _SHIPPED_FEATURES, _GROWING, _GROWING_TRAINING),
    "people-128": Settings(
        replace(_GROWING_MODEL, size=(128, 88), sigma=3.0),
        DiscriminatorConfig(width=16, dropout=False, head="patch"),
        _SHIPPED_FEATURES,
        _GROWING,
        replace(_GROWING_TRAINING, batch=16, steps=6_000, constant_steps=2_000, decay_epochs=40, generator_lr=5e-4),
    ),
    "tiny": Settings(
        ModelConfig(size=(64, 44), width=8, blocks=3, norm="batch", dropout=False, sigma=1.5, backdrop="plain"),
        DiscriminatorConfig(width=8, blocks=1),
        replace(_SHIPPED_FEATURES, gan_weight=0.5, gan_start=100),
        Augmentation(flip=0.5),
        TrainingConfig(
            batch=8, steps=200, constant_steps=150, epoch_steps=10, decay_epochs=6, generator_lr=2e-3, pool=8, precision="auto",
            sample_every=100, checkpoint_every=100,
        ),
    ),
}  # fmt: skip
"""Named settings: `posetransfer train NAME`."""
