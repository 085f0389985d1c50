"""Which file is the picture of which pair: the name forms of this field, and what is missing or doubled.

| form | example |
| --- | --- |
| ours, PATN's pictures | `0002_c1___0002_c2.png` (endings inside, as in `a.jpg___b.jpg.png`, are allowed) |
| PATN's strips | `0002_c1.jpg___0002_c2.jpg_vis.jpg` |
| GFLA, NTED, PIDM | `0002_c1_2_0002_c2.png`, `..._vis.png` |
| one name | `0002_c2.png` in both folders |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from posetransfer.errors import DataError
from posetransfer.evaluation.pictures import GENERATED_PANEL, PANELS, REAL_PANEL, Pair, PictureFile

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
SEPARATORS = ("___", "_2_")
STRIP = "_vis"


@dataclass(frozen=True)
class Found:
    """The pairs of two folders, and what the lists have that the folders have not."""

    pairs: tuple[Pair, ...]
    missing: tuple[str, ...] = ()
    """Pairs of the list without a generated picture."""


def plain(name: str) -> str:
    """A picture's name without the endings of picture files.

    >>> plain("0002_c1.jpg"), plain("b.jpg.PNG")
    ('0002_c1', 'b')
    """
    while Path(name).suffix.lower() in ENDINGS:
        name = name[: -len(Path(name).suffix)]
    return name


def pair_name(source: str, target: str) -> str:
    """The name of a pair in every list and file.

    >>> pair_name("a.jpg", "b.jpg")
    'a___b'
    """
    return f"{plain(source)}___{plain(target)}"


def list_pictures(folder: Path) -> dict[str, Path]:
    """Picture files of a folder by their names without ending, sorted.

    Raises:
        DataError: no such folder, no picture in it, or two files of one name (`a.png`, `a.jpg`).
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give a folder of pictures.")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in ENDINGS and not path.name.startswith("."):
            name = plain(path.name)
            if name in files:
                raise DataError(f"{path}: {files[name].name} and {path.name} have one name; remove one of them.")
            files[name] = path
    if not files:
        raise DataError(f"{folder}: no picture in this folder ({', '.join(ENDINGS)} are read).")
    return files


def match(generated: Path, real: Path | None, pairs: Sequence[tuple[str, str]] | None = None, strips_first: bool = False) -> Found:
    """Bring together the files of two folders.

    Args:
        generated: folder of generated pictures or of five-panel strips.
        real: folder of real pictures; None if all generated files are strips, which carry theirs.
        pairs: (source, target) names that are to be scored; without them all files are.
        strips_first: take the real picture from the strip even if `real` is given (the authors' file form).

    Returns:
        The pairs sorted by name, without pose and mask.

    Raises:
        DataError: doubled or unreadable names, or a target without a real picture.
    """
    files = list_pictures(generated)
    targets = list_pictures(real) if real is not None else {}
    wanted = None if pairs is None else [(plain(source), plain(target)) for source, target in pairs]
    if wanted is not None:
        _refuse_doubles(generated, [pair_name(*pair) for pair in wanted])
    named = _by_list(files, wanted) if wanted is not None else _by_name(files, targets)
    _refuse_doubles(generated, [name for name, *_ in named])
    made = [_pair(*entry, targets, real, strips_first) for entry in named]
    known = {pair.name for pair in made}
    missing = () if wanted is None else tuple(name for name in (pair_name(*pair) for pair in wanted) if name not in known)
    return Found(tuple(sorted(made, key=lambda pair: pair.name)), missing)


Named = tuple[str, str, str, Path]  # pair, source, target, file


def _by_list(files: dict[str, Path], wanted: Iterable[tuple[str, str]]) -> list[Named]:
    """The files of the pairs of a list; files that are in no pair are left out."""
    shortened: dict[str, Path] = {}
    for name, path in files.items():
        key = re.sub(r"\.(png|jpe?g|webp|bmp)(?=___|_2_)", "", plain(name.removesuffix(STRIP)), flags=re.IGNORECASE)
        if key in shortened:
            raise DataError(f"{path}: {shortened[key].name} and {path.name} are pictures of one pair; remove one of them.")
        shortened[key] = path
    named = []
    for source, target in wanted:
        hits = [shortened[key] for key in (source + separator + target for separator in SEPARATORS) if key in shortened]
        if len(hits) > 1:
            raise DataError(f"{hits[1]}: {hits[0].name} and {hits[1].name} are pictures of one pair; remove one of them.")
        named += [(pair_name(source, target), source, target, path) for path in hits]
    return named


def _by_name(files: dict[str, Path], targets: dict[str, Path]) -> list[Named]:
    """The pairs that the names themselves tell."""
    named = []
    for name, path in files.items():
        splits = list(_splits(name.removesuffix(STRIP), targets))
        if len(splits) != 1:
            reason = "no such name is among the real pictures" if not splits else f"it can be read in {len(splits)} ways"
            raise DataError(f"{path}: which pair is it? {reason}; name it source___target.png, or give the pairs with --pairs.")
        source, target = splits[0]
        named.append((pair_name(source, target) if source else target, source, target, path))
    return named


def _splits(name: str, targets: dict[str, Path]) -> Iterable[tuple[str, str]]:
    """Every way to read a name as source and target; the target must exist where the real pictures are known."""
    if name in targets:
        yield "", name
        return
    for separator in SEPARATORS:
        ways = [(plain(name[: hit.start()]), plain(name[hit.end() :])) for hit in re.finditer(f"(?={re.escape(separator)})", name)]
        ways = [(source, target[len(separator) :]) for source, target in ways]
        known = [way for way in ways if all(way) and (not targets or way[1] in targets)]
        if known:
            yield from known
            return


def _pair(name: str, source: str, target: str, path: Path, targets: dict[str, Path], real: Path | None, strips_first: bool) -> Pair:
    strip = _is_strip(path, targets.get(target), alone=real is None)
    if target in targets and not (strip and strips_first):
        truth = PictureFile(targets[target])
    elif strip:
        truth = PictureFile(path, REAL_PANEL)
    elif real is None:
        raise DataError(f"{path}: not a strip of five panels, so the real picture is needed; give its folder with --real.")
    else:
        raise DataError(f"{real}: the real picture {target} of {path.name} is missing; give the folder that holds all targets.")
    return Pair(name, PictureFile(path, GENERATED_PANEL if strip else None), truth, source=source, target=target)


def _is_strip(path: Path, real: Path | None, alone: bool) -> bool:
    """Whether a file is five panels wide: told from its name, or, where there are no real pictures beside it, from its shape."""
    named = plain(path.name).endswith(STRIP)
    if not named and not alone:
        return False
    width, height = _size(path)
    if width % PANELS:
        return False
    if named:
        return real is None or _size(real) != (width, height)
    return height < width <= PANELS * height  # a person's panel is upright


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.size
    except OSError as error:
        raise DataError(f"{path}: not a picture that can be read; remove it or make it anew.") from error


def _refuse_doubles(folder: Path, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(f"{folder}: the pair {name} comes twice; every pair must be scored once.")
        seen.add(name)
