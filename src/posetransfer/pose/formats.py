"""Reading and writing poses: one door for every format, told apart by content.

| Format | What it is |
| --- | --- |
| `posetransfer` | our own JSON: picture size, named joints |
| `openpose-18`, `openpose-25` | OpenPose JSON, also as editors write it (`canvas_width`, coordinates in pixels or in [0, 1]) |
| `coco-17` | COCO keypoints: annotations, results, a whole data set, or plain lists; the neck is made from the shoulders |
| `patn-rows` | the paper's `name:[18 y]:[18 x]`, one row or a whole file; -1 = missing |
| `numpy` | `.npy` with 17, 18 or 25 joints (x, y) or (x, y, score); NaN = missing |
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posetransfer.errors import PoseError
from posetransfer.pose.parsing import HEADER, ROW, Format, Person, from_array, from_json, parse
from posetransfer.pose.plausible import check_pose
from posetransfer.pose.pose import Pose
from posetransfer.pose.skeleton import INDEX
from posetransfer.pose.writing import write_pose

__all__ = ["Format", "pose_format", "read_pose", "read_poses", "write_pose"]

MAX_BYTES = 64_000_000

LARGEST = 1e6
"""No coordinate is larger, in pixels."""

PoseSource = str | Path | Mapping[str, Any] | list[Any] | npt.NDArray[Any]
"""A path, the text of a file, decoded JSON, or an array; a str that names a file is its path."""


def read_pose(source: PoseSource, size: tuple[int, int] | None = None, person: int | str = 0) -> Pose:
    """Read one person's pose.

    Args:
        source: a path, the text of a file, decoded JSON, or an array.
        size: (height, width) of the picture, for files that do not say it; without it the joints' extent is taken.
        person: which of several, counted from 0, or by name (rows of the paper).

    Raises:
        PoseError: the file cannot be opened, is over 64 MB, of an unknown format or damaged, contains NaN, has nobody
            or no such person; every joint is missing; x and y are swapped. Joints outside the picture are a warning.

    >>> read_pose("a.jpg: [31, 60, 59, -1, -1, 61, -1, -1, 116, -1, -1, 115, -1, -1, 29, 29, 35, -1]:"
    ...           " [92, 86, 68, -1, -1, 103, -1, -1, 80, -1, -1, 98, -1, -1, 87, 93, 78, -1]").joint("neck")
    (86.0, 60.0)
    """
    name, form, people = _read(source)
    chosen = _choose(people, person, name)
    return _pose(chosen, size, form, name if chosen.name is None else f"{name}, {chosen.name}")


def read_poses(source: PoseSource, size: tuple[int, int] | None = None) -> list[Pose]:
    """Read everybody in a file, in its order; people without any joint are left out.

    Raises:
        PoseError: as `read_pose`; also when nobody has a joint.
    """
    name, form, people = _read(source)
    seen = [(i, person) for i, person in enumerate(people) if not np.isnan(person.numbers[:, 0]).all()]
    if not seen:
        raise PoseError(f"{name}: every joint of everybody is missing; a pose with at least a few joints was expected.")
    return [_pose(person, size, form, f"{name}, {person.name or f'person {i}'}") for i, person in seen]


def pose_format(source: PoseSource) -> Format:
    """Tell which format a file is, by its content.

    Raises:
        PoseError: it cannot be read, or is none of them.
    """
    return _read(source)[1]


def _read(source: PoseSource) -> tuple[str, Format, list[Person]]:
    if isinstance(source, np.ndarray):
        return "the given array", "numpy", from_array(source, "the given array")
    if isinstance(source, str) and _is_content(source) and not os.path.isfile(source):  # a file may be called [1].json
        return "the given text", *parse(source.encode(), "the given text")
    if isinstance(source, (str, Path)):
        return str(source), *parse(_content(Path(source)), str(source))
    return "the given data", *from_json(source, "the given data")


def _is_content(text: str) -> bool:
    first = text.lstrip().partition("\n")[0]
    return first[:1] in ("{", "[") or "\n" in text or bool(HEADER.match(first) or ROW.match(first))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            content = b"" if size > MAX_BYTES else file.read(MAX_BYTES + 1)  # read with a limit: a device has no size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PoseError(f"{path}: the pose file cannot be opened ({reason}); check the path.") from error
    if max(size, len(content)) > MAX_BYTES:
        megabytes = f"{max(size, len(content)) / 1e6:,.0f} MB"
        raise PoseError(
            f"{path}: {megabytes} is too large for a pose file (at most {MAX_BYTES // 10**6} are read); take one person out of it."
        )
    return content


def _choose(people: list[Person], person: int | str, name: str) -> Person:
    named = {p.name: p for p in people if p.name is not None}
    if isinstance(person, str):
        if person in named:
            return named[person]
        if not person.isdecimal():
            near = difflib.get_close_matches(person, named, n=1)
            numbers = f"a number from 0 to {len(people) - 1}" if len(people) > 1 else "0 for the only person"
            hint = f"did you mean {near[0]!r}" if near else f"give {'a name in the file or ' if named else ''}{numbers}"
            raise PoseError(f"{name}: nobody is called {person!r}; {hint}.")
    if not 0 <= int(person) < len(people):
        have = f"the file has {len(people)}, counted from 0" if len(people) > 1 else "the file has one, who is number 0"
        raise PoseError(f"{name}: there is no person {person}; {have}.")
    return people[int(person)]


def _pose(person: Person, size: tuple[int, int] | None, form: Format, name: str) -> Pose:
    """The person in our order of joints, in pixels, checked."""
    size = person.size or size
    points, score = np.full((18, 2), np.nan), np.zeros(18)
    for joint, numbers in zip(person.joints, person.numbers, strict=True):
        if joint in INDEX:
            points[INDEX[joint]], score[INDEX[joint]] = numbers[:2], numbers[2]
    if "neck" not in person.joints:
        shoulders = [INDEX["right_shoulder"], INDEX["left_shoulder"]]
        points[INDEX["neck"]], score[INDEX["neck"]] = points[shoulders].mean(axis=0), score[shoulders].min()
    if (np.abs(points) > LARGEST).any():
        raise PoseError(f"{name}: a coordinate of {np.nanmax(np.abs(points)):g} is no pixel of a picture; detect the pose again.")
    if form != "posetransfer" and _is_relative(points, size, name):
        assert size is not None
        points = points * [size[1], size[0]]
    pose = Pose(points, size or _guess_size(points, form), score)
    check_pose(pose, name, size_known=size is not None, stated=form == "posetransfer")
    return pose


def _is_relative(points: npt.NDArray[np.float64], size: tuple[int, int] | None, name: str) -> bool:
    """Some editors write coordinates as parts of the picture's width and height."""
    known = points[~np.isnan(points[:, 0])]
    if len(known) < 3 or known.min() < 0 or known.max() > 1:
        return False
    if size is None:
        raise PoseError(f"{name}: the joints are parts of a picture (0 to 1) whose size is not known; give its size.")
    return True


def _guess_size(points: npt.NDArray[np.float64], form: Format) -> tuple[int, int]:
    """The paper's two picture sizes for its rows, else the joints with a margin around them."""
    if np.isnan(points).all():
        return (1, 1)
    right, bottom = np.nanmax(points, axis=0)
    if form == "patn-rows":
        for height, width in ((128, 64), (256, 176)):
            if bottom < height and right < width:
                return (height, width)
    left, top = np.nanmin(points, axis=0)
    margin = 0.1 * max(right - left, bottom - top) + 1
    return max(1, math.ceil(bottom + margin)), max(1, math.ceil(right + margin))
