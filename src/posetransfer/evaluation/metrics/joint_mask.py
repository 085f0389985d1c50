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
    points = pose.points[:, ::-1]  # (row, column), as the authors have them
    present = pose.present
    starts, ends = np.array(MASK_LIMBS).T
    drawn = present[starts] & present[ends]
    mask = _limbs(points[starts[drawn]], points[ends[drawn]], radius, pose.size)
    _add_discs(mask, points[present], radius)
    return _eroded(_dilated(mask, closing // 2), closing // 2)


def _limbs(starts: Array, ends: Array, radius: float, size: tuple[int, int]) -> Mask:
    """Rectangles round segments, (n, 2) starts and ends; two joints on one pixel have no direction and draw nothing."""
    direction = starts - ends
    length = np.linalg.norm(direction, axis=1)
    starts, ends, direction, length = (values[length > 0] for values in (starts, ends, direction, length))
    normal = radius * np.stack([-direction[:, 1], direction[:, 0]], axis=1) / length[:, None]
    corners = np.stack([starts + normal, starts - normal, ends - normal, ends + normal], axis=1)  # (n, 4, 2)
    left, right = _crossings(corners, size[0])
    columns = np.arange(size[1], dtype=np.float64)
    return np.asarray(((columns >= left[..., None]) & (columns < right[..., None])).any(axis=0))


def _crossings(corners: Array, height: int) -> tuple[Array, Array]:
    """Where each row enters and leaves each rectangle, (n, H) each; infinite where it does not.

    scikit-image's rule: a pixel is inside if a ray to its right crosses an odd number of edges, an edge holding its upper
    end but not its lower one. A row crosses a rectangle twice or not at all: inside is from one crossing up to the other.
    """
    row_a, column_a = (corners[:, :, None, i] for i in (0, 1))  # (n, 4, 1)
    row_b, column_b = (np.roll(corners, 1, axis=1)[:, :, None, i] for i in (0, 1))
    rows = np.arange(height, dtype=np.float64)
    crosses = ((row_a <= rows) & (rows < row_b)) | ((row_b <= rows) & (rows < row_a))  # (n, 4, H)
    with np.errstate(divide="ignore", invalid="ignore"):
        places = (column_b - column_a) * (rows - row_a) / (row_b - row_a) + column_a
    return np.where(crosses, places, np.inf).min(axis=1), np.where(crosses, places, -np.inf).max(axis=1)


def _add_discs(mask: Mask, points: Array, radius: float) -> None:
    """Fill the pixels closer than `radius` to any of the points."""
    steps = np.arange(2 * int(radius) + 2)
    corner = np.ceil(points - radius)
    rows, columns = (corner[:, i, None] + steps for i in (0, 1))  # (n, steps)
    rises, runs = ((places - points[:, i, None]) / radius for i, places in enumerate((rows, columns)))
    hit = (rises**2)[:, :, None] + (runs**2)[:, None, :] < 1
    hit &= ((rows >= 0) & (rows < mask.shape[0]))[:, :, None] & ((columns >= 0) & (columns < mask.shape[1]))[:, None, :]
    point, row, column = np.nonzero(hit)
    mask[rows[point, row].astype(int), columns[point, column].astype(int)] = True


def _dilated(mask: Mask, radius: int) -> Mask:
    """Largest value in a square; what lies outside the picture does not count."""
    for axis in (0, 1):
        source, mask = mask.swapaxes(0, axis), mask.copy()
        target = mask.swapaxes(0, axis)
        for shift in range(1, min(radius, len(source) - 1) + 1):
            target[shift:] |= source[:-shift]
            target[:-shift] |= source[shift:]
    return mask


def _eroded(mask: Mask, radius: int) -> Mask:
    """Smallest value in a square; what lies outside the picture does not count."""
    return ~_dilated(~mask, radius)
