"""The network on PyTorch: CPU, CUDA or Apple GPU.

What is for GPUs (half precision, pinned memory, CUDA graphs, maps drawn on the device) is tested where a CPU can test it; its speed is
not measured.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from posetransfer.config import ModelConfig
from posetransfer.engines.engine import Array, Explanation, Precision, match_batches
from posetransfer.engines.split import Split, parts
from posetransfer.engines.torch_layers import Form, can_pack, fold_batch_norms
from posetransfer.engines.torch_network import FastGenerator, FastPlainGenerator, Halfway, build_generator
from posetransfer.errors import SettingsError
from posetransfer.pose.heatmaps import draw_heatmaps_batch
from posetransfer.weights import Weights

__all__ = ["PyTorchEngine", "build_generator", "choose_device", "choose_precision", "fold_batch_norms"]

Bytes = npt.NDArray[np.uint8]
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class PyTorchEngine:
    """A generator rebuilt for speed (`torch_network`); what the source alone decides is computed once for many poses.

    Args:
        weights: settings and tensors.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        precision: `fp32`, `bf16`, `fp16`, or `auto`: bf16 where the device computes in it, else fp32.
        threads: of one operator on the CPU while this engine runs; None leaves torch's number as it is.
        compile: let `torch.compile` write the kernels, on CUDA as graphs: the first picture of every size and batch takes a minute.

    Raises:
        SettingsError: a device or precision that is not to be had here.
        WeightsError: the tensors do not fit the network.
    """

    name = "pytorch"

    def __init__(
        self,
        weights: Weights,
        device: str = "auto",
        precision: Precision = "auto",
        threads: int | None = None,
        *,
        compile: bool = False,
    ) -> None:
        self.config: ModelConfig = weights.config
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        self.threads = threads
        form = Form(_TYPES[self.precision], packed=self.device.type == "cpu" and not compile and can_pack(_TYPES[self.precision]))
        self.plain = self.config.transfer == "residual"
        generator = build_generator(weights)
        network: Any = FastPlainGenerator(generator, form) if self.plain else FastGenerator(generator, form)
        self.network = network.eval().to(self.device)
        self._target_part = compile_for(self.device, self.network.target) if compile and not self.plain else self.network.target
        self._split = Split[Halfway](self._source, self._target)

    def run(self, photo: Array, source_pose: Array, target_pose: Array) -> Array:
        """See `Engine.run`."""
        with torch.inference_mode(), use_threads(self.threads):
            return self._split(photo, source_pose, target_pose)

    def run_joints(self, photo: Bytes, source_joints: Array, target_joints: Array) -> Bytes:
        """As `run`, from joints: the maps are drawn on the device, so that hardly anything has to be copied to it.

        Args:
            photo: uint8 (B or 1, H, W, 3).
            source_joints: (B or 1, 18, 2) as (x, y) in pixels of the photo, NaN = missing.
            target_joints: (B, 18, 2) likewise.

        Returns:
            uint8 (B, H, W, 3).
        """
        size, made = (photo.shape[1], photo.shape[2]), []
        with torch.inference_mode(), use_threads(self.threads):
            halfway = None
            for part in parts(np.empty((len(target_joints), 0, *size), np.float32)):
                if halfway is None or len(photo) > 1 or len(source_joints) > 1:
                    pixels = self._copied(photo if len(photo) == 1 else photo[part]).permute(0, 3, 1, 2) / 127.5 - 1  # (B, 3, H, W)
                    joints = source_joints if len(source_joints) == 1 else source_joints[part]
                    halfway = self.network.source(pixels, self._maps(joints, size))
                made.append(_bytes(self._target_part(halfway, self._maps(target_joints[part], size))))
        return np.concatenate(made)

    def explain(self, photo: Array, source_pose: Array, target_pose: Array) -> Explanation:
        """See `Engine.explain`; the plain generator of the ablation has no masks (SettingsError)."""
        if self.plain:
            raise SettingsError("these weights are of a plain residual generator (transfer: residual), which has no attention to show.")
        photo, source_pose = (array[:1] if array.strides[0] == 0 else array for array in match_batches(photo, source_pose, target_pose))
        with torch.inference_mode(), use_threads(self.threads):
            picture, masks, codes = self.network.explain(self._source(photo, source_pose), self._copied(target_pose))
            pictures = torch.stack([self.network.decode(code) for code in codes])
            return Explanation(_array(picture), _array(torch.stack([mask.float().mean(dim=1) for mask in masks])), _array(pictures))

    def _source(self, photo: Array, source_pose: Array) -> Halfway:
        return cast(Halfway, self.network.source(self._copied(photo), self._copied(source_pose)))

    def _target(self, halfway: Halfway, target_pose: Array) -> Array:
        return _array(self._target_part(halfway, self._copied(target_pose)))

    def _copied(self, array: npt.NDArray[Any]) -> Tensor:
        """On the device; to a GPU through pinned memory, without waiting. The CPU's tensors share the array's memory."""
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of arrays that must not be written: nobody writes
            tensor = torch.from_numpy(np.ascontiguousarray(array))
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    def _maps(self, joints: Array, size: tuple[int, int]) -> Tensor:
        return draw_heatmaps_batch(self._copied(joints), size, self.config.sigma, self.config.heatmaps)


def compile_for(device: torch.device, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Kernels made by `torch.compile`: for a CPU with the weights as constants, for CUDA recorded as graphs by shape."""
    options: dict[str, Any] = {"triton.cudagraphs": True} if device.type == "cuda" else {"freezing": True}
    return cast(Callable[..., Tensor], torch.compile(function, dynamic=False, options=options))


@contextmanager
def use_threads(number: int | None) -> Iterator[None]:
    """Torch's number of threads inside the block; None changes nothing."""
    before = torch.get_num_threads()
    if number is None or number == before:
        yield
        return
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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


def _array(tensor: Tensor) -> Array:
    return cast(Array, tensor.float().contiguous().cpu().numpy())


def _bytes(picture: Tensor) -> Bytes:
    """(B, 3, H, W) in [-1, 1] to (B, H, W, 3), rounded as `image.from_unit` does."""
    pixels = ((picture + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return cast(Bytes, pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy())
