"""`appearance_nn` of an evaluation: who is who among the pairs, the score and its ceiling, intervals over people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from posetransfer.data.pairing import fashion_item, fashion_person, market_person
from posetransfer.evaluation.chunks import Parts
from posetransfer.evaluation.intervals import bootstrap
from posetransfer.evaluation.metrics.appearance import COLUMNS, AppearanceMeasure, Appearances
from posetransfer.evaluation.pictures import Pair
from posetransfer.evaluation.results import Score, number

CEILING = "_real"
"""Behind a score's name: the real pictures in the place of the generated."""
_CEILING_IS = "ceiling: the real pictures in the place of the generated"
INTERVAL = "bootstrap over people"

Array = npt.NDArray[np.float64]


def person_of(pair: Pair) -> str:
    """The person of a pair: as the data set says, else by the naming rules of DeepFashion and of Market-1501.

    >>> black = np.zeros((2, 2, 3), np.uint8)
    >>> person_of(Pair("a", black, black, target="0002_c1s1_000451_03.jpg"))
    '0002'
    """
    name = pair.target or pair.name
    return pair.person or (fashion_person(name) if fashion_item(name) else market_person(name))


def appearance_measure(pairs: Sequence[Pair]) -> AppearanceMeasure:
    """What must be looked at: the pairs of the people that take part."""
    state = _state(pairs)
    return AppearanceMeasure(frozenset(pair.name for i, pair in enumerate(pairs) if state.takes_part(i)))


def _state(pairs: Sequence[Pair]) -> Appearances:
    return Appearances([person_of(pair) for pair in pairs], [pair.target or pair.name for pair in pairs])


def appearance_columns(pairs: Sequence[Pair], parts: Parts) -> dict[str, Array]:
    """A row per pair for the manifest: 1 where the pair finds its person, 0 where not, NaN where it takes no part."""
    found = {}
    for name, (made, real) in COLUMNS.items():
        state = _state(pairs)
        for block in parts.blocks(made, real):
            state.add(block[made], block[real])
        found[name], found[f"{name}{CEILING}"] = state.hits([pair.source for pair in pairs])
    return found


def appearance_scores(pairs: Sequence[Pair], columns: dict[str, Array], seed: int, network: str, sha256: str) -> list[Score]:
    """The scores and their ceilings; nothing where fewer than two people take part."""
    people = np.array([person_of(pair) for pair in pairs])
    scores = []
    for name, hits in columns.items():
        took_part = ~np.isnan(hits)
        names = np.unique(people[took_part])
        if not len(names):  # too few people, or no plain backdrop
            continue
        pairs_of = np.array([(people[took_part] == person).sum() for person in names], dtype=np.float64)
        hits_of = np.array([np.nansum(hits[people == person]) for person in names])
        low, high = bootstrap(hits_of, pairs_of, seed=seed)
        value = float(hits_of.sum() / pairs_of.sum())
        scores.append(
            Score(
                name,
                number(value),
                number(low),
                number(high),
                INTERVAL,
                int(pairs_of.sum()),
                network,
                sha256,
                _CEILING_IS if name.endswith(CEILING) else f"{len(names)} people; guessing: {1 / len(names):.3g}",
            )
        )
    return scores
