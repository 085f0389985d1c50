"""A pose as a picture: coloured limbs and joints in OpenPose's manner, smooth at any size."""

from __future__ import annotations

import colorsys

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from posetransfer.image import Picture
from posetransfer.pose.pose import Points, Pose
from posetransfer.pose.skeleton import KEYPOINTS, LIMBS

COLOURS = tuple(tuple(round(255 * part) for part in colorsys.hsv_to_rgb(i / len(KEYPOINTS), 0.85, 1)) for i in range(len(KEYPOINTS)))
"""RGB of each joint: once around the circle of hues, as OpenPose colours its 18 joints, a little paler, as pure blue is dark.
A limb has the colour of its far end."""

FACE = frozenset(i for i, name in enumerate(KEYPOINTS) if name == "nose" or name.endswith(("eye", "ear")))
"""Drawn thinner: five joints must find room on a small head."""

SHADE = (0, 0, 0, 150)
"""RGBA of the edge around limbs and joints."""

LONGEST = 4.0
"""A limb to a joint more than this many picture diagonals away is not drawn: such a joint is a slip, not an arm."""


def draw_pose(
    pose: Pose,
    over: Picture | None = None,
    *,
    thickness: float | None = None,
    opacity: float = 1.0,
    background: tuple[int, int, int] = (0, 0, 0),
) -> Picture:
    """Draw the skeleton on a plain background, or over the picture it belongs to.

    Args:
        pose: keypoints; the drawing is as large as the pose's picture.
        over: uint8 (height, width, 3) of the same size; it is not changed.
        thickness: of the limbs in pixels; by default it follows the size of the figure.
        opacity: of the skeleton, from 0 to 1.
        background: RGB where there is no picture.

    Returns:
        uint8 (height, width, 3).

    Raises:
        ValueError: `over` has another size than the pose's picture.

    >>> draw_pose(Pose({"neck": (8, 4), "nose": (8, 12)}, size=(16, 16))).shape
    (16, 16, 3)
    """
    height, width = pose.size
    if over is None:
        over = np.full((height, width, 3), background, dtype=np.uint8)
    if over.shape[:2] != pose.size:
        raise ValueError(f"the picture is {over.shape[:2]}, but the pose belongs to one of {pose.size} (height, width)")
    thickness = thickness or _thickness(pose)
    window = _window(pose, 2 * thickness + 2)
    if window is None:
        return over.copy()
    left, top, right, bottom = window
    layer = _skeleton(pose, window, thickness)  # (bottom - top, right - left, 4)
    picture = over.copy()
    alpha = layer[:, :, 3:].astype(np.float32) * (opacity / 255)
    part = picture[top:bottom, left:right]
    picture[top:bottom, left:right] = np.rint(part + alpha * (layer[:, :, :3] - part.astype(np.float32)))
    return picture


def _thickness(pose: Pose) -> float:
    """Thin enough for a small figure in a large picture, and still seen."""
    height, width = pose.size
    if not pose.present.any():
        return 1.0
    left, top, right, bottom = pose.box()
    figure = min(np.hypot(right - left, bottom - top), 1.5 * np.hypot(height, width))
    return float(max(0.022 * figure, 0.006 * np.hypot(height, width), 1.0))


def _window(pose: Pose, margin: float) -> tuple[int, int, int, int] | None:
    """(left, top, right, bottom) of the pixels that can change; None if there are none. Keeps the enlarged layer small."""
    if not pose.present.any():
        return None
    height, width = pose.size
    left, top, right, bottom = pose.box()
    window = (
        int(np.clip(np.floor(left - margin), 0, width)),
        int(np.clip(np.floor(top - margin), 0, height)),
        int(np.clip(np.ceil(right + margin + 1), 0, width)),
        int(np.clip(np.ceil(bottom + margin + 1), 0, height)),
    )
    return window if window[0] < window[2] and window[1] < window[3] else None


def _skeleton(pose: Pose, window: tuple[int, int, int, int], thickness: float) -> npt.NDArray[np.uint8]:
    """RGBA of the window, drawn a few times larger and then reduced: Pillow itself draws jagged lines."""
    left, top, right, bottom = window
    finer = int(np.clip(4096 // max(right - left, bottom - top), 1, 4))
    layer = Image.new("RGBA", ((right - left) * finer, (bottom - top) * finer))
    points = (pose.points - [left, top] + 0.5) * finer - 0.5
    points[(np.abs(points - np.array(layer.size) / 2) > LONGEST * np.hypot(*pose.size) * finer).any(axis=1)] = np.nan
    pen = ImageDraw.Draw(layer)
    edge = 0.25 * thickness  # a dark edge keeps the limbs apart, and apart from a bright photo
    thick = np.array([0.6 if joint in FACE else 1.0 for joint in range(len(KEYPOINTS))]) * thickness
    for parent, child in LIMBS:
        _stick(pen, points[[parent, child]], (thick[child] + edge) * finer, SHADE)
        _stick(pen, points[[parent, child]], thick[child] * finer, (*_darker(COLOURS[child]), 255))
    for joint, colour in enumerate(COLOURS):
        _dot(pen, points[joint], (0.75 * thick[joint] + edge / 2) * finer, SHADE)
        _dot(pen, points[joint], 0.75 * thick[joint] * finer, (*colour, 255))
    return np.array(layer.reduce(finer))


def _stick(pen: ImageDraw.ImageDraw, ends: Points, thickness: float, colour: tuple[int, ...]) -> None:
    if np.isnan(ends).any():
        return
    along = ends[1] - ends[0]
    length = float(np.hypot(*along))
    if length > 0:
        across = np.array([-along[1], along[0]]) / length * thickness / 2
        corners = [ends[0] + across, ends[1] + across, ends[1] - across, ends[0] - across]
        pen.polygon([(float(x), float(y)) for x, y in corners], fill=colour)
    for end in ends:
        _dot(pen, end, thickness / 2, colour)


def _dot(pen: ImageDraw.ImageDraw, at: Points, radius: float, colour: tuple[int, ...]) -> None:
    if not np.isnan(at).any():
        x, y = float(at[0]), float(at[1])
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _darker(colour: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(round(0.7 * part) for part in colour)
