"""Run a shipped ONNX network: opened at its first use, once per process and number of threads."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from posetransfer.assets import asset_path

if TYPE_CHECKING:
    import onnxruntime


class Network:
    """One shipped network; nothing is loaded before the first call.

    Args:
        name: file in the assets folder.
        threads: threads of ONNX Runtime within one operator; None leaves it to ONNX Runtime (all cores).
    """

    def __init__(self, name: str, threads: int | None = None) -> None:
        self.name = name
        self.threads = threads

    def __call__(self, output: str, **inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Run on named inputs and return one named output."""
        (result,) = _open(self.name, self.threads or 0).run([output], inputs)
        return np.asarray(result, dtype=np.float32)


def open_ahead(*names: str) -> None:
    """Open shipped networks beside what the caller does next; an error is left to their first call."""

    def work() -> None:
        with suppress(Exception):
            for name in names:
                _open(name, 0)

    Thread(target=work, name="open_ahead").start()


def _open(name: str, threads: int) -> onnxruntime.InferenceSession:
    with _OPENING:  # who comes while it is being opened waits for it
        return _opened(name, threads)


_OPENING = Lock()


@cache
def _opened(name: str, threads: int) -> onnxruntime.InferenceSession:
    import onnxruntime  # here: importing posetransfer must not load a runtime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only: the fp16 initializers would be announced one by one
    return onnxruntime.InferenceSession(str(asset_path(name)), options, providers=["CPUExecutionProvider"])
