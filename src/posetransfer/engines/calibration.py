"""`engine="auto"`: the runtimes of this machine tried once on this network, the fastest near enough kept.

A runtime is near enough if its picture of a drawn figure is within `TOLERANCE` of ONNX Runtime in fp32, which is present
in every installation and exact. The answer is kept in the user's cache folder; it holds for the processor, the number of
threads, the versions of the runtimes, and these very weights. Where PyTorch has a GPU, it is taken without a trial.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from posetransfer.config import ModelConfig
from posetransfer.engines.cache import cache_folder, write_whole
from posetransfer.engines.engine import Array, Engine, Precision, open_engine
from posetransfer.errors import OutputError, PoseTransferError
from posetransfer.pose.heatmaps import FAINTEST
from posetransfer.weights import Weights

TOLERANCE = 60.0
"""Decibels of PSNR against fp32: an error of a quarter of a grey level."""
SECONDS = 3.0
"""No further runtime is tried behind this; the last one may take it to five."""
ROUNDS = 5
"""Timed pictures at most; the fastest counts."""
PIXELS = 12_288
"""The figure of the trial is the weights' size, halved until it has no more: cost is linear in pixels, and at 256x176 the slow runtimes
took all the time before the fast one's turn came."""
SLOWER = 1.5
"""A runtime whose first picture takes this many times the best one's time is not timed further."""

PACKAGES = {"onnxruntime": "onnxruntime", "openvino": "openvino", "mnn": "MNN", "pytorch": "torch"}
"""Runtime -> the distribution it needs, in the order of trial: the reference, then what is quick to load."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Calibration:
    """What the trial found."""

    choice: str
    """The fastest runtime within the tolerance, a key of `RUNTIMES`."""
    milliseconds: dict[str, float] = field(default_factory=dict)
    """Per runtime: one picture of the trial's size, the source remembered."""
    psnr: dict[str, float] = field(default_factory=dict)
    """Per runtime: decibels against fp32; a thousand if nothing differs."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Per runtime that was not taken into account: why."""
    size: tuple[int, int] = (0, 0)
    """Height and width of the trial's picture."""


def open_fastest(weights: Weights, device: str = "auto", precision: Precision = "auto", threads: int | None = None) -> Engine:
    """The fastest runtime of this machine for these weights, by an earlier trial or by one now.

    Raises:
        PoseTransferError: not even the runtimes of every installation can run these weights.
    """
    if device not in ("auto", "cpu") or (device == "auto" and has_gpu()):
        return open_engine(weights, "pytorch", device, precision, threads)
    path, facts = _place(weights, precision, threads)
    known = _read(path, facts)
    if known:
        try:
            return open_engine(weights, known.choice, device, precision, threads)
        except PoseTransferError as err:
            log.warning("The engine %s cannot be used any more (%s) The runtimes are measured again.", known.choice, err)
    log.info("Measuring the runtimes of this machine once for these weights (a few seconds).")
    found, engine = calibrate(weights, precision, threads)
    log.info("The fastest is %s: %s.", found.choice, ", ".join(f"{name} {ms:.0f} ms" for name, ms in found.milliseconds.items()))
    text = json.dumps({"facts": facts, "found": asdict(found)}, indent=2) + "\n"
    try:
        write_whole(path, lambda draft: _write(draft, text))
    except OutputError as err:
        log.warning("The measurement of the runtimes could not be kept: %s", err)
    return engine


def recorded(weights: Weights, precision: Precision = "auto", threads: int | None = None) -> Calibration | None:
    """What an earlier trial found for these weights on this machine; None if there was none. Loads no runtime."""
    return _read(*_place(weights, precision, threads))


def calibrate(weights: Weights, precision: Precision = "auto", threads: int | None = None) -> tuple[Calibration, Engine]:
    """Try the runtimes of this machine, one behind the other.

    Returns:
        what was found, and the chosen one, open.

    Raises:
        PoseTransferError: no runtime can run these weights.
    """
    start = time.perf_counter()
    config = trial(weights.config)
    photo, source, target = figure(config)
    exact: Array | None = None
    engines: dict[str, Engine] = {}
    milliseconds: dict[str, float] = {}
    psnr: dict[str, float] = {}
    skipped: dict[str, str] = {name: "not installed" for name in PACKAGES if not _version(name)}
    failure: PoseTransferError | None = None
    for name in (name for name in PACKAGES if name not in skipped):
        if milliseconds and time.perf_counter() - start > SECONDS:
            skipped[name] = "not tried: the others took all the time"
            continue
        try:
            engine = open_engine(weights, name, "cpu", "auto" if name == "onnxruntime" else precision, threads)
            picture = engine.run(photo, source, target)
        except PoseTransferError as err:
            failure, skipped[name] = err, str(err)
            continue
        except Exception as err:  # a runtime that is broken here must not take the others with it
            log.warning("The engine %s does not work here (%s: %s), so another one is taken.", name, type(err).__name__, err)
            skipped[name] = f"{type(err).__name__}: {err}"
            continue
        if exact is None:
            exact = picture
        psnr[name] = round(decibels(picture, exact), 1)
        if not psnr[name] >= TOLERANCE:
            skipped[name] = f"{psnr[name]} dB from fp32, at least {TOLERANCE:.0f} are asked for"
            continue
        engines[name] = engine
        best = min(milliseconds.values(), default=float("inf"))
        milliseconds[name] = _milliseconds(lambda run=engine.run: run(photo, source, target), best)  # type: ignore[misc]
    if not milliseconds:
        raise failure or PoseTransferError(
            f"no runtime can run these weights here ({'; '.join(skipped.values())}); install onnxruntime anew."
        )
    choice = min(milliseconds, key=milliseconds.__getitem__)
    return Calibration(choice, milliseconds, psnr, skipped, config.size), engines[choice]


def trial(config: ModelConfig) -> ModelConfig:
    """The settings at the size of the trial."""
    height, width = config.size
    if height * width <= PIXELS:
        return config
    return trial(replace(config, size=(max(8, height // 8 * 4), max(8, width // 8 * 4)), sigma=config.sigma / 2))


def figure(config: ModelConfig) -> tuple[Array, Array, Array]:
    """A drawn figure before a plain backdrop, standing, and the maps of a second pose: the same for everybody.

    Returns:
        photo (1, 3, H, W) in [-1, 1], source and target maps (1, 18, H, W).
    """
    height, width = config.size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = y / height, x / width
    photo = np.empty((3, height, width), np.float32)
    photo[:] = (np.array(config.backdrop_colour, np.float32) / 127.5 - 1)[:, None, None]
    body = ((0.12, 0.5, 0.07, 0.09), (0.33, 0.5, 0.17, 0.2), (0.68, 0.43, 0.25, 0.08), (0.68, 0.57, 0.25, 0.08))  # head, trunk, legs
    colours = ((0.6, 0.2, 0.0), (-0.6, 0.1, 0.7), (-0.7, -0.7, -0.5), (-0.7, -0.6, -0.5))
    for (row, column, tall, wide), colour in zip(body, colours, strict=True):
        inside = ((y - row) / tall) ** 2 + ((x - column) / wide) ** 2 < 1
        shade = np.array(colour, np.float32)[:, None, None] + 0.2 * np.sin(40 * x + 25 * y)
        photo = np.where(inside, shade, photo)
    standing = np.array(_JOINTS, np.float32)
    other = np.stack([0.15 + 0.7 * standing[:, 0], standing[:, 1] + 0.1 * np.sin(9 * standing[:, 0])], axis=1)
    maps = [
        np.exp(-(((y - row) * height) ** 2 + ((x - column) * width) ** 2) / (2 * config.sigma**2))
        for pose in (standing, other)
        for row, column in pose
    ]
    faint = [np.where(each < FAINTEST, 0, each) for each in maps]
    source, target = np.stack(faint[:18])[None], np.stack(faint[18:])[None]
    return photo.clip(-1, 1)[None].astype(np.float32), source.astype(np.float32), target.astype(np.float32)


_JOINTS = (
    (0.12, 0.5), (0.2, 0.5), (0.21, 0.38), (0.35, 0.32), (0.48, 0.3), (0.21, 0.62), (0.35, 0.68), (0.48, 0.7), (0.5, 0.43),
    (0.7, 0.42), (0.9, 0.42), (0.5, 0.57), (0.7, 0.58), (0.9, 0.58), (0.1, 0.47), (0.1, 0.53), (0.11, 0.44), (0.11, 0.56),
)  # fmt: skip
"""(y, x) of a standing person, as parts of height and width."""


def decibels(picture: Array, exact: Array) -> float:
    """PSNR of pictures in [-1, 1]; 1000 if they are the same, -1000 if the picture holds what is no number."""
    error = float(np.mean((picture.astype(np.float64) - exact) ** 2))
    if not np.isfinite(error):
        return -1000.0
    return float(10 * np.log10(4 / error)) if error else 1000.0


def has_gpu() -> bool:
    """Would PyTorch compute on a GPU? torch is imported only where something speaks for one."""
    torch_version = _version("pytorch")
    if not torch_version or "+cpu" in torch_version:
        return False
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    driver = any(os.path.exists(path) for path in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")) or shutil.which("nvidia-smi") is not None
    if not (apple or driver):
        return False
    from posetransfer.engines.pytorch import choose_device

    return choose_device("auto").type != "cpu"


def _milliseconds(run: Callable[[], Any], best: float) -> float:
    """The fastest of a few rounds; one that is clearly slower than the best so far is not run again."""
    fastest = float("inf")
    start = time.perf_counter()
    for _ in range(ROUNDS):
        before = time.perf_counter()
        run()
        fastest = min(fastest, (time.perf_counter() - before) * 1e3)
        if fastest > SLOWER * best or time.perf_counter() - start > SECONDS / 4:
            break
    return round(fastest, 2)


def _place(weights: Weights, precision: Precision, threads: int | None) -> tuple[Path, dict[str, Any]]:
    """The file of a trial, and all that it holds for."""
    digest = hashlib.sha256()
    for name in sorted(weights.tensors):
        digest.update(np.ascontiguousarray(weights.tensors[name]).data)
    facts = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "versions": {name: _version(name) for name in PACKAGES},
        "model": asdict(weights.config) | {"size": list(weights.config.size), "backdrop_colour": list(weights.config.backdrop_colour)},
        "tensors": digest.hexdigest(),
        "precision": precision,
        "threads": threads,
        "trial": PIXELS,
    }
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]
    return cache_folder() / f"auto-{key}.json", facts


def _read(path: Path, facts: dict[str, Any]) -> Calibration | None:
    """A kept trial; None if there is none, or it is damaged or about something else."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        found = Calibration(**kept["found"] | {"size": tuple(kept["found"]["size"])})
        if kept["facts"] != facts or found.choice not in PACKAGES or not isinstance(found.milliseconds[found.choice], float):
            return None
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return found


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _version(runtime: str) -> str | None:
    """The version of the runtime's package, None if it is not installed; nothing is imported."""
    try:
        return version(PACKAGES[runtime])
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """The processor's name, and on Linux whether it multiplies 16-bit numbers."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    flags = facts.get("flags", facts.get("Features", "")).split()
    wide = [flag for flag in flags if flag.startswith(("avx", "amx", "bf16", "asimd"))]
    return " ".join([facts.get("model name", platform.machine()), *wide])
