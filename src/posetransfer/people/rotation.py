"""Rotations and two-bone reach: the little geometry that poses need. Axes: x to the person's left, y up, z to the front."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from posetransfer.people.arrays import Array, Real

DEGREE = math.pi / 180
UP = (0, 1, 0)
FRONT = (0, 0, 1)
LEFT = (1, 0, 0)


def rotation(axis: npt.ArrayLike, angle: float) -> Array:
    """Rotation matrix (3, 3) about `axis` (3,) by `angle` radians.

    >>> rotation(UP, math.pi / 2).round(6) @ [0, 0, 1]
    array([1., 0., 0.])
    """
    unit_axis = np.asarray(axis, float)
    unit_axis = unit_axis / (np.linalg.norm(unit_axis) + 1e-12)
    x, y, z = unit_axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: Array = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return turned


def euler(pitch: float, yaw: float, roll: float) -> Array:
    """Rotation (3, 3) by degrees: pitch > 0 bends forward, yaw > 0 turns to the person's left, roll > 0 leans to the right."""
    turned: Array = rotation(UP, yaw * DEGREE) @ rotation(LEFT, pitch * DEGREE) @ rotation(FRONT, roll * DEGREE)
    return turned


def unit(vector: npt.ArrayLike) -> Array:
    """The vector (3,) at length 1."""
    array = np.asarray(vector, float)
    normed: Array = array / (np.linalg.norm(array) + 1e-12)
    return normed


def frame(direction: Array, hint: Array) -> Array:
    """Orthonormal columns (3, 3): the direction, the hint made perpendicular to it, and their cross product."""
    first = unit(direction)
    second = unit(hint - np.dot(hint, first) * first)
    return np.stack([first, second, np.cross(first, second)], 1)


def hanging(side: float, outward: float, forward: float) -> Array:
    """Direction (3,) of a limb that hangs `outward` and `forward` degrees from straight down; side +1 left, -1 right."""
    a, f = outward * DEGREE, forward * DEGREE
    return np.array([side * math.sin(a), -math.cos(a) * math.cos(f), math.cos(a) * math.sin(f)])


def bent(direction: Array, angle: float, towards: npt.ArrayLike) -> Array:
    """The direction (3,) of the lower half of a limb: bent by `angle` degrees towards a pole."""
    pole = np.asarray(towards, float)
    pole = unit(pole - np.dot(pole, direction) * direction)
    turned: Array = math.cos(angle * DEGREE) * direction + math.sin(angle * DEGREE) * pole
    return turned


def reach(root: Array, target: Array, upper: Real, lower: Real, pole: Array) -> tuple[Array, Array]:
    """Directions of both halves of a limb whose end shall touch a target; elbow or knee points to the pole.

    Args:
        root, target: (3,) metres; a target out of reach is approached as far as the limb allows.
        upper, lower: lengths in metres.
    """
    way = target - root
    distance = np.linalg.norm(way)
    gap: Real = upper - lower if upper > lower else lower - upper
    shortest = gap + 0.02
    longest: Real = (upper + lower) * 0.9995
    span: Real = shortest if distance < shortest else distance
    span = longest if longest < span else span
    way = way / (distance + 1e-9)
    cosine = (upper * upper + span * span - lower * lower) / (2 * upper * span)
    cosine = min(1, max(-1, cosine))
    side = unit(pole - np.dot(pole, way) * way)
    middle = root + upper * (cosine * way + math.sqrt(1 - cosine * cosine) * side)
    return unit(middle - root), unit(root + span * way - middle)
