"""From columns to scores: means and ratios over pairs, and the distances between whole sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posetransfer.evaluation.chunks import Parts
from posetransfer.evaluation.intervals import bootstrap, jackknife
from posetransfer.evaluation.metrics.fid import Moments, fid, root
from posetransfer.evaluation.metrics.inception_score import GROUPS, SplitSums
from posetransfer.evaluation.metrics.kid import SUBSET_SIZE, group_bounds, kid, mmd
from posetransfer.evaluation.results import Score, number

JACKKNIFE = f"jackknife over {GROUPS} groups"
KID_SAMPLE = 2000  # pictures of each kind behind KID's interval; the kernel of all would be too large


def mean_score(name: str, values: npt.NDArray[np.float64], seed: int, network: str = "", sha256: str = "", note: str = "") -> Score:
    """A mean over the pairs that have a value."""
    known = values[~np.isnan(values)]
    low, high = bootstrap(values, seed=seed)
    value = float(known.mean()) if len(known) else float("nan")
    return Score(name, number(value), number(low), number(high), n=len(known), network=network, sha256=sha256, note=note)


def ratio_score(
    name: str,
    right: npt.NDArray[np.float64],
    total: npt.NDArray[np.float64],
    seed: int,
    network: str = "",
    sha256: str = "",
    note: str = "",
) -> Score:
    """One ratio over all pairs: right joints of all joints."""
    joints = float(total.sum())
    low, high = bootstrap(right, total, seed=seed)
    value = float(right.sum()) / joints if joints else float("nan")
    return Score(name, number(value), number(low), number(high), n=int((total > 0).sum()), network=network, sha256=sha256, note=note)


def inception_scores(name: str, parts: Parts, column: str, network: str, sha256: str) -> Score:
    """IS over the pictures in the order of the parts; pictures without logits (NaN) are left out."""
    count, classes = 0, 0
    for block in parts.blocks(column):
        count += int((~np.isnan(block[column][:, 0])).sum())
        classes = block[column].shape[1]
    if count == 0:
        return Score(name, None, network=network, sha256=sha256)
    sums = SplitSums(count, classes)
    for block in parts.blocks(column):
        sums.add(block[column][~np.isnan(block[column][:, 0])])
    scores = sums.scores()
    low, high = (
        _around(float(scores.mean()), jackknife(lambda g: float(sums.scores(g).mean()), GROUPS))
        if count >= 2 * GROUPS
        else (np.nan, np.nan)
    )
    order = f"{sums.splits} splits in the order of the pairs' names, standard deviation {scores.std():.4g}"
    return Score(name, number(float(scores.mean())), number(low), number(high), JACKKNIFE, count, network, sha256, order)


def set_scores(
    suffix: str, generated: Parts, real: Parts, column: str, network: str, sha256: str, scratch: Path, drop_last: int = 0
) -> list[Score]:
    """FID and KID of the generated pictures' features against the real set's.

    Args:
        suffix: "" or "_network".
        generated: parts with the feature column.
        real: parts of the real set, column "features".
        column: name of the generated features.
        network: the extractor's name.
        sha256: of its file.
        scratch: folder for the features as one array on disk.
        drop_last: leave out an incomplete last batch of this many.
    """
    one, other = _mapped(generated, column, scratch / "generated.npy"), _mapped(real, "features", scratch / "real.npy")
    if drop_last:
        one, other = (features[: len(features) - len(features) % drop_last or None] for features in (one, other))
    return [_fid_score(f"fid{suffix}", one, other, network, sha256), _kid_score(f"kid{suffix}", one, other, network, sha256)]


def _fid_score(name: str, one: npt.NDArray[np.float32], other: npt.NDArray[np.float32], network: str, sha256: str) -> Score:
    if min(len(one), len(other)) < 2:
        return Score(name, None, n=len(one), network=network, sha256=sha256, note="needs two pictures of each kind")
    real = _moments(other)
    half = root(real.covariance)
    groups = [Moments.of(one[bounds]) for bounds in group_bounds(len(one), GROUPS)] if len(one) >= 2 * GROUPS else []
    whole = _moments(one)
    value = fid(whole, real, half)
    low, high = _around(value, jackknife(lambda g: fid(whole - groups[g], real, half), GROUPS)) if groups else (np.nan, np.nan)
    few = min(len(one), len(other)) <= one.shape[1]
    note = f"{one.shape[1]} dimensions from {len(one)} and {len(other)} pictures: biased upwards" if few else ""
    return Score(name, number(value), number(low), number(high), JACKKNIFE, len(one), network, sha256, note)


def _kid_score(name: str, one: npt.NDArray[np.float32], other: npt.NDArray[np.float32], network: str, sha256: str) -> Score:
    value, deviation = kid(one, other)
    random = np.random.default_rng(0)
    some, others = (features[np.sort(random.permutation(len(features))[:KID_SAMPLE])] for features in (one, other))
    groups = group_bounds(len(some), GROUPS)
    low = high = float("nan")
    if len(some) >= 2 * GROUPS and len(others) >= 2:
        error = jackknife(lambda g: mmd(np.delete(some, groups[g], axis=0), others), GROUPS)
        low, high = _around(value, error * np.sqrt(len(some) / len(one)))
    few = min(len(one), len(other)) < SUBSET_SIZE
    note = (
        f"all pictures, fewer than {SUBSET_SIZE} of a kind" if few else f"100 subsets of {SUBSET_SIZE}, standard deviation {deviation:.4g}"
    )
    return Score(name, number(value), number(low), number(high), JACKKNIFE, len(one), network, sha256, note)


def _moments(features: npt.NDArray[np.float32]) -> Moments:
    moments = Moments.empty(features.shape[1])
    for start in range(0, len(features), 1024):
        moments.add(features[start : start + 1024])
    return moments


def _mapped(parts: Parts, column: str, path: Path) -> npt.NDArray[np.float32]:
    """A feature column as one array on disk: memory does not grow with the number of pictures."""
    shapes = [block[column].shape for block in parts.blocks(column)]
    path.parent.mkdir(parents=True, exist_ok=True)
    written = np.lib.format.open_memmap(path, "w+", np.float32, (sum(shape[0] for shape in shapes), shapes[0][1]))
    for start, block in _starts(parts, column):
        written[start : start + len(block)] = block
    written.flush()
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]


def _starts(parts: Parts, column: str) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    start = 0
    for block in parts.blocks(column):
        yield start, block[column]
        start += len(block[column])


def _around(value: float, error: float) -> tuple[float, float]:
    return value - 1.96 * error, value + 1.96 * error
