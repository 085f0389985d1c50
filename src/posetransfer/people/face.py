"""What makes a face readable from a distance: lips, lids, nostrils, cheeks, and a smile or an open mouth."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.assets import BODY_VERTICES, Assets
from posetransfer.people.surface import draw_into_atlas

MOUTH = (0.0, 0.7135, 0.150)
"""Middle of the line between the lips on the mean body, metres."""
EYE = (0.0317, 0.7845, 0.134)
NOSTRIL = (0.0085, 0.7325)
CHEEK = (0.044, 0.748)
LIPSTICK = ((150, 35, 45), (175, 70, 75), (120, 25, 40), (190, 95, 95))
INSIDE = np.array([70, 25, 22], np.float32)
TEETH = np.array([225, 218, 205], np.float32)
SHADE = np.array([0.42, 0.34, 0.32], np.float32)
"""What a lid's line or a nostril leaves of the skin's colour."""


@dataclass(frozen=True)
class Expression:
    """How much a face smiles, and how far its mouth is open; 0 to 1."""

    smile: float
    open: float


def choose_expression(rng: Rng) -> Expression:
    """A calm face for half the people, else a smile, sometimes an open mouth."""
    smile = float(rng.uniform(0.3, 1)) if rng.random() < 0.45 else 0.0
    return Expression(smile, float(rng.uniform(0.2, 0.8)) if rng.random() < (0.35 if smile > 0.6 else 0.08) else 0.0)


def move_face(assets: Assets, base: Array, expression: Expression) -> Array:
    """A body (19158, 3) in metres with its mouth moved: corners out and up, the lower jaw down."""
    moved = base.copy()
    place = assets.mean[:BODY_VERTICES].astype(np.float64)
    front = np.clip((place[:, 2] - 0.09) / 0.03, 0, 1)
    for side in (1, -1):
        corner = np.exp(-(((place[:, 0] - side * 0.026) / 0.016) ** 2) - (((place[:, 1] - MOUTH[1]) / 0.016) ** 2)) * front
        moved[:BODY_VERTICES] += (expression.smile * corner[:, None] * np.array([side * 0.006, 0.006, -0.002])).astype(np.float32)
    low = np.clip((MOUTH[1] - place[:, 1]) / 0.004, 0, 1) * np.clip((place[:, 1] - 0.655) / 0.02, 0, 1)
    jaw = low * np.exp(-((place[:, 0] / 0.04) ** 2)) * front
    moved[:BODY_VERTICES, 1] -= (0.012 * expression.open * jaw).astype(np.float32)
    return moved


@functools.lru_cache(None)
def face_places(assets: Assets, size: int) -> Array:
    """(S, S, 3) metres: where each texel of the body's atlas lies on the mean body; far away where it is not on the front of a head."""
    corners = assets.mean[:BODY_VERTICES].astype(np.float32)[assets.triangles["body"]]
    place, mask = draw_into_atlas(assets.uv["body"], corners, size)
    place[(mask == 0) | (place[..., 1] < 0.63) | (place[..., 2] < 0.07)] = 9.0
    return place


def paint_face(assets: Assets, rng: Rng, skin: Array, sex: str, age: str, expression: Expression) -> None:
    """Paint lips, lids, nostrils and cheeks into a skin texture (S, S, 4) float32 in [0, 255]."""
    place = face_places(assets, len(skin))
    rows = np.flatnonzero((place[..., 1] < 5).any(1))
    columns = np.flatnonzero((place[..., 1] < 5).any(0))
    part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    x, y = place[part][..., 0], place[part][..., 1]
    rgb = skin[part][..., :3]
    made_up = sex == "f" and rng.random() < 0.55
    blush = _spot(np.abs(x), y, CHEEK, 0.016, 0.016) * rng.uniform(0, 0.22)
    rgb = rgb * (1 - blush[..., None] * np.array([0.0, 0.55, 0.5], np.float32))
    lips, tone = _lips(x, y), np.array([0.80, 0.60, 0.60], np.float32) * rng.uniform(0.85, 1.1)
    strength = rng.uniform(0.4, 1.0)
    paint = np.array(LIPSTICK[rng.integers(4)], np.float32) if made_up else rgb * tone
    rgb = _over(rgb, lips * (0.8 * strength if made_up else strength), paint)
    rgb = rgb * (1 - (1 - SHADE) * (_lids(x, y) * rng.uniform(0.5, 1.0 if made_up else 0.8))[..., None])
    socket = _spot(np.abs(x), y, (EYE[0] - 0.006, EYE[1] + 0.006), 0.018, 0.010) * rng.uniform(0, 0.22 if age == "old" else 0.15)
    rgb = rgb * (1 - socket[..., None])
    rgb = rgb * (1 - (1 - SHADE) * (_spot(np.abs(x), y, NOSTRIL, 0.0035, 0.0025) * 0.7)[..., None])
    rgb = rgb * (1 - (_wrinkles(x, y) * {"young": 0.0, "middleage": 0.16, "old": 0.3}[age] * rng.uniform(0.5, 1.2))[..., None])
    shows_teeth = expression.smile > 0.6 and expression.open > 0.1
    gap = 0.0012 + (0.0012 if shows_teeth else 0.0030) * expression.open
    opening = np.clip(1.5 - np.abs(y - MOUTH[1]) / gap, 0, 1) * np.clip((0.026 - np.abs(x)) / 0.004, 0, 1)
    rgb = _over(rgb, opening * 0.85, TEETH * rng.uniform(0.8, 1) if shows_teeth else INSIDE)
    skin[part][..., :3] = np.clip(rgb, 0, 255)


def _over(under: Array, share: Array, ink: Array) -> Array:
    blend: Array = under * (1 - share[..., None]) + ink * share[..., None]
    return blend


def _spot(x: Array, y: Array, middle: tuple[float, ...], width: float, height: float) -> Array:
    """A soft spot; metres."""
    spot: Array = np.exp(-(((x - middle[0]) / width) ** 2) - ((y - middle[1]) / height) ** 2)
    return spot


def _lips(x: Array, y: Array) -> Array:
    """1 on the lips."""
    upper = 1.35 - np.hypot(x / 0.0225, (y - MOUTH[1] - 0.0005) / 0.0055)
    lower = 1.35 - np.hypot(x / 0.0200, (y - MOUTH[1] + 0.0015) / 0.0080)
    both: Array = np.clip(np.maximum(upper * (y > MOUTH[1]), lower * (y <= MOUTH[1])) / 0.35, 0, 1)
    return both


def _lids(x: Array, y: Array) -> Array:
    """1 on the edges of the lids, the upper one stronger: lashes and their shadow."""
    ring = np.hypot((np.abs(x) - EYE[0]) / 0.0165, (y - EYE[1]) / 0.0075)
    line: Array = np.exp(-(((ring - 1) / 0.22) ** 2)) * np.where(y > EYE[1] - 0.001, 1.0, 0.45)
    return line


def _wrinkles(x: Array, y: Array) -> Array:
    """1 on the folds beside nose and mouth and on lines of the forehead."""
    along = np.clip((0.742 - y) / 0.040, 0, 1)
    beside = np.exp(-(((np.abs(x) - 0.019 - 0.014 * along) / 0.0022) ** 2)) * (y < 0.742) * (y > 0.698)
    forehead = np.exp(-((((y - 0.824) % 0.011 - 0.0055) / 0.0018) ** 2)) * (y > 0.815) * (y < 0.848) * (np.abs(x) < 0.04)
    lines: Array = np.clip(beside + 0.7 * forehead, 0, 1)
    return lines
