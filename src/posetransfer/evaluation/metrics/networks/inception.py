"""Inception-v3 in the two forms that FID, KID and IS are published with, run from their weight files.

`tensorflow`: the graph of 2015-12-05 (1008 classes) as converted by torch-fidelity; its average pooling leaves the padding
out, its last block pools by maximum, and its resizing has the old TensorFlow's grid. `imagenet`: torchvision's weights,
with the input mapping of the papers that use it (GFLA, NTED, PIDM, CFLD), which map [0, 1] values as if they had been
normalised before. The keys of both files are the same, so one walk through the layers serves both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from posetransfer.errors import DataError
from posetransfer.evaluation.batch import Picture
from posetransfer.evaluation.metrics.networks.files import sha256

Floats = npt.NDArray[np.float32]
State = dict[str, Tensor]
SIDE = 299


@dataclass
class Inception:
    """2048 pooled features, and logits without their bias as IS takes them (1008 or 1000 classes)."""

    path: Path
    kind: Literal["tensorflow", "imagenet"] = "tensorflow"
    name: str = field(init=False, default="")
    """The standard network has no suffix in a score's name."""

    @property
    def sha256(self) -> str:
        """Of the weight file."""
        return sha256(self.path)

    def __call__(self, pictures: Sequence[Picture]) -> tuple[Floats, Floats]:
        """Features (n, 2048) and logits (n, classes)."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        state = _read(self.path, device)
        features, logits = [], []
        with torch.inference_mode():
            for picture in pictures:  # one at a time: no score may depend on the batch
                x = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None].to(device)
                pooled = walk(state, _mapped(x, self.kind), self.kind)
                features.append(pooled.cpu().numpy()[0])
                logits.append((pooled @ state["fc.weight"].T).cpu().numpy()[0])
        return np.stack(features), np.stack(logits)


def walk(state: State, x: Tensor, kind: Literal["tensorflow", "imagenet"] = "tensorflow") -> Tensor:
    """Normalised pictures (n, 3, 299, 299) to pooled features (n, 2048)."""
    net = _Layers(state, count_padding=kind == "imagenet")
    x = net.conv(x, "Conv2d_1a_3x3", stride=2)  # (n, 32, 149, 149)
    x = net.conv(x, "Conv2d_2a_3x3")
    x = net.conv(x, "Conv2d_2b_3x3", padding=1)
    x = F.max_pool2d(x, 3, 2)  # (n, 64, 73, 73)
    x = net.conv(x, "Conv2d_3b_1x1")
    x = net.conv(x, "Conv2d_4a_3x3")
    x = F.max_pool2d(x, 3, 2)  # (n, 192, 35, 35)
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        x = net.block_5(x, name)
    x = net.block_6a(x, "Mixed_6a")  # (n, 768, 17, 17)
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        x = net.block_6(x, name)
    x = net.block_7a(x, "Mixed_7a")  # (n, 1280, 8, 8)
    x = net.block_7(x, "Mixed_7b", last=False)
    x = net.block_7(x, "Mixed_7c", last=kind == "tensorflow")  # (n, 2048, 8, 8)
    return x.mean(dim=(2, 3))


class _Layers:
    """The blocks of Inception-v3 over a file's tensors."""

    def __init__(self, state: State, count_padding: bool) -> None:
        self.state = state
        self.count_padding = count_padding

    def conv(self, x: Tensor, name: str, stride: int = 1, padding: int | tuple[int, int] = 0) -> Tensor:
        """Convolution, batch norm with running statistics, ReLU."""
        s = self.state
        x = F.conv2d(x, s[f"{name}.conv.weight"], stride=stride, padding=padding)
        mean, variance, weight, bias = (s[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return F.relu(F.batch_norm(x, mean, variance, weight, bias, eps=0.001))

    def pooled(self, x: Tensor, name: str) -> Tensor:
        """3 x 3 averages, then a 1 x 1 convolution."""
        return self.conv(F.avg_pool2d(x, 3, 1, 1, count_include_pad=self.count_padding), f"{name}.branch_pool")

    def block_5(self, x: Tensor, name: str) -> Tensor:
        five = self.conv(self.conv(x, f"{name}.branch5x5_1"), f"{name}.branch5x5_2", padding=2)
        three = self.conv(self.conv(x, f"{name}.branch3x3dbl_1"), f"{name}.branch3x3dbl_2", padding=1)
        three = self.conv(three, f"{name}.branch3x3dbl_3", padding=1)
        return torch.cat([self.conv(x, f"{name}.branch1x1"), five, three, self.pooled(x, name)], 1)

    def block_6a(self, x: Tensor, name: str) -> Tensor:
        double = self.conv(self.conv(x, f"{name}.branch3x3dbl_1"), f"{name}.branch3x3dbl_2", padding=1)
        double = self.conv(double, f"{name}.branch3x3dbl_3", stride=2)
        return torch.cat([self.conv(x, f"{name}.branch3x3", stride=2), double, F.max_pool2d(x, 3, 2)], 1)

    def block_6(self, x: Tensor, name: str) -> Tensor:
        wide, tall = (0, 3), (3, 0)
        seven = self.conv(x, f"{name}.branch7x7_1")
        for i, padding in ((2, wide), (3, tall)):
            seven = self.conv(seven, f"{name}.branch7x7_{i}", padding=padding)
        double = self.conv(x, f"{name}.branch7x7dbl_1")
        for i, padding in ((2, tall), (3, wide), (4, tall), (5, wide)):
            double = self.conv(double, f"{name}.branch7x7dbl_{i}", padding=padding)
        return torch.cat([self.conv(x, f"{name}.branch1x1"), seven, double, self.pooled(x, name)], 1)

    def block_7a(self, x: Tensor, name: str) -> Tensor:
        three = self.conv(self.conv(x, f"{name}.branch3x3_1"), f"{name}.branch3x3_2", stride=2)
        seven = self.conv(x, f"{name}.branch7x7x3_1")
        seven = self.conv(seven, f"{name}.branch7x7x3_2", padding=(0, 3))
        seven = self.conv(seven, f"{name}.branch7x7x3_3", padding=(3, 0))
        seven = self.conv(seven, f"{name}.branch7x7x3_4", stride=2)
        return torch.cat([three, seven, F.max_pool2d(x, 3, 2)], 1)

    def block_7(self, x: Tensor, name: str, last: bool) -> Tensor:
        """`last`: the TensorFlow graph's final block, which pools by maximum."""
        three = self.conv(x, f"{name}.branch3x3_1")
        double = self.conv(self.conv(x, f"{name}.branch3x3dbl_1"), f"{name}.branch3x3dbl_2", padding=1)
        parts = [self.conv(x, f"{name}.branch1x1")]
        for stem, y in ((f"{name}.branch3x3_2", three), (f"{name}.branch3x3dbl_3", double)):
            parts += [self.conv(y, f"{stem}a", padding=(0, 1)), self.conv(y, f"{stem}b", padding=(1, 0))]
        pool = self.conv(F.max_pool2d(x, 3, 1, 1), f"{name}.branch_pool") if last else self.pooled(x, name)
        return torch.cat([*parts, pool], 1)


def _mapped(x: Tensor, kind: Literal["tensorflow", "imagenet"]) -> Tensor:
    """Values 0..255 of any size to what the network wants."""
    if kind == "tensorflow":
        return (resize_like_tensorflow(x, SIDE) - 128) / 128
    x = F.interpolate(x / 255, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    factor = torch.tensor([0.229, 0.224, 0.225], device=x.device).view(1, 3, 1, 1) / 0.5
    shift = (torch.tensor([0.485, 0.456, 0.406], device=x.device).view(1, 3, 1, 1) - 0.5) / 0.5
    return x * factor + shift


def resize_like_tensorflow(x: Tensor, side: int) -> Tensor:
    """Bilinear resizing on TensorFlow 1's grid: pixel i of the result lies at i * (old size / new size)."""
    for axis in (3, 2):
        size = x.shape[axis]
        place = torch.arange(side, dtype=torch.float32, device=x.device) * (size / side)
        low = place.long()
        weight = (place - low).view([-1 if a == axis else 1 for a in range(4)])
        one, other = x.index_select(axis, low), x.index_select(axis, (low + 1).clamp_max(size - 1))
        x = one + (other - one) * weight
    return x


@cache
def _read(path: Path, device: str) -> State:
    state = torch.load(path, map_location=device, weights_only=True)
    if not isinstance(state, dict) or "Mixed_7c.branch_pool.conv.weight" not in state:
        raise DataError(f"{path}: not the weights of an Inception-v3; give the file of that name, or leave it to be fetched.")
    return {key: value.float() for key, value in state.items() if isinstance(value, Tensor)}
