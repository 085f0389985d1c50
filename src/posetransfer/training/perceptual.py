"""The perceptual loss: how far the features of two pictures are apart, value by value, as Gram matrices and as moments.

The maps of the first layers are the largest of a training step, and on a CPU every operation on them waits for memory. So all terms of a
layer are computed together, a few rows of a picture at a time that stay in the processor's cache, and so is their gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from posetransfer.config import LossConfig
from posetransfer.training.features import Features
from posetransfer.training.precision import full

BLOCK = 2**19
"""Values of a map that are worked on at a time: a megabyte in bfloat16, half of a core's second cache."""
LEAST_VARIANCE = 1e-6
"""Below it a channel counts as constant inside a mask: the slope of a root has no end there."""


@dataclass(frozen=True)
class Terms:
    """What is compared in a layer.

    Attributes:
        smooth: None: no difference of values; else a difference below it counts by its square, as in `absolute_difference`.
        gram: (B, 1, h, w) share of each cell in the Gram matrices, which sums to 1 over a picture; None: none are compared.
        means: the channels' own means, by the same share, are compared with the Gram matrices.
        moments: (B, 1, h, w) in [0, 1], weight of each cell in mean and standard deviation; None: none are compared.
    """

    smooth: float | None = None
    gram: Tensor | None = None
    means: bool = False
    moments: Tensor | None = None


def compare(made: Tensor, truth: Tensor, terms: Terms) -> Tensor:
    """The terms of one layer, not yet weighted.

    - The mean absolute difference of the values.
    - That of the Gram matrices, mean products of every two channels over the cells (Gatys et al., 2016), and of the channels' means.
    - Distance of the channels' means and standard deviations, in parts of the truth's length (AdaIN's style loss: Huang, Belongie, 2017),
      averaged over the pictures; 0 for one whose mask is empty.

    Args:
        made, truth: (B, C, h, w) features; the truth and the weights take no gradient, and there is no second derivative.
        terms: which are wanted.

    Returns:
        (3,) difference, Gram matrices, moments; 0 where not wanted. Sums and the result are float32 (float64 for float64).

    >>> made = torch.tensor([[[[1.0, 3.0, 9.0]]]])  # inside the mask: mean 2, deviation 1; twice that: 4 and 2
    >>> compare(made, made * 2, Terms(smooth=0.0, moments=torch.tensor([[[[1.0, 1.0, 0.0]]]])))
    tensor([4.3333, 0.0000, 0.5000])
    """
    compared: Tensor = _Compare.apply(made, truth, terms)  # type: ignore[no-untyped-call]
    return compared


class _Compare(torch.autograd.Function):
    """`compare`; maps and gradients in the features' own type.

    Under autocast torch would turn maps and gradients to float32, which for the first layers of VGG takes longer than their convolutions;
    and a sum that is asked for in float32 first copies what it sums: here a block, not a map.
    """

    @staticmethod
    def forward(ctx: Any, made: Tensor, truth: Tensor, terms: Terms) -> Tensor:
        """AᵀA - BᵀB is the symmetric part of (A - B)ᵀ(A + B): nothing cancels behind a short type's rounding, nothing overflows."""
        (count, channels), kind = made.shape[:2], _sum_type(made)
        mine, theirs = pixel_rows(made), pixel_rows(truth)  # (B, h w, C)
        root = mine.shape[1] ** 0.5  # keeps shares and sums in float16's range
        share = pixel_rows((terms.gram * root).to(made.dtype)) if terms.gram is not None else None  # (B, h w, 1)
        weight = pixel_rows(terms.moments.to(made.dtype)) if terms.moments is not None else None
        difference = made.new_zeros((), dtype=kind)
        products = made.new_zeros(count, channels, channels, dtype=kind)
        means, sums = made.new_zeros(count, 1, channels, dtype=kind), made.new_zeros(2, count, 1, channels, dtype=kind)
        for at in _blocks(mine):
            a, b = mine[at], theirs[at]
            d = a - b
            if terms.smooth is not None:
                difference += _absolute(d, terms.smooth, kind)
            if share is not None:
                d = d.mul_(share[at])
                products[at[0]] += d.mT @ (a + b)
                if terms.means:
                    means[at[0]] += d.sum(dim=1, keepdim=True, dtype=kind)
            if weight is not None:
                sums[0, at[0]] += (a * weight[at]).sum(dim=1, keepdim=True, dtype=kind)
                sums[1, at[0]] += (b * weight[at]).sum(dim=1, keepdim=True, dtype=kind)
        values = [difference / made.numel(), difference.new_zeros(()), difference.new_zeros(())]
        kept: list[Tensor | None] = [made, truth, share, weight, None, None, None, None]
        if share is not None:
            gram = (products + products.mT) / (2 * root)
            values[1] = gram.abs().mean() + (means / root).abs().mean()
            kept[4:6] = gram.sign(), means.sign()
        if weight is not None:
            values[2], kept[6], kept[7] = _moments(mine, theirs, weight, sums)
        ctx.save_for_backward(*kept)
        ctx.smooth = terms.smooth
        return torch.stack(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """d|AᵀA|/dA = 2 A sign, by the symmetry of the matrix; d|mean|/dA = sign; both by their share. Moments: see `_moments`."""
        made, truth, share, weight, sign, of_means, rate, level = ctx.saved_tensors
        slope = torch.empty_like(made, memory_format=torch.channels_last)  # whose rows are a view
        rows, mine, theirs = pixel_rows(slope), pixel_rows(made), pixel_rows(truth)
        for_values, for_gram, for_moments = gradient
        if share is not None:
            root = mine.shape[1] ** 0.5
            sign, for_sign = sign.to(made.dtype), for_gram * 2 / (root * sign.numel())
            of_means = (of_means * (for_gram / (root * of_means.numel()))).to(made.dtype)
        if weight is not None:
            rate, level = (rate * for_moments).to(made.dtype), (level * for_moments).to(made.dtype)
        for at in _blocks(mine):
            a = mine[at]
            total = _slope(a - theirs[at], ctx.smooth).mul_(for_values / made.numel()) if ctx.smooth is not None else torch.zeros_like(a)
            if share is not None:
                total.addcmul_((a @ sign[at[0]]).mul_(for_sign).add_(of_means[at[0]]), share[at])
            if weight is not None:
                total.addcmul_((a * rate[at[0]]).add_(level[at[0]]), weight[at])
            rows[at] = total
        return slope, None, None


def _moments(mine: Tensor, theirs: Tensor, weight: Tensor, sums: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The distance of the moments, and what its gradient needs: that of a value x is (rate x + level) by its weight.

    A channel whose variance is below `LEAST_VARIANCE` keeps the slope that it has there: it may leave the place where it is constant.

    Args:
        mine, theirs: (B, h w, C) features.
        weight: (B, h w, 1).
        sums: (2, B, 1, C) weighted sums of both.

    Returns:
        the mean over the pictures, rate and level (B, 1, C).
    """
    total = weight.sum(dim=1, keepdim=True, dtype=sums.dtype).clamp(min=1e-6)  # (B, 1, 1)
    mean, squares = sums / total, torch.zeros_like(sums)
    near = mean.to(mine.dtype)
    for at in _blocks(mine):
        for k, rows in enumerate((mine, theirs)):
            off = (rows[at] - near[k, at[0]]).square_().mul_(weight[at])
            squares[k, at[0]] += off.sum(dim=1, keepdim=True, dtype=sums.dtype)
    deviation = (squares / total).clamp(min=LEAST_VARIANCE).sqrt()
    moments = torch.cat([mean, deviation], dim=3)  # (2, B, 1, 2 C)
    off, length = moments[0] - moments[1], torch.linalg.vector_norm(moments[1], dim=2, keepdim=True)
    distance = torch.linalg.vector_norm(off, dim=2, keepdim=True)
    of_mean, of_deviation = (off / (distance.clamp(min=1e-12) * length * len(off))).chunk(2, dim=2)
    # d mean / d x = weight / total; d deviation / d x = weight (x - mean) / (total deviation)
    rate = of_deviation / (deviation[0] * total)
    return (distance / length).mean(), rate, of_mean / total - rate * mean[0]


def _blocks(rows: Tensor) -> Iterator[tuple[slice, slice]]:
    """Pictures and cells to work on together: a part of one picture on a CPU, everything elsewhere."""
    count, cells, channels = rows.shape
    if rows.device.type != "cpu":
        yield slice(None), slice(None)
        return
    step = max(1, BLOCK // channels)
    for k in range(count):
        for first in range(0, cells, step):
            yield slice(k, k + 1), slice(first, first + step)


def _slope(difference: Tensor, smooth: float) -> Tensor:
    """The gradient of each value's term; changes the difference."""
    return difference.mul_(1 / smooth).clamp_(-1, 1) if smooth else difference.sign_()


def _absolute(difference: Tensor, smooth: float, kind: torch.dtype) -> Tensor:
    """The sum of d² / 2s inside, of |d| - s / 2 outside: with the slope g both are g (d - s g / 2)."""
    if not smooth:
        return difference.abs().sum(dtype=kind)
    slope = _slope(difference.clone(), smooth)
    return torch.sub(difference, slope, alpha=smooth / 2).mul_(slope).sum(dtype=kind)


def pixel_rows(maps: Tensor) -> Tensor:
    """(B, C, h, w) to (B, h w, C), a view in either memory layout."""
    return maps.permute(0, 2, 3, 1).flatten(1, 2)


def _sum_type(features: Tensor) -> torch.dtype:
    return torch.float64 if features.dtype == torch.float64 else torch.float32


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
        config = self.config
        with torch.no_grad():
            wanted = self.features(truth)
        pairs = list(zip(self.features(made), wanted, strict=True))
        values, gram, moments = torch.stack([compare(a, b, self._terms(a, mask)) for a, b in pairs]).mean(dim=0)
        if config.perceptual_distance == "l2":
            values = torch.stack([F.mse_loss(full(a), full(b)) for a, b in pairs]).mean()
        terms = {"perceptual": config.perceptual_weight * values}
        if config.gram_weight:
            terms["gram"] = config.gram_weight * gram
        if config.moments_weight:
            terms["moments"] = config.moments_weight * moments
        return terms

    def _terms(self, features: Tensor, mask: Tensor | None) -> Terms:
        """What is wanted in a layer, by the settings."""
        config, size = self.config, features.shape[2:]
        inside = mask is not None and config.gram_inside
        whole = features.new_ones(len(features), 1, *size, dtype=_sum_type(features))
        return Terms(
            smooth=None if config.perceptual_distance == "l2" else config.perceptual_smooth,
            gram=share_of_pixels(mask if mask is not None and inside else whole, size) if config.gram_weight else None,
            means=inside,
            moments=(whole if mask is None else F.adaptive_avg_pool2d(mask, (size[0], size[1]))) if config.moments_weight else None,
        )


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
