"""The network on ONNX Runtime: no torch is imported."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnxruntime

from posetransfer.config import ModelConfig
from posetransfer.engines.engine import Array, Explanation, Precision, match_batches
from posetransfer.engines.graph import Part, build_graph
from posetransfer.engines.split import Halfway, Split, parts
from posetransfer.errors import SettingsError
from posetransfer.weights import Weights


class OnnxRuntimeEngine:
    """Sessions of `graph.build_graph`: one for the source and one for the targets, a third for attention when it is asked for.

    Args:
        weights: settings and tensors.
        device: `auto`, `cpu`, `cuda` or `cuda:1`; the last two with the package onnxruntime-gpu (written, not measured).
        precision: `auto` or `fp32`.
        threads: of one operator; None takes every core.

    Raises:
        SettingsError: a device or precision that this runtime does not have here.
    """

    name = "onnxruntime"

    def __init__(self, weights: Weights, device: str = "auto", precision: Precision = "auto", threads: int | None = None) -> None:
        if precision not in ("auto", "fp32"):
            raise SettingsError(f"precision {precision!r}: the engine onnxruntime computes in fp32; use auto, or the engine pytorch.")
        self.config: ModelConfig = weights.config
        self.precision: Precision = "fp32"
        self._weights = weights
        self._providers = choose_providers(device)
        self._threads = threads or 0
        self._attention: Any = None
        if weights.config.transfer == "residual":
            self._whole = self._session("whole")
        else:
            with ThreadPoolExecutor(2) as pool:  # ONNX Runtime lets go of Python while it packs the weights
                self._first, self._second = pool.map(self._session, ("source", "target"))
            self._split = Split(self._source, self._target)

    def run(self, photo: Array, source_pose: Array, target_pose: Array) -> Array:
        """See `Engine.run`."""
        if self.config.transfer != "residual":
            return self._split(photo, source_pose, target_pose)
        arrays = [*match_batches(photo, source_pose, target_pose), target_pose]
        names = ("photo", "source_pose", "target_pose")
        chunks = [
            self._whole.run(["picture"], {name: np.ascontiguousarray(array[part]) for name, array in zip(names, arrays, strict=True)})[0]
            for part in parts(target_pose)
        ]
        return np.concatenate(chunks)

    def explain(self, photo: Array, source_pose: Array, target_pose: Array) -> Explanation:
        """See `Engine.explain`; the plain generator of the ablation has no masks (SettingsError)."""
        if self.config.transfer == "residual":
            raise SettingsError("these weights are of a plain residual generator (transfer: residual), which has no attention to show.")
        if self._attention is None:
            self._attention = self._session("whole", attention=True)
        photo, source_pose = match_batches(photo, source_pose, target_pose)
        masks, pictures = [], []
        for i in range(len(target_pose)):  # one by one: each gives a picture per block
            given = {"photo": photo[i : i + 1], "source_pose": source_pose[i : i + 1], "target_pose": target_pose[i : i + 1]}
            mask, painted = self._attention.run(["masks", "pictures"], {name: np.ascontiguousarray(a) for name, a in given.items()})
            masks.append(mask)
            pictures.append(painted[:, None])
        stages = np.concatenate(pictures, axis=1)
        return Explanation(stages[-1], np.concatenate(masks, axis=1), stages)

    def _source(self, photo: Array, source_pose: Array) -> Halfway:
        return Halfway(*self._first.run(list(Halfway._fields), {"photo": photo, "source_pose": source_pose}))

    def _target(self, halfway: Halfway, target_pose: Array) -> Array:
        given = halfway._asdict() | {"target_pose": np.ascontiguousarray(target_pose)}
        picture: Array = self._second.run(["picture"], given)[0]
        return picture

    def _session(self, part: Part, attention: bool = False) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = 3  # errors only
        # each part has threads of its own: those of the one that is not running must not spin beside the other's
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        model = build_graph(self._weights, part, attention=attention).SerializeToString()
        return onnxruntime.InferenceSession(model, options, providers=self._providers)


def choose_providers(device: str) -> list[Any]:
    """ONNX Runtime's providers for a device, the CPU always behind.

    Raises:
        SettingsError: an unknown device, or one that this build of ONNX Runtime does not have.
    """
    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and not (kind == "cuda" and number.isdecimal())):
        raise SettingsError(f"device {device!r} is unknown to the engine onnxruntime; it is one of auto, cpu, cuda, cuda:1.")
    if kind == "cuda" and not has_cuda:
        raise SettingsError(f"device {device!r} is not to be had with this build of ONNX Runtime; install onnxruntime-gpu, or use cpu.")
    cuda = [("CUDAExecutionProvider", {"device_id": int(number or 0)})]
    return [*(cuda if has_cuda and kind != "cpu" else []), "CPUExecutionProvider"]
