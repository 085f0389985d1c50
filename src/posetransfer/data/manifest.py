"""The prepared folder: the one form that training and evaluation read, whatever the data set was.

images/NAME.jpg            pictures, all of one size        annotation-{train,test}.csv  keypoints
masks/NAME.png             optional, white = person         pairs-{train,test}.csv       from,to
people.jsonl               optional, one person a line      set.json                     what it is, and where it came from
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from posetransfer.data.annotations import PairIndex, Points, pairs_to_index, read_annotations, read_pairs
from posetransfer.errors import DataError, PhotoError
from posetransfer.image import load_photo
from posetransfer.pose.pose import Pose

SPLITS = ("train", "test")


@dataclass(frozen=True, eq=False)
class Split:
    """The pictures of one split, their keypoints, and the pairs.

    Args:
        name: "train" or "test".
        names: N file names below `images/`.
        points: float64 (N, 18, 2) as (x, y) in pixels, NaN = missing.
        pairs: int32 (P, 2): number of the source and of the target picture, in the order of the list.
        size: (height, width) of the pictures.
    """

    name: str
    names: tuple[str, ...]
    points: Points
    pairs: PairIndex
    size: tuple[int, int]

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pairs)


@dataclass(frozen=True, eq=False)
class PreparedFolder:
    """A data set on disk; `PreparedFolder.open` reads its lists and holds them against the pictures that are there.

    Args:
        folder: where it lies.
        size: (height, width) of its pictures.
        splits: by name; a data set without test pictures has an empty "test".
        facts: the content of `set.json`.
    """

    folder: Path
    size: tuple[int, int]
    splits: dict[str, Split]
    facts: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> PreparedFolder:
        """Open a prepared folder.

        No picture is decoded but one, for the size; `check_pictures` decodes all.

        Raises:
            DataError: no such folder, not a prepared one, a malformed list, or a picture of the lists that is not there.
        """
        folder = Path(folder)
        names = _list_folder(folder)
        if "set.json" not in names or "images" not in names:
            raise DataError(
                f"{folder}: not a prepared data set ({_found(names)}); expected images/ and set.json; run posetransfer prepare."
            )
        facts = _read_facts(folder / "set.json")
        listed = {name: read_annotations(folder / f"annotation-{name}.csv") for name in SPLITS if f"annotation-{name}.csv" in names}
        if not listed:
            raise DataError(f"{folder}: no annotation-train.csv and no annotation-test.csv; the preparation was stopped: run it again.")
        pictures = [name for annotated, _ in listed.values() for name in annotated]
        _refuse_missing(folder, pictures)
        size = _picture_size(folder, facts, pictures)
        splits = {name: _read_split(folder, name, *annotated, size) for name, annotated in listed.items()}
        return cls(folder, size, splits, facts)

    def split(self, name: str) -> Split:
        """One split.

        Raises:
            DataError: the data set has no such split, or the split has no pairs.
        """
        if name not in self.splits or not len(self.splits[name]):
            found = ", ".join(f"{split.name} ({len(split):,} pairs)" for split in self.splits.values())
            raise DataError(f"{self.folder}: no pairs in split {name!r}; found: {found}.")
        return self.splits[name]

    @property
    def has_masks(self) -> bool:
        """Whether masks were made."""
        return (self.folder / "masks").is_dir()

    def picture_path(self, name: str) -> Path:
        """Where a picture lies."""
        return self.folder / "images" / name

    def mask_path(self, name: str) -> Path:
        """Where the mask of a picture lies, if masks were made."""
        return self.folder / "masks" / (Path(name).stem + ".png")

    def pose(self, split: str, number: int) -> Pose:
        """The pose of a picture, by its number in a split."""
        return Pose(self.splits[split].points[number], self.size)

    @cached_property
    def people(self) -> dict[str, str]:
        """The person of every picture, by picture name.

        `people.jsonl` says it if its rows list pictures; else it is the text before the first "_" (Market-1501, rendered people).
        """
        listed = {name: row["person"] for row in _read_lines(self.folder / "people.jsonl") for name in row.get("pictures", ())}
        pictures = [name for split in self.splits.values() for name in split.names]
        return {name: str(listed.get(name, name.partition("_")[0])) for name in pictures}

    def check_people(self) -> list[str]:
        """One sentence if people are in more than one split; a score on such a split says nothing."""
        splits = [{self.people[name] for name in split.names} - {"0000", "-1"} for split in self.splits.values()]
        shared = sorted(set.intersection(*splits)) if len(splits) > 1 else []
        if not shared:
            return []
        return [f"{self.folder}: {len(shared):,} people are in both splits, the first: {', '.join(shared[:10])}; each belongs in one."]

    def check_pictures(self) -> list[str]:
        """Decode every picture; give one sentence for each that cannot be read or has another size."""
        problems = []
        for split in self.splits.values():
            for name in split.names:
                try:
                    size = load_photo(self.picture_path(name)).shape[:2]
                except PhotoError as error:
                    problems.append(str(error))
                    continue
                if size != self.size:
                    expected = f"but the data set's pictures are {self.size[1]} x {self.size[0]}"
                    problems.append(f"{self.picture_path(name)}: the picture is {size[1]} x {size[0]} (width x height), {expected}.")
        return problems


def split_hash(names: dict[str, Sequence[str]]) -> str:
    """Fingerprint of who is in which split: 16 hexadecimal digits, whatever the order of the names.

    >>> split_hash({"train": ["b.jpg", "a.jpg"], "test": ["c.jpg"]}) == split_hash({"test": ["c.jpg"], "train": ["a.jpg", "b.jpg"]})
    True
    """
    rows = sorted(f"{split}\t{name}\n" for split, members in names.items() for name in members)
    return hashlib.sha256("".join(rows).encode()).hexdigest()[:16]


def _list_folder(folder: Path) -> set[str]:
    if re.search(r"\.(zip|tar|tgz|gz|7z|rar)$", folder.name, re.IGNORECASE) and folder.is_file():
        raise DataError(f"{folder}: an archive, not a folder; extract it first.")
    try:
        return set(os.listdir(folder))
    except OSError as error:
        raise DataError(
            f"{folder}: the data set cannot be opened ({error.strerror or error}); give the folder that posetransfer prepare wrote."
        ) from error


def _found(names: set[str]) -> str:
    shown = ", ".join(sorted(names)[:5]) + (", …" if len(names) > 5 else "")
    return f"found: {shown}" if names else "it is empty"


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable as JSON ({error}); run posetransfer prepare again.") from error
    if not isinstance(facts, dict):
        raise DataError(f"{path}: an object was expected, got a {type(facts).__name__}; run posetransfer prepare again.")
    return facts


def _read_lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except ValueError as error:
        raise DataError(f"{path}: not one JSON object a line ({error}); run posetransfer prepare again.") from error
    if not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: not one JSON object a line; run posetransfer prepare again.")
    return rows


def _read_split(folder: Path, name: str, pictures: list[str], points: Points, size: tuple[int, int]) -> Split:
    listed = folder / f"pairs-{name}.csv"
    return Split(name, tuple(pictures), points, pairs_to_index(read_pairs(listed), pictures, listed), size)


def _refuse_missing(folder: Path, pictures: Sequence[str]) -> None:
    there = _list_folder(folder / "images")
    missing = [name for name in pictures if name not in there]
    if missing:
        raise DataError(
            f"{folder / 'images'}: {len(missing):,} of {len(pictures):,} pictures of the lists are missing, the first: "
            f"{', '.join(missing[:10])}; run posetransfer prepare again."
        )


def _picture_size(folder: Path, facts: dict[str, Any], pictures: Sequence[str]) -> tuple[int, int]:
    if "size" in facts:
        height, width = facts["size"]
        return int(height), int(width)
    if not pictures:
        raise DataError(f"{folder}: the lists name no picture at all; run posetransfer prepare again.")
    try:
        with Image.open(folder / "images" / pictures[0]) as image:
            return image.height, image.width
    except OSError as error:
        raise DataError(f"{folder / 'images' / pictures[0]}: not a picture that can be read; run posetransfer prepare again.") from error
