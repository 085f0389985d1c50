"""The ONNX graph with its convolutions in 8-bit integers: a quarter of the size, faster where the processor multiplies them.

The ranges of all values are measured on real inputs. What reads the photo stays in float: with it in integers too
the embedded weights lose to 36 dB (28 in the worst pair), with two of its three convolutions in float they keep 47 dB
(`benchmarks/results/2026-11-22-int8.md`).
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy.typing as npt
from onnx import ModelProto, save

IN_FLOAT = "photo_encoder."
"""Convolutions whose names begin so are left as they are."""

Feed = dict[str, npt.NDArray[Any]]
"""Name of an input of the graph -> array."""


def quantise(model: ModelProto, feeds: Sequence[Feed]) -> ModelProto:
    """A copy with quantised convolutions: weights int8 per channel, what flows between them uint8.

    Args:
        model: from `graph.build_graph`, whole.
        feeds: inputs that are like those to come; a few dozen are enough.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import create_calibrator
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    names = [node.name for node in model.graph.node if node.op_type == "Conv" and not node.name.startswith(IN_FLOAT)]
    copy = ModelProto()
    copy.CopyFrom(model)
    with tempfile.TemporaryDirectory() as place, _quiet():
        file, augmented = Path(place) / "graph.onnx", Path(place) / "augmented.onnx"
        save(model, file)
        calibrator = create_calibrator(file, ["Conv"], str(augmented), CalibrationMethod.MinMax, False)
        calibrator.collect_data(_Reader(feeds))
        ranges = calibrator.compute_data()
        quantiser = QDQQuantizer(copy, True, False, QuantType.QInt8, QuantType.QUInt8, ranges, names, [], ["Conv"], {})
        quantised: ModelProto = quantiser.quantize_model()
    return quantised


class _Reader:
    """One feed after the other, as ONNX Runtime asks for them."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds: Iterator[Feed] = iter(feeds)

    def get_next(self) -> Feed | None:
        return next(self._feeds, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """ONNX Runtime's quantiser gives advice on the root logger that is not for users."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
