"""Your own pictures: a sub-folder is a person, or a part of the file name is; a clip is a person too."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from posetransfer.data.prepare.clips import extract_frames
from posetransfer.data.prepare.naming import distinct, safe_stem
from posetransfer.data.prepare.plan import Item, Plan
from posetransfer.data.prepare.tree import CLIPS, Tree, look
from posetransfer.errors import DataError, PhotoError, SettingsError

SMALLEST = 16  # pixels of a side: less shows nobody
LICENCE = "your own pictures: the rights of whoever took them and of whoever is shown follow into weights"


def plan_folder(
    raw: str | Path,
    size: tuple[int, int] = (256, 176),
    person_pattern: str | None = None,
    test: float = 0.1,
    seed: int = 0,
    follow_links: bool = False,
) -> Plan:
    """Work out the preparation of a folder of pictures.

    Args:
        raw: pictures in one sub-folder per person, or all in one folder with the person in the file name, or a clip.
        size: (height, width) of the prepared pictures.
        person_pattern: regular expression whose first group, searched in the relative path, is the person;
            by default the sub-folder, and in a flat folder the text before the first "_".
        test: part of the people who are kept for testing, at least one if there are two.
        seed: decides who.
        follow_links: follow symbolic links that leave `raw`.

    Raises:
        DataError: no picture, or no person in any name.
        SettingsError: a pattern that is no regular expression or has no group, a part outside [0, 1), a size too small.
    """
    if not 0 <= test < 1:
        raise SettingsError(f"--test {test}: the part of the people kept for testing must be at least 0 and below 1; give 0.1 for a tenth.")
    if min(size) < SMALLEST:
        raise SettingsError(f"--size {size[0]} {size[1]}: height and width must be at least {SMALLEST} pixels; give 256 176, or 128 64.")
    tree = look(raw, follow_links)
    if not tree.pictures and not tree.clips:
        advice = (
            f"; {tree.archives[0]} was not extracted: extract it first." if tree.archives else "; give a folder with pictures or clips."
        )
        raise DataError(f"{raw}: no picture and no clip; {tree.summary()}{advice}")
    person_of = _person_rule(tree, person_pattern)
    refused = dict(tree.refused)
    files = sorted(tree.pictures + tree.clips)
    people = {name: person_of(name) for name in files}
    refused |= {name: "no person in the name" for name, person in people.items() if not person}
    files = [name for name in files if people[name]]
    if not files:
        raise DataError(
            f"{raw}: no file name says who the person is, the first: {min(refused)}; use one sub-folder per person, or --person-pattern."
        )
    # All pictures of a person together: the order of pairs follows the order of the list.
    files.sort(key=lambda name: (str(people[name]), name))
    testers = split_people({str(people[name]) for name in files}, test, seed)
    stems = distinct([safe_stem(name) for name in files])
    items = tuple(
        Item(f"{stem}.png", tree.path(name), str(people[name]), "test" if people[name] in testers else "train", clip=_is_clip(name))
        for name, stem in zip(files, stems, strict=True)
    )
    split_name = f"folder (people drawn with seed {seed}, {test:g} for testing)"
    return Plan("folder", size, "person", items, split_name, LICENCE, refused=refused, notes=_notes(tree, items))


def with_frames(plan: Plan, work: Path, every: int) -> Plan:
    """The plan with each clip replaced by its frames, which are written below `work`."""
    items: list[Item] = []
    refused = dict(plan.refused)
    for item in plan.items:
        if not item.clip:
            items.append(item)
            continue
        stem = item.name.removesuffix(".png")
        try:
            frames = extract_frames(item.path, work / stem, every)
        except PhotoError as error:
            refused[item.path.name] = str(error).removeprefix(f"{item.path}: ")
            continue
        items += [replace(item, name=f"{stem}__{frame.stem}.png", path=frame, clip=False) for frame in frames]
    return replace(plan, items=tuple(items), refused=refused)


def split_people(people: set[str], part: float, seed: int) -> set[str]:
    """The people for testing: those with the smallest hash of (seed, name).

    >>> sorted(split_people({"ann", "bob", "cid", "dan"}, 0.5, seed=0))
    ['ann', 'dan']
    """
    count = round(part * len(people))
    if part > 0 and len(people) > 1:
        count = min(max(count, 1), len(people) - 1)
    ranked = sorted(people, key=lambda person: hashlib.sha256(f"{seed}:{person}".encode(errors="surrogateescape")).hexdigest())
    return set(ranked[:count])


def _is_clip(name: str) -> bool:
    return name.lower().endswith(CLIPS)


def _person_rule(tree: Tree, pattern: str | None) -> Callable[[str], str | None]:
    if pattern is not None:
        return _by_pattern(pattern)
    if any("/" in name for name in tree.pictures + tree.clips):
        return lambda name: name.partition("/")[0] if "/" in name else _lone_clip(name)
    return lambda name: _lone_clip(name) or (name.partition("_")[0] if "_" in name else None)


def _lone_clip(name: str) -> str | None:
    """A clip outside any person's folder is a person of its own."""
    return os.path.splitext(name)[0] if _is_clip(name) else None


def _by_pattern(pattern: str) -> Callable[[str], str | None]:
    try:
        rule = re.compile(pattern)
    except re.error as error:
        raise SettingsError(f"--person-pattern {pattern!r} is not a regular expression ({error}); give one such as '^([^_]+)_'.") from error
    if rule.groups < 1:
        raise SettingsError(f"--person-pattern {pattern!r} has no group; put the person in brackets, such as '^([^_]+)_'.")

    def person(name: str) -> str | None:
        found = rule.search(name)
        return found[1] if found else None

    return person


def _notes(tree: Tree, items: tuple[Item, ...]) -> tuple[str, ...]:
    notes = []
    if tree.clips:
        notes.append(f"{len(tree.clips):,} clips, whose pictures are counted when they are prepared")
    people = len({item.person for item in items})
    if people == 1:
        notes.append("one person only: all pictures are for training, there is nothing to test on")
    return tuple(notes)
