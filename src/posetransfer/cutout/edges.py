"""Soft edges: a rough mask follows the edges of the photo, and its border keeps no colour of the old background."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from posetransfer.window import Array, Mask, Picture

Values = npt.NDArray[Any]


def composite(picture: Picture, mask: Mask, background: Picture | tuple[int, int, int]) -> Picture:
    """The person of a picture over another background, without a rim of the old one.

    Args:
        picture: uint8 (H, W, 3).
        mask: float32 (H, W) in [0, 1], the person's share of each pixel.
        background: uint8 (H, W, 3), or one RGB colour.

    Returns:
        uint8 (H, W, 3).

    >>> composite(np.full((4, 4, 3), 200, np.uint8), np.zeros((4, 4), np.float32), (10, 20, 30))[0, 0]
    array([10, 20, 30], dtype=uint8)
    """
    share = mask[:, :, None]
    behind = np.asarray(background, np.float32)
    return (foreground(picture, mask) * share + behind * (1 - share)).round().clip(0, 255).astype(np.uint8)


def foreground(picture: Picture, mask: Mask) -> npt.NDArray[np.float32]:
    """The person's own colours, also where a pixel of the edge is half background.

    Forte, "Approximate Fast Foreground Colour Estimation" (ICIP 2021): blurred colours of either side, corrected so that both
    together give the picture; once with a wide and once with a narrow blur.

    Returns:
        float32 (H, W, 3) in [0, 255]; meaningless far from the person.
    """
    colour = picture.astype(np.float32)
    edge = (mask > 0) & (mask < 1)
    if not edge.any():
        return colour
    wide, narrow = max(3, round(0.04 * max(mask.shape))), 3
    rows, columns = np.nonzero(edge)
    window = _around(rows, wide + narrow), _around(columns, wide + narrow)
    part, share = colour[window], mask[window][:, :, None].astype(np.float32)
    near: Values = part
    far: Values = part
    for radius in (wide, narrow):
        means = _mean(np.concatenate([near * share, far * (1 - share), share], axis=2), radius)
        near, far = means[:, :, :3] / (means[:, :, 6:] + 1e-5), means[:, :, 3:6] / (1 - means[:, :, 6:] + 1e-5)
        near = (near + share * (part - share * near - (1 - share) * far)).clip(0, 255)
    # The estimate is for the edge; the inside of the person stays exactly as it was photographed.
    colour[window] = np.where(share > 0.995, part, near)
    return colour


def _around(places: npt.NDArray[np.intp], margin: int) -> slice:
    """From the first to the last of the places, and a margin on either side."""
    return slice(max(int(places.min()) - margin, 0), int(places.max()) + margin + 1)


def guided(mask: Mask, guide: Picture, radius: int, smooth: float) -> tuple[Values, Values]:
    """The guided filter: a mask as a locally linear function of the photo's colours (He, Sun, Tang 2010).

    Args:
        mask: float32 (h, w).
        guide: uint8 (h, w, 3).
        radius: half the side of the windows, in pixels.
        smooth: how weak an edge of the guide (in squared parts of white) is no edge.

    Returns:
        Slopes (h, w, 3) and offset (h, w): `(slopes * colour).sum(-1) + offset` is the mask, at this or a finer resolution.
    """
    colour = guide.astype(np.float32) / 255
    mean = _mean(colour, radius)
    products = colour[:, :, :, None] * colour[:, :, None, :]
    covariance = _mean(products.reshape(*mask.shape, 9), radius).reshape(products.shape)
    covariance += smooth * np.eye(3, dtype=np.float32) - mean[:, :, :, None] * mean[:, :, None, :]
    mean_mask = _mean(mask, radius)
    with_mask = _mean(colour * mask[:, :, None], radius) - mean * mean_mask[:, :, None]
    slopes = np.linalg.solve(covariance, with_mask[..., None])[..., 0]
    offset = mean_mask - (slopes * mean).sum(axis=-1)
    return _mean(slopes, radius), _mean(offset, radius)


def _mean(values: Array, radius: int) -> Values:
    """Mean over the (2 radius + 1)² window round each pixel, the windows cut off at the border."""
    for axis in (0, 1):
        length = values.shape[axis]
        sums = np.cumsum(values, axis=axis, dtype=np.float64)
        sums = np.concatenate([np.zeros_like(sums.take([0], axis)), sums], axis)
        ends, starts = np.minimum(np.arange(length) + radius + 1, length), np.maximum(np.arange(length) - radius, 0)
        counts = (ends - starts).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
        values = ((sums.take(ends, axis) - sums.take(starts, axis)) / counts).astype(np.float32)
    return values
