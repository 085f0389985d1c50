"""SSD300 of the authors' detection score: VGG-16 with six heads, trained on VOC 2007 and 2012 (120,000 iterations).

Two files hold the same network: the Caffe model that the authors used, and its conversion in the layout of ssd.pytorch (whose
network reads RGB; Caffe's reads BGR). The score needs the largest confidence of a person only, so no box is decoded:
suppression of overlapping boxes never removes the best one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from posetransfer.errors import DataError
from posetransfer.evaluation.batch import Picture
from posetransfer.evaluation.metrics.networks.caffe import read_caffe_model
from posetransfer.evaluation.metrics.networks.files import sha256

State = dict[str, Tensor]

SIDE = 300
CLASSES, PERSON = 21, 15  # of VOC, 0 is the background
LEAST = 0.01  # the network's own threshold; below it nothing is detected
MEAN = (123.0, 117.0, 104.0)  # RGB

# Caffe's name of a layer -> ssd.pytorch's; the heads stand behind conv4_3, fc7 and each second extra layer.
TRUNK = {
    **{f"conv{b}_{i}": f"vgg.{n}" for b, i, n in ((1, 1, 0), (1, 2, 2), (2, 1, 5), (2, 2, 7), (3, 1, 10), (3, 2, 12), (3, 3, 14))},
    **{f"conv{b}_{i}": f"vgg.{n}" for b, i, n in ((4, 1, 17), (4, 2, 19), (4, 3, 21), (5, 1, 24), (5, 2, 26), (5, 3, 28))},
    "fc6": "vgg.31",
    "fc7": "vgg.33",
}
EXTRAS = {f"conv{block}_{i}": f"extras.{2 * (block - 6) + i - 1}" for block in (6, 7, 8, 9) for i in (1, 2)}
HEADS = {f"{name}_mbox_conf": f"conf.{i}" for i, name in enumerate(("conv4_3_norm", "fc7", "conv6_2", "conv7_2", "conv8_2", "conv9_2"))}
BOXES = (4, 6, 6, 6, 4, 4)  # default boxes per place of each head
LAYERS = {**TRUNK, **EXTRAS, **HEADS}


@dataclass
class Ssd300:
    """Detection score `ds`: the largest confidence of a person that the authors' detector has in the picture; 0 below 0.01."""

    path: Path
    name: str = field(init=False, default="")
    """The standard network has no suffix in a score's name."""

    @property
    def sha256(self) -> str:
        """Of the weight file."""
        return sha256(self.path)

    def __call__(self, pictures: Sequence[Picture]) -> npt.NDArray[np.float64]:
        """(n,) confidences in [0, 1]."""
        state = _read(self.path, "cuda" if torch.cuda.is_available() else "cpu")
        with torch.inference_mode():
            return np.array([_score(state, picture) for picture in pictures])


def _score(state: State, picture: Picture) -> float:
    x = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None].to(state["vgg.0.weight"].device)
    # Caffe's pictures are resized by scikit-image: bilinear on half-pixel centres, no blur.
    x = F.interpolate(x, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    best = float(confidences(state, x - torch.tensor(MEAN, device=x.device).view(1, 3, 1, 1))[:, PERSON].max())
    return best if best > LEAST else 0.0


def confidences(state: State, x: Tensor) -> Tensor:
    """Normalised RGB pictures (1, 3, 300, 300) to class probabilities (8732, 21) of all default boxes."""
    logits = []
    for i, level in enumerate(_levels(state, x)):
        head = F.conv2d(level, state[f"conf.{i}.weight"], state[f"conf.{i}.bias"], padding=1)
        logits.append(head.permute(0, 2, 3, 1).reshape(-1, CLASSES))
    return torch.cat(logits).softmax(dim=1)


def _levels(state: State, x: Tensor) -> Iterator[Tensor]:
    """What the six heads look at: 38, 19, 10, 5, 3 and 1 places a side."""

    def layer(x: Tensor, name: str, **options: int) -> Tensor:
        key = LAYERS[name]
        return F.relu(F.conv2d(x, state[f"{key}.weight"], state[f"{key}.bias"], **options))

    for block, convolutions in ((1, 2), (2, 2), (3, 3), (4, 3)):
        if block > 1:
            x = F.max_pool2d(x, 2, ceil_mode=True)  # Caffe rounds up: 75 -> 38
        for i in range(1, convolutions + 1):
            x = layer(x, f"conv{block}_{i}", padding=1)
    norm = (x.square().sum(dim=1, keepdim=True) + 1e-10).sqrt()
    yield x / norm * state["L2Norm.weight"].view(1, -1, 1, 1)
    x = F.max_pool2d(x, 2)
    for i in (1, 2, 3):
        x = layer(x, f"conv5_{i}", padding=1)
    x = layer(F.max_pool2d(x, 3, 1, 1), "fc6", padding=6, dilation=6)
    x = layer(x, "fc7")
    yield x
    for block, options in ((6, {"stride": 2, "padding": 1}), (7, {"stride": 2, "padding": 1}), (8, {}), (9, {})):
        x = layer(layer(x, f"conv{block}_1"), f"conv{block}_2", **options)
        yield x


@cache
def _read(path: Path, device: str) -> State:
    state = _from_caffe(path) if path.suffix == ".caffemodel" else _from_torch(path)
    wanted = {f"{key}.{part}" for key in LAYERS.values() for part in ("weight", "bias")} | {"L2Norm.weight"}
    heads = [tuple(state[f"conf.{i}.weight"].shape[:1]) for i in range(len(BOXES))] if wanted <= state.keys() else []
    if heads != [(boxes * CLASSES,) for boxes in BOXES]:
        raise DataError(f"{path}: not an SSD300 of VOC's 21 classes; give the authors' .caffemodel, or its conversion for ssd.pytorch.")
    return {key: state[key].float().to(device) for key in wanted}


def _from_torch(path: Path) -> State:
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {key: value for key, value in state.items() if isinstance(value, Tensor)} if isinstance(state, dict) else {}


def _from_caffe(path: Path) -> State:
    """ssd.pytorch's names for Caffe's layers; the first convolution's planes turned from BGR to RGB."""
    layers = {name: [torch.from_numpy(blob) for blob in blobs] for name, blobs in read_caffe_model(path).items()}
    state: State = {}
    for name, key in LAYERS.items():
        if len(layers.get(name, ())) == 2:
            state[f"{key}.weight"], state[f"{key}.bias"] = layers[name]
    if "vgg.0.weight" in state:
        state["vgg.0.weight"] = state["vgg.0.weight"].flip(1)
    if layers.get("conv4_3_norm"):
        state["L2Norm.weight"] = layers["conv4_3_norm"][0].flatten()
    return state
