"""Skin, eyes and brows of one person."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.assets import Assets
from posetransfer.people.face import Expression, paint_face
from posetransfer.people.hair import Hair, choose_hair, paint_roots
from posetransfer.people.mesh import MeshBuilder

IRIS = ((60, 38, 22), (45, 28, 18), (85, 58, 30), (70, 95, 120), (90, 120, 130), (75, 95, 60), (110, 115, 120))
TONES = {"african": "darkskinned", "asian": "lightskinned", "caucasian": "lightskinned"}


@dataclass(frozen=True)
class Looks:
    """What decides skin and hair: sex "m" or "f", race and age as the shape space names them."""

    sex: str
    race: str
    age: str


def paint_skin(assets: Assets, rng: Rng, looks: Looks, expression: Expression, size: int) -> tuple[Array, Hair]:
    """A skin texture (S, S, 4) uint8 with face, roots of the hair and beard painted in, and the hair that was drawn."""
    sex = "male" if looks.sex == "m" else "female"
    names = assets.texture_names(f"skin/{looks.age}_{TONES[looks.race]}_{sex}")
    skin = _skin_texture(assets, str(rng.choice(names)), size).copy()
    tint = (rng.uniform(0.80, 1.12) * np.array([1, rng.uniform(0.94, 1.02), rng.uniform(0.88, 1.04)])).astype(np.float32)
    if looks.race == "african":
        tint *= np.float32(rng.uniform(0.9, 1.5))
    if looks.race == "asian":
        tint *= np.array([0.98, 0.96, 0.92], np.float32)
    grey = skin[..., :3].mean(2, keepdims=True)
    pale = np.float32(rng.uniform(0, 0.4))
    skin[..., :3] = np.clip((skin[..., :3] * (1 - pale) + grey * pale * np.array([1.08, 0.99, 0.93], np.float32)) * tint, 0, 255)
    paint_face(assets, rng, skin, looks.sex, looks.age, expression)
    hair = choose_hair(assets, rng, looks.sex, looks.race, looks.age)
    paint_roots(assets, rng, skin, hair)
    return np.clip(skin, 0, 255).astype(np.uint8), hair


@functools.lru_cache(None)
def _skin_texture(assets: Assets, name: str, size: int) -> Array:
    return cv2.resize(assets.texture(name).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)


def add_eyes(assets: Assets, rng: Rng, builder: MeshBuilder, race: str) -> None:
    """Both eyeballs; brown, or any colour for the caucasian."""
    iris = IRIS[rng.integers(7 if race == "caucasian" else 2)]
    material = builder.material(_eye_texture(iris, 64), shine=0.25, gloss=60, wrap=0.3)
    builder.add_faces(assets.triangles["eyes"], _eye_uv(assets), material)


@functools.lru_cache(None)
def _eye_uv(assets: Assets) -> Array:
    """(F, 3, 2) frontal projection of each eyeball to the unit square."""
    corners = assets.mean[assets.triangles["eyes"]]
    uv = np.zeros((*corners.shape[:2], 2), np.float32)
    for sign in (1, -1):
        ball = corners[:, 0, 0] * sign > 0
        points = corners[ball].reshape(-1, 3)
        centre = (points.min(0) + points.max(0)) / 2
        radius = np.ptp(points[:, 2]) / 2 * 1.05
        uv[ball] = 0.5 + np.clip((corners[ball][..., :2] - centre[:2]) / radius, -0.98, 0.98) * 0.5
    return uv


def _eye_texture(iris: tuple[int, int, int], size: int) -> Array:
    """(size, size, 4) uint8: white, iris with a darker rim, pupil, a bright spot."""
    y, x = np.mgrid[0:size, 0:size] / (size - 1) * 2 - 1
    radius: Array = np.hypot(x, y)[..., None]

    def disc(edge: float) -> Array:
        return np.clip((edge - radius) / 0.05 + 0.5, 0, 1)

    eye = np.full((size, size, 3), (222, 216, 210.0))
    eye = eye * (1 - disc(0.50)) + np.array(iris) * 0.5 * disc(0.50)
    eye = eye * (1 - disc(0.43)) + np.array(iris) * 1.15 * disc(0.43)
    eye = eye * (1 - disc(0.2)) + 8 * disc(0.2)
    spot = np.clip((0.09 - np.hypot(x + 0.16, y + 0.18)) / 0.05 + 0.5, 0, 1)[..., None]
    eye = eye * (1 - spot) + 245 * spot
    return np.dstack([eye, np.full((size, size), 255)]).astype(np.uint8)


def add_brows(assets: Assets, rng: Rng, builder: MeshBuilder, base: Array, hair: Hair) -> None:
    """Eyebrows, darker than the hair."""
    name = "eyebrows/" + str(rng.choice(assets.names("eyebrows")))
    texture = assets.texture(name).copy()
    texture[..., :3] = (np.clip(hair.colour * 0.6, 0, 1) * 255).astype(np.uint8)
    builder.add_proxy(assets.proxy(name), base, builder.material(texture, alpha=True, bias=0.006))
