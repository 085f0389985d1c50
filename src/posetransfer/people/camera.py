"""Pinhole cameras, and what a camera does to light: exposure, colour cast, blur, noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng


@dataclass(frozen=True, eq=False)
class View:
    """A pinhole camera: place = focal * x / z + centre, in pixels from the upper left corner of the final picture.

    The rasteriser samples at these places, so the middle of the first pixel is (0.5, 0.5) here; `pixels` gives the convention
    of poses, where it is (0, 0).

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
        """World points (n, 3) in metres -> (n, 3) float32: x and y in pixels from the upper left corner, depth in metres."""
        seen = (points - self.eye) @ self.axes.T
        x = seen[:, 0] / seen[:, 2] * self.focal + self.centre[0]
        y = seen[:, 1] / seen[:, 2] * self.focal + self.centre[1]
        return np.stack([x, y, seen[:, 2]], 1).astype(np.float32)

    def pixels(self, points: Array) -> Array:
        """World points (n, 3) in metres -> (n, 2) float32 (x, y) as poses have them: a pixel's centre lies at whole numbers."""
        return self.project(points)[:, :2] - np.float32(0.5)


def look(eye: Array, at: Array) -> Array:
    """Axes (3, 3) of a camera at `eye` that looks at `at`, upright."""
    forward = np.asarray(at, float) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 1.0, 0])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])


def fit_view(
    eye: Array,
    at: Array,
    points: Array,
    size: tuple[int, int],
    occupancy: float,
    offset: tuple[float, float],
    within_width: bool = True,
    standing: float | None = None,
) -> View:
    """A view that points fill.

    Args:
        eye, at: (3,) metres.
        points: (n, 3) metres.
        size: (height, width) of the picture.
        occupancy: part of the height that the points fill.
        offset: (x, y) pixels by which their middle is off the picture's.
        within_width: shrink them to at most 1.06 of the width.
        standing: a height in metres that fills `occupancy` instead of the points: somebody who crouches looks smaller then, and
            is drawn smaller than that only if the points would not fit.
    """
    height, width = size
    axes = look(eye, at)
    unit_view = View(np.asarray(eye, float), axes, 1.0, (0.0, 0.0))
    unscaled = unit_view.project(points[::5])[:, :2]
    low, high = unscaled.min(0), unscaled.max(0)
    if standing is None:
        focal = height * occupancy / (high[1] - low[1])
    else:
        ends = unit_view.project(np.array([[0, 0, 0], [0, standing, 0]]))[:, 1]
        focal = height * min(occupancy / (ends[0] - ends[1]), max(0.97, occupancy) / (high[1] - low[1]))
    if within_width:
        focal = min(focal, width * (1.06 if standing is None else 1.01) / (high[0] - low[0]))
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


def matte(linear: Array, cover: Array, behind: Array) -> Array:
    """The person's share of each pixel as a picture shows it.

    Light adds up before the tone curve, so half a black coat before a white wall looks like a quarter of it. Whoever cuts a person
    out of a picture needs the share that mixes the picture's values.

    Args:
        linear: (h, w, 3) light of person and backdrop together.
        cover: (h, w) in [0, 1], the part of each pixel that the person covers.
        behind: (h, w, 3) light of the backdrop alone.

    Returns:
        (h, w) float32 in [0, 1]; 0 and 1 where `cover` is.
    """
    share = cover.astype(np.float32)
    edge = (cover > 0) & (cover < 1)
    part = cover[edge, None]
    shown, back = _tone(linear[edge]), _tone(behind[edge])
    front = _tone((linear[edge] - (1 - part) * behind[edge]) / part)
    way = front - back
    length = (way**2).sum(1)
    found = ((shown - back) * way).sum(1) / np.maximum(length, 1e-9)
    # Where the two are alike any share gives the picture.
    share[edge] = np.where(length > 0.01, found, cover[edge]).clip(0.02, 0.98)
    return share


def develop_studio(rng: Rng, scene: Rng, linear: Array, share: Array) -> tuple[Array, Array]:
    """A camera's picture (h, w, 3) uint8 from linear light, and the person's share of its pixels (h, w) float32 behind the same lens.

    Args:
        rng: decides what differs between the pictures of one camera: a little exposure and cast, the grain.
        scene: decides the camera: exposure, cast, tone curve, a lens from soft to sharpened. A picture taken by another camera
            than its partner cannot be foreseen, and would teach a network to blur.
        share: (h, w), of `matte`.
    """
    exposure = np.exp(scene.normal(0, 0.10) + rng.normal(0, 0.03))
    picture = _tone(linear * exposure * (1 + scene.normal(0, 0.022, 3) + rng.normal(0, 0.008, 3)))
    picture = _curve(picture, scene.normal(0, 0.35), scene.normal(0, 0.12)).astype(np.float32)
    lens, softness, sharpness = scene.random(), scene.uniform(0.2, 0.5), scene.uniform(0.2, 0.7)
    if lens < 0.40:
        blur = softness if lens < 0.34 else softness * 1.6
        picture, share = cv2.GaussianBlur(picture, (0, 0), blur), cv2.GaussianBlur(share, (0, 0), blur)
    elif lens < 0.60:  # as phones sharpen
        picture = picture + sharpness * (picture - cv2.GaussianBlur(picture, (0, 0), 1.0))
    return _grain(rng, picture, scene.uniform(0.001, 0.008)), share


def _curve(picture: Array, contrast: float, gamma: float) -> Array:
    """A tone curve over [0, 1] that keeps black and white: an S for contrast > 0, and a power exp(gamma)."""
    clipped = np.clip(picture, 0, 1) ** np.exp(gamma)
    curve = clipped + np.clip(contrast, -0.6, 0.8) * clipped * (1 - clipped) * (2 * clipped - 1)
    bent: Array = np.clip(curve, 0, 1)
    return bent


def _tone(linear: Array) -> Array:
    """sRGB-like values in [0, 1], with a soft shoulder instead of clipped highlights."""
    toned: Array = np.where(linear > 0.8, 0.8 + 0.2 * (1 - np.exp(-(linear - 0.8) / 0.2)), linear).clip(0, 1) ** (1 / 2.2)
    return toned


def _grain(rng: Rng, picture: Array, strength: float) -> Array:
    height, width = picture.shape[:2]
    grain = cv2.resize(rng.standard_normal((height, width, 3)).astype(np.float32), (width, height))
    noisy: Array = np.clip(picture + grain * strength, 0, 1)
    return (noisy * 255 + 0.5).astype(np.uint8)
