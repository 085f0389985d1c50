"""The perceptual loss: how far the features of two pictures are apart, value by value, as Gram matrices and as moments.

The maps of the first layers are the largest of a training step, and on a CPU every operation on them waits for memory. So all terms of a
layer are computed together, a few rows of a picture at a time that stay in the processor's cache, and so is their gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from posetransfer.config import LossConfig
from posetransfer.training.contrast import NOBODY, ContrastiveLoss
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


class Compared(NamedTuple):
    """What `compare` finds in one layer, not yet weighted; 0 where not wanted."""

    difference: Tensor
    """() mean absolute difference of the values."""
    gram: Tensor
    """() that of the Gram matrices, mean products of every two channels over the cells (Gatys et al., 2016), and of the channels' means."""
    moments: Tensor
    """(2, B, 2 C), made and true: each channel's mean and standard deviation over the weighted cells, all means first; made and true are
    the same, and take no gradient, where all weights are 0."""


def compare(made: Tensor, truth: Tensor, terms: Terms) -> Compared:
    """The terms of one layer.

    Args:
        made, truth: (B, C, h, w) features; the truth and the weights take no gradient, and there is no second derivative.
        terms: which are wanted.

    Returns:
        difference, Gram matrices, moments; float32 (float64 for float64).

    >>> made = torch.tensor([[[[1.0, 3.0, 9.0]]]])
    >>> compared = compare(made, made * 2, Terms(smooth=0.0, moments=torch.tensor([[[[1.0, 1.0, 0.0]]]])))
    >>> round(float(compared.difference), 4), compared.moments.flatten().tolist()
    (4.3333, [2.0, 1.0, 4.0, 2.0])
    """
    return Compared(*_Compare.apply(made, truth, terms))  # type: ignore[no-untyped-call]


def moments_distance(moments: Tensor) -> Tensor:
    """How far made moments are from the true ones, in parts of these' length (AdaIN's style loss: Huang and Belongie, 2017).

    Args:
        moments: (2, B, D), made and true.

    Returns:
        () the mean over the pictures.

    >>> moments_distance(torch.tensor([[[3.0, 4.0]], [[6.0, 8.0]]]))
    tensor(0.5000)
    """
    made, truth = moments
    distance: Tensor = torch.linalg.vector_norm(made - truth, dim=1) / torch.linalg.vector_norm(truth, dim=1)
    return distance.mean()


class _Compare(torch.autograd.Function):
    """`compare`; maps and gradients in the features' own type.

    Under autocast torch would turn maps and gradients to float32, which for the first layers of VGG takes longer than their convolutions;
    and a sum that is asked for in float32 first copies what it sums: here a block, not a map.
    """

    @staticmethod
    def forward(ctx: Any, made: Tensor, truth: Tensor, terms: Terms) -> tuple[Tensor, Tensor, Tensor]:
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
        compared = Compared(difference / made.numel(), difference.new_zeros(()), sums.new_zeros(2, count, 2 * channels))
        kept: list[Tensor | None] = [made, truth, share, weight, None, None, None, None, None]
        if share is not None:
            gram = (products + products.mT) / (2 * root)
            compared = compared._replace(gram=gram.abs().mean() + (means / root).abs().mean())
            kept[4:6] = gram.sign(), means.sign()
        if weight is not None:
            total = weight.sum(dim=1, keepdim=True, dtype=kind)  # (B, 1, 1)
            total = total.masked_fill(total == 0, torch.inf)  # an empty mask: means 0, least deviations, and no gradient
            mean, deviation = _moments(mine, theirs, weight, sums / total, total)
            compared = compared._replace(moments=torch.cat([mean, deviation], dim=3).squeeze(2))
            kept[6:] = total, mean[0], deviation[0]
        ctx.save_for_backward(*kept)
        ctx.smooth = terms.smooth
        return compared.difference, compared.gram, compared.moments

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, for_values: Tensor, for_gram: Tensor, for_moments: Tensor) -> tuple[Tensor, None, None]:
        """d|AᵀA|/dA = 2 A sign, by the symmetry of the matrix; d|mean|/dA = sign; both by their share.

        Of a value x of weight w: d mean / dx = w / total, d deviation / dx = w (x - mean) / (total deviation).
        """
        made, truth, share, weight, sign, of_means, total, mean, deviation = ctx.saved_tensors
        slope = torch.empty_like(made, memory_format=torch.channels_last)  # whose rows are a view
        rows, mine, theirs = pixel_rows(slope), pixel_rows(made), pixel_rows(truth)
        if share is not None:
            root = mine.shape[1] ** 0.5
            sign, for_sign = sign.to(made.dtype), for_gram * 2 / (root * sign.numel())
            of_means = (of_means * (for_gram / (root * of_means.numel()))).to(made.dtype)
        if weight is not None:
            for_mean, for_deviation = for_moments[0].unsqueeze(1).chunk(2, dim=2)  # (B, 1, C) each
            rate = for_deviation / (deviation * total)
            rate, level = rate.to(made.dtype), (for_mean / total - rate * mean).to(made.dtype)
        for at in _blocks(mine):
            a = mine[at]
            here = _slope(a - theirs[at], ctx.smooth).mul_(for_values / made.numel()) if ctx.smooth is not None else torch.zeros_like(a)
            if share is not None:
                here.addcmul_((a @ sign[at[0]]).mul_(for_sign).add_(of_means[at[0]]), share[at])
            if weight is not None:
                here.addcmul_((a * rate[at[0]]).add_(level[at[0]]), weight[at])
            rows[at] = here
        return slope, None, None


def _moments(mine: Tensor, theirs: Tensor, weight: Tensor, mean: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    """Means and standard deviations (2, B, 1, C); a variance below `LEAST_VARIANCE` counts as that.

    Such a channel keeps the slope that it has there in the gradient: it may leave the place where it is constant.

    Args:
        mine, theirs: (B, h w, C) features.
        weight: (B, h w, 1).
        mean: (2, B, 1, C) weighted means of both.
        total: (B, 1, 1) sum of the weights.
    """
    squares, near = torch.zeros_like(mean), mean.to(mine.dtype)
    for at in _blocks(mine):
        for k, rows in enumerate((mine, theirs)):
            off = (rows[at] - near[k, at[0]]).square_().mul_(weight[at])
            squares[k, at[0]] += off.sum(dim=1, keepdim=True, dtype=mean.dtype)
    return mean, (squares / total).clamp(min=LEAST_VARIANCE).sqrt()


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
        self.contrast = ContrastiveLoss(config.contrast_temperature, config.contrast_queue) if config.contrast_weight else None

    def forward(self, made: Tensor, truth: Tensor, mask: Tensor | None = None, people: Tensor | None = None) -> dict[str, Tensor]:
        """The weighted terms `perceptual` and, where wanted, `gram`, `moments` and `contrast`.

        Args:
            made: (B, 3, H, W) in [-1, 1].
            truth: likewise; takes no gradient.
            mask: (B, 1, H, W) in [0, 1]; Gram matrices are those of what it shows, moments those of the pixels that it shows at least half
                of (as `appearance_nn`): at the outline, where half a pixel of backdrop is another look. None: of the whole picture.
            people: (B,) whole numbers from 0, one for each person; needed for `contrast`, whose `remember` must be called once a step.
        """
        config = self.config
        with torch.no_grad():
            wanted = self.features(truth)
        pairs = list(zip(self.features(made), wanted, strict=True))
        layers = [compare(a, b, self._terms(a, mask)) for a, b in pairs]
        values, gram = (torch.stack([layer[k] for layer in layers]).mean() for k in (0, 1))
        if config.perceptual_distance == "l2":
            values = torch.stack([F.mse_loss(full(a), full(b)) for a, b in pairs]).mean()
        terms = {"perceptual": config.perceptual_weight * values}
        if config.gram_weight:
            terms["gram"] = config.gram_weight * gram
        if config.moments_weight:
            terms["moments"] = config.moments_weight * torch.stack([moments_distance(layer.moments) for layer in layers]).mean()
        if self.contrast:
            assert people is not None, "the contrastive loss tells people apart"
            if mask is not None:
                people = people.where((mask >= 0.5).any(dim=3).any(dim=2).squeeze(1), NOBODY)
            terms["contrast"] = config.contrast_weight * self.contrast([layer.moments for layer in layers], people)
        return terms

    def _terms(self, features: Tensor, mask: Tensor | None) -> Terms:
        """What is wanted in a layer, by the settings."""
        config, size = self.config, features.shape[2:]
        wants_moments = config.moments_weight > 0 or config.contrast_weight > 0
        inside = mask is not None and config.gram_inside
        whole = features.new_ones(len(features), 1, *size, dtype=_sum_type(features))
        return Terms(
            smooth=None if config.perceptual_distance == "l2" else config.perceptual_smooth,
            gram=share_of_pixels(mask if mask is not None and inside else whole, size) if config.gram_weight else None,
            means=inside,
            moments=(whole if mask is None else F.adaptive_avg_pool2d((mask >= 0.5).float(), (size[0], size[1])))
            if wants_moments
            else None,
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
