"""The objective (paper, section 3.3; weights and the halving as in the authors' code)."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posetransfer.config import LossConfig
from posetransfer.pose.skeleton import INDEX
from posetransfer.training.features import Features
from posetransfer.training.precision import full

Distance = Callable[[Tensor, Tensor], Tensor]


def gan_loss(scores: Tensor, real: bool, config: LossConfig, *, judging: bool = True) -> Tensor:
    """How far scores are from "all real" or "all made", averaged over every value.

    Args:
        scores: raw output of a discriminator, any shape.
        real: the answer wanted.
        config: `gan` and `bce` are read: binary cross-entropy of the sigmoid, squared error to 1 or 0, or hinge.
        judging: the discriminator's own loss; False: the generator's, which differs for the hinge only (no margin).

    >>> gan_loss(torch.zeros(2, 4), True, LossConfig(gan="vanilla")), gan_loss(torch.zeros(2, 4), True, LossConfig(gan="lsgan"))
    (tensor(0.6931), tensor(1.))
    """
    if config.gan == "hinge":
        signed = scores if real else -scores
        return F.relu(1 - signed).mean() if judging else -signed.mean()
    wanted = torch.full_like(scores, float(real))
    if config.gan == "lsgan":
        return F.mse_loss(scores, wanted)
    if config.bce == "sigmoid":
        return F.binary_cross_entropy(torch.sigmoid(scores), wanted)
    return F.binary_cross_entropy_with_logits(scores, wanted)


def absolute_difference(made: Tensor, truth: Tensor, smooth: float = 0.0, weight: Tensor | None = None) -> Tensor:
    """Mean absolute difference; below `smooth` a difference counts by its square, so that its gradient falls to zero with it.

    Args:
        made, truth: (B, C, H, W).
        smooth: where the square ends; 0 is plain L1.
        weight: (B, 1, H, W) that each pixel's difference is multiplied by.

    >>> round(float(absolute_difference(torch.tensor([0.0, 1.0]), torch.tensor([0.1, 0.0]), smooth=0.2)), 4)  # (0.1² / 0.4 + 1 - 0.1) / 2
    0.4625
    """
    kind = "mean" if weight is None else "none"
    each = F.smooth_l1_loss(made, truth, beta=smooth, reduction=kind) if smooth else F.l1_loss(made, truth, reduction=kind)
    return each if weight is None else (each * weight).mean()


FINE_PARTS = tuple(INDEX[name] for name in ("nose", "right_eye", "left_eye", "right_wrist", "left_wrist"))


def parts_weight(maps: Tensor, extra: float) -> Tensor:
    """Weight of each pixel: 1, and up to `1 + extra` around the face and the wrists.

    Args:
        maps: (B, 18, H, W) Gaussian heat maps of the target pose; the bump here is twice as wide as theirs.
        extra: weight added at such a joint.

    Returns:
        (B, 1, H, W); 1 everywhere for a person whose face and wrists are missing.
    """
    return 1 + extra * maps[:, FINE_PARTS].amax(dim=1, keepdim=True).pow(0.25)  # exp(-d²/2s²)^(1/4) = exp(-d²/2(2s)²)


class PerceptualLoss(nn.Module):
    """Differences of the features of two pictures, averaged over the chosen layers.

    Args:
        features: the feature network.
        config: weights, distance and smoothing are read.
    """

    def __init__(self, features: Features, config: LossConfig) -> None:
        super().__init__()
        self.features, self.config = features, config
        self.distance: Distance = (
            functools.partial(absolute_difference, smooth=config.perceptual_smooth) if config.perceptual_distance == "l1" else F.mse_loss
        )

    def forward(self, made: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) in [-1, 1] each, the truth takes no gradient; gives the weighted terms `perceptual` and, where wanted, `gram`."""
        with torch.no_grad():
            wanted = self.features(truth)
        pairs = [(full(a), full(b)) for a, b in zip(self.features(made), wanted, strict=True)]
        terms = {"perceptual": self.config.perceptual_weight * torch.stack([self.distance(a, b) for a, b in pairs]).mean()}
        if self.config.gram_weight:
            styles = [F.l1_loss(gram(a), gram(b)) for a, b in pairs]
            terms["gram"] = self.config.gram_weight * torch.stack(styles).mean()
        return terms


def gram(features: Tensor) -> Tensor:
    """Mean product of every two channels over the pixels (Gatys et al., 2016): (B, C, h, w) to (B, C, C)."""
    flat = features.float().flatten(2)  # (B, C, h w)
    with torch.autocast(features.device.type, enabled=False):  # long sums: in full precision
        return flat @ flat.transpose(1, 2) / flat.shape[2]


def adversarial_weight(config: LossConfig, discriminators: int) -> float:
    """Weight of each discriminator's term in the generator's loss: with two, the authors' code takes their mean."""
    return config.gan_weight / discriminators if config.halve_gan and discriminators else config.gan_weight
