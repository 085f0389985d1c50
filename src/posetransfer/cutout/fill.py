"""What was behind the person: smooth colours from around the hole, and on them the grain of the same rows beside it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posetransfer.image import resize
from posetransfer.window import Mask, Picture, resized_rows, strips

Colours = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

_MARGIN = 0.02  # of the hole's longer side: shadows and soft edges just outside the mask go too
_KNOWN = 0.02  # a pixel with more of the person than this is not background
_AROUND, _NEAREST = 0.5, 32  # background taken on each side: part of the person's longer side, and at least this many pixels
_WORK = 1024  # longest side at which the smooth colours are found


def fill_behind(photo: Picture, mask: Mask) -> Picture:
    """The photo without the person: the hole and a margin round it are filled from the background.

    Args:
        photo: uint8 (H, W, 3).
        mask: float32 (H, W) in [0, 1], 1 where the person is.

    Returns:
        uint8 (H, W, 3); pixels far from the person are unchanged. A photo that is all person becomes its mean colour.
    """
    window = _window(mask > _KNOWN)
    filled = photo.copy()
    if window is not None:
        filled[window] = _filled(photo[window], mask[window])
    return filled


def _window(person: Pixels) -> tuple[slice, slice] | None:
    """Rows and columns round the person: as much of the background as the filling takes colours and grain from."""
    rows, columns = np.flatnonzero(person.any(axis=1)), np.flatnonzero(person.any(axis=0))
    if not len(rows):
        return None
    margin = max(_NEAREST, round(_AROUND * max(rows[-1] - rows[0], columns[-1] - columns[0])))
    return slice(max(rows[0] - margin, 0), rows[-1] + margin + 1), slice(max(columns[0] - margin, 0), columns[-1] + margin + 1)


def _filled(photo: Picture, mask: Mask) -> Picture:
    """The window with its hole filled: smooth colours found at a working size, the grain at the photo's own."""
    height, width = mask.shape
    scale = min(1.0, _WORK / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    hole = _grown(resized_rows(mask, size, slice(0, size[0])) > _KNOWN)
    if hole.all():
        return np.broadcast_to(photo.mean(axis=(0, 1)).round().astype(np.uint8), photo.shape)
    colour = resize(photo, size).astype(np.float32)
    smooth = _push_pull(colour, (~hole).astype(np.float32))
    even = _blurred_background(colour, hole, smooth)
    # Grass and leaves are grain; the few strong edges of a room are not: mirrored, they would draw the old silhouette.
    y, x = (((np.arange(n) + 0.5) * full / n).astype(int) for n, full in zip(size, (height, width), strict=True))
    limit = 2.5 * float(np.median(np.abs(photo[y[:, None], x] - even.astype(np.float32))[~hole]))
    small = smooth.round().clip(0, 255).astype(np.uint8), even, hole.astype(np.uint8) * np.uint8(255)
    filled = photo.copy()
    for rows in strips(height):
        colours, blurred, inside = (resized_rows(part, (height, width), rows) for part in small)
        gap = inside > 127
        grain = _from_beside(photo[rows], blurred, gap).clip(-limit, limit)
        filled[rows][gap] = (colours[gap] + grain).round().clip(0, 255)
    return filled


def _grown(hole: Pixels) -> Pixels:
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


def _blurred_background(colour: Colours, hole: Pixels, smooth: Colours) -> Picture:
    """The background without its grain: filled, then through a picture 16 times smaller."""
    filled = np.where(hole[:, :, None], smooth, colour).round().clip(0, 255).astype(np.uint8)
    height, width = hole.shape
    small = resize(filled, (max(1, height // 16), max(1, width // 16)))
    return resize(small, (height, width))


def _from_beside(colour: Picture, blurred: Picture, hole: Pixels) -> Colours:
    """For the pixels of the hole, the grain of the same row mirrored at the nearer border of the hole; 0 where there is none.

    Args:
        colour: (h, w, 3), the photo.
        blurred: (h, w, 3), the photo without its grain.
        hole: (h, w).

    Returns:
        (pixels of the hole, 3) in levels, in the order of `colour[hole]`.
    """
    width = hole.shape[1]
    columns = np.arange(width, dtype=np.int32)
    left = np.maximum.accumulate(np.where(hole, -1, columns), axis=1)  # last background pixel to the left, -1 = none
    right = np.minimum.accumulate(np.where(hole, width, columns)[:, ::-1], axis=1)[:, ::-1]
    y, x = np.nonzero(hole)
    result = np.zeros((len(x), 3), np.float32)
    weights = np.zeros((len(x), 1), np.float32)
    for border in (left[y, x], right[y, x]):
        mirrored = 2 * border - x
        usable = (border >= 0) & (border < width) & (mirrored >= 0) & (mirrored < width)
        mirrored = mirrored.clip(0, width - 1)
        usable &= ~hole[y, mirrored]
        near = np.where(usable, 1 / (1.0 + np.abs(x - border)) ** 4, 0).astype(np.float32)[:, None]  # the nearer side wins
        result += near * (colour[y, mirrored] - blurred[y, mirrored].astype(np.float32))
        weights += near
    return np.asarray(result / np.maximum(weights, 1e-12), np.float32)
