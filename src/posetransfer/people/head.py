"""Skin, beard, eyes, brows and hair of one person."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.assets import BODY_VERTICES, Assets
from posetransfer.people.colours import colour
from posetransfer.people.mesh import MeshBuilder
from posetransfer.people.surface import draw_into_atlas

HAIR = {
    "m": ("short01", "short02", "short03", "short04", "short01", "short02", "short03", "short04", "afro01", "bald", "bald", "ponytail01"),
    "f": ("long01", "long01", "bob01", "bob02", "ponytail01", "ponytail01", "Braid01", "short01", "short02", "afro01", "long01", "bob02"),
}
"""Hair styles by sex; a style that stands twice is drawn twice as often."""

HAIR_COLOURS: Array = (
    np.array(
        [
            (18, 15, 14), (30, 22, 18), (50, 34, 24), (80, 54, 34), (120, 84, 50), (165, 125, 78), (205, 170, 115), (110, 48, 25),
            (140, 135, 130), (205, 200, 195), (24, 20, 20), (38, 27, 20),
        ]
    )
    / 255
)  # fmt: skip
GREY = 8
"""First of the two grey tones."""
DARK = (0, 1, 2, 10, 11)
LONG_STYLES = ("long", "pony", "Braid", "bob")
IRIS = ((60, 38, 22), (45, 28, 18), (85, 58, 30), (70, 95, 120), (90, 120, 130), (75, 95, 60), (110, 115, 120))
TONES = {"african": "darkskinned", "asian": "lightskinned", "caucasian": "lightskinned"}


@dataclass(frozen=True)
class Looks:
    """What decides skin and hair: sex "m" or "f", race and age as the shape space names them."""

    sex: str
    race: str
    age: str


@dataclass(frozen=True, eq=False)
class Hair:
    """A style (a name of `HAIR`) and a colour (3,), sRGB in [0, 1]."""

    style: str
    colour: Array


def paint_skin(assets: Assets, rng: Rng, looks: Looks, size: int) -> tuple[Array, Hair]:
    """A skin texture (S, S, 4) uint8 with the hair's roots and a beard painted in, and the hair that was drawn."""
    sex = "male" if looks.sex == "m" else "female"
    names = assets.texture_names(f"skin/{looks.age}_{TONES[looks.race]}_{sex}")
    skin = _skin_texture(assets, str(rng.choice(names)), size).copy()
    tint = (rng.uniform(0.80, 1.12) * np.array([1, rng.uniform(0.94, 1.02), rng.uniform(0.88, 1.04)])).astype(np.float32)
    if looks.race == "african":
        tint *= np.float32(rng.uniform(0.9, 1.5))
    if looks.race == "asian":
        tint *= np.array([0.97, 0.95, 0.88], np.float32)
    grey = skin[..., :3].mean(2, keepdims=True)
    pale = np.float32(rng.uniform(0, 0.4))
    skin[..., :3] = np.clip((skin[..., :3] * (1 - pale) + grey * pale * np.array([1.08, 0.99, 0.93], np.float32)) * tint, 0, 255)
    hair = _choose_hair(rng, looks)
    scalp, beard = _hairy_places(assets, size)
    share: Array = np.float32((1.0 if hair.style != "bald" else rng.uniform(0, 0.75)) * 0.92) * scalp[..., None]
    skin[..., :3] = skin[..., :3] * (1 - share) + (hair.colour * 255 * rng.uniform(0.7, 1)).astype(np.float32) * share
    if looks.sex == "m" and rng.random() < 0.45:
        share = beard[..., None] * rng.uniform(0.2, 0.85)
        skin[..., :3] = skin[..., :3] * (1 - share) + hair.colour * 255 * 0.8 * share
    return skin.astype(np.uint8), hair


def _choose_hair(rng: Rng, looks: Looks) -> Hair:
    style = str(rng.choice(HAIR[looks.sex]))
    tone: Array = HAIR_COLOURS[rng.integers(len(HAIR_COLOURS))] if looks.race == "caucasian" else HAIR_COLOURS[rng.choice(DARK)]
    if looks.age == "old" and rng.random() < 0.6:
        tone = HAIR_COLOURS[GREY + rng.integers(2)]
    if rng.random() < 0.02:  # dyed
        tone = colour(rng)
    return Hair(style, tone)


@functools.lru_cache(None)
def _skin_texture(assets: Assets, name: str, size: int) -> Array:
    return cv2.resize(assets.texture(name).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)


@functools.lru_cache(None)
def _hairy_places(assets: Assets, size: int) -> tuple[Array, Array]:
    """(S, S) in [0, 1] where hair grows, and where a beard does, in the body's atlas."""
    skin = assets.mean[:BODY_VERTICES]
    points = dict(zip(assets.keypoint_names, assets.keypoint_regressor @ assets.mean, strict=True))
    eye = (points["left_eye"] + points["right_eye"]) / 2
    ear = (points["left_ear"] + points["right_ear"]) / 2
    nose = points["nose"]
    depth = skin[:, 2] - ear[2]
    # The hairline: above the forehead in front, past the temples, down to the nape behind the ears.
    heights = [ear[1] - 0.055, ear[1] - 0.01, eye[1] + 0.02, eye[1] + 0.055, eye[1] + 0.066]
    line = np.interp(depth, [-0.03, -0.005, 0.02, 0.05, 0.075], heights)
    scalp = np.clip((skin[:, 1] - line) / 0.012 + 0.5, 0, 1)
    scalp[(np.abs(skin[:, 0]) > 0.068) & (np.abs(skin[:, 1] - ear[1]) < 0.045) & (np.abs(depth + 0.01) < 0.04)] = 0  # the ears
    chin = (skin - (nose - [0, 0.055, 0.03])) / [0.06, 0.045, 0.06]
    beard = np.clip(1.3 - np.linalg.norm(chin, axis=1), 0, 1) * (skin[:, 1] < nose[1] - 0.012)
    corners = np.stack([scalp, beard], 1).astype(np.float32)[assets.triangles["body"]]
    atlas, _ = draw_into_atlas(assets.uv["body"], corners, size)
    return atlas[..., 0], atlas[..., 1]


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


def add_hair(assets: Assets, builder: MeshBuilder, base: Array, hair: Hair, over_clothes: float) -> None:
    """The hair; `over_clothes` is the depth bias (metres) with which long hair wins over what is worn."""
    if hair.style == "bald":
        return
    size, name = builder.size, "hair/" + hair.style
    texture: Array = assets.texture(name).astype(np.float32)
    light: Array = texture[..., :3].mean(2)
    opaque = texture[..., 3] > 100
    light = light / max(20, np.median(light[opaque])) if opaque.any() else light / 128
    texture[..., :3] = np.clip(hair.colour * 255 * np.clip(light, 0.35, 2.2)[..., None] ** 0.8, 0, 255)
    alpha = cv2.resize(texture[..., 3], (size, size), interpolation=cv2.INTER_AREA)
    texture = cv2.resize(texture, (size, size), interpolation=cv2.INTER_AREA)
    texture[..., 3] = np.clip(alpha * 2.6, 0, 255)  # fine strands survive the smaller size
    bias = over_clothes if hair.style.startswith(LONG_STYLES) else 0.008
    material = builder.material(texture.astype(np.uint8), alpha=True, shine=0.03, gloss=14, wrap=0.3, bias=bias)
    builder.add_proxy(assets.proxy(name), base, material)
