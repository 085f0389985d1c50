"""Hats, glasses, shoes with socks, and bags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.assets import Assets
from posetransfer.people.body import Body
from posetransfer.people.colours import colour, contrast, noise
from posetransfer.people.garments import SHOES
from posetransfer.people.mesh import MeshBuilder
from posetransfer.people.surface import normals

HATS = ("fedora", "Fishing_Hat_01")


def choose_hat(rng: Rng) -> str:
    """A hat for 7 of 100 people, else ""."""
    return str(rng.choice(HATS)) if rng.random() < 0.07 else ""


def add_headwear(assets: Assets, rng: Rng, builder: MeshBuilder, base: Array, hat: str, age: str) -> None:
    """The hat, and glasses for one person in six, of the old for every third."""
    glasses = rng.random() < (0.34 if age == "old" else 0.16)
    if hat:
        proxy, texture = assets.proxy("clothes/" + hat), assets.texture("clothes/" + hat).copy()
        light = texture[..., :3].mean(2) / 128
        texture[..., :3] = np.clip(colour(rng) * 255 * np.clip(light, 0.4, 1.8)[..., None], 0, 255)
        fitted = proxy.fit(base)
        fitted = fitted + normals(fitted.astype(np.float32), proxy.triangles) * 0.006
        material = builder.material(texture, alpha=True, bias=0.06)
        builder.add(fitted, proxy.bones, proxy.bone_weights, proxy.triangles, proxy.uv, material)
    if glasses:
        texture = assets.texture("clothes/glasses").copy()
        lenses = (texture[..., 3] > 60) & (texture[..., 3] < 200)
        texture[lenses, 3] = 0 if rng.random() < 0.7 else 200  # clear, or sunglasses
        frame = np.array([20, 20, 22]) if rng.random() < 0.6 else colour(rng) * 200
        texture[~lenses, :3] = frame.astype(np.uint8)
        builder.add_proxy(assets.proxy("clothes/glasses"), base, builder.material(texture, alpha=True, bias=0.006))


def add_shoes(assets: Assets, rng: Rng, builder: MeshBuilder, base: Array, sex: str) -> str:
    """Shoes, often dyed, and socks; returns the name of the shoes."""
    name = str(rng.choice([shoe for shoe, wearers in SHOES.items() if sex in wearers]))
    proxy, texture = assets.proxy("clothes/" + name), assets.texture("clothes/" + name).copy()
    if rng.random() < 0.6:
        tone = colour(rng)
        light = texture[..., :3].astype(np.float32).mean(2)
        light = light / max(30, np.median(light))
        texture[..., :3] = np.clip(tone * 255 * np.clip(light, 0.3, 1.8)[..., None], 0, 255)
    vertices = proxy.fit(base)
    parts = np.zeros(proxy.component.max() + 1, bool)
    if name != "WinterBoots":  # a part that begins 3 cm above the sole is a sock
        for part in range(len(parts)):
            parts[part] = vertices[proxy.component == part, 1].min() > vertices[:, 1].min() + 0.03
    sock = parts[proxy.component[proxy.triangles[:, 0]]]
    material = builder.material(texture, shine=0.12, gloss=22, bias=0.006)
    builder.add(vertices, proxy.bones, proxy.bone_weights, proxy.triangles[~sock], proxy.uv[~sock], material)
    if sock.any() and not (rng.random() < 0.5 and sex == "f"):
        material = builder.material(_sock_texture(rng, builder.size), shine=0.01, bias=0.004)
        builder.add(vertices, proxy.bones, proxy.bone_weights, proxy.triangles[sock], proxy.uv[sock], material)
    return name


def _sock_texture(rng: Rng, size: int) -> Array:
    tones = [np.full(3, 0.88), np.full(3, 0.07), np.full(3, 0.4), colour(rng)]
    texture = np.zeros((size, size, 4), np.uint8)
    texture[..., :3] = tones[rng.choice(4, p=[0.35, 0.35, 0.15, 0.15])] * 255
    texture[..., 3] = 255
    return texture


def choose_bag(rng: Rng, often: float) -> str:
    """ "backpack", "cross" (over the shoulder), "hand" or ""; `often` scales how many people carry one (1 = 28 %)."""
    chance = rng.random() / often
    return "backpack" if chance < 0.13 else "cross" if chance < 0.22 else "hand" if chance < 0.28 else ""


def add_bag(assets: Assets, rng: Rng, builder: MeshBuilder, body: Body, kind: str) -> str:
    """A bag of a kind; returns the kind, a hand bag with its side: "hand:L"."""
    texture = _bag_texture(rng, builder.size)
    bag = {"backpack": _backpack, "cross": _shoulder_bag, "hand": _hand_bag}[kind](rng, body)
    vertices, triangles = rounded_box(bag.size)
    vertices = _hang_from_hand(vertices, bag, body) if kind == "hand" else vertices + bag.centre
    u = vertices[:, 0] / bag.size.max() + 0.5
    v = (vertices[:, 1] - vertices[:, 1].min()) / bag.size[1] * 0.98 + 0.01
    uv = np.clip(np.stack([u, v], 1), 0.01, 0.99)
    bones = np.zeros((len(vertices), 4), np.uint8)
    bones[:, 0] = assets.bone_index[bag.bone]
    weights = np.zeros((len(vertices), 4), np.float32)
    weights[:, 0] = 1
    builder.add(vertices, bones, weights, triangles, uv[triangles], builder.material(texture, shine=0.08, gloss=15))
    return f"hand:{bag.bone[-1]}" if kind == "hand" else kind


@dataclass(frozen=True, eq=False)
class _Bag:
    """Size (3,) and centre (3,) in metres, and the bone that carries it."""

    size: Array
    centre: Array
    bone: str


def _backpack(rng: Rng, body: Body) -> _Bag:
    size = np.array([rng.uniform(0.26, 0.34), rng.uniform(0.36, 0.48), rng.uniform(0.13, 0.2)])
    return _Bag(size, np.array([0, body.chest_y - 0.06, body.chest_back - size[2] / 2 + 0.01]), "spine02")


def _shoulder_bag(rng: Rng, body: Body) -> _Bag:
    size = np.array([rng.uniform(0.08, 0.12), rng.uniform(0.16, 0.26), rng.uniform(0.22, 0.3)])
    return _Bag(size, np.array([body.hip_w + size[0] / 2 + 0.01, body.hip_y + 0.03, 0]), "root")


def _hand_bag(rng: Rng, body: Body) -> _Bag:
    side = rng.choice(["L", "R"])
    size = np.array([rng.uniform(0.10, 0.14), rng.uniform(0.2, 0.3), rng.uniform(0.28, 0.36)])
    return _Bag(size, body.joint(f"finger3-2.{side}"), f"wrist.{side}")


def _hang_from_hand(vertices: Array, bag: _Bag, body: Body) -> Array:
    """The bag hangs along the hand's direction."""
    down = bag.centre - body.joint(bag.bone)
    down = down / np.linalg.norm(down)
    across = np.cross(down, np.array([0, 0, 1.0]))
    across /= np.linalg.norm(across)
    front = np.cross(across, down)
    turned = vertices[:, 0:1] * across - vertices[:, 1:2] * down + vertices[:, 2:3] * front
    hung: Array = turned + bag.centre + down * (bag.size[1] / 2 + 0.05)
    return hung


def _bag_texture(rng: Rng, size: int) -> Array:
    """(S, S, 5) uint8: darker top, maybe a stripe, a pocket and seams."""
    tone = colour(rng)
    rgb = np.ones((size, size, 3)) * tone
    rgb[: size // 3] *= 0.8
    if rng.random() < 0.4:
        rgb[size // 2 : size // 2 + size // 8] = contrast(rng, tone)
    y, x = np.mgrid[0:size, 0:size] / size
    across, rows = np.abs(x - 0.5), (y > 0.58) & (y < 0.88)
    pocket = (across < 0.22) & rows
    seams = (np.abs(across - 0.22) < 0.012) & rows | (across < 0.22) & (np.abs(y - 0.58) < 0.012) | (np.abs(y - 0.30) < 0.008)
    rgb = np.where(pocket[..., None], rgb * rng.uniform(0.75, 1.15), rgb)
    rgb = np.where(seams[..., None], rgb * 0.45, rgb)
    texture = np.zeros((size, size, 5), np.uint8)
    texture[..., :3] = np.clip(rgb * 255 * (1 + 0.06 * noise(rng, size, 30))[..., None], 0, 255)
    texture[..., 3] = 255
    texture[..., 4] = 128
    return texture


def rounded_box(size: Array, rings: int = 10) -> tuple[Array, Array]:
    """Vertices (n, 3) float32 and outward triangles (F, 3) of a rounded box of a size (3,) in metres."""

    def swell(x: float) -> float:
        swollen: float = np.sign(x) * np.abs(x) ** 0.38
        return swollen

    polar = np.linspace(0, np.pi, rings)
    around = np.linspace(0, 2 * np.pi, 2 * rings, endpoint=False)
    points = [[swell(np.sin(a)) * swell(np.cos(b)), swell(np.cos(a)), swell(np.sin(a)) * swell(np.sin(b))] for a in polar for b in around]
    vertices = np.array(points) * np.asarray(size) / 2
    columns = 2 * rings
    triangles = []
    for i in range(rings - 1):
        for j in range(columns):
            a, b = i * columns + j, i * columns + (j + 1) % columns
            c, d = a + columns, b + columns
            triangles += [[a, b, c], [b, d, c]]
    return vertices.astype(np.float32), np.array(triangles, np.int32)
