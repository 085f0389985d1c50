"""DeepFashion, In-shop Clothes Retrieval: any extracted tree, names as the authors make them, with or without their lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posetransfer.data.annotations import Points, read_annotations, read_pairs
from posetransfer.data.manifest import SPLITS
from posetransfer.data.pairing import fashion_item, fashion_name, fashion_person
from posetransfer.data.prepare.plan import Item, Plan, refuse_shared
from posetransfer.data.prepare.tree import Tree, look
from posetransfer.errors import DataError

SIZE = (256, 176)
CROP_LEFT = 40
"""The authors keep columns 40 to 215 of 256."""
IN_TREE = re.compile(r"(?:^|/)((?:WOMEN|MEN)/[^/]+/id_\d{8}/[^/]+)$")
FLAT = re.compile(r"fashion.*id_?\d{8}_?\d{2}_.*", re.IGNORECASE)
LICENCE = "DeepFashion: non-commercial research only, by a signed agreement with MMLAB, CUHK; it follows into weights"


@dataclass(frozen=True)
class _Lists:
    """What says which picture belongs where: names by split, and where that comes from."""

    names: dict[str, list[str]]
    origin: str


def plan_deepfashion(raw: str | Path, lists: str | Path | None = None, follow_links: bool = False) -> Plan:
    """Work out the preparation of DeepFashion.

    Args:
        raw: the extracted download; `WOMEN/…/id_00000001/02_1_front.jpg` lie somewhere below it, or the flattened names of the authors.
        lists: folder with `train.lst`, `test.lst`, `fasion-resize-annotation-*.csv`, `fasion-resize-pairs-*.csv`, or with the benchmark's
            `list_eval_partition.txt`; by default they are looked for in `raw`.
        follow_links: follow symbolic links that leave `raw`.

    Raises:
        DataError: no picture or no list of the split is there, a malformed list, or an item in one colour in both splits.
    """
    tree = look(raw, follow_links)
    there = _pictures(tree.pictures)
    if not there:
        raise DataError(_nothing_found(tree))
    given = tree if lists is None else look(lists, follow_links)
    annotated, notes = _annotations(given)
    split_lists = _split_lists(given, annotated)
    pairs = {split: read_pairs(path) for split in SPLITS if (path := given.list_file(*_spellings("pairs", split)))}
    items: list[Item] = []
    missing: list[str] = []
    for split in SPLITS:
        first = annotated.get(split, {})  # the order of the annotation file decides the order of the pairs
        wanted = dict.fromkeys([*first, *split_lists.names.get(split, ()), *(name for side in pairs.get(split, ()) for name in side)])
        missing += [name for name in wanted if _key(name) not in there]
        items += [Item(name, tree.path(there[_key(name)]), fashion_person(name), split) for name in wanted if _key(name) in there]
    refuse_shared("deepfashion", _groups(items, fashion_person), "items in one colour")
    notes += _overlap(_groups(items, fashion_item))
    notes.append(f"{len(there) - len({_key(item.name) for item in items}):,} pictures of the tree are in no list")
    points = {name: each for members in annotated.values() for name, each in members.items()}
    split_name = f"deepfashion ({split_lists.origin})"
    return Plan(
        "deepfashion",
        SIZE,
        "fashion",
        tuple(items),
        split_name,
        LICENCE,
        points,
        pairs,
        {},
        tuple(missing),
        dict(tree.refused),
        tuple(notes),
    )


def _pictures(names: Iterable[str]) -> dict[str, str]:
    """Key of the authors' name -> relative path. Of several sizes of one picture the 256 x 256 one is taken."""
    found: dict[str, str] = {}
    for path in sorted(names, key=lambda name: ("highres" in name, name.count("/"), name)):
        inside, file = IN_TREE.search(path), path.rpartition("/")[2]
        if inside:
            found.setdefault(_key(fashion_name(inside[1])), path)
        elif FLAT.fullmatch(file):
            found.setdefault(_key(file), path)
    return found


def _key(name: str) -> str:
    """What two spellings of a name share: some copies also delete the "_" of the category, or save PNG."""
    return name.rpartition(".")[0].replace("_", "").lower()


def _spellings(kind: str, split: str) -> list[str]:
    return [f"{word}-{size}{kind}-{split}.csv" for size in ("resize-", "") for word in ("fasion", "fashion")]


def _annotations(given: Tree) -> tuple[dict[str, dict[str, Points]], list[str]]:
    """The authors' keypoints by split and name, in the pixels of the crop."""
    found: dict[str, dict[str, Points]] = {}
    notes = []
    for split in SPLITS:
        path = given.list_file(*_spellings("annotation", split))
        if path is None:
            continue
        names, points = read_annotations(path)
        if "resize" not in path.name:
            points = crop_points(points)
        found[split] = dict(zip(names, points, strict=True))
        notes.append(f"{split}: poses from {path.name} ({len(names):,} rows)")
    return found, notes


def crop_points(points: Points) -> Points:
    """Points (N, 18, 2) of 256 x 256 pictures in the crop; as in the authors' script a joint that lands on -1 is lost."""
    moved = np.trunc(points - [CROP_LEFT, 0])
    moved[(moved == -1).any(axis=2)] = np.nan
    return moved


def _split_lists(given: Tree, annotated: dict[str, dict[str, Points]]) -> _Lists:
    listed = {split: path for split in SPLITS if (path := given.list_file(f"{split}.lst"))}
    if listed:
        return _Lists({split: path.read_text(encoding="utf-8").split() for split, path in listed.items()}, "authors' train.lst, test.lst")
    partition = given.list_file("list_eval_partition.txt")
    if annotated and (partition is None or len(annotated) == len(SPLITS)):
        return _Lists({split: list(names) for split, names in annotated.items()}, "authors' annotation files")
    if partition is not None:
        return _Lists(_read_partition(partition), "benchmark's list_eval_partition.txt")
    raise DataError(
        f"{given.root}: nothing says which pictures are for training and which for testing; expected the authors' train.lst and test.lst, "
        "or list_eval_partition.txt of the benchmark (folder Eval of the download): put one there, or name its folder with --lists."
    )


def _read_partition(path: Path) -> dict[str, list[str]]:
    """The benchmark's own file: a count, a header, then `img/WOMEN/…/02_1_front.jpg id_00000001 train|query|gallery`."""
    names: dict[str, list[str]] = {split: [] for split in SPLITS}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[2:], 3):
        cells = line.split()
        inside = IN_TREE.search(cells[0]) if len(cells) == 3 else None
        if inside is None or cells[2] not in ("train", "query", "gallery"):
            raise DataError(f"{path}, row {number}: {line[:80]!r} is not 'picture item train|query|gallery'; get the file again.")
        names["train" if cells[2] == "train" else "test"].append(fashion_name(inside[1]))
    return names


def _groups(items: Sequence[Item], group: object) -> dict[str, set[str]]:
    assert callable(group)
    return {split: {group(item.name) for item in items if item.split == split} for split in SPLITS}


def _overlap(groups: dict[str, set[str]]) -> list[str]:
    shared = groups["train"] & groups["test"]
    if not shared:
        return []
    return [f"{len(shared):,} of the {len(groups['test']):,} test items also occur in train, in other colours (as in the paper's split)"]


def _nothing_found(tree: Tree) -> str:
    where = f"{tree.root}: no picture like WOMEN/Tees_Tanks/id_00007301/04_7_additional.jpg, nor a flattened one; {tree.summary()}"
    if tree.archives:
        return f"{where}; {tree.archives[0]} was not extracted: extract it first (In-shop's img.zip asks for a password that MMLAB sends)."
    return f"{where}; give the extracted In-shop Clothes Retrieval Benchmark."
