"""Backdrops: a studio's wall, a part of a street scene, or a texture."""

from __future__ import annotations

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.colours import colour
from posetransfer.people.street import street_scene
from posetransfer.people.street_things import fractal


def street_backdrop(rng: Rng, size: tuple[int, int], camera: int) -> Array:
    """Linear (h, w, 3) float32: a random part of what the fixed camera number `camera` sees."""
    height, width = size
    scene = street_scene(camera)
    rows, columns = scene.shape[:2]
    zoom = rng.uniform(0.55, 1.0)
    cut_height = int(rows * zoom)
    cut_width = int(cut_height * width / height)
    top = rng.integers(0, rows - cut_height + 1)
    left = rng.integers(0, columns - cut_width + 1)
    part = scene[top : top + cut_height, left : left + cut_width]
    backdrop = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA) * rng.uniform(0.8, 1.15)
    if rng.random() < 0.5:
        backdrop = backdrop[:, ::-1]
    return _linear(backdrop)


def random_backdrop(rng: Rng, size: tuple[int, int]) -> Array:
    """Linear (h, w, 3) float32: a street, or smooth noise in one or two colours."""
    kind = rng.integers(3)
    if kind == 0:
        return street_backdrop(rng, size, int(rng.integers(100_000, 100_014)))
    first, second = colour(rng), colour(rng)
    share = np.clip(0.5 + 0.5 * fractal(rng, *size, int(rng.integers(2, 10))), 0, 1)[..., None]
    return _linear(first * share + second * (1 - share) if kind == 1 else first * (0.8 + 0.2 * share))


def studio_backdrop(rng: Rng, size: tuple[int, int]) -> Array:
    """Linear (h, w, 3) float32: a light, plain wall that darkens to its corners, sometimes with a floor."""
    height, width = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    shades = [rng.uniform(0.90, 1.0), rng.uniform(0.72, 0.92), rng.uniform(0.45, 0.72)]
    tone = rng.choice(shades, p=[0.55, 0.33, 0.12]) * np.array([1, rng.uniform(0.98, 1.0), rng.uniform(0.96, 1.01)])
    vignette = rng.uniform(0, 0.12)
    shade = 1 - vignette * (np.hypot((x - width / 2) / width, (y - height * rng.uniform(0.3, 0.5)) / height)) ** 2 * 2
    if rng.random() < 0.35:
        depth = rng.uniform(0.02, 0.10)
        shade = shade - depth * np.clip((y - height * rng.uniform(0.8, 0.92)) / (height * 0.03), 0, 1)
    return _linear(np.clip(tone * shade[..., None], 0, 1))


def _linear(picture: Array) -> Array:
    linear: Array = (np.clip(picture, 0, 1) ** 2.2).astype(np.float32)
    return linear
