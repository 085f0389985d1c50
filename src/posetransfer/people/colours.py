"""Colours of cloth and smooth noise."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng

DENIM = ((40, 55, 85), (70, 95, 135), (110, 135, 165), (28, 32, 45), (35, 35, 38), (150, 165, 185), (60, 75, 100), (95, 90, 85))
CLASSIC = (
    (30, 40, 75), (190, 170, 140), (120, 95, 70), (85, 90, 60), (110, 30, 40), (200, 180, 160), (60, 45, 40), (22, 26, 40),
    (165, 185, 210), (150, 150, 145), (205, 150, 40), (60, 65, 55),
)  # fmt: skip


def colour(rng: Rng, kind: Literal["any", "denim"] = "any") -> Array:
    """A cloth colour (3,), sRGB in [0, 1]: often black, white, grey or a classic tone, else any hue."""
    chance = rng.random()
    if kind == "denim":
        return np.clip(np.array(DENIM[rng.integers(8)]) / 255 * rng.uniform(0.85, 1.15), 0, 1)
    if chance < 0.19:
        return np.full(3, rng.uniform(0.03, 0.12)) * rng.uniform(0.9, 1.1, 3)
    if chance < 0.37:
        return np.clip(np.full(3, rng.uniform(0.80, 0.98)) * rng.uniform(0.96, 1.0, 3), 0, 1)
    if chance < 0.48:
        return np.full(3, rng.uniform(0.2, 0.75)) * rng.uniform(0.96, 1.04, 3)
    if chance < 0.62:
        classic: Array = np.array(CLASSIC[rng.integers(len(CLASSIC))]) / 255 * rng.uniform(0.75, 1.15)
        return classic
    hue, saturation, value = rng.random(), rng.beta(2, 2) * 0.85 + 0.08, rng.uniform(0.18, 0.92)
    if 0.2 < hue < 0.47:  # few neon greens
        saturation *= 0.6
        value *= 0.75
    if saturation > 0.6:
        value = min(value, 0.78)
    pure = np.clip(np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    mixed: Array = value * (1 - saturation * (1 - pure))
    return mixed


def contrast(rng: Rng, other: Array) -> Array:
    """A colour (3,) clearly different from another; its complement if twelve draws found none."""
    for _ in range(12):
        drawn = colour(rng)
        if np.abs(drawn - other).sum() > 0.6:
            return drawn
    complement: Array = 1 - other
    return complement


def noise(rng: Rng, size: int, scale: float, octaves: int = 3) -> Array:
    """Smooth noise (size, size) float32, about -1 to 1, with features of `scale` texels."""
    out = np.zeros((size, size), np.float32)
    amplitude = 1.0
    for _ in range(octaves):
        cells = max(2, int(size / scale))
        grid = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
        out += amplitude * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        amplitude *= 0.5
        scale = max(2, scale / 2)
    return out / 1.5
