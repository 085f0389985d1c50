"""A person painted over a plain colour: which pixels are the person, and their colours without the backdrop."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from posetransfer.image import Picture
from posetransfer.pose import INDEX, LIMBS, Pose

Mask = npt.NDArray[np.float32]
Colour = tuple[int, int, int]
Colours = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

NOISE, CERTAIN, SOLID = 8.0, 28.0, 80.0
"""Levels off the backdrop: a network's unevenness ends at the first, a person begins at the second; from the third on even
what is thin hides what stands behind it."""

REACH = 3
"""Pixels over which an edge may be soft, on either side."""

TORSO = tuple(INDEX[name] for name in ("right_shoulder", "left_shoulder", "left_hip", "right_hip"))


def lift(picture: Picture, colour: Colour, pose: Pose | None = None) -> tuple[Picture, Mask]:
    """Take a painted person off a plain backdrop.

    At a soft edge a pixel is `share * person + (1 - share) * colour`. The person's colour is known from a little
    further inside, so that the share can be solved for and no light rim remains over a dark background.

    Clothes near the backdrop's own colour would be holes: the pose says where there must be a body (the trunk and the
    middle of each limb), so these stay closed, and the gap between arm and hip stays open.

    Args:
        picture: uint8 (H, W, 3).
        colour: RGB of the backdrop.
        pose: of the painted person, in the picture's pixels.

    Returns:
        uint8 (H, W, 3) the person's own colours, also at the edge; float32 (H, W) their share of each pixel.
    """
    away = picture.astype(np.float32) - np.array(colour, np.float32)  # (H, W, 3)
    differs = np.abs(away).max(axis=2)  # (H, W)
    core = body_core(pose, differs > NOISE) if pose is not None else np.zeros(picture.shape[:2], np.bool_)
    body = _without_specks(differs > CERTAIN) | core
    inside = _inside(body)
    person, known = _spread(picture.astype(np.float32), inside)
    person = np.where(known[..., None], person, picture)
    toward = person - np.array(colour, np.float32)
    share = (away * toward).sum(axis=2) / np.maximum((toward * toward).sum(axis=2), NOISE * NOISE)
    share = np.where(known, share, (differs - NOISE) / (SOLID - NOISE))  # thin things have no inside to tell their colour
    near = _grown(body, REACH) & (differs > NOISE)
    share = np.where(inside | core, 1, np.where(near, share, 0)).clip(0, 1).astype(np.float32)
    unmixed = np.array(colour, np.float32) + away / np.maximum(share, 0.1)[..., None]
    colours = np.where((inside | core)[..., None], picture, np.where(known[..., None], person, unmixed))
    return np.asarray(np.rint(colours.clip(0, 255)), np.uint8), share


def body_core(pose: Pose, painted: Pixels) -> Pixels:
    """Where a body must be: the trunk, and a thin line along each limb; the head is left to the colours.

    A limb counts only if the network painted it at all: raised arms that it left out must not come back as sticks.

    Args:
        pose: in the pixels of a picture of size `pose.size`.
        painted: bool (H, W), what differs from the backdrop, however little.

    Returns:
        bool (H, W).
    """
    core = np.zeros(pose.size, np.bool_)
    if pose.present[list(TORSO)].all():
        core |= _drawn(pose, TORSO)
    for limb in LIMBS:
        if pose.present[list(limb)].all() and INDEX["nose"] not in limb:
            line = _drawn(pose, limb)
            if line.any() and painted[line].mean() > 0.5:
                core |= line
    return core


def _drawn(pose: Pose, joints: tuple[int, ...]) -> Pixels:
    """A line between two joints, or the area between several; bool (H, W)."""
    image = Image.new("L", (pose.size[1], pose.size[0]))
    points = [(float(x), float(y)) for x, y in pose.points[list(joints)]]
    if len(points) == 2:
        ImageDraw.Draw(image).line(points, fill=1, width=max(round(0.015 * pose.size[0]), 1))
    else:
        ImageDraw.Draw(image).polygon(points, fill=1)
    return np.asarray(image) > 0


def _spread(colours: Colours, known: Pixels) -> tuple[Colours, Pixels]:
    """Colours of known pixels carried outwards, each new pixel the mean of its known neighbours."""
    colours = np.where(known[..., None], colours, 0)
    for _ in range(2 * REACH):
        weight = _around(known.astype(np.float32))
        mean = _around(colours) / np.maximum(weight, 1)[..., None]
        colours = np.where(known[..., None], colours, mean)
        known = known | (weight > 0)
    return colours, known


def _inside(body: Pixels) -> Pixels:
    """Pixels that are surely free of the backdrop: two from the edge, or one where the body is thin."""
    thin, thick = ~_grown(~body), ~_grown(~body, 2)
    return thick | (thin & ~_grown(thick, REACH))


def _grown(pixels: Pixels, steps: int = 1) -> Pixels:
    for _ in range(steps):
        pixels = _around(pixels.astype(np.float32)) > 0
    return pixels


def _without_specks(pixels: Pixels) -> Pixels:
    """Single pixels are a network's noise, not a person."""
    return pixels & (_around(pixels.astype(np.float32)) > 2)


def _around(values: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    """Sum over each pixel and its eight neighbours."""
    padded = np.pad(values, [(1, 1), (1, 1)] + [(0, 0)] * (values.ndim - 2))
    height, width = values.shape[:2]
    return np.asarray(sum(padded[y : y + height, x : x + width] for y in range(3) for x in range(3)))
