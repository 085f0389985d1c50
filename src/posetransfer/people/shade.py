"""Deferred shading: colour, relief, shadow and highlight of every sample that the rasteriser covered."""

from __future__ import annotations

import math

import numpy as np

from posetransfer.people.arrays import Array, Real
from posetransfer.people.compiled import compiled
from posetransfer.people.mesh import BUMP, GLOSS, SHINE, TEXTURE, WRAP
from posetransfer.people.shadow import TAPS, light_at

LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)
"""sRGB byte -> linear light."""


@compiled()
def _bump(
    nx: float, ny: float, nz: float, uv: Array, f: int, ax: float, ay: float, az: float, bx: float, by: float, bz: float,
    textures: Array, t: int, x0: int, y0: int, x1: int, y1: int, bump: float, back: bool,
) -> tuple[float, float, float]:  # fmt: skip
    """Tilt a normal by the slope of the height texture; a, b are the edges of triangle f, bump the relief's height in metres."""
    size = textures.shape[1]
    xm = (x0 - 1 + size) % size
    xp = (x0 + 2) % size
    ym = (y0 - 1 + size) % size
    yp = (y0 + 2) % size  # a wide stencil: heights have 8 bits
    right = float(textures[t, y0, xp, 4]) + float(textures[t, y1, xp, 4])
    left = float(textures[t, y0, xm, 4]) + float(textures[t, y1, xm, 4])
    below = float(textures[t, yp, x0, 4]) + float(textures[t, yp, x1, 4])
    above = float(textures[t, ym, x0, 4]) + float(textures[t, ym, x1, 4])
    hu = (right - left) / 6 * size * bump / 255
    hv = -(below - above) / 6 * size * bump / 255
    du1 = uv[f, 1, 0] - uv[f, 0, 0]
    dv1 = uv[f, 1, 1] - uv[f, 0, 1]
    du2 = uv[f, 2, 0] - uv[f, 0, 0]
    dv2 = uv[f, 2, 1] - uv[f, 0, 1]
    det = du1 * dv2 - du2 * dv1
    if abs(det) > 1e-12:
        inverse = 1 / det
        tx = (dv2 * ax - dv1 * bx) * inverse
        ty = (dv2 * ay - dv1 * by) * inverse
        tz = (dv2 * az - dv1 * bz) * inverse
        sx = (du1 * bx - du2 * ax) * inverse
        sy = (du1 * by - du2 * ay) * inverse
        sz = (du1 * bz - du2 * az) * inverse
        a = hu / (tx * tx + ty * ty + tz * tz + 1e-9)
        c = hv / (sx * sx + sy * sy + sz * sz + 1e-9)
        slope = math.sqrt((a * tx + c * sx) ** 2 + (a * ty + c * sy) ** 2 + (a * tz + c * sz) ** 2)
        limit = 1.0 if slope < 0.8 else 0.8 / slope
        sign = -1.0 if back else 1.0
        nx -= sign * limit * (a * tx + c * sx)
        ny -= sign * limit * (a * ty + c * sy)
        nz -= sign * limit * (a * tz + c * sz)
    return nx, ny, nz


@compiled()
def _open_sky(inverse_depth: Array, y: int, x: int, focal: Real, turn: int) -> float:
    """Ambient light, 0.35 to 1, that neighbours in the depth buffer leave to a sample."""
    height, width = inverse_depth.shape
    blocked = 0.0
    z = 1 / inverse_depth[y, x]
    radius = 0.11 * focal / z
    for k in range(6):
        ix = int(x + radius * TAPS[turn, k, 0])
        iy = int(y + radius * TAPS[turn, k, 1])
        if ix < 0 or iy < 0 or ix >= width or iy >= height:
            continue
        other = inverse_depth[iy, ix]
        if other <= 0:
            continue
        nearer = z - 1 / other
        if nearer > 0.01 and nearer < 0.30:
            blocked += (1 - nearer / 0.30) * min(1.0, (nearer - 0.01) * 40)
    return max(0.35, 1 - 0.19 * blocked)


@compiled()
def _shade_sample(
    y: int, x: int, f: int, inverse_depth: Array, barycentric: Array, world: Array, normal: Array, triangles: Array, uv: Array,
    material: Array, materials: Array, textures: Array, eye: Array, light: Array, shadow: Array, matrix: Array, focal: Real,
    linear: Array, folded: Array, out: Array,
) -> None:  # fmt: skip
    """Write linear RGB of one sample on triangle f into `out`."""
    size = textures.shape[1]
    i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
    m = material[f]
    b1 = barycentric[y, x, 0]
    b2 = barycentric[y, x, 1]
    b0 = 1 - b1 - b2
    nx = b0 * normal[i, 0] + b1 * normal[j, 0] + b2 * normal[k, 0]
    ny = b0 * normal[i, 1] + b1 * normal[j, 1] + b2 * normal[k, 1]
    nz = b0 * normal[i, 2] + b1 * normal[j, 2] + b2 * normal[k, 2]
    px = b0 * world[i, 0] + b1 * world[j, 0] + b2 * world[k, 0]
    py = b0 * world[i, 1] + b1 * world[j, 1] + b2 * world[k, 1]
    pz = b0 * world[i, 2] + b1 * world[j, 2] + b2 * world[k, 2]
    vx = eye[0] - px
    vy = eye[1] - py
    vz = eye[2] - pz
    length = 1 / math.sqrt(vx * vx + vy * vy + vz * vz)
    vx *= length
    vy *= length
    vz *= length
    # Which side is seen, from the flat normal: interpolated ones lie at the silhouette.
    ax = world[j, 0] - world[i, 0]
    ay = world[j, 1] - world[i, 1]
    az = world[j, 2] - world[i, 2]
    bx = world[k, 0] - world[i, 0]
    by = world[k, 1] - world[i, 1]
    bz = world[k, 2] - world[i, 2]
    gx = ay * bz - az * by
    gy = az * bx - ax * bz
    gz = ax * by - ay * bx
    back = gx * vx + gy * vy + gz * vz < 0
    if back:
        nx = -nx
        ny = -ny
        nz = -nz
    # Texture, bilinear.
    u = b0 * uv[f, 0, 0] + b1 * uv[f, 1, 0] + b2 * uv[f, 2, 0]
    v = b0 * uv[f, 0, 1] + b1 * uv[f, 1, 1] + b2 * uv[f, 2, 1]
    t = int(materials[m, TEXTURE])
    fx = u * size - 0.5
    fy = (1 - v) * size - 0.5
    x0 = math.floor(fx)
    y0 = math.floor(fy)
    fx -= x0
    fy -= y0
    x1 = (x0 + 1) % size
    y1 = (y0 + 1) % size
    x0 = x0 % size
    y0 = y0 % size
    w00 = (1 - fx) * (1 - fy)
    w10 = fx * (1 - fy)
    w01 = (1 - fx) * fy
    w11 = fx * fy
    p00 = textures[t, y0, x0]
    p10 = textures[t, y0, x1]
    p01 = textures[t, y1, x0]
    p11 = textures[t, y1, x1]
    red = w00 * linear[p00[0]] + w10 * linear[p10[0]] + w01 * linear[p01[0]] + w11 * linear[p11[0]]
    green = w00 * linear[p00[1]] + w10 * linear[p10[1]] + w01 * linear[p01[1]] + w11 * linear[p11[1]]
    blue = w00 * linear[p00[2]] + w10 * linear[p10[2]] + w01 * linear[p01[2]] + w11 * linear[p11[2]]
    depth = b0 * folded[i] + b1 * folded[j] + b2 * folded[k]
    bump = materials[m, BUMP] * depth
    if bump > 0:
        nx, ny, nz = _bump(nx, ny, nz, uv, f, ax, ay, az, bx, by, bz, textures, t, x0, y0, x1, y1, bump, back)
    length = 1 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
    nx *= length
    ny *= length
    nz *= length
    turn = 0 if (x & 1) == 0 else 3  # the same two turns everywhere: no dither pattern
    ambient = _open_sky(inverse_depth, y, x, focal, turn)
    if bump > 0:
        ambient *= 1 - 0.16 * max(0.0, depth - 1)  # less light reaches the bottom of deep folds
    # Key light with its shadow.
    wrap = materials[m, WRAP]
    facing = nx * light[0, 0] + ny * light[0, 1] + nz * light[0, 2]
    diffuse = max(0.0, (facing + wrap) / (1 + wrap))
    lit = 0.0
    if diffuse > 0:
        lift = 0.012
        lit = light_at(shadow, matrix, px + nx * lift, py + ny * lift, pz + nz * lift, 0.010, turn, 1.5)
    diffuse *= lit
    fill = max(0.0, (nx * light[4, 0] + ny * light[4, 1] + nz * light[4, 2] + 0.3) / 1.3)
    upward = 0.5 + 0.5 * ny
    # Highlight (Blinn) and a little sheen at grazing angles.
    hx = light[0, 0] + vx
    hy = light[0, 1] + vy
    hz = light[0, 2] + vz
    length = 1 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
    half = max(0.0, (nx * hx + ny * hy + nz * hz) * length)
    towards = max(0.0, nx * vx + ny * vy + nz * vz)
    fresnel = 0.3 + 0.7 * (1 - towards) ** 3
    highlight = materials[m, SHINE] * half ** materials[m, GLOSS] * lit if facing > 0 and lit > 0 else 0.0
    sheen = materials[m, SHINE] * 0.25 * fresnel
    if back:
        ambient *= 0.6
    for c in range(3):
        sky = light[2, c] * upward + light[3, c] * (1 - upward)
        received = (sky + light[5, c] * fill) * ambient + light[1, c] * diffuse
        albedo = red if c == 0 else (green if c == 1 else blue)
        out[y, x, c] = albedo * received + highlight * light[1, c] + sheen * sky * ambient


@compiled()
def shade(
    seen: Array, inverse_depth: Array, barycentric: Array, world: Array, normal: Array, triangles: Array, uv: Array,
    material: Array, materials: Array, textures: Array, eye: Array, light: Array, shadow: Array, matrix: Array, focal: Real,
    linear: Array, folded: Array,
) -> Array:  # fmt: skip
    """Linear RGB (H, W, 3) float32 of the covered samples.

    In flat 2 x 2 blocks of one material only the two diagonal samples are worked out; the others are their mean.

    Args:
        seen, inverse_depth, barycentric: from `raster.rasterise`.
        world, normal: (n, 3) float32 posed vertices in metres and their normals; see `mesh.Mesh` for the rest.
        eye: (3,) float32 metres.
        light: (6, 3), `light.Light.table`.
        shadow, matrix: as in `shadow.light_at`.
        focal: samples per metre at 1 m, for the radius of the ambient occlusion.
        linear: `LINEAR`.
        folded: (n,) float32, by how much the relief of each vertex is deeper (above 1) or flatter than at rest.
    """
    height, width = seen.shape
    out = np.zeros((height, width, 3), np.float32)
    for y in range(0, height - 1, 2):
        for x in range(0, width - 1, 2):
            a = seen[y, x]
            b = seen[y + 1, x + 1]
            if a >= 0:
                _shade_sample(
                    y, x, a, inverse_depth, barycentric, world, normal, triangles, uv, material, materials, textures, eye, light,
                    shadow, matrix, focal, linear, folded, out,
                )  # fmt: skip
            if b >= 0:
                _shade_sample(
                    y + 1, x + 1, b, inverse_depth, barycentric, world, normal, triangles, uv, material, materials, textures, eye,
                    light, shadow, matrix, focal, linear, folded, out,
                )  # fmt: skip
            for q in range(2):
                row = y + q
                column = x + 1 - q
                f = seen[row, column]
                if f < 0:
                    continue
                tolerance = 0.01 * inverse_depth[y, x]
                if (
                    a >= 0
                    and b >= 0
                    and material[f] == material[a]
                    and material[f] == material[b]
                    and abs(inverse_depth[row, column] - inverse_depth[y, x]) < tolerance
                    and abs(inverse_depth[row, column] - inverse_depth[y + 1, x + 1]) < tolerance
                ):
                    for c in range(3):
                        out[row, column, c] = 0.5 * (out[y, x, c] + out[y + 1, x + 1, c])
                else:
                    _shade_sample(
                        row, column, f, inverse_depth, barycentric, world, normal, triangles, uv, material, materials, textures,
                        eye, light, shadow, matrix, focal, linear, folded, out,
                    )  # fmt: skip
    return out
