"""Which pictures make pairs: the rule of the authors' scripts, without a loop over pairs."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from posetransfer.data.annotations import PairIndex, Points
from posetransfer.pose.skeleton import INDEX

TORSO = [INDEX[f"{side}_{joint}"] for side in ("right", "left") for joint in ("hip", "shoulder")]
"""Joints that a picture needs to take part: both hips and both shoulders."""

DISTRACTORS = ("-1", "0000")
"""Market-1501: how the names of junk and of passers-by begin; nobody knows who they are."""

MARKET_TEST_PAIRS = 12_000
"""Pairs that the authors drew of all test pairs of Market-1501."""


def usable(points: Points) -> npt.NDArray[np.bool_]:
    """(N,) True where both hips and both shoulders are known."""
    return np.asarray(~np.isnan(points[:, TORSO, 0]).any(axis=1))


def make_pairs(people: Sequence[str], take: npt.NDArray[np.bool_]) -> PairIndex:
    """All ordered pairs of two pictures of one person.

    People come in the order of their first usable picture; within a person, pairs come in the order of
    `itertools.permutations(pictures, 2)`.

    Args:
        people: the person of each of N pictures.
        take: (N,) True for the pictures that take part (`usable`).

    Returns:
        int32 (P, 2): numbers of source and target.

    >>> make_pairs(["ann", "bob", "ann", "bob", "ann"], np.array([True, True, True, True, False]))
    array([[0, 2],
           [2, 0],
           [1, 3],
           [3, 1]], dtype=int32)
    """
    members = np.flatnonzero(take)
    codes: dict[str, int] = {}
    person = np.fromiter((codes.setdefault(people[i], len(codes)) for i in members.tolist()), np.int64, len(members))
    order = np.argsort(person, kind="stable")
    members, person = members[order].astype(np.int32), person[order]
    count = np.bincount(person, minlength=len(codes))
    start = np.concatenate([[0], np.cumsum(count)])[:-1]
    rank = np.arange(len(members)) - start[person]  # place of a picture within its person
    partners = count[person] - 1
    source = np.repeat(np.arange(len(members)), partners)
    # The k-th partner of a picture is the k-th picture of its person, itself left out.
    k = np.arange(len(source)) - np.repeat(np.cumsum(partners) - partners, partners)
    target = start[person[source]] + k + (k >= rank[source])
    return np.stack([members[source], members[target]], axis=1).reshape(-1, 2)


def draw_pairs(pairs: PairIndex, count: int) -> PairIndex:
    """Draw pairs without replacement, in the order of pandas' `sample(n=count, random_state=0)`, as the authors did.

    Fewer pairs than `count` are all taken, in their own order.
    """
    if len(pairs) <= count:
        return pairs
    # NumPy promises that RandomState's streams never change; pandas' sample() is this one call.
    return pairs[np.random.RandomState(0).choice(len(pairs), size=count, replace=False)]


def market_person(name: str) -> str:
    """Market-1501: the text before the first "_".

    >>> market_person("0002_c1s1_000451_03.jpg")
    '0002'
    """
    return name.partition("_")[0]


def fashion_name(path: str) -> str:
    """DeepFashion: the authors' name of a picture in the tree of the benchmark.

    Folders are joined, the item's folder loses its "_", the file keeps its first "_" only.

    >>> fashion_name("WOMEN/Tees_Tanks/id_00007301/04_7_additional.jpg")
    'fashionWOMENTees_Tanksid0000730104_7additional.jpg'
    """
    *folders, item, file = path.split("/")
    first, _, rest = file.partition("_")
    return "fashion" + "".join(folders) + item.replace("_", "") + first + "_" + rest.replace("_", "")


def fashion_person(name: str) -> str:
    """DeepFashion: item and colour, the name up to the two digits behind the eight of the item.

    >>> fashion_person("fashionWOMENTees_Tanksid0000730104_7additional.jpg")
    'fashionWOMENTees_Tanksid0000730104'
    """
    found = re.match(r".*?id_?\d{8}_?\d{2}", name)
    return found[0] if found else name


def fashion_item(name: str) -> str:
    """DeepFashion: the item, whatever its colour ("id00007301"); an empty text if the name has none."""
    found = re.search(r"id_?(\d{8})", name)
    return "id" + found[1] if found else ""
