"""What arms do: 19 named gestures besides hanging, each a small random family, aimed at the measures of the body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.body import Body
from posetransfer.people.motion import Limb
from posetransfer.people.rotation import bent, hanging, unit


@dataclass(frozen=True)
class _Arm:
    """What a gesture may use: the random source, the side (+1 left, -1 right), the body, and a jitter (3,) of its target in metres."""

    rng: Rng
    side: float
    body: Body
    jitter: Array

    def between(self, low: float, high: float) -> float:
        return self.rng.uniform(low, high)


def gesture(rng: Rng, kind: str, side: float, body: Body) -> Limb:
    """One arm in a named gesture.

    Args:
        kind: a key of `GESTURES`; any other word lets the arm hang.
        side: +1 left, -1 right.
    """
    arm = _Arm(rng, side, body, rng.normal(0, 0.015, 3))
    limb = GESTURES[kind](arm) if kind in GESTURES else hang(rng, side, body)
    return shape_hand(rng, limb)


def shape_hand(rng: Rng, limb: Limb) -> Limb:
    """The same arm; three hands in ten are stretched, spread, a fist or pointing instead of relaxed."""
    chance = rng.random()
    if chance < 0.12:
        limb.curl, limb.spread = rng.uniform(-2, 8), rng.uniform(0, 9)
    elif chance < 0.24:
        limb.curl = rng.uniform(55, 78)
    elif chance < 0.30:
        limb.curl, limb.pointing = rng.uniform(45, 75), True
    else:
        limb.spread = rng.uniform(-1, 3)
    return limb


def hang(rng: Rng, side: float, body: Body, forward: float | None = None) -> Limb:
    """A hanging arm; `forward` (degrees) is its swing while walking, None: at rest."""
    outward = rng.uniform(7, 15) + _belly(body)
    swing = rng.normal(0, 6) if forward is None else forward
    upper = hanging(side, outward, swing)
    bend = rng.uniform(6, 28) if forward is None else max(6, 16 + 0.5 * forward + rng.normal(0, 5))
    return Limb(upper, bent(upper, bend, (-0.35 * side, 0, 1)), twist=rng.uniform(-30, 10), curl=rng.uniform(10, 32))


def _belly(body: Body) -> float:
    """Degrees by which a wide waist pushes hanging arms out."""
    degrees: float = max(0, (body.waist_w - 0.14)) * 110
    return degrees


def _hip(a: _Arm) -> Limb:
    b = a.body
    target = np.array([a.side * (b.waist_w + 0.035), b.hip_y + a.between(0.03, 0.14), a.between(-0.02, 0.06)]) + a.jitter * 0.5
    pole = np.array([a.side, 0, -a.between(0.1, 0.7)])
    return Limb(target=target, pole=pole, twist=a.between(-20, 20), curl=a.between(10, 30), hand=(-35, 0))


def _pocket(a: _Arm) -> Limb:
    b = a.body
    target = np.array([a.side * (b.hip_w + 0.03), b.hip_y + a.between(-0.05, 0.04), b.hip_front * 0.35]) + a.jitter * 0.5
    return Limb(target=target, pole=np.array([a.side, 0, -a.between(0.5, 1.2)]), twist=a.between(-20, 0), curl=a.between(10, 25))


def _back_pocket(a: _Arm) -> Limb:
    b = a.body
    target = np.array([a.side * (b.hip_w * 0.75), b.hip_y + a.between(-0.02, 0.08), b.hip_back - 0.05]) + a.jitter * 0.5
    return Limb(target=target, pole=np.array([a.side, 0, -0.8]), twist=a.between(0, 40), curl=15)


def _crossed(a: _Arm) -> Limb:
    b = a.body
    depth = b.chest_front + 0.07 + (0.045 if a.side > 0 else 0)
    target = np.array([-a.side * a.between(0.05, 0.11), b.chest_y - a.between(0.10, 0.16), depth])
    return Limb(target=target, pole=np.array([a.side, -0.9, -0.1]), twist=a.between(-20, 20), curl=25)


def _front(a: _Arm) -> Limb:
    b = a.body
    target = np.array([a.side * a.between(0.02, 0.06), b.hip_y + a.between(-0.03, 0.06), b.waist_front + a.between(0.07, 0.11)])
    return Limb(target=target, pole=np.array([a.side, -0.2, -0.6]), twist=a.between(-10, 30), curl=a.between(20, 40))


def _back(a: _Arm) -> Limb:
    b = a.body
    target = np.array([a.side * a.between(0.02, 0.07), b.hip_y + a.between(0, 0.1), b.hip_back - a.between(0.06, 0.09)])
    return Limb(target=target, pole=np.array([a.side, 0, -0.6]), twist=a.between(30, 80), curl=30)


def _hair(a: _Arm) -> Limb:
    target = np.array([a.side * a.between(0.10, 0.16), a.body.top_y - a.between(0.04, 0.14), a.between(-0.06, 0.05)])
    pole = np.array([a.side, a.between(-0.2, 0.6), a.between(-0.2, 0.6)])
    return Limb(target=target, pole=pole, twist=a.between(-40, 20), curl=20, hand=(20, 0))


def _face(a: _Arm) -> Limb:
    b = a.body
    target = np.array([a.side * a.between(0.05, 0.10), b.top_y - a.between(0.26, 0.32), b.chest_front + a.between(0.04, 0.10)])
    return Limb(target=target, pole=np.array([a.side, -1, 0]), twist=a.between(-40, 10), curl=30, hand=(10, 0))


def _chest(a: _Arm) -> Limb:
    b = a.body
    target = np.array([a.side * a.between(-0.04, 0.1), b.chest_y + a.between(-0.18, 0.05), b.chest_front + a.between(0.05, 0.12)])
    return Limb(target=target, pole=np.array([a.side, -0.8, -0.4]), twist=a.between(-50, 20), curl=a.between(20, 50))


def _strap(a: _Arm) -> Limb:
    b = a.body
    target = np.array([a.side * a.between(0.09, 0.13), b.shoulder_y - a.between(0.12, 0.2), b.chest_front + 0.06])
    return Limb(target=target, pole=np.array([a.side * 0.6, -1, -0.1]), twist=a.between(-60, -20), curl=60)


def _phone(a: _Arm) -> Limb:
    b = a.body
    target = np.array([a.side * a.between(0.0, 0.08), b.chest_y - a.between(-0.02, 0.15), b.chest_front + a.between(0.16, 0.26)])
    return Limb(target=target, pole=np.array([a.side * 0.5, -1, -0.3]), twist=a.between(-70, -30), curl=45)


def _carry(a: _Arm) -> Limb:
    upper = hanging(a.side, a.between(6, 12) + _belly(a.body), a.between(-5, 15))
    return Limb(upper, bent(upper, a.between(70, 100), (-0.3 * a.side, 0, 1)), twist=a.between(-40, 0), curl=55)


def _up(a: _Arm) -> Limb:
    upper = unit((a.side * a.between(0.3, 0.9), a.between(0.4, 1.0), a.between(-0.1, 0.3)))
    return Limb(upper, bent(upper, a.between(5, 70), (-a.side, 0.6, 0.1)), twist=a.between(-40, 20), curl=10)


def _side(a: _Arm) -> Limb:
    upper = unit((a.side, a.between(-0.7, 0.1), a.between(-0.1, 0.3)))
    return Limb(upper, bent(upper, a.between(5, 40), (0, 0.2, 1)), twist=a.between(-30, 10), curl=15)


def _reach(a: _Arm) -> Limb:
    upper = hanging(a.side, a.between(5, 25), a.between(30, 80))
    return Limb(upper, bent(upper, a.between(5, 50), (-0.2 * a.side, 0.8, 0.3)), twist=a.between(-40, 10), curl=20)


def _sign(a: _Arm) -> Limb:
    """A hand anywhere before the trunk or the face, as of somebody who explains or signs."""
    b = a.body
    height = a.between(b.hip_y + 0.10, b.top_y - 0.06)
    target = np.array([a.side * a.between(-0.08, 0.34), height, b.chest_front + a.between(0.07, 0.34)])
    hand = (a.between(-30, 30), a.between(-15, 15))
    return Limb(target=target, pole=np.array([a.side * a.between(0.2, 1), -1, -0.4]), twist=a.between(-70, 30), curl=25, hand=hand)


def _hold(a: _Arm) -> Limb:
    """Something held with both hands before the body."""
    b = a.body
    target = np.array([a.side * a.between(0.06, 0.16), a.between(b.hip_y - 0.02, b.chest_y), b.waist_front + a.between(0.12, 0.30)])
    return Limb(target=target, pole=np.array([a.side, -0.6, -0.6]), twist=a.between(-60, 0), curl=a.between(25, 50))


def _free(a: _Arm) -> Limb:
    """Any direction that a shoulder allows, and any bend of the elbow: dance, sport, balance."""
    from_down, round_front = np.radians(a.between(8, 165)), np.radians(a.between(-25, 95))
    outward = np.sin(from_down) * np.cos(round_front)
    upper = unit((a.side * max(0.05, outward), -np.cos(from_down), np.sin(from_down) * np.sin(round_front)))
    way = np.array([-a.side * a.between(-0.2, 0.8), a.between(-0.3, 1), a.between(0.2, 1)])
    return Limb(upper, bent(upper, a.between(2, 120), way), twist=a.between(-60, 20), curl=a.between(0, 40))


def _wide(a: _Arm) -> Limb:
    """Stretched out to the side, anywhere between down and up."""
    upper = unit((a.side, a.between(-1.6, 1.6), a.between(-0.25, 0.35)))
    return Limb(upper, bent(upper, a.between(2, 30), (0, a.between(-0.5, 1), 1)), twist=a.between(-40, 20), curl=a.between(0, 25))


GESTURES: dict[str, Callable[[_Arm], Limb]] = {
    "hip": _hip,
    "pocket": _pocket,
    "backpocket": _back_pocket,
    "cross": _crossed,
    "front": _front,
    "back": _back,
    "hair": _hair,
    "face": _face,
    "chest": _chest,
    "strap": _strap,
    "phone": _phone,
    "carry": _carry,
    "up": _up,
    "side": _side,
    "reach": _reach,
    "sign": _sign,
    "hold": _hold,
    "free": _free,
    "wide": _wide,
}
"""Gestures by name; the names appear in the bookkeeping of a set."""
