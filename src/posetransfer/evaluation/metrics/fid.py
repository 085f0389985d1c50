"""FID: the Fréchet distance between two Gaussians fitted to features of two sets of pictures (Heusel et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass
class Moments:
    """Streaming state: number, sum and sum of outer products of feature vectors, in float64."""

    count: int
    total: Array
    """(d,)."""
    outer: Array
    """(d, d)."""

    @classmethod
    def empty(cls, dimensions: int) -> Moments:
        """Of no vector yet."""
        return cls(0, np.zeros(dimensions), np.zeros((dimensions, dimensions)))

    @classmethod
    def of(cls, features: npt.NDArray[np.floating]) -> Moments:
        """Of some vectors (n, d)."""
        moments = cls.empty(features.shape[1])
        moments.add(features)
        return moments

    def add(self, features: npt.NDArray[np.floating]) -> None:
        """Take in some more vectors (n, d)."""
        exact = features.astype(np.float64)
        self.count += len(exact)
        self.total += exact.sum(axis=0)
        self.outer += exact.T @ exact

    def __sub__(self, part: Moments) -> Moments:
        """The moments without those of a part."""
        return Moments(self.count - part.count, self.total - part.total, self.outer - part.outer)

    @property
    def mean(self) -> Array:
        """(d,)."""
        return self.total / self.count

    @property
    def covariance(self) -> Array:
        """(d, d), divided by n - 1 as everybody does; zero for a single vector."""
        mean = self.mean
        return (self.outer - self.count * np.outer(mean, mean)) / max(1, self.count - 1)


def fid(generated: Moments, real: Moments, real_root: Array | None = None) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)).

    Args:
        generated: moments of the generated pictures' features.
        real: moments of the real ones.
        real_root: `root(real.covariance)` where it is known already.

    >>> vectors = np.random.default_rng(0).normal(size=(50, 4))
    >>> round(fid(Moments.of(vectors + 3), Moments.of(vectors)), 6)
    36.0
    """
    difference = generated.mean - real.mean
    covariance = generated.covariance
    half = root(real.covariance) if real_root is None else real_root
    # The eigenvalues of C1 C2 are those of the symmetric C2^(1/2) C1 C2^(1/2): no complex square roots.
    values = _positive(np.asarray(np.linalg.eigvalsh(half @ covariance @ half), dtype=np.float64))
    trace = np.trace(covariance) + np.trace(real.covariance) - 2 * np.sqrt(values).sum()
    return float(difference @ difference + trace)


def root(covariance: Array) -> Array:
    """The symmetric square root of a covariance matrix."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(_positive(values))) @ vectors.T)


def _positive(values: Array) -> Array:
    """Eigenvalues with those that are rounding errors of zero set to zero: their roots would add up."""
    floor = len(values) * np.finfo(np.float64).eps * max(float(values.max()), 0.0)
    return np.where(values > floor, values, 0.0)
