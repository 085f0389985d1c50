"""One step: who gets gradients, which settings change what, what is refused."""

import math
from dataclasses import replace

import pytest
import torch

from posetransfer.config import PRESETS
from posetransfer.errors import TrainingError
from posetransfer.networks.blocks import Tanh
from posetransfer.training.step import TrainingStep

CPU = torch.device("cpu")
ABLATIONS = {
    "no addition": ("model", {"transfer": "no_addition"}),
    "no concatenation": ("model", {"transfer": "no_concatenation"}),
    "residual generator": ("model", {"transfer": "residual"}),
    "13 blocks": ("model", {"blocks": 13}),
    "no D_appearance": ("discriminator", {"appearance": False}),
    "no D_shape": ("discriminator", {"shape": False}),
    "D without residual blocks": ("discriminator", {"blocks": 0}),
    "no perceptual loss": ("loss", {"perceptual": "none"}),
    "patch head": ("discriminator", {"head": "patch"}),
    "leaky": ("discriminator", {"activation": "leaky_relu"}),
    "three halvings": ("discriminator", {"downsamplings": 3}),
}


def changed(settings, group, values):
    return replace(settings, **{group: replace(getattr(settings, group), **values)})


def networks(step):
    return {"generator": step.generator} | {name: judge.network for name, judge in step.judges.items()}


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_parameter_of_every_network_gets_a_gradient(preset, small, random_batch):
    settings = small(preset)
    settings = changed(settings, "model", {"norm": PRESETS[preset].model.norm, "size": (32, 16)})
    settings = changed(settings, "loss", {"gan_start": 0, "gan_weight": settings.loss.gan_weight or 1.0})
    step = TrainingStep(settings, CPU)
    step(random_batch(4), 1)
    for name, network in networks(step).items():
        without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert not without, f"{name}: {without}"


@pytest.mark.parametrize("name", sorted(ABLATIONS))
def test_every_ablation_trains(name, small, random_batch):
    settings = changed(small("market1501"), *ABLATIONS[name])
    step = TrainingStep(settings, CPU)
    before = {n: p.detach().clone() for n, p in step.generator.named_parameters()}
    terms = step(random_batch(4), 1)
    assert all(p.grad is not None and not torch.equal(p, before[n]) for n, p in step.generator.named_parameters())
    assert ("gan_appearance" in terms) == settings.discriminator.appearance
    assert ("gan_shape" in terms) == settings.discriminator.shape
    assert ("perceptual" in terms) == (settings.loss.perceptual != "none")


def test_generators_part_of_the_loss_leaves_the_discriminators_gradients_alone(small, random_batch):
    """D's gradient comes from its own loss: with weight 0 there it would be zero, whatever the generator's loss says."""
    settings = changed(small("market1501", discriminator_lr=0.0, pool=0), "discriminator", {"dropout": False})
    step = TrainingStep(settings, CPU)
    step(random_batch(4), 1)
    first = step.gradient_norms["shape"]
    other = TrainingStep(changed(settings, "loss", {"l1_weight": 1000.0}), CPU)
    other(random_batch(4), 1)
    assert other.gradient_norms["generator"] > 2 * step.gradient_norms["generator"]
    assert other.gradient_norms["shape"] == pytest.approx(first, rel=1e-6)


def test_discriminators_loss_is_scaled_by_the_gan_weight_or_not(small, random_batch):
    settings = small("deepfashion")
    scaled = TrainingStep(settings, CPU)(random_batch(4), 1)
    plain = TrainingStep(changed(settings, "loss", {"gan_weight_scales_discriminators": False}), CPU)(random_batch(4), 1)
    assert scaled["d_shape"] == pytest.approx(5 * plain["d_shape"], rel=1e-5)
    assert scaled["gan_shape"] == pytest.approx(plain["gan_shape"], rel=1e-6)


def test_before_gan_start_no_discriminator_takes_part(small, random_batch):
    step = TrainingStep(changed(small("market1501"), "loss", {"gan_start": 3}), CPU)
    assert set(step(random_batch(4), 2)) == {"l1", "perceptual"}
    assert set(step(random_batch(4), 3)) == {"l1", "perceptual", "gan_shape", "gan_appearance", "d_shape", "d_appearance"}


@pytest.mark.parametrize("parts", [2, 3, 4])  # 4: parts of one picture, where torch's own instance norm would be wrong
def test_accumulated_parts_give_the_gradient_of_the_whole_batch(parts, small, random_batch, exactly):
    settings = changed(small("deepfashion"), "discriminator", {"dropout": False})
    settings = changed(settings, "model", {"dropout": False})
    whole, split = TrainingStep(settings, CPU), TrainingStep(changed(settings, "training", {"accumulate": parts}), CPU)
    (batch,) = exactly(whole, random_batch(4))
    exactly(split)
    assert split(batch, 1) == pytest.approx(whole(batch, 1), rel=1e-9)
    for name, network in networks(whole).items():
        for (n, p), q in zip(network.named_parameters(), networks(split)[name].parameters(), strict=True):
            torch.testing.assert_close(q.grad, p.grad, rtol=1e-7, atol=1e-9, msg=f"{name} {n}")


def test_layout_and_fused_adam_do_not_change_the_result(small, random_batch):
    """Dropout is off: its mask is drawn in the order of the memory."""
    settings = changed(changed(small("market1501"), "discriminator", {"dropout": False}), "model", {"dropout": False})
    plain = TrainingStep(changed(settings, "training", {"channels_last": False, "fused_adam": False}), CPU)
    fast = TrainingStep(settings, CPU)
    for number in (1, 2):
        batch = random_batch(4, seed=number)
        assert fast(batch, number) == pytest.approx(plain(batch, number), rel=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_near_full_precision(precision, small, random_batch):
    settings = changed(changed(small("market1501"), "discriminator", {"dropout": False}), "model", {"dropout": False})
    full, half = TrainingStep(settings, CPU), TrainingStep(changed(settings, "training", {"precision": precision}), CPU)
    batch, first = random_batch(4), None
    for _ in range(20):  # float16 skips steps until its scale is small enough
        terms = half(batch, 1)
        first = first or terms
        if all(map(math.isfinite, half.gradient_norms.values())):
            break
    assert first["l1"] == pytest.approx(full(batch, 1)["l1"], rel=0.01)
    assert half.optimiser.scaler.is_enabled() == (precision == "fp16")
    assert half.gradient_norms == pytest.approx(full.gradient_norms, rel=0.1)
    assert next(half.generator.parameters()).dtype == torch.float32


def test_running_mean_follows_the_generator(small, random_batch):
    step = TrainingStep(small("market1501", ema=0.9), CPU)
    mean = {n: t.clone() for n, t in step.mean_generator.state_dict().items()}
    for number in (1, 2, 3):
        step(random_batch(4, seed=number), number)
        decay = min(0.9, (1 + number) / (10 + number))
        now = step.generator.state_dict()
        mean = {n: decay * t + (1 - decay) * now[n] if t.is_floating_point() else now[n] for n, t in mean.items()}
    for name, tensor in step.mean_generator.state_dict().items():
        torch.testing.assert_close(tensor, mean[name], msg=name)
    assert step.best_generator is step.mean_generator


@pytest.mark.parametrize("spoiled", ["target", "source_maps"])
def test_a_loss_that_is_not_finite_stops_with_the_names_and_changes_nothing(spoiled, small, random_batch):
    step = TrainingStep(small("deepfashion"), CPU)
    batch = random_batch(4)
    getattr(batch, spoiled)[2, 0, 3, 3] = torch.nan
    before = [p.detach().clone() for p in step.generator.parameters()]
    with pytest.raises(TrainingError, match=r"the l1 loss is nan on the batch of 0a.jpg to 0b.jpg, .*3a.jpg to 3b.jpg"):
        step(batch, 1)
    assert all(torch.equal(p, b) for p, b in zip(step.generator.parameters(), before, strict=True))


def test_a_gradient_that_is_not_finite_stops_too(small, random_batch, monkeypatch):
    step = TrainingStep(small("deepfashion"), CPU)
    next(step.generator.decoder.parameters()).register_hook(lambda gradient: gradient * torch.inf)
    with pytest.raises(TrainingError, match="the gradient of the generator network is"):
        step(random_batch(4), 1)


def test_discriminators_begin_as_the_setting_says(small):
    scales = {}
    for how in ("default", "normal", "torch-0.3"):
        step = TrainingStep(changed(changed(small("market1501"), "discriminator", {"initialise": how}), "model", {"norm": "batch"}), CPU)
        scales[how] = torch.cat([m.weight.detach() for m in step.judges["shape"].network.modules() if isinstance(m, torch.nn.BatchNorm2d)])
    assert (scales["default"] == 1).all()
    assert 0.005 < scales["normal"].std() < 0.05 and abs(scales["normal"].mean() - 1) < 0.02
    assert scales["torch-0.3"].min() < 0.2 and scales["torch-0.3"].max() > 0.8 and scales["torch-0.3"].max() <= 1


def test_steps_depend_on_the_seed_and_on_nothing_before(small, random_batch):
    settings = small("market1501")
    a, b, c = TrainingStep(settings, CPU), TrainingStep(settings, CPU), TrainingStep(changed(settings, "training", {"seed": 1}), CPU)
    torch.rand(7)
    assert a(random_batch(4), 1) == b(random_batch(4), 1) != c(random_batch(4), 1)


def test_least_slope_reaches_the_last_tanh(small, random_batch):
    settings = changed(small("tiny"), "loss", {"least_slope": 0.25})
    assert [m.least_slope for m in TrainingStep(settings, CPU).generator.modules() if isinstance(m, Tanh)] == [0.25]


def test_muon_trains_the_wide_convolutions_beside_adam(small, random_batch):
    settings = changed(small("people-64"), "model", {"width": 16})
    settings = changed(settings, "training", {"optimiser": "muon"})
    step = TrainingStep(settings, CPU)
    before = {name: p.detach().clone() for name, p in step.generator.named_parameters()}
    step(random_batch(4), 1)
    assert len(step.optimiser.matrices) > 10
    assert all(not torch.equal(p, before[name]) for name, p in step.generator.named_parameters())
