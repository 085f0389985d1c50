"""What stands behind a painted person: the photo without them, another picture, a plain colour; and their shadow on the ground."""

from __future__ import annotations

from math import ceil

import numpy as np
import numpy.typing as npt

from posetransfer.errors import PoseError
from posetransfer.frame import Frame
from posetransfer.image import Picture, resize
from posetransfer.pose import INDEX, Pose
from posetransfer.pose.body import standing_height

Mask = npt.NDArray[np.float32]

ANKLES = (INDEX["right_ankle"], INDEX["left_ankle"])

CONTACT, BROAD = (0.40, 0.055, 0.011), (0.18, 0.14, 0.028)
"""Shadow under one foot, and under both together: its darkness, half its width and half its height in standing heights."""

SAME_GROUND = 0.06
"""Standing heights: a foot higher than this above the other one hangs in the air."""


def covering(picture: Picture, size: tuple[int, int]) -> Picture:
    """The largest middle part of a picture that has the aspect of `size`, at that size."""
    height, width = picture.shape[:2]
    part = min(height, max(round(width * size[0] / size[1]), 1)), min(width, max(round(height * size[1] / size[0]), 1))
    top, left = (height - part[0]) // 2, (width - part[1]) // 2
    return resize(np.ascontiguousarray(picture[top : top + part[0], left : left + part[1]]), size)


def framed(photo: Picture, frame: Frame) -> Picture:
    """The frame's part of an empty photo; where the frame leaves the photo, the photo mirrored."""
    height, width = frame.photo_size
    left, top, right, bottom = frame.box
    margin = ceil(max(0, -left, -top, right - width, bottom - height)) + 2
    wider = np.pad(photo, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric")
    shifted = (left + margin, top + margin, right + margin, bottom + margin)
    return Frame(wider.shape[:2], shifted, frame.size).crop(wider)


def laid_over(person: Picture, mask: Mask, behind: Picture | tuple[int, int, int]) -> Picture:
    """A person's own colours over a background.

    >>> laid_over(np.full((1, 1, 3), 100, np.uint8), np.full((1, 1), 0.5, np.float32), (0, 0, 200)).tolist()
    [[[50, 50, 150]]]
    """
    share = mask[..., None]
    return np.asarray(np.rint(person * share + np.asarray(behind, np.float32) * (1 - share)), np.uint8)


def darkened(behind: Picture, shadow: Mask) -> Picture:
    """A background under a shadow."""
    return laid_over(np.zeros_like(behind), shadow, behind)


def contact_shadow(mask: Mask, pose: Pose, ends: Frame | None = None) -> Mask:
    """The soft shadow where feet touch the ground.

    The ground is where the lower foot ends in the mask. Nothing is drawn for somebody whose feet are not the lowest part of the body,
    or not in the picture: where no ground is seen, a shadow would lie on nothing.

    Args:
        mask: float32 (h, w), the painted person.
        pose: in the same pixels.
        ends: the frame, if what stands behind ends where its photo ends.

    Returns:
        float32 (h, w) in [0, 1): how much darker the background becomes.
    """
    shadow = np.zeros(mask.shape, np.float32)
    try:
        tall = standing_height(pose)
    except PoseError:
        return shadow
    feet = [foot for ankle in ANKLES if (foot := _foot(mask, pose, ankle, tall)) is not None]
    if not feet:
        return shadow
    ground = max(y for _, y in feet)
    others = [j for j in range(18) if j not in ANKLES and pose.present[j]]
    if ground >= mask.shape[0] - 1.5 or pose.points[others, 1].max() > ground - 0.1 * tall or (ends and not _seen(ends, feet)):
        return shadow
    feet = [(x, y) for x, y in feet if y > ground - SAME_GROUND * tall]
    middle = (float(np.mean([x for x, _ in feet])), float(np.mean([y for _, y in feet])))
    spots = [(foot, CONTACT) for foot in feet] + [(middle, BROAD)]
    light = np.ones(mask.shape, np.float32)
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]]
    for (x, y), (dark, wide, high) in spots:
        away = ((columns - x) / (wide * tall)) ** 2 + ((rows - y) / (high * tall)) ** 2
        light *= 1 - dark * np.exp(-away)
    return np.asarray(1 - light, np.float32)


def _foot(mask: Mask, pose: Pose, ankle: int, tall: float) -> tuple[float, float] | None:
    """(x, y) of the sole below an ankle: where the mask ends there; None if no foot was painted."""
    if not pose.inside[ankle]:
        return None
    x, y = pose.points[ankle]
    left, right = max(round(x - 0.06 * tall), 0), round(x + 0.06 * tall) + 1
    top, bottom = max(round(y - 0.02 * tall), 0), round(y + 0.10 * tall) + 1
    near = mask[top:bottom, left:right] > 0.5
    if not near.any():
        return None
    row = int(np.flatnonzero(near.any(axis=1))[-1])
    toes = np.flatnonzero(near[max(row - max(round(0.015 * tall), 1), 0) : row + 1].any(axis=0))
    return left + float(toes.mean()), top + row + 0.5


def _seen(frame: Frame, feet: list[tuple[float, float]]) -> bool:
    """Do all feet lie inside the photo?"""
    points = np.full((18, 2), np.nan)
    points[: len(feet)] = feet
    inside = frame.unfit(Pose(points, frame.size)).inside
    return bool(inside[: len(feet)].all())
