"""Pinhole cameras, and what a camera does to light: exposure, colour cast, blur, noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng


@dataclass(frozen=True, eq=False)
class View:
    """A pinhole camera: pixel = focal * x / z + centre, in pixels of the final picture.

    Attributes:
        eye: (3,) metres.
        axes: (3, 3) rows right, down, forward in world axes.
        focal: pixels; centre: (x, y) pixels.
    """

    eye: Array
    axes: Array
    focal: float
    centre: tuple[float, float]

    def project(self, points: Array) -> Array:
        """World points (n, 3) in metres -> (n, 3) float32: pixel x, pixel y, depth in metres."""
        seen = (points - self.eye) @ self.axes.T
        x = seen[:, 0] / seen[:, 2] * self.focal + self.centre[0]
        y = seen[:, 1] / seen[:, 2] * self.focal + self.centre[1]
        return np.stack([x, y, seen[:, 2]], 1).astype(np.float32)


def look(eye: Array, at: Array) -> Array:
    """Axes (3, 3) of a camera at `eye` that looks at `at`, upright."""
    forward = np.asarray(at, float) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 1.0, 0])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])


def fit_view(
    eye: Array, at: Array, points: Array, size: tuple[int, int], occupancy: float, offset: tuple[float, float], within_width: bool = True
) -> View:
    """A view that points fill.

    Args:
        eye, at: (3,) metres.
        points: (n, 3) metres.
        size: (height, width) of the picture.
        occupancy: part of the height that the points fill.
        offset: (x, y) pixels by which their middle is off the picture's.
        within_width: shrink them to at most 1.06 of the width.
    """
    height, width = size
    axes = look(eye, at)
    unscaled = View(np.asarray(eye, float), axes, 1.0, (0.0, 0.0)).project(points[::5])[:, :2]
    low, high = unscaled.min(0), unscaled.max(0)
    focal = height * occupancy / (high[1] - low[1])
    if within_width:
        focal = min(focal, width * 1.06 / (high[0] - low[0]))
    middle = (low + high) / 2 * focal
    return View(np.asarray(eye, float), axes, focal, (width / 2 - middle[0] + offset[0], height / 2 - middle[1] + offset[1]))


def develop_street(rng: Rng, linear: Array, camera: int) -> Array:
    """A surveillance camera's picture (h, w, 3) uint8 from linear light; each camera has its own exposure and cast."""
    own = np.random.default_rng([5, camera])
    exposure = np.exp(rng.normal(0, 0.12) + own.normal(0.1, 0.12))
    picture = _tone(linear * exposure * (1 + rng.normal(0, 0.02, 3) + own.normal(0, 0.05, 3)))
    picture = (picture - 0.5) * rng.uniform(0.8, 1.1) + 0.5 + rng.normal(0, 0.02)
    blur = rng.choice([0, rng.uniform(0.3, 0.6), rng.uniform(0.6, 1.1)], p=[0.25, 0.5, 0.25])
    if blur > 0:
        picture = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), blur)
    if rng.random() < 0.35:  # a distant person, enlarged
        height, width = linear.shape[:2]
        part = rng.uniform(0.5, 0.85)
        small = (int(width * part), int(height * part))
        picture = cv2.resize(picture.astype(np.float32), small, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    return _grain(rng, picture, rng.uniform(0.003, 0.02))


def develop_studio(rng: Rng, linear: Array) -> Array:
    """A studio camera's picture (h, w, 3) uint8 from linear light."""
    picture = _tone(linear * np.exp(rng.normal(0, 0.06)) * (1 + rng.normal(0, 0.015, 3)))
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), rng.uniform(0.2, 0.5))
    return _grain(rng, picture, rng.uniform(0.001, 0.006))


def _tone(linear: Array) -> Array:
    """sRGB-like values in [0, 1], with a soft shoulder instead of clipped highlights."""
    toned: Array = np.where(linear > 0.8, 0.8 + 0.2 * (1 - np.exp(-(linear - 0.8) / 0.2)), linear).clip(0, 1) ** (1 / 2.2)
    return toned


def _grain(rng: Rng, picture: Array, strength: float) -> Array:
    height, width = picture.shape[:2]
    grain = cv2.resize(rng.standard_normal((height, width, 3)).astype(np.float32), (width, height))
    noisy: Array = np.clip(picture + grain * strength, 0, 1)
    return (noisy * 255 + 0.5).astype(np.uint8)
