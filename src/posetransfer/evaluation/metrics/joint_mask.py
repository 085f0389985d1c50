"""The authors' joint mask: where a person with these keypoints must be, roughly.

For each limb with both ends present a filled rectangle of half-width 4 pixels, for each joint present a filled disc of
radius 4, then a closing with a square of 5 x 5. The authors drew it with scikit-image 0.14, whose polygons count a
pixel on a left or top edge as inside and one on a right or bottom edge as outside; later versions count both, which
makes an upright limb one column wider. Here the old rule is kept: it made the published numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posetransfer.pose.pose import Pose

Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[np.float64]

# The authors' own list (1-based there). Not the skeleton's limbs: it closes the torso and joins ears and shoulders.
MASK_LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (1, 16), (1, 17), (8, 11), (11, 5), (8, 2), (16, 17),
)  # fmt: skip


def joint_mask(pose: Pose, radius: float = 4.0, closing: int = 5) -> Mask:
    """Draw the authors' mask of a pose.

    Args:
        pose: keypoints in the pixels of the picture; missing ones are left out.
        radius: half-width of a limb and radius of a joint, in pixels.
        closing: side of the square that gaps are closed with.

    Returns:
        (height, width) of `pose.size`, True near the person.

    >>> int(joint_mask(Pose({"nose": (8, 8)}, size=(16, 16))).sum())
    45
    """
    mask = np.zeros(pose.size, dtype=np.bool_)
    points = pose.points[:, ::-1]  # (row, column), as the authors have them
    present = pose.present
    for start, end in MASK_LIMBS:
        if present[start] and present[end]:
            _fill_limb(mask, points[start], points[end], radius)
    for point in points[present]:
        _fill_disc(mask, point, radius)
    return _eroded(_dilated(mask, closing), closing)


def _fill_limb(mask: Mask, start: Array, end: Array, radius: float) -> None:
    """Fill the rectangle round a segment; two joints on one pixel have no direction and draw nothing."""
    direction = start - end
    length = float(np.linalg.norm(direction))
    if length == 0:
        return
    normal = radius * np.array([-direction[1], direction[0]]) / length
    corners = np.array([start + normal, start - normal, end - normal, end + normal])
    top, left = np.maximum(0, corners.min(axis=0)).astype(int)
    bottom, right = np.minimum(np.ceil(corners.max(axis=0)).astype(int), np.array(mask.shape) - 1)
    if bottom < top or right < left:
        return
    rows = np.arange(top, bottom + 1, dtype=np.float64)[:, None]
    columns = np.arange(left, right + 1, dtype=np.float64)[None, :]
    mask[top : bottom + 1, left : right + 1] |= _inside(corners, rows, columns)


def _inside(corners: Array, rows: Array, columns: Array) -> Mask:
    """Even-odd rule: a pixel is inside if a ray to its right crosses an odd number of edges."""
    inside = np.zeros((rows.shape[0], columns.shape[1]), dtype=np.bool_)
    for (row_a, column_a), (row_b, column_b) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        if row_a == row_b:
            continue
        crosses = ((row_a <= rows) & (rows < row_b)) | ((row_b <= rows) & (rows < row_a))
        inside ^= crosses & (columns < (column_b - column_a) * (rows - row_a) / (row_b - row_a) + column_a)
    return inside


def _fill_disc(mask: Mask, point: Array, radius: float) -> None:
    """Fill the pixels closer than `radius` to a point."""
    top, left = np.maximum(0, np.ceil(point - radius)).astype(int)
    bottom, right = np.minimum(np.floor(point + radius).astype(int), np.array(mask.shape) - 1)
    if bottom < top or right < left:
        return
    rows = np.arange(top, bottom + 1)[:, None] - point[0]
    columns = np.arange(left, right + 1)[None, :] - point[1]
    mask[top : bottom + 1, left : right + 1] |= (rows / radius) ** 2 + (columns / radius) ** 2 < 1


def _dilated(mask: Mask, size: int) -> Mask:
    """Largest value in a square; what lies outside the picture does not count."""
    radius = size // 2
    for axis in (0, 1):
        padded = np.pad(mask, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)])
        length = mask.shape[axis]
        mask = np.logical_or.reduce([padded.take(range(shift, shift + length), axis=axis) for shift in range(2 * radius + 1)])
    return mask


def _eroded(mask: Mask, size: int) -> Mask:
    """Smallest value in a square; what lies outside the picture does not count."""
    return ~_dilated(~mask, size)
