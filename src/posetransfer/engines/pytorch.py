"""The network on PyTorch: CPU, CUDA or Apple GPU."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from posetransfer.config import ModelConfig
from posetransfer.engines.engine import Array, Explanation, Precision, match_batches
from posetransfer.errors import SettingsError, WeightsError
from posetransfer.networks import Generator, make_generator
from posetransfer.weights import Weights

_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class PyTorchEngine:
    """A generator in eval mode, its batch norms folded into the convolutions.

    Args:
        weights: settings and tensors.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        precision: `fp32`, `bf16`, `fp16`, or `auto`: bf16 where the device computes in it, else fp32.
        threads: of one operator on the CPU, for all of torch in this process; None leaves them as they are.

    Raises:
        SettingsError: a device or precision that is not to be had here.
        WeightsError: the tensors do not fit the network.
    """

    name = "pytorch"

    def __init__(self, weights: Weights, device: str = "auto", precision: Precision = "auto", threads: int | None = None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self.config: ModelConfig = weights.config
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        network = build_generator(weights)
        fold_batch_norms(network)
        network.photo_encoder = Remembered(network.photo_encoder)  # type: ignore[assignment]
        self.network = network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self, photo: Array, source_pose: Array, target_pose: Array) -> Array:
        """See `Engine.run`."""
        with torch.inference_mode(), self._autocast():
            return _array(self.network(*self._tensors(photo, source_pose, target_pose)))

    def explain(self, photo: Array, source_pose: Array, target_pose: Array) -> Explanation:
        """See `Engine.explain`; the plain generator of the ablation has no masks (SettingsError)."""
        if self.config.transfer == "residual":
            raise SettingsError("these weights are of a plain residual generator (transfer: residual), which has no attention to show.")
        with torch.inference_mode(), self._autocast():
            picture, masks, codes = self.network(*self._tensors(photo, source_pose, target_pose), attention=True)
            pictures = torch.stack([self.network.decode(code) for code in codes])
            return Explanation(_array(picture), _array(torch.stack([mask.float().mean(dim=1) for mask in masks])), _array(pictures))

    def _tensors(self, photo: Array, source_pose: Array, target_pose: Array) -> list[Tensor]:
        photo, source_pose = match_batches(photo, source_pose, target_pose)
        return [_tensor(array).to(self.device) for array in (photo, source_pose, target_pose)]

    def _autocast(self) -> AbstractContextManager[object]:
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=_TYPES[self.precision])


class Remembered(nn.Module):
    """An encoder that keeps its last answer: many poses of one photo encode it once."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self._last: tuple[Tensor, Tensor] | None = None  # photo and code in one attribute: other threads see both or neither

    def forward(self, photo: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, C, h, w); a photo that is repeated over the batch (stride 0) is encoded once."""
        one = photo[:1] if photo.stride(0) == 0 else photo
        last = self._last
        if last is None or not torch.equal(last[0], one):
            self._last = last = one.clone(), self.encoder(one)
        return last[1].expand(photo.shape[0], -1, -1, -1)


def build_generator(weights: Weights) -> Generator:
    """A generator in eval mode that holds the given weights, in float32 on the CPU.

    Raises:
        WeightsError: the tensors do not fit the network; names the first.
    """
    network = make_generator(weights.config)
    counters = {name: buffer for name, buffer in network.state_dict().items() if name.endswith("num_batches_tracked")}
    try:
        network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.tensors.items()} | counters)
    except RuntimeError as err:  # `load_weights` has checked names and shapes; this is for weights made by hand
        first = str(err).partition("\n\t")[2].partition("\n")[0]
        raise WeightsError(f"{weights.folder}: {first or err}; settings and tensors must come from one network.") from err
    return network.eval()


def fold_batch_norms(network: nn.Module) -> None:
    """Multiply each batch norm in eval mode into the convolution before it, in place: fewer steps, the same function."""
    for module in network.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for i in range(len(module) - 1):
            conv, norm = module[i], module[i + 1]
            if isinstance(conv, nn.Conv2d | nn.ConvTranspose2d) and isinstance(norm, nn.BatchNorm2d):
                transposed = isinstance(conv, nn.ConvTranspose2d)
                module[i] = fuse_conv_bn_eval(conv, norm, transpose=transposed)
                module[i + 1] = nn.Identity()


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` takes CUDA, then the Apple GPU, then the CPU.

    Raises:
        SettingsError: unknown, or not to be had with this machine and this build of PyTorch.
    """
    has = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device("cuda" if has["cuda"] else "mps" if has["mps"] else "cpu")
    kind, _, number = name.partition(":")
    if kind not in has or (number and not number.isdecimal()):
        raise SettingsError(f"device {name!r} is unknown; it is one of auto, cpu, cuda, cuda:1, mps.")
    if not has[kind] or (kind == "cuda" and int(number or 0) >= torch.cuda.device_count()):
        raise SettingsError(f"device {name!r} is not to be had with this machine and this build of PyTorch; use auto or cpu.")
    return torch.device(name)


def choose_precision(name: Precision, device: torch.device) -> Precision:
    """`auto` resolved: bf16 where the device has instructions for it.

    Raises:
        SettingsError: an unknown word, or fp16 on a CPU.
    """
    if name not in ("auto", "fp32", "bf16", "fp16"):
        raise SettingsError(f"precision {name!r} is unknown; it is one of auto, fp32, bf16, fp16.")
    if name == "fp16" and device.type == "cpu":
        raise SettingsError("precision 'fp16' is for GPUs; a CPU computes in fp32 or bf16.")
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return "bf16" if device.type == "cpu" and _cpu_has_bf16() else "fp32"


def _cpu_has_bf16() -> bool:
    """Does the processor multiply bfloat16 numbers? Without, PyTorch emulates it slower than fp32."""
    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(check is not None and check() for check in checks)


def _tensor(array: Array) -> Tensor:
    """Array to tensor, channels last; a repeated picture (stride 0) stays one picture in memory."""
    if array.shape[0] > 1 and array.strides[0] == 0:
        return _tensor(array[:1]).expand(array.shape[0], -1, -1, -1)
    return torch.from_numpy(array.copy()).contiguous(memory_format=torch.channels_last)


def _array(tensor: Tensor) -> Array:
    return cast(Array, tensor.float().contiguous().cpu().numpy())
