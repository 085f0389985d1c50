"""Prints on shirts: a word, several words, a number, a badge, a picture, a star."""

from __future__ import annotations

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.colours import colour, contrast, noise

SIDE = 128
"""Height and width of a print in texels."""

WORDS = (
    "SPORT", "LOVE", "PARIS", "NYC", "1984", "URBAN", "TEAM", "RIDE", "WAVE", "SUN", "OCEAN", "BEST", "ROCK", "JAZZ", "07", "23", "10",
    "88", "CITY", "KIND", "WILD", "FLY", "RUN", "STAR", "MOON", "TOKYO", "ROMA", "LAB", "CREW", "GOOD",
)  # fmt: skip
FONTS = (2, 3, 4, 6, 7)
"""OpenCV's Hershey fonts."""


def draw_print(rng: Rng, ground: Array) -> Array:
    """A print (128, 128, 4) float32, sRGB and alpha in [0, 1], that shows on cloth of the colour `ground` (3,)."""
    out = np.zeros((SIDE, SIDE, 4), np.float32)
    kind = rng.integers(6)
    first = contrast(rng, ground)
    second = contrast(rng, first)
    if kind == 0:
        _write(rng, out, str(rng.choice(WORDS)), SIDE * 0.55, 1.6, first, 3)
    elif kind == 1:
        for i in range(rng.integers(2, 4)):
            _write(rng, out, str(rng.choice(WORDS)), SIDE * (0.3 + 0.27 * i), 1.2, first if i % 2 else second, 3)
    elif kind == 2:
        _write(rng, out, str(rng.integers(1, 99)), SIDE * 0.78, 3.6, first, 8)
    elif kind == 3:
        _badge(rng, out, first, second)
    elif kind == 4:
        _picture(rng, out, first, second)
    else:
        _star(rng, out, first)
    return out


def _write(rng: Rng, out: Array, text: str, baseline: float, size: float, ink: Array, thickness: int) -> None:
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, size, thickness)
    fit = min(1, SIDE * 0.95 / width)
    letters = np.zeros((SIDE, SIDE), np.uint8)
    place = (int(SIDE / 2 - width * fit / 2), int(baseline))
    cv2.putText(letters, text, place, int(rng.choice(FONTS)), size * fit, 255, thickness, cv2.LINE_AA)
    share = letters.astype(np.float32) / 255
    out[..., :3] = out[..., :3] * (1 - share[..., None]) + ink * share[..., None]
    out[..., 3] = np.maximum(out[..., 3], share)


def _badge(rng: Rng, out: Array, first: Array, second: Array) -> None:
    disc = np.zeros((SIDE, SIDE), np.uint8)
    radius = int(SIDE * rng.uniform(0.25, 0.42))
    cv2.circle(disc, (SIDE // 2, SIDE // 2), radius, 255, -1 if rng.random() < 0.6 else 8, cv2.LINE_AA)
    out[..., :3] = first
    out[..., 3] = disc.astype(np.float32) / 255
    _write(rng, out, str(rng.choice(WORDS))[:4], SIDE * 0.58, 1.0, second, 2)


def _picture(rng: Rng, out: Array, first: Array, second: Array) -> None:
    coarse, fine = noise(rng, SIDE, 40), noise(rng, SIDE, 20)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    inside = ((np.abs(x) < rng.uniform(0.3, 0.45)) & (np.abs(y) < rng.uniform(0.3, 0.45))).astype(np.float32)
    a = np.clip(0.5 + 0.5 * coarse, 0, 1)[..., None]
    b = np.clip(0.5 + 0.6 * fine, 0, 1)[..., None]
    out[..., :3] = (first * a + second * (1 - a)) * (1 - b * 0.5) + colour(rng) * b * 0.5
    out[..., 3] = inside


def _star(rng: Rng, out: Array, ink: Array) -> None:
    angles = np.linspace(0, 2 * np.pi, 11)[:-1] - np.pi / 2
    radii = [0.42, 0.18] * 5 if rng.random() < 0.5 else rng.uniform(0.2, 0.45, 10)
    corners = np.array([[np.cos(t) * r, np.sin(t) * r] for t, r in zip(angles, radii, strict=True)]) * SIDE + SIDE / 2
    shape = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(shape, [corners.astype(np.int32)], (255,), cv2.LINE_AA)
    out[..., :3] = ink
    out[..., 3] = shape.astype(np.float32) / 255
