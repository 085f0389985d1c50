"""Poses with more movement: running, lunges, bending, crouching, sitting, a raised leg, dancing, a jump."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.body import Body
from posetransfer.people.gestures import gesture
from posetransfer.people.motion import SIDES, Limb, Motion
from posetransfer.people.rotation import bent, euler, hanging

ARMS = ("hang", "hang", "hang", "free", "free", "sign", "wide", "hold", "hip", "carry", "reach", "up")


def _leg(root: Array, sign: float, outward: float, forward: float, knee: float) -> Limb:
    """A leg by angles in degrees in the axes of the floor, whatever the pelvis does; the knee bends backwards."""
    upper = root.T @ hanging(sign, outward, forward)
    return Limb(upper, bent(upper, max(2.0, knee), root.T @ np.array([0, -0.2, -1.0])))


def _finish(rng: Rng, body: Body, motion: Motion, name: str, arms: tuple[str, ...] = ARMS) -> Motion:
    """Arms that are still missing, the head, the name."""
    kinds = [str(rng.choice(arms)) for _ in SIDES]
    for (side, sign), kind in zip(SIDES, kinds, strict=True):
        if side not in motion.arms:
            motion.arms[side] = gesture(rng, kind, sign, body)
    motion.neck = (rng.normal(-0.35 * motion.spine[0], 8), rng.normal(0, 18), rng.normal(0, 6))
    motion.name = name
    return motion


def run(rng: Rng, body: Body) -> Motion:
    """An instant of running, arms bent and swinging against the legs."""
    phase, effort = rng.uniform(0, 1), rng.uniform(0.55, 1.15)
    root = euler(rng.uniform(2, 14), 8 * math.cos(2 * math.pi * phase), rng.normal(0, 3))
    motion = Motion(root, (rng.uniform(0, 12), -14 * math.cos(2 * math.pi * phase) * effort, rng.normal(0, 3)))
    for side, sign, t in (("L", 1.0, phase), ("R", -1.0, (phase + 0.5) % 1)):
        forward = 16 + 38 * math.cos(2 * math.pi * t) * effort
        knee = 22 + 75 * effort * math.exp(-(((t - 0.68) / 0.16) ** 2)) + 20 * math.exp(-(((t - 0.15) / 0.1) ** 2))
        motion.legs[side] = _leg(root, sign, rng.uniform(0, 4), forward, knee)
        motion.foot_pitch[side] = 55 * math.exp(-(((t - 0.62) / 0.16) ** 2)) - 12 * math.exp(-((min(t, 1 - t) / 0.08) ** 2))
        upper = hanging(sign, rng.uniform(8, 22), -40 * math.cos(2 * math.pi * t) * effort)
        motion.arms[side] = Limb(upper, bent(upper, rng.uniform(60, 105), (-0.4 * sign, 0.2, 1)), twist=-20, curl=rng.uniform(30, 65))
    return _finish(rng, body, motion, "run")


def lunge(rng: Rng, body: Body) -> Motion:
    """A long step, forward or to the side, with bent knees."""
    front = rng.choice([-1.0, 1.0])
    root = euler(rng.uniform(-4, 14), rng.normal(0, 14), rng.normal(0, 5))
    motion = Motion(root, (rng.normal(6, 10), rng.normal(0, 16), rng.normal(0, 6)))
    aside = rng.random() < 0.4
    for side, sign in SIDES:
        if aside:
            motion.legs[side] = _leg(root, sign, rng.uniform(14, 36), rng.normal(6, 8), abs(rng.normal(12, 18)))
        elif sign == front:
            forward = rng.uniform(18, 62)
            motion.legs[side] = _leg(root, sign, rng.uniform(0, 14), forward, forward * rng.uniform(0.5, 1.5))
        else:
            motion.legs[side] = _leg(root, sign, rng.uniform(0, 14), -rng.uniform(6, 32), rng.uniform(2, 40))
            motion.foot_pitch[side] = rng.uniform(5, 45)
        motion.foot_yaw[side] = sign * rng.uniform(0, 40)
    return _finish(rng, body, motion, "lunge")


def bend(rng: Rng, body: Body) -> Motion:
    """The trunk bent forward or to a side, legs nearly straight."""
    forward = rng.uniform(10, 65) if rng.random() < 0.75 else rng.normal(0, 6)
    root = euler(forward * 0.45, rng.normal(0, 8), rng.normal(0, 5))
    motion = Motion(root, (forward * 0.6, rng.normal(0, 14), rng.normal(0, 13)))
    for side, sign in SIDES:
        lean = rng.normal(-0.12 * forward, 5)
        motion.legs[side] = _leg(root, sign, rng.uniform(0, 12), lean + rng.uniform(0, 14), rng.uniform(2, 28))
    return _finish(rng, body, motion, "bend", ("hang", "hang", "reach", "free", "hold", "hip"))


def crouch(rng: Rng, body: Body) -> Motion:
    """Knees and hips bent, from a slight squat to a low one, both feet below the body."""
    depth = rng.uniform(0.12, 1.0)
    root = euler(rng.uniform(2, 26) * depth, rng.normal(0, 8), rng.normal(0, 3))
    motion = Motion(root, (rng.uniform(4, 34) * depth, rng.normal(0, 10), rng.normal(0, 4)))
    outward = rng.uniform(2, 26)
    for side, sign in SIDES:
        forward = 78 * depth + rng.normal(0, 6)
        motion.legs[side] = _leg(root, sign, outward * rng.uniform(0.7, 1.2), forward, 1.72 * forward + rng.normal(0, 5))
        motion.foot_yaw[side] = sign * rng.uniform(0, 50)
    return _finish(rng, body, motion, "crouch", ("hang", "reach", "free", "hold", "sign", "front", "wide"))


def sit(rng: Rng, body: Body) -> Motion:
    """As on a stool: thighs nearly level, shanks nearly upright, hands on the thighs or free."""
    root = euler(rng.normal(-4, 6), rng.normal(0, 5), rng.normal(0, 2))
    motion = Motion(root, (rng.normal(8, 9), rng.normal(0, 7), rng.normal(0, 3)))
    for side, sign in SIDES:
        forward = rng.uniform(62, 92)
        motion.legs[side] = _leg(root, sign, rng.uniform(0, 14), forward, forward + rng.normal(0, 12))
        motion.foot_yaw[side] = sign * rng.uniform(0, 30)
    return _finish(rng, body, motion, "sit", ("hold", "hold", "front", "sign", "cross", "free", "carry"))


def raise_leg(rng: Rng, body: Body) -> Motion:
    """One leg off the floor: a step up, a kick, balancing on the other."""
    lifted = rng.choice([-1.0, 1.0])
    root = euler(rng.normal(0, 6), rng.normal(0, 10), rng.normal(0, 4))
    motion = Motion(root, (rng.normal(3, 8), rng.normal(0, 10), rng.normal(0, 6)))
    for side, sign in SIDES:
        if sign == lifted:
            motion.legs[side] = _leg(root, sign, rng.uniform(0, 30), rng.uniform(-25, 85), rng.uniform(5, 105))
            motion.foot_pitch[side] = rng.uniform(-10, 50)
        else:
            motion.legs[side] = _leg(root, sign, rng.uniform(0, 5), rng.normal(2, 4), rng.uniform(2, 22))
    return _finish(rng, body, motion, "leg", ("free", "free", "wide", "wide", "hang", "up"))


def dance(rng: Rng, body: Body) -> Motion:
    """Arms anywhere, hips and trunk swung, knees a little bent, feet apart."""
    root = euler(rng.normal(0, 6), rng.normal(0, 15), rng.normal(0, 7))
    motion = Motion(root, (rng.normal(2, 9), rng.normal(0, 16), rng.normal(0, 9)))
    for side, sign in SIDES:
        forward = rng.normal(8, 14)
        motion.legs[side] = _leg(root, sign, rng.uniform(0, 24), forward, max(2, 1.3 * forward + abs(rng.normal(0, 14))))
        motion.foot_pitch[side] = max(0.0, rng.normal(0, 12))
        motion.foot_yaw[side] = sign * rng.uniform(0, 35)
    return _finish(rng, body, motion, "dance", ("free", "free", "free", "wide", "up", "sign", "hair"))


def jump(rng: Rng, body: Body) -> Motion:
    """In the air, or at the end of a jumping jack: feet pointed, arms up or wide, legs apart or drawn up."""
    root = euler(rng.normal(0, 5), rng.normal(0, 8), rng.normal(0, 4))
    motion = Motion(root, (rng.normal(0, 6), rng.normal(0, 6), rng.normal(0, 4)))
    apart, drawn = rng.uniform(0, 26), abs(rng.normal(0, 25))
    for side, sign in SIDES:
        forward = drawn + rng.normal(0, 5)
        motion.legs[side] = _leg(root, sign, apart, forward, 1.6 * forward + abs(rng.normal(4, 8)))
        motion.foot_pitch[side] = rng.uniform(5, 50)
    return _finish(rng, body, motion, "jump", ("wide", "wide", "up", "up", "free", "hang"))


ACTIONS: dict[str, tuple[Callable[[Rng, Body], Motion], float]] = {
    "run": (run, 3.0),
    "lunge": (lunge, 3.5),
    "bend": (bend, 3.0),
    "crouch": (crouch, 2.5),
    "sit": (sit, 1.5),
    "leg": (raise_leg, 2.5),
    "dance": (dance, 3.5),
    "jump": (jump, 2.5),
}
"""Actions by the names that appear in the bookkeeping of a set, and how often each is drawn."""

CALM_ACTIONS = ("bend", "dance")
"""What a person in a skirt or a long coat does of these."""
