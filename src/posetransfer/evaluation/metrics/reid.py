"""Is it the same person: the similarity of re-identification features, for any network that is given as ONNX.

The network takes one input (n, 3, H, W), RGB in [0, 1] normalised by ImageNet's mean and deviation, and its first output is
the feature vector. That is the form most re-ID models are exported in; none is shipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from posetransfer.errors import DataError
from posetransfer.evaluation.batch import Picture
from posetransfer.evaluation.metrics.networks.files import sha256
from posetransfer.image import resize

if TYPE_CHECKING:
    import onnxruntime

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@dataclass(frozen=True)
class ReidSimilarity:
    """Cosine of the features of the generated and the real picture."""

    path: Path
    name: str = "reid_similarity"

    @property
    def sha256(self) -> str:
        """Of the network's file."""
        return sha256(self.path)

    def __call__(self, generated: Sequence[Picture], real: Sequence[Picture]) -> npt.NDArray[np.float64]:
        """(n,) in [-1, 1]; 1 for equal pictures."""
        return np.array([cosine(self._features(a), self._features(b)) for a, b in zip(generated, real, strict=True)])

    def _features(self, picture: Picture) -> npt.NDArray[np.float64]:
        session = _session(self.path)
        wanted = session.get_inputs()[0]
        height, width = (side if isinstance(side, int) else default for side, default in zip(wanted.shape[2:], (256, 128), strict=True))
        x = (resize(picture, (height, width)) / 255.0 - MEAN) / DEVIATION
        output = session.run(None, {wanted.name: x.transpose(2, 0, 1)[None].astype(np.float32)})[0]
        return np.asarray(output, dtype=np.float64).ravel()


def cosine(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Cosine of the angle between two vectors; 0 if one of them is zero.

    >>> cosine(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    1.0
    """
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length else 0.0


@cache
def _session(path: Path) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        if len(session.get_inputs()[0].shape) != 4:
            raise ValueError("its input is no picture (n, 3, H, W)")
    except Exception as error:  # ONNX Runtime raises classes of its own for every kind of damage
        raise DataError(f"{path}: not a re-identification network that can be run ({error}); give an ONNX file.") from error
    return session
