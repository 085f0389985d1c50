"""Patterns of cloth, painted over cloth coordinates: u metres across, v metres up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.colours import colour, contrast

WEIGHTS: dict[str, tuple[tuple[str, float], ...]] = {
    "knit": (
        ("plain", 13), ("hstripe", 4.5), ("block", 1.5), ("dots", 0.8), ("gradient", 1), ("camo", 0.25), ("floral", 1), ("vstripe", 0.6),
        ("side", 0.6), ("diag", 0.4), ("check", 0.4),
    ),
    "woven": (
        ("plain", 11), ("check", 4), ("vstripe", 1.2), ("floral", 2.5), ("dots", 1.5), ("pinstripe", 1), ("hstripe", 1.2),
        ("gradient", 0.7), ("diag", 0.4), ("block", 0.6),
    ),
    "coat": (("plain", 9), ("check", 1.2), ("block", 1), ("camo", 0.2)),
    "suit": (("plain", 6), ("pinstripe", 1), ("check", 0.7)),
    "denim": (("plain", 24), ("camo", 0.25), ("floral", 0.5), ("check", 0.6)),
}  # fmt: skip
"""How often each pattern is drawn on a kind of cloth."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """What a pattern is painted on: cloth coordinates u, v (S, S) float32 in metres, and two contrasting colours (3,)."""

    rng: Rng
    u: Array
    v: Array
    first: Array
    second: Array


def choose_pattern(rng: Rng, cloth: str) -> str:
    """The name of a pattern for a kind of cloth."""
    names = WEIGHTS[cloth]
    shares = np.array([share for _, share in names])
    return names[rng.choice(len(shares), p=shares / shares.sum())][0]


def paint_pattern(rng: Rng, kind: str, u: Array, v: Array, ground: Array) -> Array:
    """Colours (S, S, 3), sRGB in [0, 1], of a pattern over u, v (S, S) in metres; "plain" has the colour `ground` (3,) only."""
    canvas = Canvas(rng, u, v, ground, contrast(rng, ground))
    return PATTERNS.get(kind, _plain)(canvas)


def edge(distance: Array, width: float = 0.0025) -> Array:
    """1 where a distance (metres) is negative, 0 where positive, soft over `width`."""
    return np.clip(0.5 - distance / width, 0, 1)


def mix(share: Array, first: Array, second: Array) -> Array:
    """Blend two colours by a share (S, S) of the second."""
    blend: Array = first * (1 - share[..., None]) + second * share[..., None]
    return blend


def _from_line(coordinate: Array, period: float, phase: float) -> Array:
    """Metres from the nearest of many parallel lines."""
    away: Array = np.abs((coordinate / period + phase) % 1 - 0.5) * period
    return away


def _plain(c: Canvas) -> Array:
    return np.ones((*c.u.shape, 1), np.float32) * c.first


def _stripes(c: Canvas, coordinate: Array) -> Array:
    period = c.rng.uniform(0.018, 0.11)
    share = c.rng.uniform(0.2, 0.6)
    out = mix(edge(_from_line(coordinate, period, c.rng.random()) - share * period / 2), c.first, c.second)
    if c.rng.random() < 0.3:
        out = mix(edge(_from_line(coordinate, period, 0.37) - 0.08 * period), out, contrast(c.rng, c.second))
    return out


def _horizontal_stripes(c: Canvas) -> Array:
    return _stripes(c, c.v)


def _vertical_stripes(c: Canvas) -> Array:
    return _stripes(c, c.u)


def _pinstripes(c: Canvas) -> Array:
    period = c.rng.uniform(0.012, 0.03)
    return mix(edge(np.abs((c.u / period) % 1 - 0.5) * period - 0.0012, 0.002) * 0.7, c.first, c.second)


def _check(c: Canvas) -> Array:
    period = c.rng.uniform(0.03, 0.12)
    share = c.rng.uniform(0.25, 0.5)
    across = edge(_from_line(c.u, period, 0.3) - share * period / 2)
    along = edge(_from_line(c.v, period, 0.1) - share * period / 2)
    out = mix((across + along) / 2 * 0.9, c.first, c.second)
    if c.rng.random() < 0.6:
        third = contrast(c.rng, c.second)
        lines = [edge(np.abs((x / period) % 1 - 0.5) * period - 0.05 * period) for x in (c.u, c.v)]
        out = mix(np.maximum(*lines) * 0.7, out, third)
    return out


def _dots(c: Canvas) -> Array:
    period = c.rng.uniform(0.02, 0.06)
    radius = c.rng.uniform(0.2, 0.36) * period
    row = np.floor(c.v / period)
    away = np.hypot(((c.u / period + 0.5 * (row % 2)) % 1 - 0.5) * period, ((c.v / period) % 1 - 0.5) * period)
    return mix(edge(away - radius), c.first, c.second)


def _gradient(c: Canvas) -> Array:
    low, high = c.v.min(), c.v.max()
    height = np.clip((c.v - low) / (high - low + 1e-6), 0, 1)
    return mix(np.clip(height * 1.6 - 0.3, 0, 1), c.first, c.second)


def _camouflage(c: Canvas) -> Array:
    scale = c.rng.uniform(0.03, 0.07)
    out = _plain(c)
    for i in range(3):
        out = mix(_blots(c, scale, i), out, np.clip(c.first * 0.6 + colour(c.rng) * 0.4, 0, 1))
    return out


def _floral(c: Canvas) -> Array:
    scale = c.rng.uniform(0.015, 0.04)
    out = _plain(c)
    for i in range(5):
        out = mix(_blots(c, scale, i), out, np.clip(contrast(c.rng, c.first), 0, 1))
    return out


def _blots(c: Canvas, scale: float, layer: int) -> Array:
    """Irregular spots of a size in metres."""
    field = cv2.GaussianBlur(c.rng.standard_normal((64, 64)).astype(np.float32), (0, 0), 1.0)
    x = ((c.u / scale * 1.0 + 13 * layer) % 60).astype(np.float32)
    y = ((c.v / scale * 1.0 + 7 * layer) % 60).astype(np.float32)
    spots = cv2.remap(field / field.std(), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
    return edge(0.8 - spots, 0.3)


def _block(c: Canvas) -> Array:
    height = c.rng.uniform(0.12, 0.40)
    if c.rng.random() < 0.5:
        return mix(edge(c.v - height), c.first, c.second)
    return mix(edge(np.abs(c.v - height) - c.rng.uniform(0.03, 0.09)), c.first, c.second)


def _sides(c: Canvas) -> Array:
    return mix(edge(c.rng.uniform(0.09, 0.14) - np.abs(c.u)), c.first, c.second)


def _diagonal(c: Canvas) -> Array:
    period = c.rng.uniform(0.05, 0.2)
    return mix(edge(np.abs(((c.u + c.v) / period) % 1 - 0.5) * period - 0.25 * period), c.first, c.second)


PATTERNS: dict[str, Callable[[Canvas], Array]] = {
    "hstripe": _horizontal_stripes,
    "vstripe": _vertical_stripes,
    "pinstripe": _pinstripes,
    "check": _check,
    "dots": _dots,
    "gradient": _gradient,
    "camo": _camouflage,
    "floral": _floral,
    "block": _block,
    "side": _sides,
    "diag": _diagonal,
}
"""Patterns by the names that `people.jsonl` gives."""
