"""A window on a picture: cut out a box with fractional edges at any size, and paste it back.

Boxes are (left, top, right, bottom) in the coordinates of poses: the centre of the first pixel is 0, so that the box
of a whole picture is (-0.5, -0.5, width - 0.5, height - 0.5). A box may leave the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Box = tuple[float, float, float, float]
Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.float32]
Array = npt.NDArray[Any]

STRIP = 256
"""Rows that are computed at once where floats of a whole photo would fill the memory."""


def whole(size: tuple[int, int]) -> Box:
    """The box of a whole picture of `size` = (height, width)."""
    return -0.5, -0.5, size[1] - 0.5, size[0] - 0.5


def square(box: Box, factor: float = 1.0) -> Box:
    """The square round the centre of `box` whose side is the longest side of the box times `factor`."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    half = max(box[2] - box[0], box[3] - box[1]) * factor / 2
    return x - half, y - half, x + half, y + half


def cut(picture: Array, box: Box, size: tuple[int, int], fill: tuple[int, ...] | float = 0) -> Array:
    """The part of a picture inside `box`, resized to `size`, antialiased.

    Args:
        picture: uint8 (H, W, 3), or float32 (H, W) for a mask.
        box: see the module; must have a positive area.
        size: (height, width) of the result.
        fill: colour (or value of a mask) where the box leaves the picture.

    Returns:
        An array of the same type, (height, width, 3) or (height, width).
    """
    height, width = picture.shape[:2]
    left, top, right, bottom = (edge + 0.5 for edge in box)
    margin_x, margin_y = _support(right - left, size[1]), _support(bottom - top, size[0])
    x0, y0, x1, y1 = floor(left) - margin_x, floor(top) - margin_y, ceil(right) + margin_x, ceil(bottom) + margin_y
    canvas = np.empty((y1 - y0, x1 - x0, *picture.shape[2:]), picture.dtype)
    canvas[:] = np.asarray(fill, dtype=picture.dtype)
    inner_x, inner_y = slice(max(x0, 0), max(min(x1, width), 0)), slice(max(y0, 0), max(min(y1, height), 0))
    part = picture[inner_y, inner_x]
    canvas[inner_y.start - y0 :, inner_x.start - x0 :][: part.shape[0], : part.shape[1]] = part
    return _resize(canvas, (left - x0, top - y0, right - x0, bottom - y0), size)


def paste(picture: Array, box: Box, photo: Array, mask: Mask | None = None) -> Array:
    """Put a picture over the part of a photo inside `box`; the inverse of `cut`.

    Args:
        picture: (h, w, 3) of any size, or a mask (h, w).
        box: where it belongs in the photo; what lies outside the photo is dropped.
        photo: (H, W, 3) or (H, W), not changed.
        mask: float32 (h, w) in [0, 1], how much of the picture to take; None takes all of it.

    Returns:
        A new array like the photo.
    """
    result = photo.copy()
    x0, x1 = max(ceil(box[0]), 0), min(floor(box[2]), photo.shape[1] - 1) + 1  # pixels whose centre lies in the box
    y0, y1 = max(ceil(box[1]), 0), min(floor(box[3]), photo.shape[0] - 1) + 1
    if x0 >= x1 or y0 >= y1:
        return result
    scale_x, scale_y = picture.shape[1] / (box[2] - box[0]), picture.shape[0] / (box[3] - box[1])
    part = (x0 - 0.5 - box[0]) * scale_x, (y0 - 0.5 - box[1]) * scale_y, (x1 - 0.5 - box[0]) * scale_x, (y1 - 0.5 - box[1]) * scale_y
    for rows in strips(y1 - y0):
        top, bottom = part[1] + rows.start * scale_y, part[1] + rows.stop * scale_y
        size, edges = (rows.stop - rows.start, x1 - x0), (part[0], top, part[2], bottom)
        old = result[y0:y1, x0:x1][rows]
        new = _enlarge(picture, edges, size)
        if mask is not None:
            share = _enlarge(np.asarray(mask, np.float32), edges, size)
            share = share.reshape(*share.shape, *[1] * (photo.ndim - 2))
            mixed = new.astype(np.float32) * share + old.astype(np.float32) * (1 - share)
            new = mixed.round().astype(photo.dtype) if photo.dtype == np.uint8 else mixed
        old[:] = new
    return result


def strips(height: int) -> Iterator[slice]:
    """The rows of a picture, `STRIP` at a time."""
    return (slice(top, min(top + STRIP, height)) for top in range(0, height, STRIP))


def resized_rows(picture: Array, size: tuple[int, int], rows: slice) -> Array:
    """Some rows of a picture resized to `size` = (height, width), as they would be in the whole.

    >>> resized_rows(np.array([[0], [1]], np.float32), (4, 1), slice(1, 4)).ravel()
    array([0.25, 0.75, 1.  ], dtype=float32)
    """
    (height, width), scale = picture.shape[:2], picture.shape[0] / size[0]
    box = (0.0, rows.start * scale, float(width), min(rows.stop * scale, float(height)))
    return _resize(picture, box, (rows.stop - rows.start, size[1]))


def _enlarge(picture: Array, part: Box, size: tuple[int, int]) -> Array:
    """Resize `part` (edges in array coordinates, up to a photo's pixel outside) with the border repeated."""
    pad_x, pad_y = ceil(max(-part[0], part[2] - picture.shape[1], 0)), ceil(max(-part[1], part[3] - picture.shape[0], 0))
    padded = np.pad(picture, ((pad_y, pad_y), (pad_x, pad_x), *[(0, 0)] * (picture.ndim - 2)), mode="edge")
    return _resize(padded, (part[0] + pad_x, part[1] + pad_y, part[2] + pad_x, part[3] + pad_y), size)


def _resize(array: Array, box: Box, size: tuple[int, int]) -> Array:
    # Masks are resized without overshoot: they must stay in [0, 1].
    method = Image.Resampling.BICUBIC if array.dtype == np.uint8 else Image.Resampling.BILINEAR
    resized = Image.fromarray(array).resize((size[1], size[0]), method, box=box)
    return np.asarray(resized, dtype=array.dtype)


def _support(extent: float, pixels: int) -> int:
    """Pixels outside the box that the bicubic filter reads."""
    return ceil(2 * max(extent / pixels, 1)) + 1
