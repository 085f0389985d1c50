"""The network on MNN: written for phones, quick on processors without bfloat16; no torch is imported."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from threading import Lock

import numpy as np

from posetransfer.config import ModelConfig
from posetransfer.engines.cache import cache_folder, write_whole
from posetransfer.engines.engine import Array, Explanation, Precision, match_batches
from posetransfer.engines.graph import Part, build_graph
from posetransfer.engines.split import Halfway, Split, parts
from posetransfer.errors import OutputError, SettingsError, WeightsError
from posetransfer.weights import Weights

INPUTS: dict[Part, tuple[str, ...]] = {
    "whole": ("photo", "source_pose", "target_pose"),
    "source": ("photo", "source_pose"),
    "target": ("code", "branch", "half", "target_pose"),
}
OUTPUTS: dict[Part, tuple[str, ...]] = {"whole": ("picture",), "source": ("code", "branch", "half"), "target": ("picture",)}

CONVERTER = "import sys, _tools; _tools.mnnconvert(sys.argv)"
"""The package's own converter, below `MNN.tools`: importing that would install and call a telemetry package of its makers."""


class MnnEngine:
    """Two modules converted from `graph.build_graph`: one for the source, one for the targets.

    The first time that weights are opened they are converted; the files are kept in the user's cache folder.

    Args:
        weights: settings and tensors.
        device: `auto` or `cpu`.
        precision: `auto` or `fp32`.
        threads: None takes every core.

    Raises:
        SettingsError: a device or precision that this engine does not have.
        OutputError: the cache folder cannot be written, or the converter failed.
    """

    name = "mnn"

    def __init__(self, weights: Weights, device: str = "auto", precision: Precision = "auto", threads: int | None = None) -> None:
        if device not in ("auto", "cpu"):
            raise SettingsError(f"device {device!r}: the engine mnn computes on the CPU; use auto or cpu, or the engine pytorch.")
        if precision not in ("auto", "fp32"):
            raise SettingsError(f"precision {precision!r}: the engine mnn computes in fp32; use auto, or the engine openvino or pytorch.")
        self.config: ModelConfig = weights.config
        self.precision: Precision = "fp32"
        self._weights = weights
        self._plain = weights.config.transfer == "residual"
        if self._plain:
            self._whole = self._open("whole", threads)
        else:
            self._first, self._second = self._open("source", threads), self._open("target", threads)
            self._split = Split(self._source, self._target)

    def run(self, photo: Array, source_pose: Array, target_pose: Array) -> Array:
        """See `Engine.run`."""
        if not self._plain:
            return self._split(photo, source_pose, target_pose)
        matched = (*match_batches(photo, source_pose, target_pose), target_pose)
        return np.concatenate([self._whole(*(array[part] for array in matched))[0] for part in parts(target_pose)])

    def explain(self, photo: Array, source_pose: Array, target_pose: Array) -> Explanation:
        """See `Engine.explain`; computed by ONNX Runtime, for a picture to look at need not be fast."""
        from posetransfer.engines.onnxruntime import OnnxRuntimeEngine

        return OnnxRuntimeEngine(self._weights).explain(photo, source_pose, target_pose)

    def _source(self, photo: Array, source_pose: Array) -> Halfway:
        return Halfway(*self._first(photo, source_pose))

    def _target(self, halfway: Halfway, target_pose: Array) -> Array:
        return self._second(*halfway, target_pose)[0]

    def _open(self, part: Part, threads: int | None) -> Module:
        path = converted(self._weights, part)
        try:
            return Module(path, part, threads)
        except WeightsError:  # a damaged file of the cache: it is made again
            path.unlink(missing_ok=True)
            return Module(converted(self._weights, part), part, threads)


class Module:
    """A file of MNN, ready to run: arrays in the order of the graph's inputs to arrays in the order of its outputs.

    Batch, height and width may change from call to call. One call at a time: another thread waits.

    Args:
        path: the file.
        part: which part of the network it is.
        threads: None takes every core.

    Raises:
        WeightsError: not a file of MNN, damaged, or another network.
    """

    def __init__(self, path: Path, part: Part, threads: int | None) -> None:
        with quiet():
            import MNN
            from MNN import expr

            settings = {"backend": 0, "precision": "normal", "memory": "normal", "numThread": threads or os.cpu_count() or 1}
            manager = MNN.nn.create_runtime_manager((settings,))
            inputs, outputs = list(INPUTS[part]), list(OUTPUTS[part])
            try:
                net = MNN.nn.load_module_from_file(str(path), inputs, outputs, runtime_manager=manager)
            except (RuntimeError, SystemError, ValueError) as err:
                raise WeightsError(f"{path}: not a complete file of MNN with this network; make it again.") from err
        if set(found := net.get_info()["inputNames"]) != set(inputs):
            raise WeightsError(f"{path}: its inputs are {', '.join(found)}, so it is another network; give a file of this one.")
        self._net, self._manager, self._expr, self._lock = net, manager, expr, Lock()

    def __call__(self, *arrays: Array) -> list[Array]:
        """One call at a time."""
        expr = self._expr
        with self._lock:
            given = [expr.const(np.ascontiguousarray(array), list(array.shape), expr.NCHW) for array in arrays]
            results = self._net.forward(given)
            return [np.array(expr.convert(result, expr.NCHW).read()) for result in results]


def open_file(path: Path, threads: int | None = None) -> Callable[[Array, Array, Array], Array]:
    """An exported file of the whole network, ready to run: (photo, source_pose, target_pose) -> picture.

    Raises:
        WeightsError: not a file of MNN, damaged, or another network.
    """
    module = Module(path, "whole", threads)
    return lambda photo, source_pose, target_pose: module(photo, source_pose, target_pose)[0]


def converted(weights: Weights, part: Part) -> Path:
    """A part of the network as a file of MNN, from the user's cache folder; made there when it is needed first.

    Raises:
        OutputError: the cache folder cannot be written, or the converter failed.
    """
    graph = build_graph(weights, part).SerializeToString()
    key = hashlib.sha256(graph + version("MNN").encode()).hexdigest()[:24]
    path = cache_folder() / f"{part}-{key}.mnn"
    if not path.is_file():

        def make(draft: Path) -> None:
            onnx = draft.with_suffix(".onnx")
            onnx.write_bytes(graph)
            convert(onnx, draft)

        write_whole(path, make)
    return path


def convert(onnx: Path, path: Path) -> None:
    """Turn a graph of ONNX into a file of MNN with fp32 numbers.

    In a process of its own, because the converter writes to the standard output.

    Raises:
        OutputError: the converter gave no file.
    """
    options = ["-f", "ONNX", "--modelFile", str(onnx), "--MNNModel", str(path), "--bizCode", "posetransfer"]
    run = subprocess.run([sys.executable, "-c", CONVERTER, *options], capture_output=True, text=True, check=False)
    if run.returncode or not path.is_file():
        reason = " ".join((run.stderr or run.stdout).split())[-200:]
        raise OutputError(f"{path}: MNN's converter gave no file ({reason}); use another engine or form.")


@contextmanager
def quiet() -> Iterator[None]:
    """What compiled code writes to the standard output and error goes nowhere: MNN reports on the processor there."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        sys.stderr.flush()
    kept = [os.dup(stream) for stream in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        yield
    finally:
        for stream, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, stream)
            os.close(copy)
        os.close(nowhere)
