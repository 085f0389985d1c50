"""IS: how sure a classifier is of each picture, and how different its answers are (Salimans et al. 2016).

exp of the mean Kullback-Leibler distance between a picture's class probabilities and their mean, in 10 splits, averaged. The
split means depend a little on the order of the pictures: the authors took the order of the folder, here it is the pairs' names.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SPLITS = 10


@dataclass
class SplitSums:
    """Streaming state over pictures that come in order; their number must be known before.

    Args:
        count: pictures in all.
        splits: how many parts; with fewer pictures than parts there is one.
    """

    count: int
    splits: int = SPLITS
    seen: int = 0
    entropy: Array = field(init=False)
    """Per split: sum over pictures and classes of p log p."""
    total: list[Array] = field(init=False)
    """Per split: sum over pictures of p."""

    def __post_init__(self) -> None:
        self.splits = self.splits if self.count >= self.splits else 1
        self.entropy = np.zeros(self.splits)
        self.total = [np.zeros(1) for _ in range(self.splits)]

    def add(self, logits: npt.NDArray[np.floating]) -> None:
        """Take in the next pictures' logits (n, classes)."""
        p, log_p = softmax(logits)
        ends = [(i + 1) * self.count // self.splits for i in range(self.splits)]
        split = np.searchsorted(ends, np.arange(self.seen, self.seen + len(p)), side="right")
        for i in np.unique(split):
            self.entropy[i] += (p[split == i] * log_p[split == i]).sum()
            self.total[i] = self.total[i] + p[split == i].sum(axis=0)
        self.seen += len(p)

    def scores(self) -> Array:
        """(splits,) the score of each part."""
        bounds = [i * self.count // self.splits for i in range(self.splits + 1)]
        return np.array([self._score(i, bounds[i + 1] - bounds[i]) for i in range(self.splits)])

    def _score(self, split: int, count: int) -> float:
        mean = self.total[split] / count
        return float(np.exp(self.entropy[split] / count - (mean * np.log(np.maximum(mean, np.finfo(float).tiny))).sum()))


def inception_score(logits: npt.NDArray[np.floating], splits: int = SPLITS) -> tuple[float, float]:
    """Mean and standard deviation over the splits.

    Args:
        logits: (n, classes) in the order that the splits are cut from.
        splits: how many.

    >>> inception_score(np.zeros((20, 5)))
    (1.0, 0.0)
    """
    sums = SplitSums(len(logits), splits)
    sums.add(logits)
    scores = sums.scores()
    return float(scores.mean()), float(scores.std())


def softmax(logits: npt.NDArray[np.floating]) -> tuple[Array, Array]:
    """Probabilities and their logarithms, float64 (n, classes)."""
    exact = logits.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    log_p = exact - np.log(np.exp(exact).sum(axis=1, keepdims=True))
    return np.exp(log_p), log_p
