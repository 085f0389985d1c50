"""Market-1501: the original tree or the renamed one, with or without the authors' lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from posetransfer.data.annotations import Points, read_annotations, read_pairs
from posetransfer.data.pairing import DISTRACTORS, MARKET_TEST_PAIRS, market_person
from posetransfer.data.prepare.plan import Item, Plan, refuse_shared
from posetransfer.data.prepare.tree import Tree, look
from posetransfer.errors import DataError

SIZE = (128, 64)
FOLDERS = {"train": ("bounding_box_train", "train"), "test": ("bounding_box_test", "test")}
NAME = re.compile(r"(-1|\d{4})_c\d+s\d+_\d+_\d+\.jpe?g", re.IGNORECASE)
LICENCE = "Market-1501: academic research only; ask the authors (Liang Zheng et al.) for anything else"


def plan_market1501(raw: str | Path, lists: str | Path | None = None, follow_links: bool = False) -> Plan:
    """Work out the preparation of Market-1501.

    Args:
        raw: the folder that holds `bounding_box_train` and `bounding_box_test` (or `train` and `test`), itself or further down.
        lists: folder with the authors' `market-annotation-*.csv` and `market-pairs-*.csv`; by default they are looked for in `raw`.
        follow_links: follow symbolic links that leave `raw`.

    Raises:
        DataError: nothing of the sort is there, a malformed list, or an identity in both splits.
    """
    tree = look(raw, follow_links)
    found = {split: _folder(tree, names) for split, names in FOLDERS.items()}
    if not found["train"] and not found["test"]:
        raise DataError(_nothing_found(tree))
    given = tree if lists is None else look(lists, follow_links)
    items: list[Item] = []
    annotated: dict[str, Points] = {}
    pairs, missing, notes = {}, [], []
    refused = dict(tree.refused)
    for split in FOLDERS:
        there, strangers = _pictures(tree, found[split])
        refused |= dict.fromkeys(strangers, "the name is not one of Market-1501 (0002_c1s1_000451_03.jpg)")
        names: Sequence[str] = sorted(there)
        annotation = given.list_file(f"market-annotation-{split}.csv")
        if annotation:
            names, points = read_annotations(annotation)
            annotated |= dict(zip(names, points, strict=True))
            notes.append(
                f"{split}: poses from {annotation.name} ({len(names):,} rows; {len(set(there) - set(names)):,} pictures have no row)"
            )
        listed = given.list_file(f"market-pairs-{split}.csv")
        if listed:
            pairs[split] = read_pairs(listed)
        wanted = dict.fromkeys([*names, *(name for side in pairs.get(split, ()) for name in side)])
        missing += [f"{split}/{name}" for name in wanted if name not in there]
        items += [Item(name, tree.path(there[name]), market_person(name), split) for name in wanted if name in there]
    refuse_shared("market1501", _people(items), "identities")
    missing += [f"{names[0]}/" for split, names in FOLDERS.items() if not found[split] and not _listed(given, split)]
    split_name = "market1501 (bounding_box_train, bounding_box_test)"
    return Plan(
        "market1501",
        SIZE,
        "resize",
        tuple(items),
        split_name,
        LICENCE,
        annotated,
        pairs,
        {"test": MARKET_TEST_PAIRS},
        tuple(missing),
        refused,
        tuple(notes),
    )


def _folder(tree: Tree, names: Sequence[str]) -> str | None:
    """The relative folder with one of these names that lies nearest to the root; the original name wins."""
    folders = {name.rpartition("/")[0] for name in tree.pictures}
    for wanted in names:
        found = [folder for folder in folders if folder.rpartition("/")[2] == wanted]
        if found:
            return min(found, key=lambda folder: (folder.count("/"), folder))
    return None


def _pictures(tree: Tree, folder: str | None) -> tuple[dict[str, str], list[str]]:
    """File name -> relative path of the pictures directly in `folder`, and those whose names are not Market-1501's."""
    if folder is None:
        return {}, []
    inside = [name for name in tree.pictures if name.rpartition("/")[0] == folder]
    fitting = {name.rpartition("/")[2]: name for name in inside if NAME.fullmatch(name.rpartition("/")[2])}
    return fitting, [name for name in inside if name.rpartition("/")[2] not in fitting]


def _people(items: Sequence[Item]) -> dict[str, set[str]]:
    return {split: {item.person for item in items if item.split == split} - set(DISTRACTORS) for split in FOLDERS}


def _listed(given: Tree, split: str) -> bool:
    return given.list_file(f"market-annotation-{split}.csv") is not None


def _nothing_found(tree: Tree) -> str:
    where = f"{tree.root}: neither bounding_box_train nor bounding_box_test (nor train, test) with pictures; {tree.summary()}"
    if tree.archives:
        return f"{where}; {tree.archives[0]} was not extracted: extract it first."
    return f"{where}; give the folder that holds them, usually Market-1501-v15.09.15."
