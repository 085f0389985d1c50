"""Things that stand in a street: plants, boxes, bicycles, poles, people far away, parked cars.

Each returns a mask (H, W) float32 in [0, 1] and a colour (3,) or (H, W, 3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.colours import colour


@dataclass(frozen=True, eq=False)
class Spot:
    """Where a thing stands: centre (cx, cy) and size in pixels of the scene; x, y (H, W) are the scene's pixel coordinates."""

    rng: Rng
    x: Array
    y: Array
    cx: float
    cy: float
    size: float

    @property
    def size_of_scene(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.x.shape[0], self.x.shape[1]

    def empty(self) -> Array:
        """A mask without anything, (H, W) float32."""
        return np.zeros(self.x.shape, np.float32)


def fractal(rng: Rng, height: int, width: int, cells: int = 4) -> Array:
    """Noise (h, w) float32 of up to six octaves, about -1 to 1; the coarsest has `cells` features across."""
    out = np.zeros((height, width), np.float32)
    amplitude = 1.0
    for octave in range(6):
        n = cells * 2**octave
        if n > max(height, width):
            break
        grid = rng.standard_normal((max(2, n * height // width + 2), n + 2)).astype(np.float32)
        out += amplitude * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        amplitude *= 0.6
    return out / 1.8


def _plant(s: Spot) -> tuple[Array, Array]:
    rng = s.rng
    leaves = fractal(rng, *s.size_of_scene, 24) + 0.5 * fractal(rng, *s.size_of_scene, 60)
    radius = np.hypot((s.x - s.cx) / (s.size * rng.uniform(0.8, 2)), (s.y - s.cy) / s.size)
    green = np.array([rng.uniform(0.16, 0.34), rng.uniform(0.26, 0.48), rng.uniform(0.1, 0.22)])
    return np.clip((1 - radius + 0.5 * leaves) * 4, 0, 1), green * (1 + 0.7 * leaves[..., None]).clip(0.3, 2)


def _box(s: Spot) -> tuple[Array, Array]:
    rng = s.rng
    half_width, half_height = s.size * rng.uniform(0.2, 1.2), s.size * rng.uniform(0.4, 1.2)
    mask = ((np.abs(s.x - s.cx) < half_width) & (np.abs(s.y - s.cy) < half_height)).astype(np.float32)
    return mask, np.maximum(colour(rng), 0.15) * (1 + 0.08 * fractal(rng, *s.size_of_scene, 10)[..., None])


def _bicycles(s: Spot) -> tuple[Array, Array]:
    """A row of bicycles."""
    rng, mask = s.rng, s.empty()
    thick = 1 + int(s.size > 40)
    for _ in range(rng.integers(1, 5)):
        x = s.cx + rng.normal(0, s.size)
        wheel = s.size * 0.32
        for side in (-1, 1):
            cv2.circle(mask, (int(x + side * wheel * 1.6), int(s.cy + wheel)), int(wheel), 1.0, thick)
        bars = [[-1.6, 1], [-0.5, -0.5], [1.2, -0.5], [1.6, 1], [0, 1], [-0.5, -0.5], [0, 1], [1.2, -0.5], [1.1, -1.1]]
        points = np.array(bars) * wheel + [x, s.cy]
        cv2.polylines(mask, [points.astype(np.int32)], False, (1.0,), thick)
    return mask, np.ones(3) * rng.uniform(0.05, 0.6)


def _pole(s: Spot) -> tuple[Array, Array]:
    rng, mask = s.rng, s.empty()
    foot = (int(s.cx + rng.normal(0, 6)), int(s.cy))
    cv2.line(mask, (int(s.cx), 0), foot, 1.0, int(rng.integers(3, 12)))
    return mask, np.ones(3) * rng.uniform(0.2, 0.7)


def _passer_by(s: Spot) -> tuple[Array, Array]:
    mask = s.empty()
    cv2.ellipse(mask, (int(s.cx), int(s.cy)), (int(s.size * 0.2), int(s.size * 0.55)), 0, 0, 360, 1.0, -1)
    cv2.circle(mask, (int(s.cx), int(s.cy - s.size * 0.65)), max(2, int(s.size * 0.13)), 0.9, -1)
    return mask, np.where((s.y < s.cy)[..., None], colour(s.rng), colour(s.rng, "denim"))


def _car(s: Spot) -> tuple[Array, Array]:
    """A parked car, seen from the side."""
    rng, mask = s.rng, s.empty()
    half = s.size * rng.uniform(1.2, 2)
    height = half * 0.28
    cx, cy = s.cx, s.cy
    cv2.rectangle(mask, (int(cx - half), int(cy - height)), (int(cx + half), int(cy + height * 0.5)), 1.0, -1)
    cabin = [[-0.6, -1], [-0.35, -2], [0.4, -2], [0.7, -1]]
    corners = np.array([[cx + half * dx, cy + height * dy] for dx, dy in cabin], np.int32)
    cv2.fillPoly(mask, [corners], (1.0,))
    paint = np.ones((*mask.shape, 1)) * np.maximum(colour(rng), 0.08)
    window = (np.abs(s.x - cx) < half * 0.5) & (s.y < cy - height * 1.05)
    paint = np.where(window[..., None], 0.15, paint)
    wheels = np.zeros(mask.shape, np.uint8)
    for side in (-0.6, 0.6):
        cv2.circle(wheels, (int(cx + side * half), int(cy + height * 0.5)), int(height * 0.6), 1, -1)
    return np.maximum(mask, wheels), np.where((wheels > 0)[..., None], 0.07, paint)


THINGS: tuple[tuple[Callable[[Spot], tuple[Array, Array]], float], ...] = (
    (_plant, 0.3),
    (_box, 0.12),
    (_bicycles, 0.2),
    (_pole, 0.1),
    (_passer_by, 0.16),
    (_car, 0.12),
)
"""Things and how often they are drawn."""


def draw_thing(rng: Rng, scene: Array, x: Array, y: Array, horizon: float) -> Array:
    """The scene (H, W, 3) with one more thing in it; things further down are nearer and larger."""
    height, width = x.shape
    draw = THINGS[rng.choice(len(THINGS), p=[share for _, share in THINGS])][0]
    cx, cy = rng.uniform(0, width), rng.uniform(max(0, horizon - 10), height * 0.8)
    mask, paint = draw(Spot(rng, x, y, cx, cy, 20 + 60 * max(0.2, (cy - horizon) / height)))
    drawn: Array = scene * (1 - mask[..., None]) + paint * mask[..., None]
    return drawn
