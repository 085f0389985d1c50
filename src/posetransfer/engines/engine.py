"""What a network looks like from outside: arrays in, arrays out, whatever runtime computes them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import numpy as np
import numpy.typing as npt

from posetransfer.config import ModelConfig
from posetransfer.errors import MissingExtra, SettingsError
from posetransfer.weights import Weights, find_weights, load_weights

Array = npt.NDArray[np.float32]
Precision = Literal["auto", "fp32", "bf16", "fp16"]

RUNTIMES: dict[str, tuple[str, str, str | None]] = {
    "pytorch": ("posetransfer.engines.pytorch", "PyTorchEngine", None),
    "onnxruntime": ("posetransfer.engines.onnxruntime", "OnnxRuntimeEngine", None),
    "openvino": ("posetransfer.engines.openvino", "OpenVinoEngine", "openvino"),
    "mnn": ("posetransfer.engines.mnn", "MnnEngine", "mnn"),
}
"""Name -> module, class, and the extra that brings its packages; None: every installation has them."""


class Engine(Protocol):
    """Runs one set of weights."""

    @property
    def name(self) -> str:
        """The runtime's name, a key of `RUNTIMES`."""

    @property
    def config(self) -> ModelConfig:
        """What the network is and what it reads."""

    def run(self, photo: Array, source_pose: Array, target_pose: Array) -> Array:
        """The persons of `photo` in their target poses.

        Args:
            photo: float32 (B, 3, H, W) in [-1, 1]; H and W divisible by 4.
            source_pose: float32 (B, 18, H, W) heat maps of the pose in the photo.
            target_pose: float32 (B, 18, H, W) heat maps of the wanted pose. Photo and source pose may have B = 1: they
                then serve every target, and the photo is encoded once.

        Returns:
            float32 (B, 3, H, W) in [-1, 1].
        """

    def explain(self, photo: Array, source_pose: Array, target_pose: Array) -> Explanation:
        """As `run`, with what each block did.

        Raises:
            SettingsError: this runtime or this network gives the picture only.
        """


@dataclass(frozen=True)
class Explanation:
    """What the blocks of the network did, one after the other."""

    picture: Array
    """(B, 3, H, W) the result, in [-1, 1]."""
    masks: Array
    """(blocks, B, H/4, W/4) attention in (0, 1), the mean over channels: where the block may change the picture."""
    pictures: Array
    """(blocks, B, 3, H, W) the picture code behind each block, as the decoder paints it; the last one is the result."""


def open_engine(
    weights: Weights | str | Path = "default",
    name: str = "auto",
    device: str = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
) -> Engine:
    """Make weights ready to run.

    Args:
        weights: loaded, or the name or folder of weights.
        name: the runtime, a key of `RUNTIMES`, or `auto`: the one that the environment variable `POSETRANSFER_ENGINE` names, else
            the fastest here (`calibration.open_fastest`).
        device: `auto` (a GPU where the runtime has one), `cpu`, `cuda`, `cuda:1`, `mps`.
        precision: `auto` computes in 16 bits where the device is made for it.
        threads: of one operator on a CPU; None leaves it to the runtime.

    Raises:
        WeightsError: no such weights, or they cannot be used.
        SettingsError: an unknown runtime, or a device, precision or number of threads that it does not have here.
        MissingExtra: the runtime is not installed.
    """
    name = os.environ.get("POSETRANSFER_ENGINE") or name if name == "auto" else name
    if name != "auto" and name not in RUNTIMES:
        raise SettingsError(f"engine {name!r} is unknown; it is one of auto, {', '.join(RUNTIMES)}.")
    if threads is not None and threads < 1:
        raise SettingsError(f"threads is {threads}; it should be 1 or more, or be left out.")
    loaded = weights if isinstance(weights, Weights) else load_weights(find_weights(weights))
    if name == "auto":
        from posetransfer.engines.calibration import open_fastest  # here: it opens engines through this function

        return open_fastest(loaded, device, precision, threads)
    module, cls, extra = RUNTIMES[name]
    try:
        runtime = cast(Any, getattr(import_module(module), cls))
    except ModuleNotFoundError as err:
        if not err.name or err.name.startswith("posetransfer"):
            raise
        raise MissingExtra(err.name.partition(".")[0], extra) from err
    return cast(Engine, runtime(loaded, device=device, precision=precision, threads=threads))


def match_batches(photo: Array, source_pose: Array, target_pose: Array) -> tuple[Array, Array]:
    """Photo and source pose with the batch of the target pose; a single one is repeated without a copy.

    Raises:
        ValueError: shapes that do not belong together (a slip of the caller, not of a user).
    """
    batch, _, height, width = target_pose.shape
    for given, channels in ((photo, 3), (source_pose, 18), (target_pose, 18)):
        if given.shape[1:] != (channels, height, width) or given.shape[0] not in (1, batch):
            raise ValueError(f"shapes {photo.shape}, {source_pose.shape}, {target_pose.shape} do not belong together")
    return np.broadcast_to(photo, (batch, *photo.shape[1:])), np.broadcast_to(source_pose, (batch, *source_pose.shape[1:]))
