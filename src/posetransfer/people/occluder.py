"""What stands before a pedestrian now and then: a pole, a box, leaves that reach into the picture."""

from __future__ import annotations

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.colours import colour
from posetransfer.people.street_things import fractal

SHARE = 0.06
"""Of the street pictures."""


def occlude(rng: Rng, linear: Array, cover: Array) -> tuple[Array, Array]:
    """Put something before a person.

    Args:
        linear: (h, w, 3) float32, light of the finished scene; cover: (h, w) in [0, 1], how much of a pixel is the person.

    Returns:
        the same two with the thing in front; what it hides is no longer the person's.
    """
    height, width = cover.shape
    kind = rng.integers(3)
    share, shade = (_pole, _box, _leaves)[kind](rng, height, width)
    tone = np.array([0.25, 0.45, 0.12]) * rng.uniform(0.3, 1) if kind == 2 else colour(rng) ** 2.2 * rng.uniform(0.5, 1.2)
    share = cv2.GaussianBlur(share.astype(np.float32), (0, 0), 0.6)
    front = (shade[..., None] * tone * rng.uniform(0.6, 1.1)).astype(np.float32)
    return linear * (1 - share[..., None]) + front * share[..., None], cover * (1 - share)


def _pole(rng: Rng, height: int, width: int) -> tuple[Array, Array]:
    """Where it is (h, w) in [0, 1], and its shade: a round post at one side."""
    x = np.arange(width)[None] / width
    middle, half = rng.choice([-1, 1]) * rng.uniform(0.08, 0.40) + 0.5, rng.uniform(0.015, 0.055)
    across = (x - middle - rng.normal(0, 0.01) * np.arange(height)[:, None] / height) / half
    round_shade = 0.35 + 0.65 * np.clip(1 - np.abs(across - rng.uniform(-0.6, 0.6)) / 1.6, 0, 1)
    return np.abs(across) < 1, round_shade


def _box(rng: Rng, height: int, width: int) -> tuple[Array, Array]:
    """A bin, a bench's end or the corner of a car: a rounded block at the bottom, at one side."""
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    top, reach = rng.uniform(0.55, 0.9), rng.uniform(0.15, 0.5)
    side = x if rng.random() < 0.5 else 1 - x
    inside = (side < reach) & (y > top)
    inside &= ~((side > reach - 0.06) & (y < top + 0.03) & (((side - reach + 0.06) / 0.06) ** 2 + ((y - top - 0.03) / 0.03) ** 2 > 1))
    return inside, 1.0 - 0.5 * np.clip((y - top) / (1 - top), 0, 1) + 0.1 * (y < top + 0.02)


def _leaves(rng: Rng, height: int, width: int) -> tuple[Array, Array]:
    """Foliage that grows in from a side or from below."""
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    away = (x, 1 - x, 1 - y)[rng.integers(3)]
    field = np.asarray(fractal(rng, height, width, 9))
    reach = rng.uniform(0.10, 0.34)
    return away + 0.10 * field < reach, np.clip(0.7 + 0.5 * np.asarray(fractal(rng, height, width, 16)), 0.15, 1.4)
