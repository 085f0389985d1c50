"""Feature networks of the perceptual loss: VGG-19 as in the paper, or the VGG-16 layers shipped with this package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posetransfer.assets import asset_path
from posetransfer.config import LossConfig
from posetransfer.errors import SettingsError

VGG16_CONVS = (2, 2, 3, 3, 3)
VGG19_CONVS = (2, 2, 4, 4, 4)
VGG19_FILE = "vgg19-dcbb9e9d.pth"
VGG19_ADDRESS = f"https://download.pytorch.org/models/{VGG19_FILE}"

VGG16_MEAN_ACTIVATION = {
    "relu1_1": 18.0, "relu1_2": 100.0, "relu2_1": 150.0, "relu2_2": 145.0,
    "relu3_1": 199.0, "relu3_2": 206.0, "relu3_3": 115.0, "relu4_1": 115.0, "relu4_2": 64.0,
}  # fmt: skip
"""Mean output of each shipped VGG-16 layer (measured on 30 rendered and 23 real photographs); dividing by it makes layers comparable."""


class Features(nn.Module):
    """Outputs of named layers ("relu1_2", "relu3_3") of a VGG network for pictures in [-1, 1].

    The weights are frozen buffers: they follow the module to a device, take no gradient and are not part of a checkpoint.

    Args:
        convs: weight (out, in, 3, 3) and bias (out,) by name "conv1_1"; only those up to the last wanted layer are used.
        layers: names of the wanted layers, in the network's order.
        mean, std: normalisation of the input, given on a scale where white is `white`.
        divisors: each layer's output is divided by its number.
    """

    def __init__(
        self,
        convs: dict[str, tuple[Tensor, Tensor]],
        layers: Sequence[str],
        mean: Sequence[float],
        std: Sequence[float],
        white: float,
        divisors: dict[str, float],
    ) -> None:
        super().__init__()
        self.layers = tuple(layers)
        unknown = [layer for layer in layers if layer.replace("relu", "conv") not in convs]
        if unknown or not layers:
            raise SettingsError(
                f"perceptual layer {', '.join(unknown) or '(none)'} is not one of {', '.join(c.replace('conv', 'relu') for c in convs)}; "
                "choose from these with --loss.perceptual-layers."
            )
        names = list(convs)
        last = max(names.index(layer.replace("relu", "conv")) for layer in layers)
        self.names = names[: last + 1]
        before = 1.0
        for name in self.names:
            # ReLU and pooling commute with a positive factor: the division is done in the weights
            divisor = divisors.get(name.replace("conv", "relu"), 1.0)
            weight, bias = convs[name][0].float() * (before / divisor), convs[name][1].float() / divisor
            before = divisor
            self.register_buffer(f"{name}_weight", weight.contiguous(memory_format=torch.channels_last), persistent=False)
            self.register_buffer(f"{name}_bias", bias, persistent=False)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.white = white

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] to one (B, C, h, w) per wanted layer."""
        x = ((pictures + 1) / 2 * self.white - self.mean) / self.std
        found = {}
        for i, name in enumerate(self.names):
            if i and name[4] != self.names[i - 1][4]:  # conv2_1 follows conv1_2: a new group begins
                x = F.max_pool2d(x, 2)
            x = F.relu_(F.conv2d(x, getattr(self, f"{name}_weight"), getattr(self, f"{name}_bias"), padding=1))
            layer = name.replace("conv", "relu")
            if layer in self.layers:
                found[layer] = x
        return [found[layer] for layer in self.layers]


def make_features(config: LossConfig) -> Features | None:
    """The feature network that the settings name, or None."""
    if config.perceptual == "none" or config.perceptual_weight == 0:
        return None
    return _vgg16(config) if config.perceptual == "vgg16" else _vgg19(config)


def _vgg16(config: LossConfig) -> Features:
    from safetensors.torch import load_file

    tensors: dict[str, Tensor] = {}
    for name in ("vgg16_conv1_1_to_conv3_3.safetensors", "vgg16_conv4_1_to_conv4_2.safetensors"):
        tensors |= load_file(asset_path(name))
    convs = {c: (tensors[f"{c}.weight"], tensors[f"{c}.bias"]) for c in _conv_names(VGG16_CONVS) if f"{c}.weight" in tensors}
    # Keras' weights: RGB 0..255 minus the mean, no division
    return Features(convs, config.perceptual_layers, (123.68, 116.779, 103.939), (1.0, 1.0, 1.0), 255.0, VGG16_MEAN_ACTIVATION)


def _vgg19(config: LossConfig) -> Features:
    path = Path(config.perceptual_weights) if config.perceptual_weights else Path(torch.hub.get_dir()) / "checkpoints" / VGG19_FILE
    if not path.is_file():
        if config.perceptual_weights:
            raise SettingsError(f"{path}: no such file; give torchvision's {VGG19_FILE} with --loss.perceptual-weights.")
        _fetch(path)
    state = torch.load(path, map_location="cpu", weights_only=True)
    convs, position = {}, 0
    for name in _conv_names(VGG19_CONVS):
        # torchvision numbers every layer: conv, relu, conv, relu, pool, ...
        position += 1 if name.endswith("_1") and name != "conv1_1" else 0
        if f"features.{position}.weight" not in state:
            break
        convs[name] = (state[f"features.{position}.weight"], state[f"features.{position}.bias"])
        position += 2
    return Features(convs, config.perceptual_layers, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1.0, {})


def _fetch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(VGG19_ADDRESS, str(path), hash_prefix="dcbb9e9d", progress=False)
    except (OSError, RuntimeError) as error:
        raise SettingsError(
            f"VGG-19's weights could not be fetched from {VGG19_ADDRESS} ({error}); "
            f"put the file at {path}, name it with --loss.perceptual-weights, or take the shipped layers with --loss.perceptual vgg16."
        ) from error


def _conv_names(convs: Sequence[int]) -> list[str]:
    return [f"conv{group}_{i}" for group, count in enumerate(convs, 1) for i in range(1, count + 1)]
