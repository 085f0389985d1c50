"""L1: the mean absolute difference on [-1, 1] values (PATN's Market script)."""

from __future__ import annotations

import numpy as np

from posetransfer.evaluation.metrics.ssim import Picture


def l1(generated: Picture, real: Picture) -> float:
    """Mean absolute difference of two uint8 pictures of one shape, on values mapped to [-1, 1].

    >>> l1(np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8))
    2.0
    """
    difference = np.subtract(generated, real, dtype=np.int16)
    # An exact integer sum: the order of adding cannot change the score.
    return float(np.abs(difference).sum(dtype=np.int64) / (127.5 * difference.size))
