"""The rasteriser: which triangle is seen at each sample, and how deep; the light's depth map; samples averaged to pixels."""

from __future__ import annotations

import math

import numpy as np

from posetransfer.people.arrays import Array
from posetransfer.people.compiled import compiled
from posetransfer.people.mesh import ALPHA, BIAS, TEXTURE, TWO_SIDED


@compiled()
def _transparent(uv: Array, f: int, c1: float, c2: float, textures: Array, t: int, x: int, y: int) -> bool:
    """Alpha test of triangle f at barycentrics c1, c2; the threshold is dithered over 2 x 2 samples, so that hair thins out softly."""
    size = textures.shape[1]
    c0 = 1 - c1 - c2
    u = c0 * uv[f, 0, 0] + c1 * uv[f, 1, 0] + c2 * uv[f, 2, 0]
    v = c0 * uv[f, 0, 1] + c1 * uv[f, 1, 1] + c2 * uv[f, 2, 1]
    column = int(u * size) % size
    row = int((1 - v) * size) % size
    clear: bool = textures[t, row, column, 3] < 40 + 56 * ((x & 1) * 2 + ((x + y) & 1))
    return clear


@compiled()
def rasterise(
    points: Array, triangles: Array, uv: Array, material: Array, materials: Array, textures: Array, height: int, width: int
) -> tuple[Array, Array, Array]:
    """Draw triangles into a depth buffer.

    Args:
        points: (n, 3) float32: sample x, sample y, depth in metres; see `mesh.Mesh` for the rest.

    Returns:
        number of the triangle seen, (height, width) int32, -1 = none; inverse depth (1/m, biased by the material,
        0 = none); barycentric coordinates of corners 1 and 2, (height, width, 2), corrected for perspective.
    """
    seen = np.full((height, width), -1, np.int32)
    inverse_depth = np.zeros((height, width), np.float32)
    barycentric = np.zeros((height, width, 2), np.float32)
    for f in range(triangles.shape[0]):
        i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        m = material[f]
        x0 = points[i, 0]
        y0 = points[i, 1]
        x1 = points[j, 0]
        y1 = points[j, 1]
        x2 = points[k, 0]
        y2 = points[k, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0:
            continue
        if area > 0 and materials[m, TWO_SIDED] < 0.5:
            continue
        left = max(0, math.ceil(min(x0, x1, x2) - 0.5))
        right = min(width - 1, math.floor(max(x0, x1, x2) - 0.5))
        top = max(0, math.ceil(min(y0, y1, y2) - 0.5))
        bottom = min(height - 1, math.floor(max(y0, y1, y2) - 0.5))
        if left > right or top > bottom:
            continue
        z0 = points[i, 2]
        z1 = points[j, 2]
        z2 = points[k, 2]
        if z0 < 0.05 or z1 < 0.05 or z2 < 0.05:
            continue
        bias = materials[m, BIAS]
        w0 = 1 / z0
        w1 = 1 / z1
        w2 = 1 / z2
        v0 = 1 / max(z0 - bias, 0.01)
        v1 = 1 / max(z1 - bias, 0.01)
        v2 = 1 / max(z2 - bias, 0.01)
        inverse_area = 1 / area
        alpha = materials[m, ALPHA] > 0.5
        t = int(materials[m, TEXTURE])
        for y in range(top, bottom + 1):
            py = y + 0.5
            for x in range(left, right + 1):
                px = x + 0.5
                b1 = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) * inverse_area
                b2 = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) * inverse_area
                b0 = 1 - b1 - b2
                if b0 < 0 or b1 < 0 or b2 < 0:
                    continue
                nearness = b0 * v0 + b1 * v1 + b2 * v2
                if nearness <= inverse_depth[y, x]:
                    continue
                depth = 1 / (b0 * w0 + b1 * w1 + b2 * w2)
                c1 = b1 * w1 * depth
                c2 = b2 * w2 * depth
                if alpha and _transparent(uv, f, c1, c2, textures, t, x, y):
                    continue
                inverse_depth[y, x] = nearness
                seen[y, x] = f
                barycentric[y, x, 0] = c1
                barycentric[y, x, 1] = c2
    return seen, inverse_depth, barycentric


@compiled()
def shadow_map(points: Array, triangles: Array, size: int) -> Array:
    """Depth (size, size) as the light sees it, larger = nearer to the light.

    Args:
        points: (n, 3) float32: pixel x, pixel y, metres towards the light.
    """
    depth = np.full((size, size), -1e9, np.float32)
    for f in range(triangles.shape[0]):
        i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        x0 = points[i, 0]
        y0 = points[i, 1]
        x1 = points[j, 0]
        y1 = points[j, 1]
        x2 = points[k, 0]
        y2 = points[k, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0:
            continue
        inverse_area = 1 / area
        left = max(0, math.ceil(min(x0, x1, x2) - 0.5))
        right = min(size - 1, math.floor(max(x0, x1, x2) - 0.5))
        top = max(0, math.ceil(min(y0, y1, y2) - 0.5))
        bottom = min(size - 1, math.floor(max(y0, y1, y2) - 0.5))
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                px = x + 0.5
                py = y + 0.5
                b1 = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) * inverse_area
                b2 = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) * inverse_area
                if b1 < 0 or b2 < 0 or b1 + b2 > 1:
                    continue
                d = points[i, 2] * (1 - b1 - b2) + points[j, 2] * b1 + points[k, 2] * b2
                depth[y, x] = max(depth[y, x], d)
    return depth


@compiled()
def resolve(seen: Array, colour: Array, backdrop: Array, shadow: Array) -> tuple[Array, Array]:
    """Average 2 x 2 samples over a backdrop.

    Args:
        seen, colour: (2h, 2w) and (2h, 2w, 3) samples.
        backdrop: (h, w, 3) linear; shadow: (h, w) factor on it.

    Returns:
        (h, w, 3) float32 linear, and how much of each pixel the person covers, (h, w).
    """
    height, width = backdrop.shape[:2]
    out = np.empty((height, width, 3), np.float32)
    cover = np.empty((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            n = 0
            red = 0.0
            green = 0.0
            blue = 0.0
            for dy in range(2):
                for dx in range(2):
                    if seen[2 * y + dy, 2 * x + dx] >= 0:
                        n += 1
                        c = colour[2 * y + dy, 2 * x + dx]
                        red += c[0]
                        green += c[1]
                        blue += c[2]
            rest = (4 - n) * shadow[y, x]
            out[y, x, 0] = (red + rest * backdrop[y, x, 0]) / 4
            out[y, x, 1] = (green + rest * backdrop[y, x, 1]) / 4
            out[y, x, 2] = (blue + rest * backdrop[y, x, 2]) / 4
            cover[y, x] = n / 4
    return out, cover
