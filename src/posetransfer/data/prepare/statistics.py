"""Figures of a prepared data set: how many joints, which, and which way people face."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posetransfer.data.annotations import Points
from posetransfer.pose.skeleton import INDEX

FULL_WIDTH = 0.72
"""Distance of the shoulders of a person who faces the camera, in lengths of the torso (95th percentile of 28,080 rendered pictures)."""

YAW_STEP = 30


def joints_per_picture(points: Points) -> npt.NDArray[np.int64]:
    """(19,) number of pictures with 0, 1, … 18 joints."""
    return np.bincount((~np.isnan(points[:, :, 0])).sum(axis=1), minlength=19)


def pictures_per_joint(points: Points) -> npt.NDArray[np.int64]:
    """(18,) number of pictures that show each joint."""
    return np.asarray((~np.isnan(points[:, :, 0])).sum(axis=0))


def yaw(points: Points) -> npt.NDArray[np.float64]:
    """How far each person is turned away from the camera, estimated from the shoulders.

    Args:
        points: (N, 18, 2) as (x, y), NaN = missing.

    Returns:
        (N,) degrees: 0 faces the camera, 90 is seen from the side, 180 from behind; NaN without shoulders and hips.

    >>> front = np.full((1, 18, 2), np.nan)
    >>> front[0, [2, 5, 8, 11]] = [[10, 10], [82, 10], [30, 110], [62, 110]]
    >>> yaw(front).round(), yaw(front * [-1, 1]).round()
    (array([0.]), array([180.]))
    """
    right, left = points[:, INDEX["right_shoulder"]], points[:, INDEX["left_shoulder"]]
    hips = (points[:, INDEX["right_hip"]] + points[:, INDEX["left_hip"]]) / 2
    torso = np.linalg.norm(hips - (right + left) / 2, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        width = (left[:, 0] - right[:, 0]) / torso
        return np.asarray(np.degrees(np.arccos(np.clip(width / FULL_WIDTH, -1, 1))))


def yaw_histogram(points: Points) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Labels and counts of `yaw` in steps of 30 degrees."""
    angles = yaw(points)
    counts, edges = np.histogram(angles[~np.isnan(angles)], bins=np.arange(0, 181, YAW_STEP))
    return [f"{low:.0f}–{low + YAW_STEP:.0f}°" for low in edges[:-1]], counts
