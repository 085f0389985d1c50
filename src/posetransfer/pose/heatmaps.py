"""Heat maps: one map per keypoint, drawn in numpy or on the device, and read back.

Both kinds are products of two profiles, one along the rows and one along the columns, so that drawing costs one
multiplication per pixel. Sizes and sigma are in pixels of the network's frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from posetransfer.pose.pose import Points, Pose

if TYPE_CHECKING:
    from torch import Tensor

HeatmapKind = Literal["gaussian", "impulse"]

FAINTEST = 1e-12
"""A profile of a bump is zero where it would be smaller, 7.4 standard deviations away. Far tails as they are reach float32's subnormal
numbers, which processors multiply so slowly that a network in fp32 took up to twice its time; no picture shows them."""


def draw_heatmaps(pose: Pose, sigma: float = 6.0, kind: HeatmapKind = "gaussian") -> npt.NDArray[np.float32]:
    """Draw one map per keypoint, as large as the pose's picture.

    `gaussian` is a bump of height 1, cut off where nothing is left of it (`FAINTEST`); a joint outside the picture still shows its tail.
    `impulse` is a single pixel, the nearest to the joint; a joint outside the picture draws nothing.

    Args:
        pose: keypoints in pixels.
        sigma: standard deviation of a bump, in pixels; `impulse` does not use it.
        kind: "gaussian" or "impulse".

    Returns:
        float32 (18, height, width) in [0, 1]; the map of a missing joint is zero.

    Raises:
        ValueError: sigma is not positive, or the kind is unknown.

    >>> draw_heatmaps(Pose({"nose": (3, 2)}, size=(8, 6)), sigma=1)[0, 2].round(2)
    array([0.01, 0.14, 0.61, 1.  , 0.61, 0.14], dtype=float32)
    """
    _check(sigma, kind)
    height, width = pose.size
    profile = _bumps if kind == "gaussian" else _spikes
    rows = profile(pose.points[:, 1], height, sigma)  # (18, height)
    columns = profile(pose.points[:, 0], width, sigma)  # (18, width)
    maps: npt.NDArray[np.float32] = rows[:, :, None] * columns[:, None, :]
    return maps


def _bumps(joints: Points, length: int, sigma: float) -> npt.NDArray[np.float32]:
    distance = joints[:, None] - np.arange(length)
    bumps = np.nan_to_num(np.exp(-(distance**2) / (2 * sigma**2)))
    return np.where(bumps < FAINTEST, 0, bumps).astype(np.float32)


def _spikes(joints: Points, length: int, sigma: float) -> npt.NDArray[np.float32]:
    spikes: npt.NDArray[np.float32] = (np.rint(joints)[:, None] == np.arange(length)).astype(np.float32)
    return spikes


def draw_heatmaps_batch(points: Tensor, size: tuple[int, int], sigma: float = 6.0, kind: HeatmapKind = "gaussian") -> Tensor:
    """Draw the maps of a batch of poses with torch, on the points' own device; the same maps as `draw_heatmaps`.

    Args:
        points: float (B, 18, 2) as (x, y) in pixels, NaN = missing.
        size: (height, width) of the maps.
        sigma: standard deviation of a bump, in pixels.
        kind: "gaussian" or "impulse".

    Returns:
        float32 (B, 18, height, width) in [0, 1].
    """
    import torch  # here: reading and drawing poses must not need torch
    from torch import nn

    _check(sigma, kind)
    missing = points.isnan().any(dim=-1, keepdim=True)  # (B, 18, 1)
    points = points.masked_fill(missing, torch.inf)  # infinitely far away: both profiles are zero there

    def profile(joints: Tensor, length: int) -> Tensor:
        whole = torch.arange(length, device=joints.device, dtype=joints.dtype)
        if kind == "gaussian":
            return nn.functional.threshold(torch.exp(-((joints.unsqueeze(-1) - whole) ** 2) / (2 * sigma**2)), FAINTEST, 0.0).float()
        return (joints.round().unsqueeze(-1) == whole).float()

    rows, columns = profile(points[..., 1], size[0]), profile(points[..., 0], size[1])
    return rows.unsqueeze(-1) * columns.unsqueeze(-2)  # (B, 18, height, width)


def read_heatmaps(maps: npt.NDArray[np.floating[Any]], threshold: float = 0.1) -> Pose:
    """Find the joints again: the brightest pixel of each map, refined to a part of a pixel.

    The refinement lays a parabola through the logarithms of the peak and its two neighbours, which is exact for a
    Gaussian; a peak at the border, or with an empty neighbour (an impulse), stays on its pixel.

    Args:
        maps: (18, height, width).
        threshold: a map whose peak is lower has no joint.

    Returns:
        the pose, its size that of the maps, its scores the peaks.

    Raises:
        ValueError: not 18 maps.

    >>> read_heatmaps(draw_heatmaps(Pose({"nose": (3.25, 2)}, size=(8, 6)), sigma=1)).joint("nose")
    (3.25, 2.0)
    """
    if maps.ndim != 3 or maps.shape[0] != 18:
        raise ValueError(f"18 maps (18, height, width) are needed, got shape {maps.shape}")
    size = (maps.shape[1], maps.shape[2])
    peak = maps.reshape(18, -1).argmax(axis=1)
    height = maps.reshape(18, -1)[np.arange(18), peak].astype(np.float64)
    points = np.full((18, 2), np.nan)
    for joint in np.flatnonzero(height >= threshold):
        y, x = divmod(int(peak[joint]), size[1])
        points[joint] = x + _refinement(maps[joint, y, :], x), y + _refinement(maps[joint, :, x], y)
    return Pose(points.round(6), size, np.clip(height, 0, 1))


def _refinement(line: npt.NDArray[np.floating[Any]], at: int) -> float:
    """Distance from pixel `at` to the top of the parabola through it and its neighbours, at most half a pixel."""
    if not 0 < at < len(line) - 1 or min(line[at - 1 : at + 2]) <= 0:
        return 0.0
    left, middle, right = np.log(line[at - 1 : at + 2].astype(np.float64))
    bend = left - 2 * middle + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _check(sigma: float, kind: str) -> None:
    if not sigma > 0:
        raise ValueError(f"sigma must be positive, got {sigma}")
    if kind not in ("gaussian", "impulse"):
        raise ValueError(f"unknown kind of heat map {kind!r}; use gaussian or impulse")
