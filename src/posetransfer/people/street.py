"""Painted street scenes, as fixed cameras see them: ground, edges, walls, and things out of focus."""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.assets import load_assets
from posetransfer.people.street_things import draw_thing, fractal

HEIGHT, WIDTH = 360, 480
PAVING = ((150, 146, 140), (178, 168, 154), (120, 122, 126), (165, 146, 130), (188, 184, 176), (140, 134, 140), (105, 106, 108))
WALLS = ((160, 120, 100), (190, 184, 172), (150, 95, 80), (130, 134, 142), (205, 190, 160))


@functools.lru_cache(128)
def street_scene(camera: int) -> Array:
    """What the fixed camera number `camera` sees without a person: (360, 480, 3) float32, sRGB in [0, 1]."""
    return _Scene(np.random.default_rng([991, camera])).paint()


class _Scene:
    """One scene while it is painted. The ground is a plane seen in perspective: u, v (H, W) are its coordinates in metres."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.y, self.x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        self.horizon = rng.uniform(-0.35, 0.34) * HEIGHT
        self.distance = 300 / np.maximum(self.y - self.horizon, 2) * 3
        across = (self.x - WIDTH / 2 + rng.uniform(-200, 200)) * self.distance / 300
        self.angle = rng.uniform(-0.9, 0.9)
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        self.u: Array = across * cosine + self.distance * sine + 50
        self.v: Array = -across * sine + self.distance * cosine + 50

    def paint(self) -> Array:
        """The finished scene."""
        rng = self.rng
        grey = np.array(PAVING[rng.integers(7)]) / 255 * rng.uniform(0.85, 1.25)
        green = np.array([rng.uniform(0.30, 0.46), rng.uniform(0.38, 0.50), rng.uniform(0.20, 0.30)])
        scene = self._ground(str(rng.choice(["tiles", "asphalt", "tiles", "asphalt", "asphalt"])), grey)
        if rng.random() < 0.2:
            scene = self._ground("grass", green)
        if rng.random() < 0.6:
            scene = self._beyond_an_edge(scene, grey, green)
        if rng.random() < 0.35:
            scene = self._painted_line(scene)
        if (self.y < self.horizon).any():
            scene = np.where((self.y < self.horizon)[..., None], self._wall(), scene)
        for _ in range(rng.integers(2, 10)):
            scene = draw_thing(rng, scene, self.x, self.y, self.horizon)
        if rng.random() < 0.6:
            scene = self._shaded(scene)
        return np.clip(cv2.GaussianBlur(scene.astype(np.float32), (0, 0), rng.uniform(0.6, 1.5)), 0, 1)

    def _fractal(self, cells: int) -> Array:
        return fractal(self.rng, HEIGHT, WIDTH, cells)

    def _ground(self, kind: str, tone: Array) -> Array:
        """Grass, asphalt or tiles over the whole plane, (H, W, 3)."""
        rng = self.rng
        if kind == "grass":
            sharp, soft = _ground_photo("grass", self.u, self.v, 1.6)
            far = np.clip(self.distance / 14, 0, 1)
            grass: Array = tone * ((sharp * (1 - far) + soft * far) ** 0.8)[..., None]
            return grass
        sharp, soft = _ground_photo("gravel", self.u, self.v, rng.uniform(0.8, 3))
        far = np.clip(self.distance / 10, 0, 1)
        grain = (sharp * (1 - far) + soft * far) ** rng.uniform(0.15, 0.6)
        grain = grain * (1 + 0.07 * self._fractal(3))
        paved: Array = tone * (self._tiled(grain) if kind == "tiles" else grain)[..., None]
        return paved

    def _tiled(self, grain: Array) -> Array:
        """Joints between tiles, tiles of slightly different shade, sometimes a pattern."""
        rng, u, v = self.rng, self.u, self.v
        period = rng.uniform(0.35, 1.2)
        row = 0.5 * (np.floor(u / period) % 2) * (rng.random() < 0.5)
        inside = 0.5 - np.maximum(np.abs((u / period) % 1 - 0.5), np.abs((v / period + row) % 1 - 0.5))
        joints = np.clip(1 - inside / (0.02 + 0.012 * self.distance), 0, 1)
        grain = grain - rng.uniform(0.1, 0.3) * joints / (1 + 0.15 * self.distance)
        shade = (np.sin(np.floor(u / period) * 12.9 + np.floor(v / period + row) * 78.2) * 43758.5) % 1
        grain = grain * (1 + 0.16 * (shade - 0.5) / (1 + 0.1 * self.distance))
        if rng.random() < 0.3:
            grain = grain * np.where(np.floor(u / period / 2) % 3 == 0, rng.uniform(0.7, 0.9), 1)
        return grain

    def _beyond_an_edge(self, scene: Array, grey: Array, green: Array) -> Array:
        """Lawn or road beyond a kerb."""
        rng = self.rng
        angle = rng.uniform(-0.6, 0.6)
        away = (self.v - 50 - rng.uniform(2, 9)) * math.cos(angle) + (self.u - 50) * math.sin(angle)
        kind = str(rng.choice(["grass", "grass", "asphalt"]))
        scene = np.where((away > 0)[..., None], self._ground(kind, green if rng.random() < 0.6 else grey * 0.8), scene)
        kerb = (np.abs(away) < 0.12) & (self.distance < 30)
        return np.where(kerb[..., None], scene * 0.4 + 0.6 * rng.uniform(0.5, 0.85), scene)

    def _painted_line(self, scene: Array) -> Array:
        away = np.abs(self.u - 50 - self.rng.uniform(-3, 3))
        paint = 0.7 * np.array([1, 1, self.rng.uniform(0.5, 1)])
        return np.where((away < 0.07)[..., None], scene * 0.25 + paint, scene)

    def _wall(self) -> Array:
        """A brick wall, a hedge or a facade behind, (H, W, 3); walls may have windows."""
        rng = self.rng
        kind = rng.integers(3)
        tone = np.array(WALLS[rng.integers(5)]) / 255
        wall: Array
        if kind == 0:
            wall = tone * _ground_photo("brick", self.x / 60, self.y / 60, rng.uniform(1.5, 4))[0][..., None]
        elif kind == 1:
            leaves = self._fractal(14) * 0.5 + 0.4 * self._fractal(40)
            wall = np.array([0.2, 0.32, 0.14]) * (1 + 0.8 * leaves[..., None]).clip(0.2, 2.4)
        else:
            wall = tone * (1 + 0.05 * self._fractal(8)[..., None]) * np.ones((HEIGHT, WIDTH, 1))
        return self._with_windows(wall) if kind != 1 and rng.random() < 0.7 else wall

    def _with_windows(self, wall: Array) -> Array:
        rng = self.rng
        width, height = rng.uniform(30, 80), rng.uniform(40, 90)
        half = rng.uniform(0.2, 0.4)
        window = (np.abs((self.x / width) % 1 - 0.5) < half) & (np.abs((self.y / height) % 1 - 0.5) < 0.34)
        glass = np.array([0.22, 0.26, 0.30]) * (1 + 0.3 * self._fractal(5)[..., None])
        return np.where(window[..., None], glass, wall)

    def _shaded(self, scene: Array) -> Array:
        """The shade of a tree or of a building."""
        rng = self.rng
        if rng.random() < 0.4:
            shade = np.clip((self._fractal(5) + rng.uniform(-0.5, 0.8)) * 2.2, 0, 1)
        else:
            away = self.x * math.cos(self.angle) + self.y * math.sin(self.angle) - rng.uniform(50, 300)
            shade = np.clip(away / 12, 0, 1)
        shaded: Array = scene * (1 - 0.42 * shade[..., None] * np.array([1, 0.97, 0.9]))
        return shaded


def _ground_photo(name: str, u: Array, v: Array, period: float) -> tuple[Array, Array]:
    """A grey photograph, mean 1, sharp and soft, sampled at plane coordinates u, v (metres); it repeats every `period` metres."""
    grey = load_assets().texture("ground/" + name)[..., 0].astype(np.float32)
    grey = grey / grey.mean()
    soft = cv2.resize(cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA), (512, 512))
    texels = 512 / period
    x, y = ((u * texels) % 511).astype(np.float32), ((v * texels) % 511).astype(np.float32)
    return cv2.remap(grey, x, y, cv2.INTER_LINEAR), cv2.remap(soft, x, y, cv2.INTER_LINEAR)
