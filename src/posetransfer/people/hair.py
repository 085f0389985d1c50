"""Hair: meshes of whole styles, close-cropped hair as a shell over the scalp, bald heads, beards."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.assets import BODY_VERTICES, Assets
from posetransfer.people.colours import colour, noise
from posetransfer.people.mesh import MeshBuilder
from posetransfer.people.surface import draw_into_atlas, normals

STYLES: dict[str, tuple[tuple[str, float], ...]] = {
    "m": (("short01", 9), ("short02", 9), ("short03", 9), ("short04", 9), ("crop", 42), ("shaved", 5), ("bald", 3), ("ring", 4),
          ("afro01", 2), ("ponytail01", 2), ("bun", 2), ("long01", 2)),
    "f": (("long01", 28), ("bob01", 10), ("bob02", 10), ("ponytail01", 15), ("Braid01", 7), ("bun", 11), ("short01", 4), ("short02", 4),
          ("crop", 3), ("afro01", 3)),
}  # fmt: skip
"""How often each style is drawn; "crop", "shaved", "ring" (bald on top) and "bun" are made here, the others are meshes."""

BALDING = {"young": 0.5, "middleage": 2.2, "old": 4.0}
"""By what age multiplies the styles of bald men."""

COLOURS: Array = (
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
OVER_CLOTHES = ("long", "pony", "Braid", "bob")
SHORTENED = ("long", "bob", "pony", "Braid")
NO_HAIR, STUBBLE, FULL, MOUSTACHE, GOATEE = "", "stubble", "full", "moustache", "goatee"


@dataclass(frozen=True, eq=False)
class Hair:
    """One head.

    Attributes:
        style: a name of `STYLES`.
        colour: (3,) sRGB in [0, 1].
        scalp: (V,) in [0, 1] per vertex of the skin: where hair grows.
        beard: "", "stubble", "full", "moustache" or "goatee".
        beard_share: (V,) in [0, 1] per vertex of the skin.
    """

    style: str
    colour: Array
    scalp: Array
    beard: str
    beard_share: Array


def choose_hair(assets: Assets, rng: Rng, sex: str, race: str, age: str) -> Hair:
    """Hair and beard of a person; bald men are rare when young, common when old."""
    names = [name for name, _ in STYLES[sex]]
    shares = np.array([_share(name, share, sex, race, age) for name, share in STYLES[sex]])
    style = str(rng.choice(names, p=shares / shares.sum()))
    tone: Array = COLOURS[rng.integers(len(COLOURS))] if race == "caucasian" else COLOURS[rng.choice(DARK)]
    if rng.random() < {"young": 0.0, "middleage": 0.15, "old": 0.65}[age]:
        tone = COLOURS[GREY + rng.integers(2)]
    tone = np.clip(tone * rng.uniform(0.85, 1.15), 0, 1)
    if rng.random() < 0.02:  # dyed
        tone = colour(rng)
    recede = float(rng.beta(1, 2) if sex == "m" and age != "young" else rng.uniform(0, 0.25))
    scalp = _scalp(assets, recede, ring=style == "ring")
    kinds = (NO_HAIR, STUBBLE, FULL, MOUSTACHE, GOATEE)
    beard = str(rng.choice(kinds, p=[0.48, 0.25, 0.15, 0.04, 0.08])) if sex == "m" else NO_HAIR
    return Hair(style, tone, scalp, beard, _beard(assets, beard))


def _share(name: str, share: float, sex: str, race: str, age: str) -> float:
    if name in ("bald", "ring", "shaved") and sex == "m":
        return share * BALDING[age]
    if name == "afro01":
        return share * (4 if race == "african" else 0.4)
    return share


@functools.lru_cache(None)
def _landmarks(assets: Assets) -> tuple[Array, Array, Array]:
    """Middle of the eyes, middle of the ears, nose on the mean body; metres."""
    points = dict(zip(assets.keypoint_names, assets.keypoint_regressor @ assets.mean, strict=True))
    return (points["left_eye"] + points["right_eye"]) / 2, (points["left_ear"] + points["right_ear"]) / 2, points["nose"]


def _scalp(assets: Assets, recede: float, ring: bool) -> Array:
    """(V,) where hair grows; `recede` 0 to 1 moves the hairline back, `ring` leaves the top of the head bald."""
    skin = assets.mean[:BODY_VERTICES]
    eye, ear, _ = _landmarks(assets)
    depth = skin[:, 2] - ear[2]
    # The hairline: above the forehead in front, past the temples, down to the nape behind the ears.
    temple = 0.030 * recede * np.clip(np.abs(skin[:, 0]) / 0.04, 0.25, 1)
    heights = [ear[1] - 0.055, ear[1] - 0.01, eye[1] + 0.02, eye[1] + 0.055, eye[1] + 0.066]
    line = np.interp(depth, [-0.03, -0.005, 0.02, 0.05, 0.075], heights) + temple * np.clip((depth - 0.01) / 0.04, 0, 1)
    scalp = np.clip((skin[:, 1] - line) / 0.012 + 0.5, 0, 1)
    scalp[(np.abs(skin[:, 0]) > 0.068) & (np.abs(skin[:, 1] - ear[1]) < 0.045) & (np.abs(depth + 0.01) < 0.04)] = 0  # the ears
    if ring:
        top = eye[1] + 0.055 - 0.030 * recede + np.clip(-depth - 0.05, 0, 0.05) * 0.4
        scalp *= np.clip((top - skin[:, 1]) / 0.02 + 0.5, 0, 1)
    return np.asarray(scalp, np.float32)


def _beard(assets: Assets, kind: str) -> Array:
    """(V,) where the beard of a kind grows."""
    skin = assets.mean[:BODY_VERTICES]
    _, _, nose = _landmarks(assets)
    chin = (skin - (nose - [0, 0.055, 0.03])) / [0.06, 0.045, 0.06]
    share = np.clip((1.3 - np.linalg.norm(chin, axis=1)) * 1.6, 0, 1) * (skin[:, 1] < nose[1] - 0.018)
    mouth = np.hypot(skin[:, 0] / 0.024, (skin[:, 1] - (nose[1] - 0.042)) / 0.010)
    share *= np.clip((mouth - 0.9) / 0.2, 0, 1)  # not on the lips
    lip = (skin[:, 1] > nose[1] - 0.040) & (np.abs(skin[:, 0]) < 0.032)
    if kind == MOUSTACHE:
        share *= lip
    if kind == GOATEE:
        share *= np.clip((0.034 - np.abs(skin[:, 0])) / 0.008, 0, 1)
    return np.asarray(share if kind else share * 0, np.float32)


def paint_roots(assets: Assets, rng: Rng, skin: Array, hair: Hair) -> None:
    """Roots of the hair, stubble and beard, painted into a skin texture (S, S, 4) float32 in [0, 255]."""
    share, beard = np.moveaxis(_atlas(assets, np.stack([hair.scalp, hair.beard_share], 1), len(skin)), -1, 0)
    strength = {"bald": rng.uniform(0, 0.12), "shaved": rng.uniform(0.3, 0.75), "ring": rng.uniform(0.5, 0.85)}.get(hair.style, 0.92)
    grain = 1 + 0.25 * rng.standard_normal(share.shape).astype(np.float32)
    tone = (hair.colour * 255 * rng.uniform(0.7, 1)).astype(np.float32)
    for where, much in ((share, strength), (beard, {STUBBLE: rng.uniform(0.15, 0.5), NO_HAIR: 0.0}.get(hair.beard, 0.85))):
        covered = np.clip(where * much * grain, 0, 0.95)[..., None]
        skin[..., :3] = skin[..., :3] * (1 - covered) + tone * 0.9 * covered


def _atlas(assets: Assets, values: Array, size: int) -> Array:
    """Values (V, C) of the skin's vertices drawn into the body's atlas, (S, S, C)."""
    drawn, _ = draw_into_atlas(assets.uv["body"], values.astype(np.float32)[assets.triangles["body"]], size)
    return drawn


def add_hair(assets: Assets, rng: Rng, builder: MeshBuilder, base: Array, hair: Hair, over_clothes: float) -> None:
    """Hair and beard; `over_clothes` is the depth bias (metres) with which long hair wins over what is worn."""
    if hair.beard in (FULL, MOUSTACHE, GOATEE):
        _add_shell(assets, rng, builder, base, hair.beard_share, hair.beard_share * rng.uniform(0.003, 0.014), hair.colour * 0.85)
    if hair.style in ("bald", "shaved"):
        return
    if hair.style in ("crop", "ring", "bun"):
        _add_shell(assets, rng, builder, base, hair.scalp, _cropped(assets, rng, hair), hair.colour)
        if hair.style == "bun":
            _add_bun(assets, rng, builder, base, hair)
        return
    bias = over_clothes if hair.style.startswith(OVER_CLOTHES) else 0.008
    material = builder.material(_strands(assets, rng, builder.size, hair), alpha=True, shine=0.03, gloss=14, wrap=0.3, bias=bias)
    proxy = assets.proxy("hair/" + hair.style)
    vertices = _reshaped(assets, rng, proxy.fit(base), base, hair.style)
    builder.add(vertices, proxy.bones, proxy.bone_weights, proxy.triangles, proxy.uv, material)


def _strands(assets: Assets, rng: Rng, size: int, hair: Hair) -> Array:
    """The mesh's own texture (S, S, 4) uint8 in the hair's colour, sometimes lighter towards the tips."""
    texture: Array = assets.texture("hair/" + hair.style).astype(np.float32)
    light: Array = texture[..., :3].mean(2)
    opaque = texture[..., 3] > 100
    light = light / max(20, np.median(light[opaque])) if opaque.any() else light / 128
    tone = hair.colour * 255
    if hair.style.startswith("long") and rng.random() < 0.3:
        tips = np.clip(np.linspace(-0.4, 1.3, len(light)), 0, 1)[:, None, None] * rng.uniform(0.2, 0.7)
        tone = tone * (1 - tips) + np.array([190, 150, 95]) * tips
    contrast = rng.uniform(0.7, 1.1) * (1 - 0.5 * float(hair.colour.max()))  # light hair shows its shine less than the dark of the mesh
    if hair.style.startswith(("Braid", "pony")):
        contrast *= 0.6  # their pictures are the hardest
    texture[..., :3] = np.clip(tone * np.clip(light, 0.35, 2.2)[..., None] ** contrast, 0, 255)
    alpha = cv2.resize(texture[..., 3], (size, size), interpolation=cv2.INTER_AREA)
    texture = cv2.resize(texture, (size, size), interpolation=cv2.INTER_AREA)
    texture[..., 3] = np.clip(alpha * 2.6, 0, 255)  # fine strands survive the smaller size
    return texture.astype(np.uint8)


def _reshaped(assets: Assets, rng: Rng, vertices: Array, base: Array, style: str) -> Array:
    """The style wider or narrower, and long hair shorter: what hangs below a height is drawn up to it."""
    crown = base[:BODY_VERTICES, 1].max()
    middle = base[:BODY_VERTICES][base[:BODY_VERTICES, 1] > crown - 0.12].mean(0)
    vertices = vertices.copy()
    if style.startswith(SHORTENED) and rng.random() < 0.65:
        low = float(vertices[:, 1].min())
        end = rng.uniform(low, max(low, crown - 0.24))
        below = vertices[:, 1] < end + 0.03
        squeeze = 0.03 / max(0.03, end + 0.03 - low)
        vertices[below, 1] = end + 0.03 - (end + 0.03 - vertices[below, 1]) * squeeze
    away = np.clip((crown - vertices[:, 1] - 0.10) / 0.15, 0, 1)  # more where it hangs than on the head
    wider = 1 + away * rng.normal(0, 0.08) + rng.normal(0.01, 0.015)
    vertices[:, [0, 2]] = middle[[0, 2]] + (vertices[:, [0, 2]] - middle[[0, 2]]) * wider[:, None]
    lifted = np.clip((vertices[:, 1] - (crown - 0.06)) / 0.06, 0, 1.5) * rng.uniform(-0.003, 0.010)
    vertices[:, 1] += lifted
    return vertices.astype(np.float32)


def _cropped(assets: Assets, rng: Rng, hair: Hair) -> Array:
    """(V,) metres: thickness of cropped hair, thin at the sides, thicker on top and perhaps in front."""
    skin = assets.mean[:BODY_VERTICES]
    eye, ear, _ = _landmarks(assets)
    sides = rng.uniform(0.002, 0.010)
    top = sides + rng.choice([rng.uniform(0, 0.008), rng.uniform(0.008, 0.026)], p=[0.45, 0.55])
    if hair.style == "bun":
        sides = top = rng.uniform(0.004, 0.008)
    upward = np.clip((skin[:, 1] - eye[1] - 0.01) / 0.08, 0, 1)
    thickness = sides + (top - sides) * upward
    if hair.style == "crop" and rng.random() < 0.5:
        thickness = thickness + upward * np.clip((skin[:, 2] - ear[2] - 0.02) / 0.06, 0, 1) * rng.uniform(0, 0.012)
    waves = np.zeros(len(skin))
    for _ in range(4):
        way = rng.normal(size=3)
        waves += np.sin(skin @ (way / np.linalg.norm(way)) * rng.uniform(80, 320) + rng.uniform(0, 6.3))
    return np.asarray(thickness * (1 + rng.uniform(0.02, 0.13) * waves) * np.clip(hair.scalp * 1.5, 0, 1), np.float32)


def _add_shell(assets: Assets, rng: Rng, builder: MeshBuilder, base: Array, share: Array, thickness: Array, tone: Array) -> None:
    """A second skin over the vertices with a `share` (V,) above 0, `thickness` (V,) metres off it, that thins out at its edge."""
    triangles = assets.triangles["body"]
    chosen = (share[triangles] > 0.02).any(1)
    used, inverse = np.unique(triangles[chosen], return_inverse=True)
    outward = normals(base[:BODY_VERTICES].astype(np.float32), triangles.astype(np.int32))
    vertices = base[used] + outward[used] * thickness[used, None]
    size = builder.size
    grain: Array = rng.standard_normal((size, size)).astype(np.float32)
    tufts = noise(rng, size, size / 42, 2)
    light = np.clip(1 + 0.16 * grain + rng.uniform(0.08, 0.3) * tufts, 0.4, 1.7)
    grown = _atlas(assets, share[:, None], size)[..., 0]
    texture = np.zeros((size, size, 5), np.uint8)
    texture[..., :3] = np.clip(light[..., None] * tone * 255, 0, 255)
    texture[..., 3] = np.clip((grown * 1.5 - 0.15 + 0.30 * grain * (1 - grown)) * 255, 0, 255)
    texture[..., 4] = np.clip(128 + 45 * tufts + 18 * grain, 0, 255)
    material = builder.material(texture, alpha=True, shine=0.025, gloss=10, wrap=0.3, bias=0.004, bump=0.006)
    faces = inverse.reshape(-1, 3).astype(np.int32)
    builder.add(vertices, assets.bones[used], assets.bone_weights[used], faces, assets.uv["body"][chosen], material)


def _add_bun(assets: Assets, rng: Rng, builder: MeshBuilder, base: Array, hair: Hair) -> None:
    """A knot at the back of the head or on top of it."""
    skin = base[:BODY_VERTICES]
    head = skin[skin[:, 1] > skin[:, 1].max() - 0.16]
    back, crown = head[:, 2].min(), head[:, 1].max()
    up = rng.random()
    middle = np.array([0, crown - 0.10 + 0.10 * up, back - 0.005 + 0.07 * max(0.0, up - 0.4)])
    y, x = np.mgrid[0:9, 0:16]
    polar, around = y.ravel() * np.pi / 8, x.ravel() * np.pi / 8
    ball = np.stack([np.sin(polar) * np.cos(around), np.cos(polar), np.sin(polar) * np.sin(around)], 1)
    vertices = middle + ball * rng.uniform(0.026, 0.046, 3) * (1 + 0.08 * rng.standard_normal((len(ball), 1)))
    cells = np.arange(8)[:, None] * 16 + np.arange(16)
    right = np.arange(8)[:, None] * 16 + (np.arange(16) + 1) % 16
    faces = np.concatenate([np.stack([cells, right, cells + 16], -1), np.stack([right, right + 16, cells + 16], -1)]).reshape(-1, 3)
    uv = np.stack([around / 6.3, polar / np.pi], 1) * 0.98 + 0.01
    light = np.clip(1 + 0.25 * noise(rng, builder.size, 20), 0.4, 1.6)[..., None]
    texture = np.dstack([np.clip(light * hair.colour * 255, 0, 255), np.full(light.shape[:2], 255)]).astype(np.uint8)
    bones, weights = np.zeros((len(ball), 4), np.uint8), np.zeros((len(ball), 4), np.float32)
    bones[:, 0], weights[:, 0] = assets.bone_index["head"], 1
    builder.add(vertices, bones, weights, faces.astype(np.int32), uv[faces], builder.material(texture, shine=0.03, gloss=14, wrap=0.3))
