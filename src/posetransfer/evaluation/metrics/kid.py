"""KID: the unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3 (Binkowski et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.floating]

SUBSETS, SUBSET_SIZE = 100, 1000
SEED = 2020  # torch-fidelity's: the same features give its very number


def kid(generated: Features, real: Features, subsets: int = SUBSETS, size: int = SUBSET_SIZE, seed: int = SEED) -> tuple[float, float]:
    """Mean and standard deviation over random subsets.

    Args:
        generated: (n, d); may be a memory map, only the rows of one subset are read at a time.
        real: (m, d).
        subsets: how many.
        size: pictures of each kind in a subset. With fewer pictures all are taken, once.
        seed: of the drawing.

    >>> vectors = np.random.default_rng(0).normal(size=(60, 4))
    >>> kid(vectors, vectors[:2], size=50) == (mmd(vectors, vectors[:2]), 0.0)
    True
    """
    if min(len(generated), len(real)) < size:
        return mmd(generated, real), 0.0
    random = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        one = generated[random.choice(len(generated), size, replace=False)]
        other = real[random.choice(len(real), size, replace=False)]
        values.append(mmd(one, other))
    return float(np.mean(values)), float(np.std(values))


def mmd(generated: Features, real: Features) -> float:
    """The unbiased estimate from all vectors of two sets; NaN for a set of one."""
    x, y = np.asarray(generated, dtype=np.float64), np.asarray(real, dtype=np.float64)
    if min(len(x), len(y)) < 2:
        return float("nan")
    return _within(x) + _within(y) - 2 * float(_kernel(x, y).mean())


def group_bounds(count: int, groups: int) -> Sequence[slice]:
    """Cut `count` rows into groups of nearly one size.

    >>> group_bounds(5, 2)
    [slice(0, 2, None), slice(2, 5, None)]
    """
    return [slice(i * count // groups, (i + 1) * count // groups) for i in range(groups)]


def _kernel(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def _within(x: npt.NDArray[np.float64]) -> float:
    kernel = _kernel(x, x)
    return float((kernel.sum() - np.trace(kernel)) / (len(x) * (len(x) - 1)))
