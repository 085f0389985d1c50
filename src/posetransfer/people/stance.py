"""Whole poses: standing with the weight on one leg, an instant of walking, and how pedestrians and models mix them with gestures.

Poses with more movement are in `action`.
"""

from __future__ import annotations

import math

import numpy as np

from posetransfer.people.action import ACTIONS, CALM_ACTIONS
from posetransfer.people.arrays import Array, Real, Rng
from posetransfer.people.body import Body
from posetransfer.people.gestures import gesture, hang
from posetransfer.people.motion import SIDES, Limb, Motion
from posetransfer.people.rotation import bent, euler, hanging

PEDESTRIAN_ARMS = ("pocket", "phone", "carry", "chest", "carry", "face", "strap", "hip")
MODEL_ARMS = (
    (("hang", "hang"), 7), (("hip", "hang"), 4), (("hip", "hip"), 3), (("pocket", "pocket"), 3), (("pocket", "hang"), 4),
    (("cross", "cross"), 2), (("hair", "hang"), 2), (("hair", "hip"), 1), (("front", "front"), 2), (("back", "back"), 1.5),
    (("back", "hang"), 1), (("chest", "hang"), 2), (("face", "hang"), 1), (("chest", "hip"), 1), (("strap", "hang"), 1),
    (("up", "hang"), 0.7), (("up", "up"), 0.5), (("side", "hang"), 0.6), (("side", "side"), 0.6), (("backpocket", "hang"), 1),
    (("hair", "hair"), 0.5), (("chest", "pocket"), 1), (("phone", "hang"), 0.4), (("reach", "hang"), 0.4), (("sign", "sign"), 4),
    (("sign", "hang"), 4), (("sign", "hip"), 0.6), (("hold", "hold"), 2), (("free", "free"), 2.5), (("free", "hang"), 2),
    (("wide", "wide"), 1.5), (("wide", "hang"), 0.7), (("carry", "hang"), 0.7),
)  # fmt: skip
"""Gestures of both arms of a fashion model, and how often they are drawn."""


def stand(rng: Rng, body: Body, spread: float = 0.5, shift: float = 1.0, crossed: bool = False) -> Motion:
    """Standing with the weight on one leg; the feet are reach targets, so that both soles are on the floor.

    Args:
        spread: how far apart the feet may be, as a part of the hips' width.
        shift: how much the pelvis leans and moves over the supporting leg; 1 is usual.
        crossed: the free leg crosses in front of the other.
    """
    supporting = rng.choice([-1.0, 1.0])  # +1 left
    roll = shift * abs(rng.normal(0, 3.0)) * supporting
    root = euler(rng.normal(0, 2), rng.normal(0, 6 * shift), roll)
    sway = supporting * shift * abs(rng.normal(0.02, 0.02))
    leg = body.thigh + body.shank
    length = leg - leg * (1 - rng.uniform(0.985, 0.998))
    ankles, yaw = _feet(rng, body, spread, shift, supporting, sway)
    if crossed:
        free, other = ("L", "R") if supporting < 0 else ("R", "L")
        across = (0.03 if free == "L" else -0.03) * rng.uniform(0, 2)
        ankles[free] = [ankles[other][0] - across, ankles[other][1] + rng.uniform(0.12, 0.2)]
    legs = _legs_to(rng, body, root, ankles, length, "L" if supporting > 0 else "R")
    spine = (rng.normal(0, 3), rng.normal(0, 5), -roll * 0.9 + rng.normal(0, 1.5))
    neck = (rng.normal(2, 6), rng.normal(0, 14), rng.normal(0, 4))
    return Motion(root, spine, neck, legs=legs, foot_yaw=yaw)


def _feet(
    rng: Rng, body: Body, spread: float, shift: float, supporting: float, sway: float
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Places of both ankles on the floor (x, z in metres), and where the feet point (degrees)."""
    ankles, yaw = {}, {}
    for side, sign in SIDES:
        hip = body.joint(f"upperleg01.{side}")
        x = hip[0] * rng.uniform(0.7, 0.7 + spread) + sign * 0.01 - sway
        z = rng.normal(0, 0.03)
        if sign != supporting:
            z += rng.normal(0.05, 0.08) * shift
            x += sign * abs(rng.normal(0, 0.05)) * shift
        ankles[side] = [x, z]
        yaw[side] = sign * rng.uniform(4, 28)
    return ankles, yaw


def _legs_to(rng: Rng, body: Body, root: Array, ankles: dict[str, list[float]], length: Real, supporting: str) -> dict[str, Limb]:
    """Legs whose ankles stand at one height: that of the supporting leg, `length` metres long."""
    pelvis = body.joint("root")
    hips = {side: root @ (body.joint(f"upperleg01.{side}") - pelvis) + pelvis for side in "LR"}
    hip, foot = hips[supporting], ankles[supporting]
    floor = hip[1] - math.sqrt(max(0.01, length**2 - (foot[0] - hip[0]) ** 2 - (foot[1] - hip[2]) ** 2))
    legs = {}
    for side, sign in SIDES:
        target = np.array([ankles[side][0], floor, ankles[side][1] + hips[side][2] * 0.3])
        legs[side] = Limb(target=root.T @ (target - pelvis) + pelvis, pole=np.array([sign * rng.uniform(0.05, 0.3), 0, 1.0]))
    return legs


def walk(rng: Rng, body: Body) -> Motion:
    """One instant of a gait cycle: the joint angles of normal adult walking."""
    phase = rng.uniform(0, 1)
    stride = rng.uniform(0.5, 1.3)
    legs, pitch = {}, {}
    for side, sign, t in (("L", 1.0, phase), ("R", -1.0, (phase + 0.5) % 1)):
        hip = 10 + 20 * math.cos(2 * math.pi * t) * stride + rng.normal(0, 4)  # heel strike at 0
        knee = 6 + abs(rng.normal(0, 5)) + 12 * _bump(t, 0.14, 0.09) + 56 * stride * _bump(t, 0.72, 0.11)
        upper = hanging(sign, max(0.0, rng.normal(2.5, 4)), hip)
        legs[side] = Limb(upper, bent(upper, knee, (0, 0, -1)))
        heel = -18 * stride * math.exp(-((min(t, 1 - t) / 0.06) ** 2))
        pitch[side] = heel + 42 * stride * _bump(t, 0.60, 0.10) + 18 * stride * _bump(t, 0.78, 0.08)
    turn = 7 * math.cos(2 * math.pi * phase) * stride
    motion = Motion(
        euler(rng.uniform(0, 4), -turn * 0.6, rng.normal(0, 1.5)),
        (rng.uniform(0, 6), turn * 1.4, rng.normal(0, 1.5)),
        (rng.normal(2, 5), rng.normal(0, 12), rng.normal(0, 3)),
        legs=legs,
        foot_pitch=pitch,
        foot_yaw={"L": rng.uniform(0, 14), "R": -rng.uniform(0, 14)},
        name="walk",
    )
    swing = rng.uniform(0.4, 1.2)
    for side, sign in SIDES:
        motion.arms[side] = hang(rng, sign, body, forward=-sign * -22 * -math.cos(2 * math.pi * phase) * swing)
    return motion


def _bump(t: float, centre: float, width: float) -> float:
    return math.exp(-(((t - centre) / width) ** 2))


def pedestrian(rng: Rng, body: Body) -> Motion:
    """A pedestrian: mostly walking, sometimes standing; hands may carry, phone, be in a pocket or on a strap."""
    if rng.random() < 0.72:
        motion = walk(rng, body)
    else:
        motion = stand(rng, body, spread=0.4, shift=0.6)
        motion.name = "stand"
        motion.arms = {"L": hang(rng, 1.0, body), "R": hang(rng, -1.0, body)}
    for side, sign in SIDES:
        if rng.random() < 0.22:
            motion.arms[side] = gesture(rng, str(rng.choice(PEDESTRIAN_ARMS)), sign, body)
    return motion


def model(rng: Rng, body: Body, calm: bool = False) -> Motion:
    """The pose of somebody who is photographed: standing or walking with a gesture, or something with more movement.

    Args:
        calm: no wide steps: a skirt or a long coat follows the legs badly.
    """
    chance = rng.random()
    if chance < 0.28:
        names = [name for name in ACTIONS if not calm or name in CALM_ACTIONS]
        shares = np.array([ACTIONS[name][1] for name in names])
        name = str(rng.choice(names, p=shares / shares.sum()))
        return ACTIONS[name][0](rng, body)
    if chance < 0.48:
        motion = walk(rng, body)
    else:
        motion = stand(rng, body, spread=rng.uniform(0.2, 1.1), shift=rng.uniform(0.3, 1.5), crossed=rng.random() < 0.12)
        motion.name = "stand"
    if chance < 0.48 and rng.random() < 0.6:
        return motion
    shares = np.array([share for _, share in MODEL_ARMS])
    arms = MODEL_ARMS[rng.choice(len(shares), p=shares / shares.sum())][0]
    arms = arms if rng.random() < 0.5 else arms[::-1]
    motion.arms = {"L": gesture(rng, arms[0], 1.0, body), "R": gesture(rng, arms[1], -1.0, body)}
    motion.neck = (rng.normal(2, 7), rng.normal(0, 18), rng.normal(0, 6))
    motion.name += "+" + "/".join(arms)
    return motion
