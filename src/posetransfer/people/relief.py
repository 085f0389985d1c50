"""Folds of cloth as a height field: slanting drapes, and creases across the limbs near elbows, knees and waist."""

from __future__ import annotations

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.garment_maps import GarmentMaps

DEPTH = {"knit": 0.9, "woven": 1.1, "denim": 0.9, "coat": 0.7, "suit": 0.6}


def folds(rng: Rng, maps: GarmentMaps, u: Array, v: Array, cloth: str, detail: Array) -> Array:
    """Heights (S, S) uint8, 128 = flat.

    Args:
        u, v: (S, S) cloth coordinates in metres.
        cloth: knit, woven, denim, coat or suit.
        detail: (S, S) brightness of the original cloth: its seams become relief too.
    """
    slanting = 0.55 * _ridges(rng, maps, u, v, rng.uniform(0.5, 1.1), 0.30, 0.07)
    slanting = slanting + 0.55 * _ridges(rng, maps, u, v, -rng.uniform(0.5, 1.1), 0.30, 0.07)
    creases = 1.1 * _creased(maps) * _ridges(rng, maps, u, v, rng.normal(0, 0.25), 0.16, 0.028)
    height = np.tanh((slanting + creases) * 0.6) * DEPTH[cloth]
    return np.clip(128 + 95 * height + 50 * (cv2.GaussianBlur(detail, (0, 0), 1.2) - 1), 0, 255).astype(np.uint8)


def _ridges(rng: Rng, maps: GarmentMaps, u: Array, v: Array, angle: float, length: float, width: float) -> Array:
    """Random ridges (S, S) of a direction (radians), length and width (metres)."""
    field: Array = cv2.GaussianBlur(rng.standard_normal((96, 96)).astype(np.float32), (0, 0), 1.1)
    field /= field.std()
    cosine, sine = np.cos(angle), np.sin(angle)
    arm = maps.arm >= 0
    shift = np.where(maps.front, 0, 17.3) + np.where(maps.left, 0, 31.7) * arm  # front, back and arms differ
    x = ((u * cosine + v * sine) / length * 4 + 40 + shift).astype(np.float32) % 95
    y = ((-u * sine + v * cosine) / width * 4 + 40 + shift).astype(np.float32) % 95
    return cv2.remap(field, x, y, cv2.INTER_CUBIC)


def _creased(maps: GarmentMaps) -> Array:
    """(S, S) how much the cloth creases across a limb: elbow and wrist; knee, ankle and hip."""
    arm = maps.arm >= 0
    on_arm = _near(maps.arm, 0.50, 0.16) + 0.5 * _near(maps.arm, 0.9, 0.1)
    on_leg = _near(maps.leg, 0.52, 0.1) + 0.7 * _near(maps.leg, 0.95, 0.1) + 0.6 * _near(maps.leg, 0.02, 0.08)
    creased: Array = np.where(arm, on_arm, on_leg) * np.where(arm | (maps.leg > -0.12), 1, 0)
    return creased


def _near(place: Array, centre: float, width: float) -> Array:
    return np.exp(-(((place - centre) / width) ** 2))
