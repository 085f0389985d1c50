"""What was behind the person: smooth colours from around the hole, and on them the grain of the same rows beside it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posetransfer.image import resize
from posetransfer.window import Mask, Picture

Colours = npt.NDArray[np.float32]

_MARGIN = 0.02  # of the hole's longer side: shadows and soft edges just outside the mask go too
_KNOWN = 0.02  # a pixel with more of the person than this is not background


def fill_behind(photo: Picture, mask: Mask) -> Picture:
    """The photo without the person: the hole and a margin round it are filled from the background.

    Args:
        photo: uint8 (H, W, 3).
        mask: float32 (H, W) in [0, 1], 1 where the person is.

    Returns:
        uint8 (H, W, 3); pixels far from the person are unchanged. A photo that is all person becomes its mean colour.
    """
    hole = _grown(mask > _KNOWN)
    if not hole.any():
        return photo.copy()
    if hole.all():
        return np.broadcast_to(photo.mean(axis=(0, 1)).round().astype(np.uint8), photo.shape).copy()
    colour = photo.astype(np.float32)
    smooth = _push_pull(colour, (~hole).astype(np.float32))
    blurred = _blurred_background(colour, hole, smooth)
    grain = _from_beside(colour - blurred, hole)
    filled = np.where(hole[:, :, None], smooth + grain, colour)
    return filled.round().clip(0, 255).astype(np.uint8)


def _grown(hole: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    if not len(rows):
        return hole
    radius = max(2, round(_MARGIN * max(rows[-1] - rows[0], columns[-1] - columns[0])))
    for axis in (0, 1):
        sums = np.cumsum(np.pad(hole, [(radius + 1, radius) if i == axis else (0, 0) for i in (0, 1)]), axis=axis)
        width = 2 * radius + 1
        hole = np.asarray(sums.take(range(width, sums.shape[axis]), axis) > sums.take(range(sums.shape[axis] - width), axis))
    return hole


def _push_pull(colour: Colours, known: Mask) -> Colours:
    """Fill the unknown from ever coarser means of the known: smooth, without seams, exact where known.

    Args:
        colour: (h, w, 3).
        known: (h, w) in [0, 1], how much is known about each pixel.
    """
    height, width = known.shape
    if height <= 2 or width <= 2 or known.min() > 0.999:
        weight = known.sum() + 1e-6
        mean: Colours = (colour * known[:, :, None]).sum(axis=(0, 1)) / weight
        return colour * known[:, :, None] + mean * (1 - known[:, :, None])
    even = np.pad(known, ((0, height % 2), (0, width % 2)))
    weighted = np.pad(colour * known[:, :, None], ((0, height % 2), (0, width % 2), (0, 0)))
    weight = even.reshape(even.shape[0] // 2, 2, -1, 2).sum(axis=(1, 3))
    coarse: Colours = weighted.reshape(weighted.shape[0] // 2, 2, -1, 2, 3).sum(axis=(1, 3)) / np.maximum(weight, 1e-6)[:, :, None]
    coarse = _push_pull(coarse, np.minimum(weight, 1))
    fine = _doubled(coarse)[:height, :width]
    return colour * known[:, :, None] + fine * (1 - known[:, :, None])


def _doubled(colour: Colours) -> Colours:
    """Twice as large by linear interpolation between pixel centres."""
    for axis in (0, 1):
        padded = np.concatenate([colour.take([0], axis), colour, colour.take([-1], axis)], axis)
        middle = padded.take(range(1, padded.shape[axis] - 1), axis) * 0.75
        before, after = padded.take(range(padded.shape[axis] - 2), axis) * 0.25, padded.take(range(2, padded.shape[axis]), axis) * 0.25
        shape = list(colour.shape)
        shape[axis] *= 2
        colour = np.stack([middle + before, middle + after], axis=axis + 1).reshape(shape)
    return colour


def _blurred_background(colour: Colours, hole: npt.NDArray[np.bool_], smooth: Colours) -> Colours:
    """The background without its grain: filled, then through a picture 16 times smaller."""
    filled = np.where(hole[:, :, None], smooth, colour).clip(0, 255).astype(np.uint8)
    height, width = hole.shape
    small = resize(filled, (max(1, height // 16), max(1, width // 16)))
    return resize(small, (height, width)).astype(np.float32)


def _from_beside(grain: Colours, hole: npt.NDArray[np.bool_]) -> Colours:
    """In the hole, the grain of the same row mirrored at the nearer border of the hole; 0 where there is none."""
    height, width = hole.shape
    x = np.broadcast_to(np.arange(width), (height, width))
    left = np.maximum.accumulate(np.where(hole, -1, x), axis=1)  # last background pixel to the left, -1 = none
    right = np.minimum.accumulate(np.where(hole, width, x)[:, ::-1], axis=1)[:, ::-1]
    result = np.zeros_like(grain)
    weights = np.zeros((height, width, 1), np.float32)
    rows = np.arange(height)[:, None]
    for border in (left, right):
        mirrored = 2 * border - x
        usable = hole & (border >= 0) & (border < width) & (mirrored >= 0) & (mirrored < width)
        usable &= ~hole[rows, mirrored.clip(0, width - 1)]
        near = np.where(usable, 1 / (1.0 + np.abs(x - border)) ** 4, 0).astype(np.float32)[:, :, None]  # the nearer side wins
        result += near * grain[rows, mirrored.clip(0, width - 1)]
        weights += near
    # Grass and leaves are grain; the few strong edges of a room are not: mirrored, they would draw the old silhouette.
    limit = 2.5 * np.median(np.abs(grain[~hole]))
    return (result / np.maximum(weights, 1e-12)).clip(-limit, limit)
