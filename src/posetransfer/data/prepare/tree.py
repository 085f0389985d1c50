"""Look through the user's folder: which pictures, lists and clips lie where. Nothing is written, no picture is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from posetransfer.errors import DataError

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
CLIPS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".gif")
LISTS = (".csv", ".lst", ".txt")
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar")


@dataclass(frozen=True)
class Tree:
    """What lies below a folder; all names relative to `root`, with "/" between folders, sorted."""

    root: Path
    pictures: tuple[str, ...] = ()
    clips: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    """Links that were not followed, with the reason."""

    def path(self, name: str) -> Path:
        """The file behind a relative name."""
        return self.root / name

    def list_file(self, *names: str) -> Path | None:
        """The first list with one of these file names, the one nearest to the root."""
        for wanted in names:
            found = [name for name in self.lists if name.rsplit("/", 1)[-1] == wanted]
            if found:
                return self.path(min(found, key=lambda name: (name.count("/"), name)))
        return None

    def summary(self) -> str:
        """In a few words, for error messages: what lies directly in the root, and how many pictures below."""
        first = sorted({name.split("/", 1)[0] for group in (self.pictures, self.clips, self.lists, self.archives) for name in group})
        shown = ", ".join(first[:6]) + (", …" if len(first) > 6 else "")
        return f"found {len(self.pictures):,} pictures; in the folder lie: {shown}" if first else "it holds no picture and no list"


def look(root: str | Path, follow_links: bool = False) -> Tree:
    """Collect the files below `root`.

    Args:
        root: a folder, or one clip.
        follow_links: also follow symbolic links that leave `root`.

    Raises:
        DataError: no such folder, or an archive.
    """
    root = Path(root)
    if root.is_file():
        return _one_file(root)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder; give the folder that holds the extracted data set.")
    groups: dict[str, list[str]] = {"pictures": [], "clips": [], "lists": [], "archives": []}
    refused: dict[str, str] = {}
    for name in _walk(root, refused, follow_links):
        kind = _kind(name)
        if kind:
            groups[kind].append(name)
    found = {kind: tuple(sorted(names)) for kind, names in groups.items()}
    return Tree(root, found["pictures"], found["clips"], found["lists"], found["archives"], dict(sorted(refused.items())))


def _one_file(path: Path) -> Tree:
    kind = _kind(path.name)
    if kind == "archives":
        raise DataError(f"{path}: this is an archive that was not extracted; extract it, and give the folder.")
    if kind != "clips":
        raise DataError(f"{path}: a folder was expected (or one clip: {', '.join(CLIPS)}); give the folder that holds the pictures.")
    return Tree(path.parent, clips=(path.name,))


def _kind(name: str) -> str | None:
    ending = os.path.splitext(name)[1].lower()
    for kind, endings in (("pictures", PICTURES), ("clips", CLIPS), ("lists", LISTS), ("archives", ARCHIVES)):
        if ending in endings:
            return kind
    # Parts of a split archive: img.z01, img.zip.001.
    return "archives" if re.search(r"\.(z\d\d|zip\.\d+|7z\.\d+)$", name, re.IGNORECASE) else None


def _walk(root: Path, refused: dict[str, str], follow_links: bool) -> Iterator[str]:
    """Relative names of all files; hidden ones are left out, links that leave the root are noted in `refused`."""
    inside = os.path.realpath(root)
    seen = {inside}
    todo = [""]
    while todo:
        folder = todo.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError as error:
            reason = error.strerror or str(error)
            if not folder:
                raise DataError(f"{root}: the folder cannot be opened ({reason}); check its permissions.") from error
            refused[folder.rstrip("/")] = f"a folder that cannot be opened ({reason})"
            continue
        if folder and _is_prepared(entries):
            continue
        for entry in entries:
            name = f"{folder}{entry.name}"
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if entry.is_symlink() and not _may_follow(entry.path, inside, follow_links, name, refused):
                continue
            if not entry.is_dir():
                yield name
            elif (real := os.path.realpath(entry.path)) not in seen:  # a link back up would never end
                seen.add(real)
                todo.append(f"{name}/")


def _is_prepared(entries: list[os.DirEntry[str]]) -> bool:
    """What a preparation wrote or is writing, such as OUT inside RAW: its pictures are not the user's."""
    names = {entry.name for entry in entries}
    return ".prepare" in names or {"set.json", "images"} <= names


def _may_follow(path: str, inside: str, follow_links: bool, name: str, refused: dict[str, str]) -> bool:
    real = os.path.realpath(path)
    if not os.path.exists(real):
        refused[name] = "a symbolic link to a file that does not exist"
    elif not follow_links and os.path.commonpath([real, inside]) != inside:
        refused[name] = "a symbolic link that leaves the folder (--follow-links allows it)"
    return name not in refused
