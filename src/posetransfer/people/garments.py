"""The wardrobe: which part of which garment mesh is a piece of clothing, for whom, and of what cloth."""

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

import numpy as np

from posetransfer.people.arrays import Array
from posetransfer.people.assets import Assets, Proxy

Kind = Literal["top", "undertop", "outer", "bottom", "dress", "full"]
Cloth = Literal["knit", "woven", "coat", "suit", "denim"]


class Piece(NamedTuple):
    """A piece of clothing: a garment mesh, the part of it, its kind, for whom ("m", "f", "mf"), and its cloth."""

    mesh: str
    part: Literal["all", "up", "low", "tee", "overall"]
    kind: Kind
    wearers: str
    cloth: Cloth


PIECES: dict[str, Piece] = {
    "tee_f1": Piece("female_casualsuit01", "up", "top", "f", "knit"),
    "tee_f2": Piece("female_casualsuit02", "up", "top", "f", "knit"),
    "crop_f": Piece("female_sportsuit01", "up", "top", "f", "knit"),
    "blouse_f": Piece("female_elegantsuit01", "up", "top", "f", "woven"),
    "tank_f": Piece("Tank_Top_01", "all", "top", "f", "knit"),
    "vneck_f": Piece("VNeckTop", "all", "top", "f", "knit"),
    "sleeveless_f": Piece("Sleeveless", "all", "top", "f", "woven"),
    "long_m": Piece("male_casualsuit02", "up", "top", "mf", "knit"),
    "shirt_m": Piece("male_casualsuit03", "up", "top", "mf", "woven"),
    "tee_m4": Piece("male_casualsuit04", "up", "top", "mf", "knit"),
    "tee_m6": Piece("male_casualsuit06", "up", "top", "mf", "knit"),
    "tee_w": Piece("male_worksuit01", "tee", "undertop", "mf", "knit"),
    "parka_m": Piece("male_casualsuit05", "up", "outer", "mf", "coat"),
    "blazer_m": Piece("male_elegantsuit01", "up", "outer", "m", "suit"),
    "coat_f": Piece("Coat", "all", "outer", "f", "coat"),
    "jeans_f1": Piece("female_casualsuit01", "low", "bottom", "f", "denim"),
    "shorts_f": Piece("female_casualsuit02", "low", "bottom", "f", "denim"),
    "leggings_f": Piece("female_sportsuit01", "low", "bottom", "f", "knit"),
    "skirt_f": Piece("female_elegantsuit01", "low", "bottom", "f", "woven"),
    "jeans_m2": Piece("male_casualsuit02", "low", "bottom", "mf", "denim"),
    "jeans_m3": Piece("male_casualsuit03", "low", "bottom", "m", "denim"),
    "jeans_m4": Piece("male_casualsuit04", "low", "bottom", "m", "denim"),
    "jeans_m5": Piece("male_casualsuit05", "low", "bottom", "m", "denim"),
    "jeans_m6": Piece("male_casualsuit06", "low", "bottom", "mf", "denim"),
    "trousers_m": Piece("male_elegantsuit01", "low", "bottom", "mf", "woven"),
    "overall": Piece("male_worksuit01", "overall", "bottom", "mf", "denim"),
    "skirt_jeans": Piece("JeansSkirt", "all", "bottom", "f", "denim"),
    "shorts_jeans": Piece("ShortJeans", "all", "bottom", "f", "denim"),
    "jeans_tight": Piece("Tightjeans", "all", "bottom", "f", "denim"),
    "skirt_long": Piece("@skirt", "all", "bottom", "f", "woven"),
    "dress_1": Piece("F_Dress_01", "all", "dress", "f", "woven"),
    "dress_2": Piece("F_Dress_02", "all", "dress", "f", "knit"),
    "dress_4": Piece("F_Dress_04", "all", "dress", "f", "knit"),
    "dress_tube": Piece("TubeDress", "all", "dress", "f", "knit"),
    "denim_suit": Piece("male_casualsuit01", "all", "full", "m", "denim"),
}
"""Pieces in the order in which they are drawn: changing it changes every set."""

SHOES = {"shoes01": "mf", "shoes02": "mf", "shoes03": "mf", "shoes04": "m", "shoes05": "mf", "shoes06": "mf", "WinterBoots": "f"}
"""Shoes, and who wears them."""

SHOWS_A_LOGO = {
    "female_casualsuit01", "female_casualsuit02", "female_sportsuit01", "male_casualsuit02", "male_casualsuit04", "male_casualsuit06",
    "male_worksuit01",
}  # fmt: skip
"""Meshes whose original shirt texture shows a word mark; it is never drawn."""


def pieces_for(kind: Kind, sex: str) -> list[str]:
    """Names of the pieces of a kind that a sex ("m", "f") wears.

    >>> pieces_for("outer", "f")
    ['parka_m', 'coat_f']
    """
    return [name for name, piece in PIECES.items() if piece.kind == kind and sex in piece.wearers]


@functools.lru_cache(None)
def garment(assets: Assets, name: str) -> tuple[Proxy, Array, Array]:
    """A piece: its proxy, the triangles (F, 3) that belong to it, and their texture coordinates (F, 3, 2)."""
    piece = PIECES[name]
    proxy = long_skirt(assets) if piece.mesh == "@skirt" else assets.proxy("clothes/" + piece.mesh)
    if piece.part == "all":
        return proxy, proxy.triangles, proxy.uv
    height = proxy.fit(assets.mean)[:, 1]
    parts = proxy.component.max() + 1
    second_largest = np.argsort(-np.bincount(proxy.component, minlength=parts))[1]  # the T-shirt below the overall
    if piece.part == "tee":
        chosen = np.arange(parts) == second_largest
    elif piece.part == "overall":
        chosen = np.arange(parts) != second_largest
    else:
        above = np.array([height[proxy.component == part].mean() for part in range(parts)]) > 0.08
        chosen = above if piece.part == "up" else ~above
    faces = chosen[proxy.component[proxy.triangles[:, 0]]]
    return proxy, proxy.triangles[faces], proxy.uv[faces]


@functools.lru_cache(None)
def long_skirt(assets: Assets) -> Proxy:
    """The helper skirt of the base mesh as a garment with a cylindrical atlas."""
    used, inverse = np.unique(assets.triangles["skirt"], return_inverse=True)
    triangles = inverse.reshape(-1, 3).astype(np.int32)
    places = assets.mean[used]
    around = np.arctan2(places[:, 0], places[:, 2]) / (2 * np.pi) + 0.5
    v = (places[:, 1] - places[:, 1].min()) / np.ptp(places[:, 1]) * 0.96 + 0.02
    u = around[triangles]
    u = np.where((u.max(1, keepdims=True) - u) > 0.5, u + 1, u) * 0.98  # a triangle across the seam stays in one piece
    count = len(used)
    return Proxy(
        anchors=np.repeat(used[:, None], 3, 1).astype(np.int32),
        anchor_weights=np.tile([1, 0, 0], (count, 1)).astype(np.float32),
        offset=np.zeros((count, 3), np.float32),
        triangles=triangles,
        uv=np.stack([u, v[triangles]], -1).astype(np.float32),
        component=np.zeros(count, int),
        hidden=np.zeros(len(assets.mean), bool),
        bones=assets.bones[used],
        bone_weights=assets.bone_weights[used].astype(np.float32),
    )
