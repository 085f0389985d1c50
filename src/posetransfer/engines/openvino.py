"""The network on OpenVINO: on processors that multiply bfloat16 the fastest of all, and no torch is imported."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
from onnx import ModelProto, ValueInfoProto
from onnx.utils import Extractor

from posetransfer.config import ModelConfig
from posetransfer.engines.engine import Array, Explanation, Precision, match_batches
from posetransfer.engines.graph import build_graph
from posetransfer.engines.split import Halfway, Split, parts
from posetransfer.errors import SettingsError
from posetransfer.weights import Weights

OLDEST = (2024, 0)
"""Version from which on `openvino.Core` and dynamic sizes are what this file expects."""

_HINTS = {"fp32": ("FP32", "f32"), "bf16": ("BF16", "bf16"), "fp16": ("FP16", "f16")}
"""Precision -> the word among the processor's capabilities, and the word that asks for it."""


class OpenVinoEngine:
    """The parts of `graph.build_graph`, compiled: the photo encoder in fp32, all the rest in the wanted precision.

    The photo encoder is where 16 bits would be seen: measured on the embedded weights, bf16 there alone costs more (50 dB PSNR) than
    in all the rest together (68 dB), which is 99 % of the arithmetic.

    Args:
        weights: settings and tensors.
        device: `auto` or `cpu`.
        precision: of all but the photo encoder; `auto`: bf16 where the processor multiplies it, else fp32.
        threads: None takes every core.

    Raises:
        SettingsError: a device or precision that this runtime does not have here, or too old a version of it.
    """

    name = "openvino"

    def __init__(self, weights: Weights, device: str = "auto", precision: Precision = "auto", threads: int | None = None) -> None:
        if device not in ("auto", "cpu"):
            raise SettingsError(f"device {device!r}: the engine openvino computes on the CPU; use auto or cpu, or the engine pytorch.")
        core = open_core()
        self.config: ModelConfig = weights.config
        self.precision: Precision = choose_precision(precision, core)
        self._weights = weights
        self._plain = weights.config.transfer == "residual"
        if self._plain:  # its only encoder reads the photo, and its blocks are the rest: nothing that 16 bits would not reach
            self._whole = Program(core, build_graph(weights), self.precision, threads)
        else:
            encoder, rest = cut_behind_encoder(build_graph(weights, "source"))
            self._encode = Program(core, encoder, "fp32", threads)
            self._begin = Program(core, rest, self.precision, threads)
            self._finish = Program(core, build_graph(weights, "target"), self.precision, threads)
            self._split = Split(self._source, self._target)

    def run(self, photo: Array, source_pose: Array, target_pose: Array) -> Array:
        """See `Engine.run`."""
        if not self._plain:
            return self._split(photo, source_pose, target_pose)
        matched = (*match_batches(photo, source_pose, target_pose), target_pose)
        chunks = [self._whole(*(np.ascontiguousarray(array[part]) for array in matched))[0] for part in parts(target_pose)]
        return np.concatenate(chunks)

    def explain(self, photo: Array, source_pose: Array, target_pose: Array) -> Explanation:
        """See `Engine.explain`; computed by ONNX Runtime, for a picture to look at need not be fast."""
        from posetransfer.engines.onnxruntime import OnnxRuntimeEngine

        return OnnxRuntimeEngine(self._weights).explain(photo, source_pose, target_pose)

    def _source(self, photo: Array, source_pose: Array) -> Halfway:
        code = self._encode(photo)[0]
        return Halfway(code, *self._begin(code, source_pose))

    def _target(self, halfway: Halfway, target_pose: Array) -> Array:
        return self._finish(*halfway, np.ascontiguousarray(target_pose))[0]


class Program:
    """A graph compiled for this machine: arrays in the order of the graph's inputs to arrays in the order of its outputs.

    Batch, height and width may change from call to call. One call at a time: another thread waits.

    Args:
        core: from `open_core`.
        model: the graph.
        precision: `fp32`, `bf16` or `fp16`.
        threads: None takes every core.
    """

    def __init__(self, core: Any, model: ModelProto, precision: Precision, threads: int | None) -> None:
        settings = {"INFERENCE_PRECISION_HINT": _HINTS[precision][1], "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", settings)
        kept = {name for value in compiled.inputs for name in value.names}  # an input that nothing reads is not kept
        self._names = [value.name if value.name in kept else None for value in model.graph.input]
        self._request = compiled.create_infer_request()
        self._lock = Lock()

    def __call__(self, *arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Copies of the outputs: the runtime writes the next ones into the same memory."""
        with self._lock:
            given = {name: array for name, array in zip(self._names, arrays, strict=True) if name}
            results = self._request.infer(given, share_inputs=True, share_outputs=True)
            return [np.array(results[i]) for i in range(len(results))]


def cut_behind_encoder(source: ModelProto) -> tuple[ModelProto, ModelProto]:
    """The source's graph as two: photo -> code; code, source_pose -> branch, half."""
    code = next(node.input[0] for node in source.graph.node if "code" in node.output)  # the value that is given out as `code`
    shape = next(output.type for output in source.graph.output if output.name == "code")
    source.graph.value_info.append(ValueInfoProto(name=code, type=shape))
    extractor = Extractor(source)
    return extractor.extract_model(["photo"], ["code"]), extractor.extract_model([code, "source_pose"], ["branch", "half"])


def open_core() -> Any:
    """OpenVINO itself.

    Raises:
        SettingsError: a version that is too old.
    """
    version = str(getattr(openvino, "__version__", "0"))
    numbers = tuple(int(part) for part in version.split("-")[0].split(".")[:2] if part.isdecimal())
    if numbers < OLDEST or not hasattr(openvino, "Core"):
        wanted = ".".join(map(str, OLDEST))
        raise SettingsError(f"openvino {version} is too old, {wanted} or newer is needed: pip install -U 'posetransfer[openvino]'.")
    return _shared_core()


@cache
def _shared_core() -> Any:
    """One for the whole process, never given up.

    OpenVINO's processor plug-in gives the thread that opens it a stack for signals, and takes the memory away with the last core: when
    that happens in another thread, the next Ctrl-C ends the process in a segmentation fault (seen with 2026.4).
    """
    return openvino.Core()


def choose_precision(name: Precision, core: Any) -> Precision:
    """`auto` resolved: bf16 where the processor multiplies it.

    Raises:
        SettingsError: an unknown word, or a precision without instructions of its own here.
    """
    has = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if name == "auto":
        return "bf16" if "BF16" in has else "fp32"
    if name not in _HINTS:
        raise SettingsError(f"precision {name!r} is unknown; it is one of auto, fp32, bf16, fp16.")
    if _HINTS[name][0] not in has:
        raise SettingsError(f"precision {name!r}: this processor has no instructions for it under OpenVINO; use auto or fp32.")
    return name
