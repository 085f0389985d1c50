"""Two evaluations over the same pairs: which differences are larger than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posetransfer.errors import DataError
from posetransfer.evaluation.intervals import Difference, paired_difference
from posetransfer.evaluation.results import Results, Score, read, read_rows


@dataclass(frozen=True)
class Compared:
    """One score of two runs, over the pairs that both have."""

    name: str
    first: float
    second: float
    difference: Difference
    higher_is_better: bool

    @property
    def verdict(self) -> str:
        """In words: better, worse, or no difference beyond chance."""
        if not self.difference.beyond_chance:
            return "no difference beyond chance"
        return "better" if (self.difference.value > 0) == self.higher_is_better else "worse"


@dataclass(frozen=True)
class Comparison:
    """All scores that two runs share."""

    first: Results
    second: Results
    pairs: int
    scores: tuple[Compared, ...]
    left_out: int
    """Pairs that only one of the runs has."""


def compare(first: Path, second: Path, seed: int = 0) -> Comparison:
    """Compare two results files pair by pair (paired bootstrap, 95 %).

    Raises:
        DataError: a file cannot be read, the protocols differ, or there is no common pair or score.
    """
    results = read(first), read(second)
    if results[0].protocol != results[1].protocol:
        raise DataError(
            f"{second}: protocol {results[1].protocol}, but {first} was scored under {results[0].protocol}; "
            "scores of two protocols cannot be compared: evaluate both under one."
        )
    rows = [{row["pair"]: row["scores"] for row in read_rows(path)} for path in (first, second)]
    common = sorted(rows[0].keys() & rows[1].keys())
    if not common:
        raise DataError(f"{second}: not one pair in common with {first}; evaluate both on the same pairs.")
    tables = [[row[name] for name in common] for row in rows]
    scores = [compared for name in _shared(*tables) if (compared := _compared(name, tables[0], tables[1], seed)) is not None]
    if not scores:
        raise DataError(f"{second}: no score in common with {first}; evaluate both with the same --only.")
    return Comparison(*results, len(common), tuple(scores), len(rows[0].keys() ^ rows[1].keys()))


def _shared(first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]]) -> list[str]:
    """Scores of both tables; the two columns of a ratio become one name."""
    names = [name for name in first[0] if name in second[0]]
    ratios = [name.removesuffix("_right") for name in names if name.endswith("_right")]
    return [name for name in names if not name.endswith(("_right", "_total"))] + ratios


def _compared(name: str, first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]], seed: int) -> Compared | None:
    if name in first[0]:
        a, b = _column(first, name), _column(second, name)
        both = ~np.isnan(a) & ~np.isnan(b)
        if not both.any():
            return None
        difference = paired_difference(a, b, seed=seed)
        values = float(a[both].mean()), float(b[both].mean())
    else:
        right, total = ([_column(rows, f"{name}_{part}") for rows in (first, second)] for part in ("right", "total"))
        if not min(total[0].sum(), total[1].sum()):
            return None
        difference = paired_difference(right[0], right[1], (total[0], total[1]), seed=seed)
        values = float(right[0].sum() / total[0].sum()), float(right[1].sum() / total[1].sum())
    return Compared(name, *values, difference, Score(name, None).higher_is_better)


def _column(rows: Sequence[dict[str, Any]], name: str) -> npt.NDArray[np.float64]:
    return np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=np.float64)
