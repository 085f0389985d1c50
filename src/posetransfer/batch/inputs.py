"""What the user names -> photos and poses, each with the name that it has in the files that are written."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from posetransfer.data.prepare.clips import extract_frames
from posetransfer.data.prepare.tree import CLIPS, PICTURES
from posetransfer.errors import DataError
from posetransfer.image import is_picture
from posetransfer.pose import library_names, library_pose

POSES = (".json", ".npy")
"""Endings of the pose files that are taken from a folder."""

SHIPPED = "shipped"
"""Stands for all poses of the library."""

Kind = Literal["photo", "pose"]


@dataclass(frozen=True)
class Item:
    """One photo or pose."""

    name: str
    """Without ending; stands in the names of the pictures that are made."""
    target: Path | str
    """What the pipeline reads: a file, or the name of a shipped pose."""
    stamp: str
    """Changes with the file."""


def find_photos(word: str, work: Path, every: int = 1) -> list[Item]:
    """Photos behind a folder, a file, a glob, a clip or a text list.

    Args:
        word: as the user typed it.
        work: a folder where the pictures of a clip may be kept.
        every: of a clip, every how many pictures one is taken.

    Raises:
        DataError: there is nothing of that name, or two photos would have one name.
        PhotoError: a clip that cannot be read.
    """
    return _unique(_find(word, "photo", work, every), word)


def find_poses(word: str, work: Path, every: int = 1) -> list[Item]:
    """Poses likewise; also names of shipped poses, and `shipped` for all of them.

    Raises:
        DataError, PhotoError: as `find_photos`.
        UnknownPose: a word that is neither a file nor a shipped pose.
    """
    return _unique(_find(word, "pose", work, every), word)


def _find(word: str, kind: Kind, work: Path, every: int, inside_list: Path | None = None) -> Iterator[Item]:
    path = Path(word)
    if path.is_dir() and not (kind == "pose" and word in library_names()):
        yield from _folder(path, kind)
    elif path.is_file() and path.suffix.lower() == ".txt" and inside_list is None and not _is_pose_file(path, kind):
        yield from _list(path, kind, work, every)
    elif path.is_file():
        yield from _frames(path, work, every) if _is_clip(path) else [_item(path)]
    elif kind == "pose" and (word == SHIPPED or word in library_names()):
        yield from (Item(name, name, "shipped") for name in (library_names() if word == SHIPPED else [word]))
    elif glob.has_magic(word):
        found = sorted(hit for hit in glob.glob(word) if os.path.isfile(hit))
        if not found:
            raise DataError(f"{word}: no file has such a name; check the pattern, and put it in quotes.")
        yield from (_item(Path(hit)) for hit in found)
    elif kind == "pose":
        library_pose(word)  # raises the sentence that names the nearest one
    else:
        where = f" (named in {inside_list})" if inside_list else ""
        raise DataError(f"{word}: there is no such file or folder{where}; give photos as a folder, a file, a glob, a clip or a text list.")


def _folder(folder: Path, kind: Kind) -> Iterator[Item]:
    """The files directly in a folder; of a prepared data set, its pictures."""
    if (folder / "set.json").is_file() and (folder / "images").is_dir():
        folder = folder / "images"
    endings = PICTURES if kind == "photo" else (*PICTURES, *POSES)
    try:
        found = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in endings and not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: the folder cannot be opened ({error.strerror or error}); check its permissions.") from error
    if not found:
        raise DataError(f"{folder}: no {kind} in this folder ({', '.join(endings)} are read); give the folder that holds them.")
    yield from map(_item, found)


def _list(path: Path, kind: Kind, work: Path, every: int) -> Iterator[Item]:
    """One file, clip, glob or shipped pose per line, relative to the list; `#` begins a comment."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a text list that can be read ({error}); write one file a line, in UTF-8.") from error
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise DataError(f"{path}: the list is empty; write one file a line.")
    for line in lines:
        beside = path.parent / line
        known = beside.exists() or glob.has_magic(line) or (kind == "photo" and not Path(line).exists())
        yield from _find(str(beside) if known else line, kind, work, every, inside_list=path)


def _frames(clip: Path, work: Path, every: int) -> Iterator[Item]:
    stamp = _stamp(clip)
    for path in extract_frames(clip, work / f"{clip.stem}-{stamp}-{every}", every):
        yield Item(f"{clip.stem}_{path.stem}", path, stamp)


def _is_clip(path: Path) -> bool:
    if path.suffix.lower() != ".gif":
        return path.suffix.lower() in CLIPS
    try:
        with Image.open(path) as image:
            return getattr(image, "n_frames", 1) > 1
    except Exception:  # a damaged one is told as a photo, with its reason
        return False


def _is_pose_file(path: Path, kind: Kind) -> bool:
    """Rows of the paper also lie in .txt files: `name:[18 numbers]:[18 numbers]`."""
    if kind == "photo" or is_picture(path):
        return False
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            first = file.readline()
    except OSError:
        return False
    return first.startswith("name:") or first.lstrip().startswith(("{", "[")) or ":[" in first.replace(" ", "")


def _item(path: Path) -> Item:
    return Item(path.stem, path, _stamp(path))


def _stamp(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:
        return "missing"
    return f"{facts.st_size}-{facts.st_mtime_ns}"


def _unique(items: Iterable[Item], word: str) -> list[Item]:
    """Every item once; two files of one name would write over each other's pictures."""
    known: dict[str, Item] = {}
    for item in items:
        twin = known.setdefault(item.name.casefold(), item)
        if twin.target != item.target:
            raise DataError(f"{word}: {twin.target} and {item.target} would give pictures of one name; rename one of them.")
    return list(known.values())
