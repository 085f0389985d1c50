"""A person in a pose, before a camera, in a light: from a mesh to a picture in linear light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posetransfer.people import raster, shade, shadow
from posetransfer.people.arrays import Array
from posetransfer.people.camera import View
from posetransfer.people.light import Light
from posetransfer.people.mesh import Mesh
from posetransfer.people.surface import crowding, normals

SAMPLES = 2
"""Samples along each side of a pixel."""


@dataclass(frozen=True, eq=False)
class ShadowMap:
    """Depth (S, S) as the key light sees a square of 2.5 m, and the matrix (3, 4) from metres to its pixels."""

    depth: Array
    matrix: Array


@dataclass(frozen=True, eq=False)
class Rendering:
    """Samples before they meet a backdrop: triangle seen (2h, 2w) int32, linear RGB (2h, 2w, 3)."""

    seen: Array
    colour: Array


def cast_shadow(mesh: Mesh, posed: Array, light: Light, height: float, size: int) -> ShadowMap:
    """The shadow map (size, size) around a person `height` metres tall with posed vertices (n, 3)."""
    forward = light.direction.astype(float)
    right = np.cross([0, 1.0, 0.01], forward)
    right /= np.linalg.norm(right)
    up = np.cross(forward, right)
    scale = size / 2.5
    middle = np.array([0, height * 0.5, 0])
    matrix = np.zeros((3, 4), np.float32)
    for i, (axis, factor) in enumerate(((right, scale), (up, scale), (forward, 1.0))):
        matrix[i, :3] = axis * factor
        matrix[i, 3] = -np.dot(axis, middle) * factor + (size / 2 if i < 2 else 0)
    points = (posed @ matrix[:, :3].T + matrix[:, 3]).astype(np.float32)
    return ShadowMap(raster.shadow_map(points, mesh.triangles, size), matrix)


def render(mesh: Mesh, posed: Array, view: View, light: Light, cast: ShadowMap, size: tuple[int, int]) -> Rendering:
    """Draw a mesh whose posed vertices are (n, 3) float32 metres; `size` is (height, width) of the final picture."""
    height, width = size[0] * SAMPLES, size[1] * SAMPLES
    points = np.ascontiguousarray(view.project(posed) * np.array([SAMPLES, SAMPLES, 1], np.float32))
    normal = normals(posed, mesh.triangles)
    seen, inverse_depth, barycentric = raster.rasterise(
        points, mesh.triangles, mesh.uv, mesh.material, mesh.materials, mesh.textures, height, width
    )
    colour = shade.shade(
        seen, inverse_depth, barycentric, posed, normal, mesh.triangles, mesh.uv, mesh.material, mesh.materials, mesh.textures,
        view.eye.astype(np.float32), light.table, cast.depth, cast.matrix, np.float32(view.focal * SAMPLES), shade.LINEAR,
        folds(mesh, posed),
    )  # fmt: skip
    return Rendering(seen, colour)


def folds(mesh: Mesh, posed: Array) -> Array:
    """Depth of the relief at each vertex, (n,) float32, 1 = as modelled.

    Cloth folds where a pose crowds it and lies smooth where stretched.
    """
    depth: Array = np.clip(0.8 + 3.5 * (crowding(posed, mesh.vertices, mesh.triangles) - 1), 0.35, 2.8).astype(np.float32)
    return depth


def floor_shadow(cast: ShadowMap, view: View, size: tuple[int, int], softness: float, strength: float, feet: Array) -> Array:
    """Factor (h, w) float32 on the backdrop; `feet` (k, 3) x, z and radius in metres (`shadow.floor_shadow`)."""
    return shadow.floor_shadow(
        cast.depth, cast.matrix, view.axes.astype(np.float32), view.eye.astype(np.float32), np.float32(view.focal),
        np.float32(view.centre[0]), np.float32(view.centre[1]), size[0], size[1], np.float32(softness), np.float32(strength), feet,
    )  # fmt: skip


def resolve(rendering: Rendering, backdrop: Array, floor: Array, exposure: float) -> tuple[Array, Array]:
    """The person over a backdrop (h, w, 3) linear: picture (h, w, 3) linear, and coverage (h, w) in [0, 1]."""
    exposed = rendering.colour * np.float32(exposure)
    return raster.resolve(rendering.seen, exposed, backdrop, floor)
