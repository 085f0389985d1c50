"""PSNR: peak signal-to-noise ratio in decibels, range 255 (the later papers' range 1 on [0, 1] pictures is the same)."""

from __future__ import annotations

import math

import numpy as np

from posetransfer.evaluation.metrics.ssim import Picture

CEILING = 100.0
"""What two equal pictures get: their ratio is infinite, and one infinite pair would swallow the mean of a set."""


def psnr(generated: Picture, real: Picture) -> float:
    """Ratio of 255 to the root mean squared difference, in dB; at most `CEILING`.

    >>> round(psnr(np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)), 6)
    0.0
    >>> psnr(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint8))
    100.0
    """
    difference = np.subtract(generated, real, dtype=np.int32)
    squares = int(np.vdot(difference, difference))
    return min(CEILING, 10 * math.log10(255.0**2 * difference.size / squares)) if squares else CEILING
