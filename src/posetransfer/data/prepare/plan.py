"""What a preparation will do, worked out before anything is written."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from posetransfer.data.annotations import Points
from posetransfer.data.manifest import SPLITS
from posetransfer.errors import DataError

Framing = Literal["resize", "fashion", "person"]
"""How a picture gets the size of the set: resized (copied if it has the size already), as the authors crop DeepFashion, or by a
frame around its person."""


@dataclass(frozen=True)
class Item:
    """One picture that takes part."""

    name: str
    """Its file name in the prepared folder."""
    path: Path
    person: str
    split: str
    clip: bool = False
    """A clip whose frames take its place when the preparation begins."""


@dataclass(frozen=True)
class Plan:
    """Everything that decides a prepared folder."""

    kind: str
    size: tuple[int, int]
    framing: Framing
    items: tuple[Item, ...]
    """In the order of the annotation file to be written: it decides the order of pairs."""
    split_name: str
    """Where the split comes from."""
    licence: str
    annotated: dict[str, Points] = field(default_factory=dict)
    """Given points (18, 2) in the pixels of the prepared picture, by name."""
    pairs: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    """Given lists of pairs (sources, targets), by split."""
    draw: dict[str, int] = field(default_factory=dict)
    """How many pairs of a split are drawn, where not all are taken."""
    missing: tuple[str, ...] = ()
    """Pictures that the given lists name and that are not there."""
    refused: dict[str, str] = field(default_factory=dict)
    """Files that look like pictures of the set but cannot take part, with the reason."""
    notes: tuple[str, ...] = ()
    """What the user should know: which lists were found, overlaps."""

    @property
    def complete(self) -> bool:
        """Nothing that the lists name is missing, and there is something to prepare."""
        return not self.missing and bool(self.items)

    def summary(self) -> str:
        """The answer of `--check`, a few lines."""
        lines = [f"{self.kind}: {len(self.items):,} pictures, {self.size[1]} x {self.size[0]} (width x height), split {self.split_name}"]
        for split in SPLITS:
            members = [item for item in self.items if item.split == split]
            poses = sum(item.name in self.annotated for item in members)
            pairs = f", {len(self.pairs[split][0]):,} given pairs" if split in self.pairs else ""
            lines.append(
                f"  {split}: {len(members):,} pictures of {len({i.person for i in members}):,} people, {poses:,} with given poses{pairs}"
            )
        lines += [f"  {note}" for note in self.notes]
        lines += [f"  {count:,} files cannot take part: {reason}" for reason, count in sorted(Counter(self.refused.values()).items())]
        if self.missing:
            lines.append(f"  MISSING: {missing_sentence(self.missing)}")
        return "\n".join(lines)

    def fingerprint(self, *options: object) -> str:
        """A hash of everything that decides the bytes of the result."""
        digest = hashlib.sha256(json.dumps([self.kind, self.size, self.framing, self.split_name, *map(str, options)]).encode())
        for item in self.items:
            row = f"{item.name}\0{item.person}\0{item.split}\0{item.path.stat().st_size}\n"
            digest.update(row.encode(errors="surrogateescape"))
            if item.name in self.annotated:
                digest.update(self.annotated[item.name].tobytes())
        for split in sorted(self.pairs):
            digest.update("\n".join(self.pairs[split][0] + self.pairs[split][1]).encode())
        return digest.hexdigest()[:16]


def missing_sentence(missing: Sequence[str]) -> str:
    """How many are missing, and the first ten.

    >>> missing_sentence(["a.jpg", "b.jpg"])
    '2 pictures of the lists are not there, the first: a.jpg, b.jpg'
    """
    return f"{len(missing):,} pictures of the lists are not there, the first: {', '.join(missing[:10])}"


def refuse_shared(kind: str, groups: dict[str, set[str]], what: str) -> None:
    """Make sure that no person is in both splits.

    Raises:
        DataError: one is.
    """
    shared = sorted(groups.get("train", set()) & groups.get("test", set()))
    if shared:
        raise DataError(
            f"{kind}: {len(shared):,} {what} are in the train and in the test split, the first: {', '.join(shared[:10])}; "
            "scores on such a split say nothing: correct the lists, each belongs in one of them."
        )
