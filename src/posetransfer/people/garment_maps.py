"""For each texel of a garment: where it lies on the person, and how bright the original cloth is there.

So a pattern is painted in body coordinates, and sleeves and hems can be cut anywhere. The maps belong to the mean
body and are made once per piece and texture size.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from posetransfer.people.arrays import Array
from posetransfer.people.assets import Assets, Proxy
from posetransfer.people.garments import PIECES, SHOWS_A_LOGO, garment
from posetransfer.people.surface import draw_into_atlas, normals

LUMINANCE = (0.3, 0.59, 0.11)


@dataclass(frozen=True, eq=False)
class GarmentMaps:
    """All (S, S) unless said otherwise.

    Attributes:
        place: (S, S, 3) metres on the mean body.
        front, left: bool, the side of the body.
        arm: 0 shoulder to 1 wrist, -1 off the arms.
        arm_across: metres across the sleeve.
        leg: 0 hip to 1 ankle.
        sleeve: 0 to 1, how much a texel belongs to a sleeve.
        detail: brightness of the original cloth, 1 = its usual shade.
        original: (S, S, 3) sRGB in [0, 1]; alpha: in [0, 1].
    """

    place: Array
    front: Array
    left: Array
    arm: Array
    arm_across: Array
    leg: Array
    sleeve: Array
    detail: Array
    original: Array
    alpha: Array


@dataclass(frozen=True, eq=False)
class LimbPlaces:
    """Per vertex (V,): how much the arms carry it, place along the arm (0 shoulder, 1 wrist), metres across it, place along the leg."""

    on_arm: Array
    arm: Array
    arm_across: Array
    leg: Array


def limb_places(assets: Assets, base: Array, vertices: Array, bones: Array, weights: Array) -> LimbPlaces:
    """Where vertices (V, 3) with their bones (V, 4) lie along arms and legs of a body (19158, 3); metres."""
    joints = assets.joint_regressor @ base
    arm_bones = np.array([name.startswith(("upperarm", "lowerarm", "wrist", "finger")) for name in assets.bone_names])
    arm, across, leg = (np.zeros(len(vertices)) for _ in range(3))
    left = vertices[:, 0] >= 0
    for side, here in (("L", left), ("R", ~left)):
        shoulder, wrist, hip, ankle = (
            joints[assets.bone_index[f"{bone}.{side}"]] for bone in ("upperarm01", "wrist", "upperleg01", "foot")
        )
        along = wrist - shoulder
        length = np.linalg.norm(along)
        along = along / length
        arm[here] = (vertices[here] - shoulder) @ along / length
        across[here] = (vertices[here] - shoulder) @ np.cross(along, [0, 0, 1.0])
        leg[here] = (hip[1] - vertices[here, 1]) / (hip[1] - ankle[1])
    return LimbPlaces((weights * arm_bones[bones]).sum(1), arm, across, leg)


@functools.lru_cache(None)
def garment_maps(assets: Assets, name: str, size: int) -> GarmentMaps:
    """The maps of a piece of `garments.PIECES` at a texture of `size` x `size` texels."""
    proxy, triangles, uv = garment(assets, name)
    field, mask = draw_into_atlas(uv, _corner_values(assets, proxy)[triangles], size)
    nearest = ndimage.distance_transform_edt(mask == 0, return_distances=False, return_indices=True)
    field = field[nearest[0], nearest[1]]
    original, alpha = _original(assets, name, size)
    if alpha[mask > 0].mean() < 0.5:
        alpha = np.ones_like(alpha)
    on_arm = field[..., 4]
    return GarmentMaps(
        place=field[..., :3],
        front=field[..., 3] > 0,
        left=field[..., 0] >= 0,
        arm=np.where(on_arm > 0.5, field[..., 5], -1),
        arm_across=field[..., 6],
        leg=field[..., 7],
        sleeve=np.clip((on_arm - 0.15) / 0.15, 0, 1) * np.clip(field[..., 5] / 0.03 + 0.5, 0, 1),
        detail=_detail(assets, name, original, (mask > 0) & (alpha > 0.5)),
        original=original,
        alpha=alpha,
    )


def _corner_values(assets: Assets, proxy: Proxy) -> Array:
    """(V, 8) float32: place, normal towards the front, on_arm, arm, arm_across, leg."""
    vertices = proxy.fit(assets.mean).astype(np.float32)
    facing = normals(vertices, proxy.triangles.astype(np.int32))[:, 2:3]
    limbs = limb_places(assets, assets.mean, vertices, proxy.bones, proxy.bone_weights)
    columns = [limbs.on_arm[:, None], limbs.arm[:, None], limbs.arm_across[:, None], limbs.leg[:, None]]
    return np.concatenate([vertices, facing, *columns], 1).astype(np.float32)


def _original(assets: Assets, name: str, size: int) -> tuple[Array, Array]:
    """The texture that came with the mesh, (S, S, 3) and alpha (S, S) in [0, 1]; grey where there is none."""
    key = "clothes/" + PIECES[name].mesh
    if not assets.has_texture(key):
        return np.full((size, size, 3), 0.6, np.float32), np.ones((size, size), np.float32)
    texture = cv2.resize(assets.texture(key), (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return texture[..., :3], texture[..., 3]


def _detail(assets: Assets, name: str, original: Array, used: Array) -> Array:
    """(S, S) float32: folds and seams of the original, without its prints."""
    piece = PIECES[name]
    size = len(original)
    median = np.median(original[used], axis=0) if used.any() else np.array([0.5] * 3)
    usual = float(median @ list(LUMINANCE)) + 0.02
    detail = (original @ np.array(LUMINANCE, np.float32) + 0.05) / (usual + 0.05)
    if piece.cloth == "knit":  # a colour far from the main one is a print: no detail there
        hue = cv2.cvtColor(original, cv2.COLOR_RGB2LAB)[..., 1:]
        usual_hue = np.median(hue[used], 0) if used.any() else np.zeros(2)
        far = (np.linalg.norm(hue - usual_hue, axis=2) > 13).astype(np.float32)
        far = cv2.dilate(far, np.ones((3, 3)))
        detail = detail * (1 - far) + far
    key = f"clothes/{piece.mesh}/ao"
    if assets.has_texture(key):
        occlusion = cv2.resize(assets.texture(key), (size, size))[..., 1].astype(np.float32) / 255
        share = max(0.3, float(np.median(occlusion[used])))
        detail = detail * 0.8 + 0.2 * occlusion / share
        if piece.mesh in SHOWS_A_LOGO and piece.kind in ("top", "undertop"):
            detail = np.clip(occlusion / share, 0.4, 1.3)  # the shade of the folds only
    return np.clip(detail, 0.25, 2.2).astype(np.float32)
