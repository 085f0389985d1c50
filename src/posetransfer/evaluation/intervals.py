"""How sure is a score: 95 % intervals, and whether two runs over the same pairs differ by more than chance.

A score that is a mean or a ratio over pairs gets a bootstrap interval: pairs are drawn anew with replacement. A score of
whole sets (FID, KID, IS) gets a delete-a-group jackknife instead: drawing a picture twice biases those upwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

DRAWS = 1000
CHUNK = 2_000_000  # indices held at once, so that memory does not grow with the number of pairs


@dataclass(frozen=True)
class Difference:
    """Second minus first score over the same pairs."""

    value: float
    low: float
    high: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the 95 % interval leaves out zero."""
        return self.low > 0 or self.high < 0


def bootstrap(values: npt.ArrayLike, weights: npt.ArrayLike | None = None, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """95 % interval of a mean over pairs, or of a ratio of two sums.

    Args:
        values: (n,) a score per pair, or the numerators of a ratio (right joints of each pair).
        weights: (n,) the denominators (joints looked for); without them every pair counts once. NaN values count nothing.
        draws: how often the pairs are drawn anew.
        seed: of the drawing; the same seed gives the same interval.

    Returns:
        (low, high), the 2.5 % and 97.5 % points; both NaN without a single value.

    >>> bootstrap([1.0, 1.0, 1.0])
    (1.0, 1.0)
    """
    above, below = _sums(values, weights)
    return _percentiles(_redrawn(above, below, draws, seed))


def paired_difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    weights: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Difference:
    """Second minus first, and its 95 % interval, the same pairs being drawn for both.

    Args:
        first: (n,) as in `bootstrap`.
        second: (n,) of the same pairs in the same order.
        weights: the denominators of first and second.
        draws: how often the pairs are drawn anew.
        seed: of the drawing.
    """
    a, b = _sums(first, weights[0] if weights else None), _sums(second, weights[1] if weights else None)
    if weights is None:  # a pair without a score in one of the runs is left out of both
        both = a[1] * b[1]
        a, b = (a[0] * both, both), (b[0] * both, both)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(b[0].sum() / b[1].sum() - a[0].sum() / a[1].sum())
    low, high = _percentiles(_redrawn(*b, draws, seed) - _redrawn(*a, draws, seed))
    return Difference(value, low, high)


def jackknife(score: Callable[[int], float], groups: int) -> float:
    """Standard error of a score of a whole set, from `score(g)`, the score without group g."""
    values = np.array([score(group) for group in range(groups)])
    return float(np.sqrt((groups - 1) / groups * ((values - values.mean()) ** 2).sum()))


def _sums(values: npt.ArrayLike, weights: npt.ArrayLike | None) -> tuple[Array, Array]:
    numbers = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(numbers)
    below = np.ones_like(numbers) if weights is None else np.asarray(weights, dtype=np.float64)
    return np.where(known, numbers, 0.0), np.where(known, below, 0.0)


def _redrawn(above: Array, below: Array, draws: int, seed: int) -> Array:
    """(draws,) sum(above) / sum(below) over pairs drawn with replacement."""
    if not len(above):
        return np.full(draws, np.nan)
    random = np.random.default_rng(seed)
    at_once = max(1, CHUNK // len(above))
    results = []
    for start in range(0, draws, at_once):
        index = random.integers(0, len(above), (min(at_once, draws - start), len(above)))
        with np.errstate(invalid="ignore", divide="ignore"):
            results.append(above[index].sum(axis=1) / below[index].sum(axis=1))
    return np.concatenate(results)


def _percentiles(values: Array) -> tuple[float, float]:
    if np.isnan(values).all():
        return float("nan"), float("nan")
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
