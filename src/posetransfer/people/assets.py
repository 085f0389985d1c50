"""The compact file of everything that was modelled by others: base mesh, shapes, rig, garments, hair, textures.

Lengths are metres; x to the person's left, y up, z to the front. `LICENSES.md` beside this module names every origin;
`tools/extract_assets.py` made the file.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import scipy.sparse as sp

from posetransfer.errors import PoseTransferError
from posetransfer.people.arrays import Array

BODY_VERTICES = 13_380
"""The first vertices of the base mesh are the skin; behind them come eyes, skirt and other helpers."""


@dataclass(frozen=True, eq=False)
class Proxy:
    """A mesh bound to the base mesh: a garment, a shoe, hair.

    Attributes:
        anchors: (V, 3) vertices of the base mesh that carry each vertex.
        anchor_weights: (V, 3) their weights.
        offset: (V, 3) offset from them in metres.
        triangles: (F, 3) vertex numbers.
        uv: (F, 3, 2) texture coordinates of the corners in [0, 1], v upwards.
        component: (V,) number of the connected part.
        hidden: bool, one per base vertex: what the whole proxy covers.
        bones, bone_weights: (V, 4) the bones that move each vertex.
    """

    anchors: Array
    anchor_weights: Array
    offset: Array
    triangles: Array
    uv: Array
    component: Array
    hidden: Array
    bones: Array
    bone_weights: Array

    def fit(self, base: Array) -> Array:
        """Vertices (V, 3) in metres on the base mesh (19158, 3) of one body."""
        fitted: Array = (base[self.anchors] * self.anchor_weights[..., None]).sum(1) + self.offset
        return fitted


class Assets:
    """Everything read from `assets.npz`; proxies and textures are decoded when they are first asked for."""

    def __init__(self, path: Path) -> None:
        try:
            self._raw: dict[str, Array] = dict(np.load(path, allow_pickle=False))
        except (OSError, ValueError) as error:
            raise PoseTransferError(
                f"{path}: this file of the package cannot be read ({error}); reinstall with pip install --force-reinstall posetransfer."
            ) from error
        raw = self._raw
        self.mean = raw["mean"].astype(np.float32)  # (19158, 3) m, the mean adult
        self.basis = raw["basis"].astype(np.float32)  # (K, 19158, 3) m, principal components of adult shapes
        height = raw["shape_label"][:, 4]
        usual = (height > 1.50) & (height < 1.98)
        self.shape_coefficients = raw["shape_coef"][usual]  # (N, K) sampled adults
        self.shape_labels = raw["shape_label"][usual]  # (N, 8) 1 = male, age, muscle, weight, height in m, african, asian, caucasian
        self.bone_names = [str(name) for name in raw["bone_names"]]
        self.bone_index = {name: i for i, name in enumerate(self.bone_names)}
        self.bone_parent = raw["bone_parent"]
        self.joint_regressor = self._sparse("joint", 2 * len(self.bone_names))  # heads of the bones, then their tails
        self.keypoint_names = [str(name) for name in raw["kp_names"]]
        self.keypoint_regressor = self._sparse("kp", len(self.keypoint_names))
        self.bones, self.bone_weights = raw["skin_idx"], raw["skin_w"]
        self.triangles = {key[:-4]: raw[key] for key in raw if key.endswith("_tri")}
        self.uv = {key[:-3]: raw[key].astype(np.float32) for key in raw if key.endswith("_uv")}

    def _sparse(self, name: str, rows: int) -> sp.csr_matrix:
        parts = tuple(self._raw[f"{name}_{part}"] for part in ("data", "ind", "ptr"))
        return sp.csr_matrix(parts, shape=(rows, len(self.mean)))

    def names(self, kind: str) -> list[str]:
        """Sorted names of the proxies of a kind: "clothes", "hair", "eyebrows"."""
        return sorted({key.split("/")[1] for key in self._raw if key.startswith(kind + "/") and key.count("/") == 2})

    def texture_names(self, prefix: str) -> list[str]:
        """Sorted names of the textures that begin with a prefix."""
        return sorted(key[4:] for key in self._raw if key.startswith("tex/" + prefix))

    def proxy(self, name: str) -> Proxy:
        """A proxy by "clothes/NAME", "hair/NAME" or "eyebrows/NAME"."""
        return _proxy(self, name)

    def texture(self, name: str) -> Array:
        """A texture (S, S, 4) uint8 RGBA."""
        return _texture(self, name)

    def has_texture(self, name: str) -> bool:
        """Whether there is a texture of that name."""
        return "tex/" + name in self._raw

    def raw(self, key: str) -> Array:
        """An array as it is stored."""
        return self._raw[key]


@functools.lru_cache(None)
def _proxy(assets: Assets, name: str) -> Proxy:
    def part(key: str) -> Array:
        return assets.raw(f"{name}/{key}")

    return Proxy(
        anchors=part("ref").astype(np.int32),
        anchor_weights=part("w"),
        offset=part("off"),
        triangles=part("tri").astype(np.int32),
        uv=part("uv").astype(np.float32),
        component=part("comp").astype(np.int32),
        hidden=np.unpackbits(part("deleted"))[: len(assets.mean)].astype(bool),
        bones=part("skin_idx"),
        bone_weights=part("skin_w").astype(np.float32),
    )


@functools.lru_cache(None)
def _texture(assets: Assets, name: str) -> Array:
    picture: Array = np.asarray(cv2.imdecode(assets.raw("tex/" + name), cv2.IMREAD_UNCHANGED))
    if picture.shape[2] == 3:
        picture = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    return np.ascontiguousarray(picture[..., [2, 1, 0, 3]])


@functools.lru_cache(1)
def load_assets() -> Assets:
    """The shipped assets, read once per process (about a second)."""
    return Assets(Path(str(files("posetransfer.people"))) / "assets.npz")
