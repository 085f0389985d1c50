"""A person painted over a plain colour: which pixels are the person, and their colours without the backdrop."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from posetransfer.backdrop.key import is_key, part_by_hue, unmixed
from posetransfer.cutout.people import skeleton_distance
from posetransfer.image import Picture
from posetransfer.pose import INDEX, Pose

Mask = npt.NDArray[np.float32]
Colour = tuple[int, int, int]
Colours = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

NOISE, CERTAIN, SOLID = 8.0, 28.0, 80.0
"""Levels off the backdrop: a network's unevenness ends at the first, a person begins at the second; from the third on even
what is thin hides what stands behind it."""

INNER, NEAR, FAR = 0.03, 0.05, 0.10
"""Distances from the skeleton in heights of the picture: inside the first no hole is left; up to the second whatever is not
noise is the person (light clothes differ little from the backdrop); from the third on only what differs certainly."""

REACH = 3
"""Pixels over which an edge may be soft, on either side."""

TORSO = tuple(INDEX[name] for name in ("right_shoulder", "left_shoulder", "left_hip", "right_hip"))


DEEP, PEAK = 4, 0.8
"""Pixels from the outline below which a pixel counts as inside only if it is this much as solid as the most solid one near
it: a network's outline over a key colour may be softer than `REACH`."""


def lift(picture: Picture, colour: Colour, pose: Pose | None = None, own: float = 0.0) -> tuple[Picture, Mask]:
    """Take a painted person off a plain backdrop.

    At a soft edge a pixel is `share * person + (1 - share) * colour`. The person's colour is known from a little
    further inside, so that the share can be solved for and no light rim remains over a dark background.

    Light clothes differ little from a light backdrop. The pose says where to expect them: near the skeleton a small
    difference is enough, what the body encloses there is closed, and the trunk is closed in any case. The gap between arm and
    hip stays open.

    Over a key colour (see `key.py`) the hue tells besides how much of the backdrop shines through the person or is reflected
    by skin and light clothes: that is taken out, and the person is solid.

    Args:
        picture: uint8 (H, W, 3).
        colour: RGB of the backdrop.
        pose: of the painted person, in the picture's pixels.
        own: how far the person's own colours lean to the backdrop's hue, `key.leaning` of their photo (for key colours).

    Returns:
        uint8 (H, W, 3) the person's own colours, also at the edge; float32 (H, W) their share of each pixel.
    """
    values, backdrop = picture.astype(np.float32), np.array(colour, np.float32)
    away = values - backdrop  # (H, W, 3)
    differs = np.abs(away).max(axis=2)  # (H, W)
    body = _body(differs, pose)
    inside, clean = _inside(body), values
    if is_key(colour):
        clean = unmixed(values, colour, own)
        inside &= _solid(part_by_hue(values, colour, own), body)
    toward = _spread(values, inside)[0] - backdrop
    person, known = _spread(clean, inside)
    share = (away * toward).sum(axis=2) / np.maximum((toward * toward).sum(axis=2), NOISE * NOISE)
    share = np.where(known, share, (differs - NOISE) / (SOLID - NOISE))  # thin things have no inside to tell their colour
    near = _grown(body, REACH) & (differs > NOISE)
    share = np.where(inside, 1, np.where(near, share, 0)).clip(0, 1).astype(np.float32)
    thin = backdrop + away / np.maximum(share, 0.1)[..., None]
    colours = np.where(inside[..., None], clean, np.where(known[..., None], person, thin))
    return np.asarray(np.rint(colours.clip(0, 255)), np.uint8), share


def _solid(part: Mask, body: Pixels) -> Pixels:
    """Pixels as solid as their neighbourhood, and all that lie deep in the body."""
    padded = np.pad(part, 2, mode="edge")
    height, width = part.shape
    peak = np.max([padded[y : y + height, x : x + width] for y in range(5) for x in range(5)], axis=0)
    return np.asarray((part >= PEAK * peak) | ~_grown(~body, DEEP))


def _body(differs: npt.NDArray[np.float32], pose: Pose | None) -> Pixels:
    """Which pixels are the person, edge included, from how much each differs from the backdrop."""
    if pose is None or not pose.present.any():
        return _without_specks(differs > CERTAIN)
    distance = skeleton_distance(pose) / pose.size[0]
    doubt = np.clip((distance - NEAR) / (FAR - NEAR), 0, 1)
    body = _without_specks(differs > NOISE + doubt * (CERTAIN - NOISE))
    if pose.present[list(TORSO)].all():
        body |= _area(pose, TORSO)
    return body | _enclosed(body, distance < INNER)


def _area(pose: Pose, joints: tuple[int, ...]) -> Pixels:
    """The polygon between joints; bool (H, W)."""
    image = Image.new("L", (pose.size[1], pose.size[0]))
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in pose.points[list(joints)]], fill=1)
    return np.asarray(image) > 0


def _enclosed(body: Pixels, near: Pixels) -> Pixels:
    """Holes that lie near the skeleton altogether: what cannot be reached from elsewhere without crossing the body."""
    outside = ~body & ~near
    while True:
        wider = outside | (_grown(outside) & ~body)
        if (wider == outside).all():
            return ~body & ~outside
        outside = wider


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
