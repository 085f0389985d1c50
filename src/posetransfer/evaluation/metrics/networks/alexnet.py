"""LPIPS 0.1 with AlexNet: torchvision's trunk (a file, or fetched) under the five linear heads of its authors (shipped)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from posetransfer.assets import asset_path
from posetransfer.errors import DataError
from posetransfer.evaluation.batch import Picture
from posetransfer.evaluation.metrics.networks.files import sha256

HEADS = "lpips_alex_heads_v0_1.safetensors"
# Convolutions of torchvision's AlexNet: number in `features`, stride, padding, whether a pooling stands before.
LAYERS = ((0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False), (10, 1, 1, False))


@dataclass
class AlexLpips:
    """The standard LPIPS ("alex", version 0.1) on [-1, 1] pictures."""

    path: Path
    name: str = field(init=False, default="lpips")

    @property
    def sha256(self) -> str:
        """Of the trunk's weight file."""
        return sha256(self.path)

    def __call__(self, generated: Sequence[Picture], real: Sequence[Picture]) -> npt.NDArray[np.float64]:
        """(n,) distances; 0 for equal pictures."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        trunk, heads = _trunk(self.path, device), _heads(device)
        with torch.inference_mode():
            return np.array([_distance(a, b, trunk, heads) for a, b in zip(generated, real, strict=True)])


def _distance(generated: Picture, real: Picture, trunk: dict[str, Tensor], heads: list[Tensor]) -> float:
    device = heads[0].device
    pair = torch.from_numpy(np.stack([generated, real]).astype(np.float32)).permute(0, 3, 1, 2).to(device) / 127.5 - 1
    shift = torch.tensor([-0.030, -0.088, -0.188], device=device).view(1, 3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450], device=device).view(1, 3, 1, 1)
    distance = 0.0
    for tap, head in zip(_taps((pair - shift) / scale, trunk), heads, strict=True):
        unit = tap / (tap.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
        distance += float(F.conv2d((unit[0] - unit[1]).square()[None], head).mean())
    return distance


def _taps(x: Tensor, trunk: dict[str, Tensor]) -> Iterator[Tensor]:
    """The five outputs behind a ReLU."""
    for number, stride, padding, pooled in LAYERS:
        if pooled:
            x = F.max_pool2d(x, 3, 2)
        x = F.relu(F.conv2d(x, trunk[f"features.{number}.weight"], trunk[f"features.{number}.bias"], stride, padding))
        yield x


@cache
def _heads(device: str) -> list[Tensor]:
    heads = load_file(asset_path(HEADS), device=device)
    return [heads[f"lin{i}.weight"] for i in range(len(LAYERS))]


@cache
def _trunk(path: Path, device: str) -> dict[str, Tensor]:
    state = torch.load(path, map_location=device, weights_only=True)
    if not isinstance(state, dict) or "features.10.weight" not in state:
        raise DataError(f"{path}: not the weights of torchvision's AlexNet; give the file of that name, or leave it to be fetched.")
    return {key: value.float() for key, value in state.items() if key.startswith("features.")}
