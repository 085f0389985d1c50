"""How much of the key light reaches a point, and the shadow of a person on the floor."""

from __future__ import annotations

import math

import numpy as np

from posetransfer.people.arrays import Array, Real
from posetransfer.people.compiled import compiled


def _disc_taps() -> Array:
    """(16, 6, 2) float32: six points in the unit disc on a spiral of the golden angle, in 16 turns."""
    angle = np.arange(16)[:, None] * (2 * np.pi / 16) + 2.399963 * np.arange(6)[None]
    radius = np.sqrt((np.arange(6) + 0.5) / 6)[None]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1).astype(np.float32)


TAPS = _disc_taps()


@compiled()
def light_at(depth: Array, matrix: Array, x: Real, y: Real, z: Real, bias: Real, turn: int, radius: Real) -> float:
    """Share of the key light, 0 to 1, at a world point.

    Args:
        depth: (S, S) shadow map.
        matrix: (3, 4) from metres to its pixels and depth.
        bias: metres by which the point is lifted towards the light.
        turn: 0 to 15, how the six taps lie; radius: of their disc, in pixels.
    """
    size = depth.shape[0]
    px = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]
    py = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]
    d = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3] + bias
    if px < -20 or py < -20 or px > size + 20 or py > size + 20:
        return 1.0
    share = 0.0
    for k in range(6):
        qx = px + radius * TAPS[turn, k, 0] - 0.5
        qy = py + radius * TAPS[turn, k, 1] - 0.5
        ix = math.floor(qx)
        iy = math.floor(qy)
        fx = qx - ix
        fy = qy - iy
        if ix < 0 or iy < 0 or ix >= size - 1 or iy >= size - 1:
            share += 1
            continue
        if depth[iy, ix] < d:
            share += (1 - fx) * (1 - fy)
        if depth[iy, ix + 1] < d:
            share += fx * (1 - fy)
        if depth[iy + 1, ix] < d:
            share += (1 - fx) * fy
        if depth[iy + 1, ix + 1] < d:
            share += fx * fy
    return share / 6.0


@compiled()
def floor_shadow(
    depth: Array, matrix: Array, axes: Array, eye: Array, focal: Real, cx: Real, cy: Real,
    height: int, width: int, radius: Real, strength: Real, feet: Array,
) -> Array:  # fmt: skip
    """Factor (height, width) float32 by which a person darkens the floor, the plane y = 0.

    Args:
        depth, matrix: as in `light_at`.
        axes, eye, focal, cx, cy: the camera (`camera.View`), float32.
        radius: softness of the shadow's edge, in pixels of the shadow map.
        strength: 1 = black.
        feet: (k, 3) x, z and radius in metres of the dark spots below the feet.
    """
    out = np.ones((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            dx = (x + 0.5 - cx) / focal
            dy = (y + 0.5 - cy) / focal
            rx = axes[0, 0] * dx + axes[1, 0] * dy + axes[2, 0]
            ry = axes[0, 1] * dx + axes[1, 1] * dy + axes[2, 1]
            rz = axes[0, 2] * dx + axes[1, 2] * dy + axes[2, 2]
            if ry > -1e-3:
                continue
            t = (np.float32(0) - eye[1]) / ry
            if t <= 0 or t > 60:
                continue
            gx = eye[0] + t * rx
            gz = eye[2] + t * rz
            lit = light_at(depth, matrix, gx, np.float32(0), gz, 0.02, 0, radius)
            factor = 1 - strength * (1 - lit)
            for k in range(feet.shape[0]):
                d = ((gx - feet[k, 0]) ** 2 + (gz - feet[k, 1]) ** 2) / feet[k, 2] ** 2
                if d < 4:
                    factor *= 1 - 0.55 * math.exp(-d)
            out[y, x] = factor
    return out
