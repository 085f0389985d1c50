"""What can be measured: an engine on a network at a size, with a batch and a number of threads."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from posetransfer.config import PRESETS, ModelConfig
from posetransfer.engines.calibration import figure
from posetransfer.engines.engine import Array
from posetransfer.errors import SettingsError
from posetransfer.weights import Weights, expected_shapes, find_weights, load_weights

PLAIN = "plain"
"""The contender that all are compared with: `posetransfer.networks` in eager fp32, contiguous, batch norms not folded."""

NETWORKS = {"full-256x176": "deepfashion", "full-128x64": "market1501"}
"""Networks of the paper's two presets with random weights -> preset."""


@dataclass(frozen=True)
class Case:
    """One contender in one setting."""

    engine: str
    """A key of `engines.RUNTIMES`, or `PLAIN`."""
    network: str
    """A key of `NETWORKS`, or the name or folder of weights."""
    size: tuple[int, int]
    """(height, width) in pixels."""
    batch: int = 1
    """Pictures a call, each of its own photo."""
    threads: int = 1
    poses: int = 0
    """Poses of one photo a call; 0: every picture has its own photo."""
    precision: str = "auto"

    @property
    def pictures(self) -> int:
        """Pictures that come out of one call. The plain network knows no saving, so a few poses tell its cost per picture."""
        return min(self.poses, 4) if self.poses and self.engine == PLAIN else self.poses or self.batch

    @property
    def setting(self) -> tuple[str, tuple[int, int], int, int, int]:
        """All but the engine: cases of one setting are compared with each other."""
        return self.network, self.size, self.batch, self.threads, self.poses

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `Case.of` reads it."""
        return asdict(self)

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Case:
        """From JSON."""
        return cls(**(entry | {"size": tuple(entry["size"])}))


def network_weights(network: str) -> Weights:
    """Weights by name or folder, or random ones of a network of the paper: N(0, 0.02) as the authors begin, the same every time.

    Raises:
        WeightsError: no such weights.
    """
    if network not in NETWORKS:
        return load_weights(find_weights(network))
    config, rng = PRESETS[NETWORKS[network]].model, np.random.default_rng(0)
    tensors = {name: _random(name, shape, rng) for name, shape in expected_shapes(config).items()}
    return Weights(config, tensors, Path(network), "random")


def _random(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if len(shape) > 1:
        return (rng.standard_normal(shape, np.float32) * np.float32(0.02)).astype(np.float32)
    return np.full(shape, name.endswith(("running_var", ".1.weight", ".3.weight")), np.float32)


def case_inputs(case: Case, config: ModelConfig, seed: int = 0) -> tuple[Array, Array, Array]:
    """Photos, source poses and target poses of a case: the figure that the calibration draws, every one a little different."""
    photo, source, target = figure(replace(config, size=case.size))
    sources = 1 if case.poses else case.batch
    photos = np.concatenate([np.roll(photo, 4 * (seed + i), axis=3) for i in range(sources)])
    source_poses = np.concatenate([np.roll(source, 4 * (seed + i), axis=3) for i in range(sources)])
    return photos, source_poses, np.concatenate([np.roll(target, seed + i, axis=3) for i in range(case.pictures)])


def multiplications(config: ModelConfig, size: tuple[int, int]) -> int:
    """Multiplications (each with its addition) of all convolutions for one picture.

    >>> multiplications(ModelConfig(width=64, blocks=9), (256, 176))
    123861467136
    """
    pixels = size[0] * size[1]
    at = {"decoder.0.0": pixels // 16, "decoder.1.0": pixels // 4, "decoder.2": pixels}  # transposed: at their input's pixels
    at |= {f"{kind}_encoder.{i}.0": pixels // 4**i for kind in ("photo", "pose") for i in range(3)}
    kernels = {name.removesuffix(".weight"): shape for name, shape in expected_shapes(config).items() if len(shape) == 4}
    return sum(prod(shape) * at.get(name, pixels // 16) for name, shape in kernels.items())


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """A size that the networks can run.

    Raises:
        SettingsError: a side that is not divisible by 4, or too small to be padded by reflection.
    """
    if any(side % 4 or side < 16 for side in size):
        raise SettingsError(f"size {size[0]}x{size[1]}: height and width should be divisible by 4 and at least 16; for example 128x88.")
    return size
