"""From a pose in words of the body (directions, reach targets, bends) to one matrix per bone.

Every bone turns by a rotation given in the axes of the rest pose about its own head:
matrix = parent . move(head) . rotation . move(-head).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from posetransfer.people.arrays import Array, Real
from posetransfer.people.body import Body
from posetransfer.people.rotation import DEGREE, FRONT, UP, euler, frame, reach, rotation, unit

SIDES = (("L", 1.0), ("R", -1.0))
"""Letter of a side in bone names, and the sign of its x."""

SPINE = (("spine05", 0.10), ("spine04", 0.2), ("spine03", 0.25), ("spine02", 0.25), ("spine01", 0.2))
NECK = (("neck01", 0.2), ("neck02", 0.2), ("neck03", 0.2), ("head", 0.4))
"""How a bend is shared among the bones."""


@dataclass
class Limb:
    """An arm or leg: directions of its halves, or a target for its end. Directions live in the frame of its parent at rest."""

    upper: Array | None = None
    """(3,) direction of upper arm or thigh."""
    lower: Array | None = None
    """(3,) direction of forearm or shank."""
    target: Array | None = None
    """(3,) metres: where wrist or ankle shall be; overrides the directions."""
    pole: Array = field(default_factory=lambda: np.array([0, 0, 1.0]))
    """(3,) where elbow or knee points."""
    twist: float = 0.0
    """Turn of the forearm, degrees."""
    curl: float = 20.0
    """Bend of each finger joint, degrees."""
    spread: float = 0.0
    """Angle between neighbouring fingers beyond that of the rest pose, degrees."""
    pointing: bool = False
    """The index finger stays straight."""
    hand: tuple[float, float] = (0.0, 0.0)
    """Wrist: bend towards the palm and sideways, degrees."""


@dataclass
class Motion:
    """One instant of a body; angles in degrees as (pitch, yaw, roll)."""

    root: Array
    """(3, 3) rotation of the pelvis."""
    spine: tuple[float, float, float] = (0, 0, 0)
    neck: tuple[float, float, float] = (0, 0, 0)
    arms: dict[str, Limb] = field(default_factory=dict)
    """Limbs by side, "L" and "R"."""
    legs: dict[str, Limb] = field(default_factory=dict)
    foot_pitch: dict[str, float] = field(default_factory=lambda: {"L": 0.0, "R": 0.0})
    foot_yaw: dict[str, float] = field(default_factory=lambda: {"L": 8.0, "R": -8.0})
    name: str = ""


Rotations = dict[str, Array]


def bone_matrices(body: Body, motion: Motion) -> Array:
    """Bone matrices (bones, 3, 4) float32 of a motion; the pelvis stays at its rest place."""
    turns: Rotations = {name: np.eye(3) for name in body.assets.bone_names}
    turns["root"] = motion.root
    for name, share in SPINE:
        turns[name] = euler(motion.spine[0] * share, motion.spine[1] * share, motion.spine[2] * share)
    for name, share in NECK:
        turns[name] = euler(motion.neck[0] * share, motion.neck[1] * share, motion.neck[2] * share)
    for side, sign in SIDES:
        if side in motion.arms:
            _turn_arm(turns, body, motion.arms[side], side, sign)
        if side in motion.legs:
            _turn_leg(turns, body, motion, side)
    return _chain(body, turns)


def _turn_arm(turns: Rotations, body: Body, limb: Limb, side: str, sign: float) -> None:
    """Clavicle, upper arm, forearm and hand, in the frame of the chest."""
    shoulder, elbow, wrist = (body.joint(f"{bone}.{side}") for bone in ("upperarm01", "lowerarm01", "wrist"))
    rest_upper, rest_lower = unit(elbow - shoulder), unit(wrist - elbow)
    upper, lower = _directions(limb, shoulder, body.upper_arm, body.forearm)
    elevation = math.degrees(math.asin(max(-1, min(1, upper[1]))))
    raised = max(0.0, (elevation + 35) * 0.22)
    forward = max(0.0, upper[2]) * 8
    clavicle = rotation(FRONT, sign * raised * DEGREE) @ rotation(UP, -sign * forward * DEGREE)
    turns[f"clavicle.{side}"] = clavicle
    front = np.array([0, 0, 1.0])
    rest_hinge = np.cross(rest_upper, front)
    reference = np.cross(upper, front if abs(upper[2]) < 0.9 else np.array([0, 1.0, 0]))
    hinge = _hinge(upper, lower, reference, 0.25)
    upper_turn = frame(upper, hinge) @ frame(rest_upper, rest_hinge).T
    lower_turn = frame(lower, hinge) @ frame(rest_lower, rest_hinge).T
    turns[f"upperarm01.{side}"] = clavicle.T @ upper_turn
    turns[f"lowerarm01.{side}"] = upper_turn.T @ lower_turn
    turns[f"lowerarm02.{side}"] = rotation(rest_lower, sign * limb.twist * 0.6 * DEGREE)
    _turn_hand(turns, body, limb, side, rest_lower)


def _turn_hand(turns: Rotations, body: Body, limb: Limb, side: str, rest_lower: Array) -> None:
    sign = 1.0 if side == "L" else -1.0
    wrist = body.joint(f"wrist.{side}")
    hand = unit(body.joint(f"finger3-1.{side}") - wrist)
    palm = unit(np.cross(body.joint(f"finger2-1.{side}") - wrist, body.joint(f"finger5-1.{side}") - wrist)) * (1 if side == "L" else -1)
    axis = np.cross(hand, palm)  # bends towards the palm
    bend, sideways = limb.hand
    turns[f"wrist.{side}"] = (
        rotation(rest_lower, sign * limb.twist * 0.4 * DEGREE) @ rotation(axis, bend * DEGREE) @ rotation(palm, sign * sideways * DEGREE)
    )
    for finger in (2, 3, 4, 5):
        for joint in (1, 2, 3):
            curl = limb.curl * (1 + 0.12 * (finger - 2)) * (1.0 if joint < 3 else 0.7)
            if finger == 2 and limb.pointing:
                curl = 3.0
            away = rotation(palm, sign * (finger - 3.5) * limb.spread * DEGREE) if joint == 1 else np.eye(3)
            turns[f"finger{finger}-{joint}.{side}"] = away @ rotation(axis, curl * DEGREE)
    turns[f"finger1-2.{side}"] = rotation(axis, limb.curl * 0.5 * DEGREE)


def _turn_leg(turns: Rotations, body: Body, motion: Motion, side: str) -> None:
    """Thigh and shank in the frame of the pelvis; the foot stays level with the floor."""
    limb = motion.legs[side]
    hip, knee, ankle = (body.joint(f"{bone}.{side}") for bone in ("upperleg01", "lowerleg01", "foot"))
    rest_upper, rest_lower = unit(knee - hip), unit(ankle - knee)
    upper, lower = _directions(limb, hip, body.thigh, body.shank)
    rest_hinge = np.cross(rest_upper, np.array([0, 0, -1.0]))
    hinge = _hinge(upper, lower, np.cross(upper, -unit(limb.pole)), 0.2)
    upper_turn = frame(upper, hinge) @ frame(rest_upper, rest_hinge).T
    lower_turn = frame(lower, hinge) @ frame(rest_lower, rest_hinge).T
    turns[f"upperleg01.{side}"] = upper_turn
    turns[f"lowerleg01.{side}"] = upper_turn.T @ lower_turn
    yaw = _foot_yaw(hinge, motion.root) + motion.foot_yaw[side] * 0.5 * DEGREE
    world = rotation(UP, yaw) @ rotation((1, 0, 0), motion.foot_pitch[side] * DEGREE)
    turns[f"foot.{side}"] = (motion.root @ lower_turn).T @ world


def _foot_yaw(hinge: Array, root: Array) -> float:
    """Where a foot points on the floor, radians: where the knee points, unless that is far from where the pelvis faces."""
    heading = root @ (np.cross(hinge, [0, 1.0, 0]) if abs(hinge[1]) < 0.9 else np.array([0, 0, 1.0]))
    yaw = math.atan2(heading[0], heading[2])
    pelvis = math.atan2(root[0, 2], root[2, 2])
    return pelvis if abs(yaw - pelvis) > 2 else yaw


def _directions(limb: Limb, root: Array, upper: Real, lower: Real) -> tuple[Array, Array]:
    if limb.target is not None:
        return reach(root, limb.target, upper, lower, unit(limb.pole))
    assert limb.upper is not None and limb.lower is not None, "a limb has directions or a target"
    return unit(limb.upper), unit(limb.lower)


def _hinge(upper: Array, lower: Array, reference: Array, least: float) -> Array:
    """Axis of elbow or knee; a nearly straight limb has none of its own and leans on a reference."""
    axis = np.cross(upper, lower)
    bend = float(np.linalg.norm(axis))
    hinge: Array = axis + max(0.0, least - bend) * unit(reference)
    return hinge


def _chain(body: Body, turns: Rotations) -> Array:
    names = body.assets.bone_names
    matrices = np.zeros((len(names), 3, 4))
    done: list[tuple[Array, Array]] = []
    for i, name in enumerate(names):
        parent, head, turn = body.assets.bone_parent[i], body.heads[i], turns[name]
        move = head - turn @ head
        if parent >= 0:  # parents come before their children
            parent_turn, parent_move = done[parent]
            turn, move = parent_turn @ turn, parent_turn @ move + parent_move
        done.append((turn, move))
        matrices[i, :, :3], matrices[i, :, 3] = turn, move
    return matrices.astype(np.float32)
