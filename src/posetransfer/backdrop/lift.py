"""A person painted over a plain colour: which pixels are the person, and their colours without the backdrop."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from posetransfer.backdrop.key import NEUTRAL, hue, is_key, part_by_hue, unmixed
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


ALIKE, STRANGE = 20.0, 50.0
"""Levels between an edge's pixel and the nearest mixture of backdrop and inside: up to the first it is one, from the second on not."""

GAP = 0.3
"""A pixel that is less of the person, by its hue, shows the backdrop between arm and hip or between the legs; in the trunk it is
a failure of the network, painted over with the colours round it."""


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
    differs = np.abs(values - backdrop).max(axis=2)  # (H, W)
    body = _body(differs, pose)
    if is_key(colour):
        inside, share, colours = _keyed(values, colour, body, _trunk(pose, differs), own)
    else:
        inside, share, colours = _told_by_neighbours(values, colour, body)
    near = _grown(body, REACH) & (differs > NOISE)
    share = np.where(inside, 1, np.where(near, share, 0)).clip(0, 1).astype(np.float32)
    if is_key(colour):  # colours beyond the person are seen too: enlarging mixes neighbours
        colours = np.where((share > 0)[..., None] | (hue(colours, colour) <= own)[..., None], colours, np.array(NEUTRAL, np.float32))
    return np.asarray(np.rint(colours.clip(0, 255)), np.uint8), share


def _told_by_neighbours(values: Colours, colour: Colour, body: Pixels) -> tuple[Pixels, Mask, Colours]:
    """What is inside, and the share and colours of the rest, over any plain colour."""
    inside, backdrop = _inside(body), np.array(colour, np.float32)
    person, known = _spread(values, inside)
    share, _ = _shares(values, person, backdrop)
    differs = np.abs(values - backdrop).max(axis=2)
    share = np.where(known, share, (differs - NOISE) / (SOLID - NOISE))  # thin things have no inside to tell their colour
    thin = backdrop + (values - backdrop) / np.maximum(share, 0.1)[..., None]
    return inside, share, np.where(inside[..., None], values, np.where(known[..., None], person, thin))


def _keyed(values: Colours, colour: Colour, body: Pixels, trunk: Pixels, own: float) -> tuple[Pixels, Mask, Colours]:
    """The same over a key colour.

    A pixel of the edge that is no mixture of the backdrop and the colours inside (dark hair round a face) speaks for itself.
    """
    part, clean, backdrop = part_by_hue(values, colour, own), unmixed(values, colour, own), np.array(colour, np.float32)
    inside = _inside(body) & _solid(part, body) & ((part > GAP) | trunk)
    sure = inside & (part > GAP)
    painted, known = _spread(values, sure)
    person = _spread(clean, sure)[0]
    share, apart = _shares(values, painted, backdrop)
    doubt = np.where(known, ((apart - ALIKE) / (STRANGE - ALIKE)).clip(0, 1), 1)
    share = share * (1 - doubt) + part.clip(0, 1) * doubt
    colours = np.where((inside & ~sure & known)[..., None], person, clean)
    heard = np.where(known, doubt * ((part - GAP) / (2 * GAP)).clip(0, 1), 1)[..., None]  # of a faint pixel little but noise is heard
    mixed = person * (1 - heard) + clean * heard
    return inside, share, np.where(inside[..., None], colours, mixed)


def _shares(values: Colours, person: Colours, backdrop: Colours) -> tuple[Mask, Mask]:
    """How much of a person's colour is in each pixel, and how far (in levels) the pixel is from any mixture with the backdrop."""
    away, toward = values - backdrop, person - backdrop
    share = (away * toward).sum(axis=2) / np.maximum((toward * toward).sum(axis=2), NOISE * NOISE)
    return share, np.linalg.norm(away - share[..., None] * toward, axis=2)


def _trunk(pose: Pose | None, part: Mask) -> Pixels:
    """Where the trunk is for certain, whatever was painted there."""
    return _area(pose, TORSO) if pose is not None and pose.present[list(TORSO)].all() else np.zeros(part.shape, bool)


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
