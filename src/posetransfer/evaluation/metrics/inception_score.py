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


GROUPS = 10
"""Groups of pictures that the jackknife leaves out one after the other."""


@dataclass
class SplitSums:
    """Streaming state over pictures that come in order; their number must be known before.

    Args:
        count: pictures in all.
        classes: of the classifier.
        splits: how many parts; with fewer pictures than parts there is one.
    """

    count: int
    classes: int
    splits: int = SPLITS
    seen: int = 0
    numbers: Array = field(init=False)
    """(splits, groups) pictures."""
    entropy: Array = field(init=False)
    """(splits, groups) sum over pictures and classes of p log p."""
    total: Array = field(init=False)
    """(splits, groups, classes) sum over pictures of p."""

    def __post_init__(self) -> None:
        self.splits = self.splits if self.count >= self.splits else 1
        self.numbers = np.zeros((self.splits, GROUPS))
        self.entropy = np.zeros((self.splits, GROUPS))
        self.total = np.zeros((self.splits, GROUPS, self.classes))

    def add(self, logits: npt.NDArray[np.floating]) -> None:
        """Take in the next pictures' logits (n, classes)."""
        p, log_p = softmax(logits)
        place = np.arange(self.seen, self.seen + len(p))
        ends = [(i + 1) * self.count // self.splits for i in range(self.splits)]
        where = (np.searchsorted(ends, place, side="right"), place % GROUPS)
        np.add.at(self.numbers, where, 1)
        np.add.at(self.entropy, where, (p * log_p).sum(axis=1))
        np.add.at(self.total, where, p)
        self.seen += len(p)

    def scores(self, without: int | None = None) -> Array:
        """(splits,) the score of each part, of all pictures or of those outside one group."""
        kept = [group for group in range(GROUPS) if group != without]
        number = np.maximum(self.numbers[:, kept].sum(axis=1), 1)
        mean = self.total[:, kept].sum(axis=1) / number[:, None]
        of_mean = (mean * np.log(np.maximum(mean, np.finfo(np.float64).tiny))).sum(axis=1)
        return np.asarray(np.exp(self.entropy[:, kept].sum(axis=1) / number - of_mean))


def inception_score(logits: npt.NDArray[np.floating], splits: int = SPLITS) -> tuple[float, float]:
    """Mean and standard deviation over the splits.

    Args:
        logits: (n, classes) in the order that the splits are cut from.
        splits: how many.

    >>> inception_score(np.zeros((20, 5)))
    (1.0, 0.0)
    """
    sums = SplitSums(len(logits), logits.shape[1], splits)
    sums.add(logits)
    scores = sums.scores()
    return float(scores.mean()), float(scores.std())


def softmax(logits: npt.NDArray[np.floating]) -> tuple[Array, Array]:
    """Probabilities and their logarithms, float64 (n, classes)."""
    exact = logits.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    log_p = exact - np.log(np.exp(exact).sum(axis=1, keepdims=True))
    return np.exp(log_p), log_p
