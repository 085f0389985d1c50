"""Light: a key light with a shadow, sky and ground from all around, a fill light."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from posetransfer.people.arrays import Array, Rng


@dataclass(frozen=True, eq=False)
class Light:
    """A row each, (6, 3) float32: direction to the key light, its colour, colour of sky, of ground, direction to the fill, its colour."""

    table: Array

    @property
    def direction(self) -> Array:
        """Direction (3,) to the key light."""
        row: Array = self.table[0]
        return row

    @property
    def key_share(self) -> float:
        """Part of the light that comes from the key: 1 is hard sun, 0 an overcast sky."""
        return float(self.table[1].mean() / (self.table[1].mean() + self.table[2].mean()))

    @property
    def brightness(self) -> float:
        """What a surface of mid-tone receives."""
        return float(self.table[1].mean() * 0.75 + self.table[2].mean() * 0.75)


def street_light(rng: Rng) -> Light:
    """Sun from anywhere, or an overcast sky."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), math.radians(rng.uniform(30, 70))
    sunny = rng.choice([0.0, 1.0], p=[0.35, 0.65])
    key_strength = rng.uniform(0.9, 1.5) if sunny else rng.uniform(0.15, 0.45)
    key = key_strength * np.array([1, rng.uniform(0.93, 1), rng.uniform(0.82, 1)])
    sky_strength = rng.uniform(0.35, 0.6) if sunny else rng.uniform(0.6, 0.95)
    sky = sky_strength * np.array([rng.uniform(0.86, 1), 0.97, rng.uniform(1, 1.12)])
    ground = sky * rng.uniform(0.35, 0.6) * np.array([1, 0.97, 0.9])
    return _with_fill(rng, azimuth, elevation, key, sky, ground)


def studio_light(rng: Rng, eye: Array) -> Light:
    """For a camera at `eye` (3,): a soft key light near it in half the pictures, else a hard one, daylight, or the flat light of a room."""
    to = np.asarray(eye, float)
    to = to / np.linalg.norm(to)
    ahead = math.atan2(to[0], to[2])
    chance = rng.random()
    if chance < 0.22:  # out of doors
        return street_light(rng)
    if chance < 0.42:  # a hard lamp or the sun from a window
        azimuth, elevation = ahead + rng.normal(0, 1.0), math.radians(rng.uniform(5, 65))
        key = rng.uniform(0.8, 1.6) * np.array([1, rng.uniform(0.92, 1), rng.uniform(0.80, 1.02)])
        sky = rng.uniform(0.25, 0.55) * np.array([1, 0.99, rng.uniform(0.95, 1.08)])
        return _with_fill(rng, azimuth, elevation, key, sky, sky * rng.uniform(0.4, 0.9))
    if chance < 0.56:  # lamps of a ceiling
        azimuth, elevation = rng.uniform(0, 2 * np.pi), math.radians(rng.uniform(55, 88))
        key = rng.uniform(0.3, 0.9) * np.array([1, rng.uniform(0.93, 1), rng.uniform(0.80, 1)])
        sky = rng.uniform(0.5, 0.9) * np.array([1, rng.uniform(0.96, 1), rng.uniform(0.88, 1.04)])
        return _with_fill(rng, azimuth, elevation, key, sky, sky * rng.uniform(0.3, 0.7))
    azimuth, elevation = ahead + rng.normal(0, 0.7), math.radians(rng.uniform(20, 60))
    key = rng.uniform(0.35, 0.9) * np.array([1, rng.uniform(0.96, 1), rng.uniform(0.92, 1.02)])
    sky = rng.uniform(0.6, 0.9) * np.array([1, 0.99, rng.uniform(0.96, 1.02)])
    ground = sky * rng.uniform(0.6, 0.9)
    return _with_fill(rng, azimuth, elevation, key, sky, ground)


def _with_fill(rng: Rng, azimuth: float, elevation: float, key: Array, sky: Array, ground: Array) -> Light:
    direction = np.array([math.sin(azimuth) * math.cos(elevation), math.sin(elevation), math.cos(azimuth) * math.cos(elevation)])
    opposite = azimuth + math.pi * rng.uniform(0.5, 1.2)
    fill = np.array([math.sin(opposite) * 0.9, 0.35, math.cos(opposite) * 0.9])
    fill /= np.linalg.norm(fill)
    return Light(np.array([direction, key, sky, ground, fill, sky * rng.uniform(0.1, 0.35)], np.float32))
