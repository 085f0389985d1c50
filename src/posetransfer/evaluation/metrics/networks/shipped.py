"""The shipped stand-ins: EfficientNet-Lite0, NanoDet, VGG16 and ST-LPIPS. Their scores carry their names, always.

They rank distortions as the standard networks do, but their numbers are on scales of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from posetransfer.assets import asset_path
from posetransfer.evaluation.batch import Picture
from posetransfer.evaluation.metrics.networks.files import sha256
from posetransfer.image import resize

if TYPE_CHECKING:
    import onnxruntime

EFFICIENTNET = "efficientnet_lite0_imagenet.onnx"
NANODET = "nanodet_g_416.onnx"
ST_LPIPS = "stlpips_alex_shift_tolerant.safetensors"
VGG16 = "vgg16_conv1_1_to_conv3_3.safetensors"

PERSON = 0  # class of COCO

Floats = npt.NDArray[np.float32]


def shipped_sha256(name: str) -> str:
    """The SHA-256 of a shipped network."""
    return sha256(asset_path(name))


@dataclass
class EfficientNet:
    """1280 pooled features and 1000 ImageNet logits of EfficientNet-Lite0; pictures are resized to 224 x 224."""

    name: str = "effnetlite0"

    @property
    def sha256(self) -> str:
        """Of the file."""
        return shipped_sha256(EFFICIENTNET)

    def __call__(self, pictures: Sequence[Picture]) -> tuple[Floats, Floats]:
        """Features (n, 1280) and logits (n, 1000)."""
        features, logits = [], []
        for picture in pictures:  # one at a time: the sums inside may depend on the batch, a score must not
            rgb = resize(picture, (224, 224)).transpose(2, 0, 1)[None].astype(np.float32)
            one, other = _session(EFFICIENTNET).run(["features", "logits"], {"rgb": rgb})
            features.append(one[0])
            logits.append(other[0])
        return np.stack(features), np.stack(logits)


@dataclass
class Vgg16:
    """256 features: relu3_3 of VGG16, normalised per pixel, averaged over the picture. Few enough for some hundred pictures."""

    name: str = "vgg16"

    @property
    def sha256(self) -> str:
        """Of the file."""
        return shipped_sha256(VGG16)

    def __call__(self, pictures: Sequence[Picture]) -> tuple[Floats, None]:
        """Features (n, 256), no logits."""
        with torch.inference_mode():
            return np.stack([self._features(picture) for picture in pictures]), None

    def _features(self, picture: Picture) -> Floats:
        # Unit length per pixel, so that bright edges do not decide alone; times 16 = sqrt(256): components near 1.
        pooled: Floats = (16 * F.normalize(_relus(picture)[-1], dim=1)).mean(dim=(2, 3))[0].numpy()
        return pooled


def relu1_2_and_relu3_3(picture: Picture) -> tuple[Floats, Floats]:
    """VGG16's maps behind the last ReLU of its first and of its third block: (64, H, W) and (256, H // 4, W // 4)."""
    with torch.inference_mode():
        first, _, third = _relus(picture)
        return first[0].numpy(), third[0].numpy()


def _relus(picture: Picture) -> list[Tensor]:
    """The maps behind the last ReLU of blocks 1, 2 and 3."""
    mean = torch.tensor([123.68, 116.779, 103.939])
    x = (torch.from_numpy(picture.astype(np.float32)) - mean).permute(2, 0, 1)[None]
    weights = _weights(VGG16)
    maps = []
    for block, convolutions in ((1, 2), (2, 2), (3, 3)):
        if block > 1:
            x = F.max_pool2d(x, 2)
        for i in range(1, convolutions + 1):
            x = F.relu(F.conv2d(x, weights[f"conv{block}_{i}.weight"], weights[f"conv{block}_{i}.bias"], padding=1))
        maps.append(x)
    return maps


@dataclass
class StLpips:
    """ST-LPIPS: a distance like LPIPS (AlexNet trunk with blurred strides, five linear heads) that forgives small shifts."""

    name: str = "st_lpips"

    @property
    def sha256(self) -> str:
        """Of the file."""
        return shipped_sha256(ST_LPIPS)

    def __call__(self, generated: Sequence[Picture], real: Sequence[Picture]) -> npt.NDArray[np.float64]:
        """(n,) distances; 0 for equal pictures."""
        with torch.inference_mode():
            return np.array([self._distance(a, b) for a, b in zip(generated, real, strict=True)])

    def _distance(self, generated: Picture, real: Picture) -> float:
        pair = torch.from_numpy(np.stack([generated, real]).astype(np.float32)).permute(0, 3, 1, 2) / 127.5 - 1
        distance = 0.0
        for k, tap in enumerate(_st_lpips_taps(pair), start=1):
            unit = tap / (tap.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
            squares = (unit[0] - unit[1]).square()[None]
            distance += float(F.conv2d(squares, _weights(ST_LPIPS)[f"lin{k}.weight"]).mean())
        return distance


def _st_lpips_taps(x: Tensor) -> list[Tensor]:
    weights = _weights(ST_LPIPS)

    def convolve(x: Tensor, i: int, padding: int) -> Tensor:
        return F.conv2d(x, weights[f"conv{i}.weight"], weights[f"conv{i}.bias"], padding=padding)

    x = (x - weights["shift"].view(1, 3, 1, 1)) / weights["scale"].view(1, 3, 1, 1)
    first = F.relu(_blurred_half(convolve(x, 1, 2)))
    second = F.relu(convolve(_blurred_half(F.max_pool2d(first, 3, 1)), 2, 2))
    third = F.relu(convolve(_blurred_half(F.max_pool2d(second, 3, 1)), 3, 1))
    fourth = F.relu(convolve(third, 4, 1))
    return [first, second, third, fourth, F.relu(convolve(fourth, 5, 1))]


def _blurred_half(x: Tensor) -> Tensor:
    """Every second pixel, after a binomial blur."""
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    kernel = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])


@cache
def _weights(name: str) -> dict[str, Tensor]:
    return {key: value.float() for key, value in load_file(asset_path(name)).items()}


@dataclass
class NanoDet:
    """Detection score: the largest confidence of a person in the picture."""

    name: str = "nanodet"

    @property
    def sha256(self) -> str:
        """Of the file."""
        return shipped_sha256(NANODET)

    def __call__(self, pictures: Sequence[Picture]) -> npt.NDArray[np.float64]:
        """(n,) confidences in [0, 1]. No box is needed, so none is decoded and nothing is suppressed."""
        return np.array([self._score(picture) for picture in pictures])

    def _score(self, picture: Picture) -> float:
        outputs = _session(NANODET).run(["scores_8", "scores_16", "scores_32"], {"image": self._input(picture)})
        return max(float(scores[0, :, PERSON].max()) for scores in outputs)

    def _input(self, picture: Picture) -> npt.NDArray[np.float32]:
        """Fitted into 416 x 416, black around, BGR, normalised."""
        height, width = picture.shape[:2]
        scale = 416 / max(height, width)
        small = np.asarray(Image.fromarray(picture).resize((round(width * scale), round(height * scale)), Image.Resampling.BILINEAR))
        square = np.zeros((416, 416, 3), np.float32)
        top, left = (416 - small.shape[0]) // 2, (416 - small.shape[1]) // 2
        square[top : top + small.shape[0], left : left + small.shape[1]] = small[..., ::-1]
        square = (square - np.array([103.53, 116.28, 123.675])) / np.array([57.375, 57.12, 58.395])
        return np.asarray(square.transpose(2, 0, 1)[None], dtype=np.float32)


@cache
def _session(name: str) -> onnxruntime.InferenceSession:
    import onnxruntime  # here: it is slow to load, and some scores need none of these networks

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # processes share the cores among themselves
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(asset_path(name)), options, providers=["CPUExecutionProvider"])
