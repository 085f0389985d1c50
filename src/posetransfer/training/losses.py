"""The objective (paper, section 3.3; weights and the halving as in the authors' code)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posetransfer.config import LossConfig
from posetransfer.pose.skeleton import INDEX
from posetransfer.training.features import Features
from posetransfer.training.precision import full


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


class _Difference(torch.autograd.Function):
    """`absolute_difference` of two feature maps, with differences and gradient in the features' own type and the sum in float32.

    Under autocast torch would turn both maps and all gradients to float32, which for the first layers of VGG takes longer than their
    convolutions.
    """

    @staticmethod
    def forward(ctx: Any, made: Tensor, truth: Tensor, smooth: float) -> Tensor:
        """Shapes as in `absolute_difference`; a float32 or float64 number."""
        difference = made - truth
        kind = _sum_type(made)
        # d²/2s inside, where d = s g; |d| - s + s/2 outside, where g is a sign
        total = (F.softshrink(difference, smooth) if smooth else difference).abs().sum(dtype=kind)
        slope = difference.mul_(1 / smooth).clamp_(-1, 1) if smooth else difference.sign_()
        if smooth:
            total = total + slope.square().sum(dtype=kind) * (smooth / 2)
        ctx.save_for_backward(slope)
        mean: Tensor = total / made.numel()
        return mean

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """The slope of each value, for the features that were made."""
        (slope,) = ctx.saved_tensors
        return slope * (gradient / slope.numel()), None, None


class _GramDifference(torch.autograd.Function):
    """Mean absolute difference of two maps' Gram matrices: mean products of every two channels over the pixels (Gatys et al., 2016).

    With a `share` the mean over the pixels is weighted by it, and the mean absolute difference of the channels' own means is added.
    """

    @staticmethod
    def forward(ctx: Any, made: Tensor, truth: Tensor, share: Tensor | None = None) -> Tensor:
        """(B, C, h, w) each, and a share (B, 1, h, w) that sums to 1 over the pixels of a picture, to a number.

        AᵀA - BᵀB is the symmetric part of (A - B)ᵀ(A + B): nothing cancels behind the rounding of a short type, and nothing overflows.
        """
        root = (made.shape[2] * made.shape[3]) ** 0.5  # keeps weights and sums in float16's range
        weight = (share * root).to(made.dtype) if share is not None else torch.full_like(made[:1, :1, :1, :1], 1 / root)
        weighted, kind = _pixel_rows((made - truth).mul_(weight)), _sum_type(made)  # (B, h w, C)
        product = (weighted.transpose(1, 2) @ _pixel_rows(made + truth)).to(kind) / root  # (B, C, C)
        difference = (product + product.transpose(1, 2)) / 2
        value, signs = difference.abs().mean(), [difference.sign()]
        if share is not None:
            means = (torch.ones_like(weighted[:, :1, :1].expand(-1, -1, weighted.shape[1])) @ weighted).to(kind) / root  # (B, 1, C)
            value, signs = value + means.abs().mean(), [*signs, means.sign()]
        ctx.save_for_backward(made, weight, *signs)
        total: Tensor = value
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """d|AᵀA|/dA = 2 A sign, by the symmetry of the matrix; d|mean|/dA = sign; both by their share."""
        made, weight, sign, *rest = ctx.saved_tensors
        root = (made.shape[2] * made.shape[3]) ** 0.5
        slope = (_pixel_rows(made) @ sign.to(made.dtype)).mul_(gradient * 2 / (root * sign.numel()))  # (B, h w, C)
        for of_means in rest:
            slope += (of_means * (gradient / (root * of_means.numel()))).to(made.dtype)
        return slope.unflatten(1, made.shape[2:]).permute(0, 3, 1, 2) * weight, None, None


class _Moments(torch.autograd.Function):
    """Mean and standard deviation of each channel over the pixels, by their weights; summed in float32."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor) -> Tensor:
        """(B, C, h, w), and a weight in [0, 1] (B, 1, h, w), to (B, 2 C): all means, then all deviations; zeros where nothing weighs."""
        kind, weight = _sum_type(features), weight.to(features.dtype)
        total = weight.sum(dim=(2, 3), keepdim=True, dtype=kind).clamp(min=1e-6)
        mean = (features * weight).sum(dim=(2, 3), keepdim=True, dtype=kind) / total
        off = features - mean.to(features.dtype)
        variance = off.square_().mul_(weight).sum(dim=(2, 3), keepdim=True, dtype=kind) / total
        deviation = variance.clamp(min=LEAST_VARIANCE).sqrt()
        ctx.save_for_backward(features, weight, total, mean, deviation)
        return torch.cat([mean, deviation], dim=1).flatten(1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """d mean / d x = share; d deviation / d x = share (x - mean) / deviation."""
        features, weight, total, mean, deviation = ctx.saved_tensors
        of_mean, of_deviation = gradient[:, :, None, None].chunk(2, dim=1)
        rate = of_deviation / deviation / total
        level = of_mean / total - rate * mean
        return (features * rate.to(features.dtype)).add_(level.to(features.dtype)).mul_(weight), None


LEAST_VARIANCE = 1e-6
"""Below it a channel counts as constant inside a mask: the slope of a root has no end there."""


def moments_difference(made: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Distance of the channels' means and standard deviations, in parts of the truth's length (AdaIN's style loss: Huang, Belongie, 2017).

    Args:
        made, truth: (B, C, h, w) features.
        mask: (B, 1, H, W) in [0, 1], of any size.

    Returns:
        the mean over the pictures; 0 for one whose mask is empty.

    >>> made = torch.tensor([[[[1.0, 3.0, 9.0]]]])  # inside the mask: mean 2, deviation 1; twice that: 4 and 2
    >>> round(float(moments_difference(made, made * 2, torch.tensor([[[[1.0, 1.0, 0.0]]]]))), 4)
    0.5
    """
    cells = F.adaptive_avg_pool2d(mask, (made.shape[2], made.shape[3]))
    mine, wanted = (_Moments.apply(features, cells) for features in (made, truth.detach()))  # type: ignore[no-untyped-call]
    distance: Tensor = torch.linalg.vector_norm(mine - wanted, dim=1) / torch.linalg.vector_norm(wanted, dim=1)
    return distance.mean()


class PerceptualLoss(nn.Module):
    """Differences of the features of two pictures, averaged over the chosen layers.

    Args:
        features: the feature network.
        config: weights, distance and smoothing are read.
    """

    def __init__(self, features: Features, config: LossConfig) -> None:
        super().__init__()
        self.features, self.config = features, config

    def forward(self, made: Tensor, truth: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """The weighted terms `perceptual` and, where wanted, `gram` and `moments`.

        Args:
            made: (B, 3, H, W) in [-1, 1].
            truth: likewise; takes no gradient.
            mask: (B, 1, H, W) in [0, 1]; Gram matrices and moments are those of what it shows. None: of the whole picture.
        """
        with torch.no_grad():
            wanted = self.features(truth)
        pairs = list(zip(self.features(made), wanted, strict=True))
        terms = {"perceptual": self.config.perceptual_weight * torch.stack([self._distance(a, b) for a, b in pairs]).mean()}
        if self.config.gram_weight:
            inside = mask if self.config.gram_inside else None
            shares = [None if inside is None else share_of_pixels(inside, a.shape[-2:]) for a, _ in pairs]
            styles = [_GramDifference.apply(a, b, s) for (a, b), s in zip(pairs, shares, strict=True)]  # type: ignore[no-untyped-call]
            terms["gram"] = self.config.gram_weight * torch.stack(styles).mean()
        if self.config.moments_weight:
            whole = torch.ones_like(truth[:, :1]) if mask is None else mask
            moments = [moments_difference(a, b, whole) for a, b in pairs]
            terms["moments"] = self.config.moments_weight * torch.stack(moments).mean()
        return terms

    def _distance(self, made: Tensor, truth: Tensor) -> Tensor:
        if self.config.perceptual_distance == "l2":
            return F.mse_loss(full(made), full(truth))
        distance: Tensor = _Difference.apply(made, truth, self.config.perceptual_smooth)  # type: ignore[no-untyped-call]
        return distance


def share_of_pixels(mask: Tensor, size: Sequence[int]) -> Tensor:
    """Each cell's part of what a mask shows.

    Args:
        mask: (B, 1, H, W) in [0, 1].
        size: (h, w) of the cells.

    Returns:
        (B, 1, h, w) that sums to 1 over the cells; to 0 for an empty mask.

    >>> share_of_pixels(torch.tensor([[[[1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]]]]), (1, 2)).flatten().tolist()
    [0.800000011920929, 0.20000000298023224]
    """
    cells = F.adaptive_avg_pool2d(mask, (size[0], size[1]))
    return cells / cells.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)


def _pixel_rows(features: Tensor) -> Tensor:
    """(B, C, h, w) to (B, h w, C): a view where the channels lie last in memory."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def _sum_type(features: Tensor) -> torch.dtype:
    return torch.float64 if features.dtype == torch.float64 else torch.float32


def adversarial_weight(config: LossConfig, discriminators: int) -> float:
    """Weight of each discriminator's term in the generator's loss: with two, the authors' code takes their mean."""
    return config.gan_weight / discriminators if config.halve_gan and discriminators else config.gan_weight
