"""One mesh out of many parts, with its materials and one stack of textures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from posetransfer.people.arrays import Array
from posetransfer.people.assets import Proxy

COLUMNS = ("texture", "alpha", "shine", "gloss", "bump", "two_sided", "wrap", "bias")
"""Columns of the material table."""

TEXTURE, ALPHA, SHINE, GLOSS, BUMP, TWO_SIDED, WRAP, BIAS = range(len(COLUMNS))


@dataclass(frozen=True, eq=False)
class Mesh:
    """A person in the rest pose; the first 19158 vertices are the base mesh, from which keypoints are regressed.

    Attributes:
        vertices: (n, 3) float32 metres.
        bones, weights: (n, 4) what moves each vertex.
        triangles: (F, 3) vertex numbers; uv: (F, 3, 2) texture coordinates of the corners, v upwards.
        material: (F,) row of `materials`, (M, 8) float32 with the columns `COLUMNS`.
        textures: (T, S, S, 5) uint8: R, G, B (sRGB), alpha, height.
    """

    vertices: Array
    bones: Array
    weights: Array
    triangles: Array
    uv: Array
    material: Array
    materials: Array
    textures: Array

    def drawn(self) -> Array:
        """Numbers of the vertices that a triangle uses."""
        return np.unique(self.triangles)


class MeshBuilder:
    """Collects parts and materials; `build` joins them."""

    def __init__(self, base: Array, bones: Array, weights: Array, texture_size: int) -> None:
        self.size = texture_size
        self._vertices, self._bones, self._weights = [base], [bones], [weights]
        self._count = len(base)
        self._triangles: list[Array] = []
        self._uv: list[Array] = []
        self._material: list[Array] = []
        self._materials: list[list[float]] = []
        self._textures: list[Array] = []

    def material(
        self,
        texture: Array,
        *,
        alpha: bool = False,
        shine: float = 0.05,
        gloss: float = 12.0,
        bump: float = 0.0,
        two_sided: bool = True,
        wrap: float = 0.15,
        bias: float = 0.0,
    ) -> int:
        """Add a material and return its number.

        Args:
            texture: (s, s, 4 or 5) uint8; resized to the stack's size, a missing height becomes flat.
            alpha: leave out texels that are transparent.
            shine, gloss: strength and sharpness of the highlight.
            bump: height of the relief, metres.
            wrap: how far light creeps around the form (skin, cloth).
            bias: metres by which it wins over what lies behind it (cloth over skin).
        """
        size = self.size
        if texture.shape[0] != size:
            texture = cv2.resize(texture, (size, size), interpolation=cv2.INTER_AREA)
        if texture.shape[2] == 4:
            texture = np.dstack([texture, np.full((size, size), 128, np.uint8)])
        self._textures.append(texture)
        self._materials.append([len(self._textures) - 1, int(alpha), shine, gloss, bump, int(two_sided), wrap, bias])
        return len(self._materials) - 1

    def add(self, vertices: Array, bones: Array, weights: Array, triangles: Array, uv: Array, material: int) -> None:
        """Add a part with vertices (n, 3) of its own."""
        self._vertices.append(vertices.astype(np.float32))
        self._bones.append(bones)
        self._weights.append(weights)
        self.add_faces(triangles + self._count, uv, material)
        self._count += len(vertices)

    def add_proxy(self, proxy: Proxy, base: Array, material: int) -> None:
        """Add a whole proxy, fitted to a body."""
        self.add(proxy.fit(base), proxy.bones, proxy.bone_weights, proxy.triangles, proxy.uv, material)

    def add_faces(self, triangles: Array, uv: Array, material: int) -> None:
        """Add triangles over vertices that are already there."""
        self._triangles.append(triangles.astype(np.int32))
        self._uv.append(uv.astype(np.float32))
        self._material.append(np.full(len(triangles), material, np.int32))

    def build(self) -> Mesh:
        """The joined mesh."""
        return Mesh(
            vertices=np.concatenate(self._vertices),
            bones=np.concatenate(self._bones).astype(np.uint8),
            weights=np.concatenate(self._weights).astype(np.float32),
            triangles=np.concatenate(self._triangles),
            uv=np.concatenate(self._uv),
            material=np.concatenate(self._material),
            materials=np.array(self._materials, np.float32),
            textures=np.ascontiguousarray(np.stack(self._textures).astype(np.uint8)),
        )
