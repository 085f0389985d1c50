"""One photograph: an identity takes a pose, a camera is placed, and picture, joints and mask come out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.assets import BODY_VERTICES, Assets
from posetransfer.people.backdrop import random_backdrop, street_backdrop, studio_backdrop
from posetransfer.people.camera import View, develop_street, develop_studio, fit_view, matte
from posetransfer.people.gestures import gesture
from posetransfer.people.identity import Identity
from posetransfer.people.light import Light, street_light, studio_light
from posetransfer.people.motion import bone_matrices
from posetransfer.people.occluder import SHARE, occlude
from posetransfer.people.render import cast_shadow, floor_shadow, render, resolve
from posetransfer.people.settings import SIZES, Kind
from posetransfer.people.stance import model, pedestrian
from posetransfer.people.surface import skin
from posetransfer.pose.skeleton import INDEX, KEYPOINTS

SHADOW_MAP = {"street": 160, "studio": 256}
FOOT_RADIUS = 0.11
"""Of the dark spot below a foot, metres."""


@dataclass(frozen=True, eq=False)
class Shot:
    """A photograph and what is known about it.

    Attributes:
        picture: (h, w, 3) uint8 RGB.
        joints: (18, 2) integer (y, x) pixels, -1 = missing.
        mask: (h, w) float32 in [0, 1], the person's share of each pixel; of the street 0 or 1, nobody is cut out there.
        pose: its name.
    """

    picture: Array
    joints: Array
    mask: Array
    pose: str


@dataclass(frozen=True, eq=False)
class Posed:
    """A person in a pose, turned to the camera.

    Attributes:
        vertices: (n, 3) float32 and keypoints: (18, 3), in metres.
        head: (3, 3) rotation of the head.
        pose: its name.
        standing: height of the person standing upright, metres.
    """

    vertices: Array
    keypoints: Array
    head: Array
    pose: str
    standing: float

    @property
    def height(self) -> float:
        """Of the top of the head over the floor, metres."""
        return float(self.vertices[:BODY_VERTICES, 1].max())

    def turned(self, degrees: float) -> Posed:
        """Turned about the vertical."""
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)
        return Posed(np.ascontiguousarray(self.vertices @ turn.T), self.keypoints @ turn.T, turn @ self.head, self.pose, self.standing)


def take_street_shot(assets: Assets, who: Identity, rng: Rng, camera: int) -> Shot:
    """Photograph a pedestrian with the fixed street camera number `camera`."""
    size = SIZES["street"]
    posed = _strike(assets, who, rng, "street")
    posed = posed.turned(rng.uniform(0, 360))
    pitch, distance = rng.uniform(2, 28), rng.uniform(5, 12)
    view = _street_view(rng, posed, size, math.radians(pitch), distance)
    light = street_light(rng)
    backdrop = street_backdrop(rng, size, camera)
    exposure = 1.3 / light.brightness * rng.uniform(0.85, 1.15)
    linear, cover, _ = _expose(who, posed, view, light, backdrop, exposure, "street")
    if rng.random() < SHARE:
        linear, cover = occlude(rng, linear, cover)
    mask = (cover > 0.4).astype(np.float32)
    return Shot(develop_street(rng, linear, camera), _joints(posed, view, size), mask, posed.pose)


def take_studio_shot(
    assets: Assets, who: Identity, rng: Rng, *, whole: float, random_bg: float, sitting: Sequence[int] | None = None
) -> Shot:
    """Photograph a model.

    Args:
        whole: probability of a whole figure; the others are cut at thighs or knees.
        random_bg: probability of a textured backdrop.
        sitting: seed of backdrop, light, camera and exposure, shared by the pictures of one sitting; None draws them from `rng`.
    """
    size = SIZES["studio"]
    scene = rng if sitting is None else np.random.default_rng(list(sitting))
    posed = _strike(assets, who, rng, "studio")
    posed = posed.turned(_facing(rng))
    pitch, distance = _studio_pitch(rng), rng.uniform(2.4, 6)
    view = _studio_view(rng, posed, size, math.radians(pitch), distance, whole)
    light = studio_light(scene, view.eye)
    backdrop = studio_backdrop(scene, size) if scene.random() > random_bg else random_backdrop(scene, size)
    exposure = 1.1 / light.brightness * scene.uniform(0.85, 1.15)
    linear, cover, behind = _expose(who, posed, view, light, backdrop, exposure, "studio")
    picture, mask = develop_studio(rng, scene, linear, matte(linear, cover, behind))
    return Shot(picture, _joints(posed, view, size), mask, posed.pose)


def _strike(assets: Assets, who: Identity, rng: Rng, kind: Kind) -> Posed:
    """A pose for the kind of picture, standing on the floor at the origin, facing the front."""
    motion = pedestrian(rng, who.body) if kind == "street" else model(rng, who.body, calm=who.wears_a_skirt)
    if who.bag.startswith("hand:"):  # the arm with the bag stays low
        side = who.bag[-1]
        motion.arms[side] = gesture(rng, "hang" if rng.random() < 0.75 else "carry", 1.0 if side == "L" else -1.0, who.body)
    matrices = bone_matrices(who.body, motion)
    vertices = skin(who.mesh.vertices, who.mesh.bones, who.mesh.weights, matrices)
    vertices[:, 1] -= float(vertices[who.drawn, 1].min())
    keypoints = keypoints_3d(assets, vertices)
    centre = vertices[:BODY_VERTICES].mean(0)
    vertices[:, [0, 2]] -= centre[[0, 2]]
    keypoints[:, [0, 2]] -= centre[[0, 2]]
    standing = float(who.body.top_y - who.mesh.vertices[who.drawn, 1].min())
    return Posed(vertices, keypoints, matrices[assets.bone_index["head"], :, :3], motion.name, standing)


def keypoints_3d(assets: Assets, vertices: Array) -> Array:
    """(18, 3) metres from posed vertices, regressed from the surface and moved to where an estimator sees them.

    The neck is the middle of the shoulders.
    """
    points = dict(zip(assets.keypoint_names, assets.keypoint_regressor @ vertices[: len(assets.mean)], strict=True))
    _as_estimated(points)
    points["neck"] = (points["left_shoulder"] + points["right_shoulder"]) / 2
    return np.array([points[name] for name in KEYPOINTS])


def _as_estimated(points: dict[str, Array]) -> None:
    """Move joints, in place, by what MoveNet differs from the regressed ones on average, in parts of the trunk's length.

    Shoulders and hips are seen wider and higher: medians of 110 rendered pictures, that held on 60 of other people. Photographs
    come with the joints of that estimator, so training should, too.
    """
    trunk = (points["left_shoulder"] + points["right_shoulder"] - points["left_hip"] - points["right_hip"]) / 2
    length = np.linalg.norm(trunk)
    for joint, (outward, upward) in {"shoulder": (0.022, 0.035), "hip": (0.025, 0.010)}.items():
        across = points[f"left_{joint}"] - points[f"right_{joint}"]
        across = across / np.linalg.norm(across) * length
        for side, sign in (("left", 1.0), ("right", -1.0)):
            points[f"{side}_{joint}"] = points[f"{side}_{joint}"] + sign * outward * across + upward * trunk


def _facing(rng: Rng) -> float:
    """Degrees that a model is turned from the camera: front, half, side or back."""
    front = rng.normal(0, 14)
    half = rng.choice([-1, 1]) * rng.normal(42, 12)
    side = rng.choice([-1, 1]) * rng.normal(88, 12)
    back = 180 + rng.normal(0, 22)
    return float(rng.choice([front, half, side, back], p=[0.37, 0.25, 0.19, 0.19]))


def _studio_pitch(rng: Rng) -> float:
    """Degrees by which the camera looks down: mostly level, one in four from anywhere between the floor and a flight of stairs."""
    return float(rng.normal(2, 4.5) if rng.random() < 0.72 else rng.uniform(-9, 30))


def _eye(at: Array, elevation: float, distance: float) -> Array:
    eye: Array = at + distance * np.array([0, math.sin(elevation), math.cos(elevation)])
    return eye


def _street_view(rng: Rng, posed: Posed, size: tuple[int, int], elevation: float, distance: float) -> View:
    """A detector's box around a whole figure; 14 of 100 are too tight or too loose."""
    height, width = size
    at = np.array([0, posed.height * 0.5, 0])
    occupancy = rng.uniform(0.84, 0.98)
    offset = (rng.normal(0, 0.035) * width, rng.normal(0, 0.018) * height)
    chance = rng.random()
    if chance < 0.07:
        occupancy = rng.uniform(1.0, 1.15)
        offset = (rng.normal(0, 0.06) * width, rng.normal(0, 0.05) * height)
    elif chance < 0.14:
        occupancy = rng.uniform(0.66, 0.84)
        offset = (rng.normal(0, 0.07) * width, rng.normal(0, 0.05) * height)
    return fit_view(_eye(at, elevation, distance), at, posed.vertices, size, occupancy, offset)


def _studio_view(rng: Rng, posed: Posed, size: tuple[int, int], elevation: float, distance: float, whole: float) -> View:
    """The whole figure with probability `whole`, else the upper body (30 of 52) or three quarters."""
    height, width = size
    chance = rng.random()
    if chance < whole:
        at = np.array([0, posed.height * 0.5, 0])
        occupancy = rng.uniform(0.84, 0.95)
        missing = max(0.0, occupancy * (1 - posed.height / posed.standing)) * height
        lower = rng.uniform(0, 0.5) * missing  # between the middle of the picture and where the floor of a standing person is
        offset = (rng.normal(0, 0.03) * width, rng.normal(0, 0.012) * height + lower)
        eye = _eye(at, elevation, distance)
        return fit_view(eye, at, posed.vertices, size, occupancy, offset, standing=posed.standing)
    if chance < whole + (1 - whole) * 30 / 52:
        at, cut = np.array([0, posed.height * 0.72, 0]), posed.height * rng.uniform(0.42, 0.55)
    else:
        at, cut = np.array([0, posed.height * 0.66, 0]), posed.height * rng.uniform(0.22, 0.40)
    shown = posed.vertices[posed.vertices[:, 1] > cut]
    shown = shown[np.abs(shown[:, 0]) < 0.75]  # far hands may leave the picture
    occupancy = rng.uniform(0.88, 1.04)
    offset = (rng.normal(0, 0.03) * width, rng.normal(0, 0.012) * height + rng.uniform(0, 0.03) * height)
    return fit_view(_eye(at, elevation, distance), at, shown, size, occupancy, offset, within_width=False)


def _expose(
    who: Identity, posed: Posed, view: View, light: Light, backdrop: Array, exposure: float, kind: Kind
) -> tuple[Array, Array, Array]:
    """Linear picture (h, w, 3), coverage (h, w), and the linear backdrop with its shadow (h, w, 3)."""
    size = SIZES[kind]
    cast = cast_shadow(who.mesh, posed.vertices, light, posed.height, SHADOW_MAP[kind])
    rendering = render(who.mesh, posed.vertices, view, light, cast, size)
    ankles = [posed.keypoints[INDEX[f"{side}_ankle"]] for side in ("right", "left")]
    feet = np.array([[x, z, FOOT_RADIUS] for x, _, z in ankles], np.float32)
    softness = 2.5 if light.key_share > 0.6 else 7
    strength = (0.75 if kind == "street" else 0.35) * light.key_share
    floor = floor_shadow(cast, view, size, softness, strength, feet)
    linear, cover = resolve(rendering, backdrop, floor, exposure)
    return linear, cover, backdrop * floor[..., None]


def _joints(posed: Posed, view: View, size: tuple[int, int]) -> Array:
    """(18, 2) int (y, x) pixels; -1 where an estimator would report nothing: outside the picture, or a face turned away."""
    joints = view.pixels(posed.keypoints)[:, ::-1]
    inside = ((joints >= 0) & (joints <= [size[0] - 1, size[1] - 1])).all(1)
    visible = inside & visible_joints(posed, view.eye)
    return np.where(visible[:, None], np.rint(joints), -1).astype(int)


def visible_joints(posed: Posed, eye: Array) -> Array:
    """(18,) bool: which joints of the face the camera sees, from where the head points; limbs always count as seen."""
    to_camera = posed.head.T @ (eye - posed.keypoints[INDEX["nose"]])
    to_camera = to_camera / np.linalg.norm(to_camera)
    yaw = math.degrees(math.atan2(to_camera[0], to_camera[2]))  # > 0: seen from the person's left
    seen = np.ones(len(KEYPOINTS), bool)
    seen[INDEX["nose"]] = abs(yaw) < 100
    seen[INDEX["right_eye"]], seen[INDEX["left_eye"]] = -110 < yaw < 62, -62 < yaw < 110
    seen[INDEX["right_ear"]], seen[INDEX["left_ear"]] = -160 < yaw < 28, -28 < yaw < 160
    return seen
