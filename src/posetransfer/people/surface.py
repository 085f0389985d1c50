"""Meshes in motion: skinning, normals, and values of the surface drawn into a texture atlas."""

from __future__ import annotations

import math

import numpy as np

from posetransfer.people.arrays import Array
from posetransfer.people.compiled import compiled


@compiled()
def skin(vertices: Array, bones: Array, weights: Array, matrices: Array) -> Array:
    """Move vertices with their bones (linear blend skinning).

    Args:
        vertices: (n, 3) float32 metres, rest pose.
        bones, weights: (n, 4) up to four bones of each vertex.
        matrices: (bones, 3, 4) float32.

    Returns:
        (n, 3) float32 metres.
    """
    moved = np.empty((vertices.shape[0], 3), np.float32)
    for i in range(vertices.shape[0]):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        a = np.float32(0)
        b = np.float32(0)
        c = np.float32(0)
        for k in range(4):
            q = weights[i, k]
            if q > 0:
                m = matrices[bones[i, k]]
                a += q * (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3])
                b += q * (m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3])
                c += q * (m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3])
        moved[i, 0] = a
        moved[i, 1] = b
        moved[i, 2] = c
    return moved


@compiled()
def normals(vertices: Array, triangles: Array) -> Array:
    """Area-weighted unit normals (n, 3) of the vertices (n, 3)."""
    summed = np.zeros_like(vertices)
    for f in range(triangles.shape[0]):
        i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ax = vertices[j, 0] - vertices[i, 0]
        ay = vertices[j, 1] - vertices[i, 1]
        az = vertices[j, 2] - vertices[i, 2]
        bx = vertices[k, 0] - vertices[i, 0]
        by = vertices[k, 1] - vertices[i, 1]
        bz = vertices[k, 2] - vertices[i, 2]
        x = ay * bz - az * by
        y = az * bx - ax * bz
        z = ax * by - ay * bx
        for corner in (i, j, k):
            summed[corner, 0] += x
            summed[corner, 1] += y
            summed[corner, 2] += z
    for i in range(vertices.shape[0]):
        length = math.sqrt(summed[i, 0] ** 2 + summed[i, 1] ** 2 + summed[i, 2] ** 2) + 1e-12
        summed[i, 0] /= length
        summed[i, 1] /= length
        summed[i, 2] /= length
    return summed


@compiled()
def _area(points: Array, i: int, j: int, k: int) -> float:
    """Twice the area of a triangle."""
    ax = points[j, 0] - points[i, 0]
    ay = points[j, 1] - points[i, 1]
    az = points[j, 2] - points[i, 2]
    bx = points[k, 0] - points[i, 0]
    by = points[k, 1] - points[i, 1]
    bz = points[k, 2] - points[i, 2]
    x = ay * bz - az * by
    y = az * bx - ax * bz
    z = ax * by - ay * bx
    area: float = math.sqrt(x * x + y * y + z * z)
    return area


@compiled()
def crowding(vertices: Array, rest: Array, triangles: Array) -> Array:
    """How much the surface round each vertex is crowded by a pose: its area at rest over its area now, (n,) float32.

    1 = as at rest; above 1 on the inside of a bent elbow or knee, where cloth folds; below 1 where it is stretched.

    Args:
        vertices: (n, 3) float32 posed; rest: (n, 3) float32; triangles: (F, 3).
    """
    now = np.zeros(vertices.shape[0], np.float32)
    before = np.zeros(vertices.shape[0], np.float32)
    for f in range(triangles.shape[0]):
        i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        posed_area = _area(vertices, i, j, k)
        rest_area = _area(rest, i, j, k)
        for corner in (i, j, k):
            now[corner] += posed_area
            before[corner] += rest_area
    for i in range(vertices.shape[0]):
        now[i] = before[i] / now[i] if now[i] > 1e-12 else 1.0
    return now


@compiled(fastmath=False)
def draw_into_atlas(uv: Array, values: Array, size: int) -> tuple[Array, Array]:
    """Draw values at the corners of triangles into a texture.

    Args:
        uv: (F, 3, 2) texture coordinates, v upwards.
        values: (F, 3, C) float32.
        size: side of the texture in texels.

    Returns:
        (size, size, C) float32 and a mask (size, size) uint8: 0 empty, 1 grown by one texel, 2 inside a triangle.
    """
    channels = values.shape[2]
    out = np.zeros((size, size, channels), np.float32)
    mask = np.zeros((size, size), np.uint8)
    for f in range(uv.shape[0]):
        x0 = uv[f, 0, 0] * size
        y0 = (1 - uv[f, 0, 1]) * size
        x1 = uv[f, 1, 0] * size
        y1 = (1 - uv[f, 1, 1]) * size
        x2 = uv[f, 2, 0] * size
        y2 = (1 - uv[f, 2, 1]) * size
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        grow = 1.0 / np.sqrt(abs(area)) * 0.6
        for y in range(int(min(y0, y1, y2)) - 1, int(max(y0, y1, y2)) + 2):
            for x in range(int(min(x0, x1, x2)) - 1, int(max(x0, x1, x2)) + 2):
                px = x + 0.5
                py = y + 0.5
                b1 = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) / area
                b2 = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) / area
                b0 = 1 - b1 - b2
                if min(b0, b1, b2) < -min(grow, 0.5):
                    continue
                inside = min(b0, b1, b2) >= 0
                row = y % size
                column = x % size
                if mask[row, column] == 2 or (mask[row, column] == 1 and not inside):
                    continue
                mask[row, column] = 2 if inside else 1
                for c in range(channels):
                    out[row, column, c] = b0 * values[f, 0, c] + b1 * values[f, 1, c] + b2 * values[f, 2, c]
    return out, mask
