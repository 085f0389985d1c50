"""The objective (paper, section 3.3; weights and the halving as in the authors' code)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from posetransfer.config import LossConfig
from posetransfer.pose.skeleton import INDEX


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


def pixels_weight(maps: Tensor, mask: Tensor | None, config: LossConfig) -> Tensor | None:
    """Weight of each pixel in L1: `parts_weight` around face and wrists, and `mask_weight` more inside the person (pose-mask loss of PG2).

    Args:
        maps: (B, 18, H, W) heat maps of the target pose.
        mask: (B, 1, H, W) in [0, 1], the target person.
        config: the two weights are read.

    Returns:
        (B, 1, H, W), or None where both are 0: every pixel counts the same.
    """
    weight = parts_weight(maps, config.parts_weight) if config.parts_weight else None
    if config.mask_weight and mask is not None:
        weight = (1.0 if weight is None else weight) + config.mask_weight * mask
    return weight


def parts_weight(maps: Tensor, extra: float) -> Tensor:
    """Weight of each pixel: 1, and up to `1 + extra` around the face and the wrists.

    Args:
        maps: (B, 18, H, W) Gaussian heat maps of the target pose; the bump here is twice as wide as theirs.
        extra: weight added at such a joint.

    Returns:
        (B, 1, H, W); 1 everywhere for a person whose face and wrists are missing.
    """
    return 1 + extra * maps[:, FINE_PARTS].amax(dim=1, keepdim=True).pow(0.25)  # exp(-d²/2s²)^(1/4) = exp(-d²/2(2s)²)


def adversarial_weight(config: LossConfig, discriminators: int) -> float:
    """Weight of each discriminator's term in the generator's loss: with two, the authors' code takes their mean."""
    return config.gan_weight / discriminators if config.halve_gan and discriminators else config.gan_weight
