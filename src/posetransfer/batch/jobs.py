"""Which photo takes which pose, and which part of all that this process does."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from posetransfer.batch.inputs import POSES, Item
from posetransfer.data.annotations import read_pairs
from posetransfer.data.prepare.tree import PICTURES
from posetransfer.errors import DataError, SettingsError

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """One picture to be made."""

    photo: Item
    pose: Item

    @property
    def name(self) -> str:
        """`photo___pose`, the name by which `posetransfer evaluate --generated` knows a pair."""
        return f"{self.photo.name}___{self.pose.name}"


def cross(photos: Sequence[Item], poses: Sequence[Item]) -> list[Job]:
    """Every photo in every pose, photo by photo."""
    return [Job(photo, pose) for photo in photos for pose in poses]


def listed(path: Path, photos: Sequence[Item], poses: Sequence[Item]) -> list[Job]:
    """The pairs of a list (`from,to`), each once, photo by photo; names with or without their endings.

    Raises:
        DataError: the list cannot be read, is empty, or names what is not there.
    """
    by_name = [{item.name: item for item in items} for items in (photos, poses)]
    jobs: dict[Job, None] = {}
    for source, target in zip(*read_pairs(path), strict=True):
        photo, pose = _named(source, by_name[0]), _named(target, by_name[1])
        if photo is None or pose is None:
            name, what = (source, "PHOTOS") if photo is None else (target, "POSES")
            raise DataError(f"{path}: {name} is not among {what}; correct the list, or name the folder that holds it.")
        jobs[Job(photo, pose)] = None
    if not jobs:
        raise DataError(f"{path}: there is no pair in this list; write one pair a line below the header from,to.")
    order = {item: number for number, item in enumerate(photos)}
    return sorted(jobs, key=lambda job: order[job.photo])


def _named(name: str, items: dict[str, Item]) -> Item | None:
    """The item of a name; an ending may stand behind it, also that of the picture in place of its pose file."""
    stem, ending = os.path.splitext(name)
    return items.get(name) or (items.get(stem) if ending.lower() in (*PICTURES, *POSES) else None)


def share(jobs: Sequence[T], rank: int, world: int) -> Sequence[T]:
    """The part of process `rank` of `world`: parts differ by one at most, and neighbours stay together.

    Whole runs of one photo in one process, because every process has to look at the photos of its part.

    >>> [share("abcdefgh", rank, 3) for rank in range(3)]
    ['ab', 'cde', 'fgh']
    """
    return jobs[len(jobs) * rank // world : len(jobs) * (rank + 1) // world]


def read_shard(text: str) -> tuple[int, int]:
    """`2/8`, the second of eight, as (rank, world) counted from 0.

    Raises:
        SettingsError: anything else.

    >>> read_shard("2/8")
    (1, 8)
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise SettingsError(f"--shard {text}: which part of how many was expected, such as 1/8 to 8/8.")
    return int(match[1]) - 1, int(match[2])


def shard_of_environment() -> tuple[int, int] | None:
    """(rank, world) as torchrun says them; None without torchrun.

    Raises:
        SettingsError: the variables make no sense.
    """
    rank, world = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if rank is None or world is None:
        return None
    if not (rank.isdecimal() and world.isdecimal() and int(rank) < int(world)):
        raise SettingsError(f"RANK is {rank!r} and WORLD_SIZE {world!r}; torchrun sets numbers from 0 on: unset them, or use --shard.")
    return int(rank), int(world)
