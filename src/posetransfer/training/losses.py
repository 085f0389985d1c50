"""The objective (paper, section 3.3; weights and the halving as in the authors' code)."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posetransfer.config import LossConfig
from posetransfer.training.features import Features
from posetransfer.training.precision import full

Distance = Callable[[Tensor, Tensor], Tensor]


def gan_loss(scores: Tensor, real: bool, config: LossConfig) -> Tensor:
    """How far scores are from "all real" or "all made", averaged over every value.

    Args:
        scores: raw output of a discriminator, any shape.
        real: the answer wanted.
        config: `gan` and `bce` are read: binary cross-entropy of the sigmoid, or squared error to 1 or 0.

    >>> gan_loss(torch.zeros(2, 4), True, LossConfig(gan="vanilla")), gan_loss(torch.zeros(2, 4), True, LossConfig(gan="lsgan"))
    (tensor(0.6931), tensor(1.))
    """
    wanted = torch.full_like(scores, float(real))
    if config.gan == "lsgan":
        return F.mse_loss(scores, wanted)
    if config.bce == "sigmoid":
        return F.binary_cross_entropy(torch.sigmoid(scores), wanted)
    return F.binary_cross_entropy_with_logits(scores, wanted)


def absolute_difference(made: Tensor, truth: Tensor, smooth: float = 0.0) -> Tensor:
    """Mean absolute difference; below `smooth` a difference counts by its square, so that its gradient falls to zero with it.

    >>> round(float(absolute_difference(torch.tensor([0.0, 1.0]), torch.tensor([0.1, 0.0]), smooth=0.2)), 4)  # (0.1² / 0.4 + 1 - 0.1) / 2
    0.4625
    """
    return F.smooth_l1_loss(made, truth, beta=smooth) if smooth else F.l1_loss(made, truth)


class PerceptualLoss(nn.Module):
    """Mean difference of the features of two pictures, averaged over the chosen layers."""

    def __init__(self, features: Features, distance: str, smooth: float = 0.0) -> None:
        super().__init__()
        self.features = features
        self.distance: Distance = functools.partial(absolute_difference, smooth=smooth) if distance == "l1" else F.mse_loss

    def forward(self, made: Tensor, truth: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] each; the truth takes no gradient."""
        with torch.no_grad():
            wanted = self.features(truth)
        terms = [self.distance(full(a), full(b)) for a, b in zip(self.features(made), wanted, strict=True)]
        return torch.stack(terms).mean()


def adversarial_weight(config: LossConfig, discriminators: int) -> float:
    """Weight of each discriminator's term in the generator's loss: with two, the authors' code takes their mean."""
    return config.gan_weight / discriminators if config.halve_gan and discriminators else config.gan_weight
