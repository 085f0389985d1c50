"""The authors' list files: keypoints and pairs as CSV.

Only this module knows how they store a joint: whole numbers, y before x, -1 = missing. Everywhere else a pose is
(x, y) with NaN for a missing joint.

    name:keypoints_y:keypoints_x                        from,to
    0002_c1s1_000451_03.jpg: [20, -1, …]: [31, -1, …]   0002_c1s1_000451_03.jpg,0002_c1s2_000546_01.jpg
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posetransfer.errors import DataError
from posetransfer.image import whole_file

Points = npt.NDArray[np.float64]
"""(N, 18, 2) as (x, y) in pixels, NaN = missing."""
PairIndex = npt.NDArray[np.int32]
"""(P, 2): source and target, each the number of a picture in a list of names."""

ANNOTATION_HEADER = "name:keypoints_y:keypoints_x"
PAIRS_HEADER = "from,to"
MISSING = -1
_CHUNK = 1 << 16  # pairs written at once: the text of 100,000 pictures' pairs would be hundreds of megabytes


def read_annotations(path: str | Path) -> tuple[list[str], Points]:
    """Read the keypoints of many pictures.

    Accepted besides the authors' own form: fractions, a byte order mark, Windows line ends, names with a colon, and the
    `np.int64(3)` that the authors' writer prints under NumPy 2.

    Returns:
        The pictures' names in the order of the file, and their points, float64 (N, 18, 2) as (x, y) with NaN.

    Raises:
        DataError: no such file, or a row that is not `name: [18 numbers]: [18 numbers]`, or a name that comes twice.
    """
    path = Path(path)
    text = _read_text(path).replace("np.int64(", "").replace("np.float64(", "")
    first, _, body = text.partition("\n")
    if first.replace(" ", "").strip() != ANNOTATION_HEADER:
        raise DataError(
            f"{path}: the first line is {first.strip()[:60]!r}, but {ANNOTATION_HEADER!r} was expected; is it an annotation file?"
        )
    rows = [row.rsplit(":", 2) for row in body.split("\n") if row.strip()]
    try:
        # One call of the JSON reader for all rows: a third of the time of one call a row.
        y, x = (json.loads("[" + ",".join(row[column] for row in rows).replace(")", "") + "]") for column in (1, 2))
        points = np.stack([np.array(x, np.float64), np.array(y, np.float64)], axis=-1).reshape(-1, 18, 2)
        if len(points) != len(rows) or np.isinf(points).any():
            raise ValueError
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise _first_bad_row(path, body) from error
    points[(points == MISSING).any(axis=2)] = np.nan
    names = [row[0].strip() for row in rows]
    _refuse_doubles(path, names)
    return names, points


def write_annotations(path: str | Path, names: Sequence[str], points: Points) -> None:
    """Write keypoints in the authors' form; whole numbers as such, others with one decimal.

    Args:
        path: the file; it appears whole or not at all.
        names: N names of pictures.
        points: (N, 18, 2) as (x, y), NaN = missing.

    Raises:
        DataError: a name that the form cannot hold (it comes twice, or has a line break or blanks at its ends).
        OutputError: the file cannot be written.
    """
    _refuse_doubles(Path(path), names)
    for name in names:
        _refuse_name(name)
    stored = _stored_numbers(points)
    lines = [f"{name}: {_numbers(y)}: {_numbers(x)}\n" for name, (x, y) in zip(names, stored, strict=True)]
    with whole_file(path) as file:
        file.write(f"{ANNOTATION_HEADER}\n".encode())
        file.write("".join(lines).encode())


def round_points(points: Points) -> Points:
    """What a reader gets back of `points` after they were written: a tenth of a pixel, NaN where one coordinate was missing.

    >>> round_points(np.array([[[3.14, 2.0], [np.nan, 1.0]] + [[np.nan, np.nan]] * 16]))[0, :2]
    array([[3.1, 2. ],
           [nan, nan]])
    """
    stored = np.array(_stored_numbers(points)).transpose(0, 2, 1)
    stored[(stored == MISSING).any(axis=2)] = np.nan
    return stored


def _stored_numbers(points: Points) -> list[list[list[float]]]:
    """Lists [x's, y's] per picture, rounded, -1 for missing; a joint at exactly -1 is moved aside so that it stays present."""
    values = np.round(points.astype(np.float64), 1) + 0.0  # + 0.0: no "-0"
    lost = np.isnan(values).any(axis=2)
    values[values == MISSING] += 0.1
    values[lost] = MISSING
    lists: list[list[list[float]]] = values.transpose(0, 2, 1).tolist()
    return lists


def _numbers(values: list[float]) -> str:
    return "[" + ", ".join(str(int(v)) if v == int(v) else f"{v:.1f}" for v in values) + "]"


def read_pairs(path: str | Path) -> tuple[list[str], list[str]]:
    """Read the names of sources and of targets, in the order of the file.

    Raises:
        DataError: no such file, another header, or a row that is not two names.
    """
    path = Path(path)
    text = _read_text(path)
    first, _, body = text.partition("\n")
    if [word.strip() for word in first.split(",")] != PAIRS_HEADER.split(","):
        raise DataError(f"{path}: the first line is {first.strip()[:60]!r}, expected {PAIRS_HEADER!r}; is it a list of pairs?")
    if '"' in body:  # a name with a comma
        rows: Iterable[list[str]] = csv.reader(io.StringIO(body, newline=""))
    else:
        rows = (line.split(",") for line in body.split("\n"))
    cells = [row for row in rows if row and row != [""]]
    if set(map(len, cells)) - {2}:
        number, row = next((number, row) for number, row in enumerate(cells, 2) if len(row) != 2)
        raise DataError(f"{path}, row {number}: {','.join(row)[:80]!r} has {len(row)} names, but a pair needs two: from,to.")
    return [row[0].strip() for row in cells], [row[1].strip() for row in cells]


def write_pairs(path: str | Path, names: Sequence[str], pairs: PairIndex) -> None:
    """Write pairs, given as numbers of pictures.

    Raises:
        DataError: a name with a line break.
        OutputError: the file cannot be written.
    """
    for name in names:
        _refuse_name(name)
    cells = np.array([_cell(name) for name in names], dtype=object)
    with whole_file(path) as file:
        file.write(f"{PAIRS_HEADER}\n".encode())
        for start in range(0, len(pairs), _CHUNK):
            chunk = pairs[start : start + _CHUNK]
            file.write("".join(cells[chunk[:, 0]] + "," + cells[chunk[:, 1]] + "\n").encode())


def pairs_to_index(pairs: tuple[list[str], list[str]], names: Sequence[str], path: str | Path = "pairs") -> PairIndex:
    """Turn pairs of names into pairs of places in `names`.

    Args:
        pairs: sources and targets, as `read_pairs` gives them.
        names: the pictures.
        path: what an error calls the list.

    Raises:
        DataError: a pair names a picture that is not among `names`.

    >>> pairs_to_index((["b", "a"], ["a", "c"]), ["a", "b", "c"])
    array([[1, 0],
           [0, 2]], dtype=int32)
    """
    place = {name: number for number, name in enumerate(names)}
    index = np.empty((len(pairs[0]), 2), np.int32)
    try:
        for column, side in enumerate(pairs):
            index[:, column] = np.fromiter(map(place.__getitem__, side), np.int32, len(side))
    except KeyError as error:
        unknown = sorted({name for side in pairs for name in side} - place.keys())
        raise DataError(
            f"{path}: {len(unknown):,} pictures are named in pairs but have no row in the annotation file, the first: "
            f"{', '.join(unknown[:10])}; prepare the data set again, or remove these pairs."
        ) from error
    return index


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file in UTF-8 (byte {error.start}); save it again as UTF-8.") from error
    except OSError as error:
        raise DataError(f"{path}: the list cannot be read ({error.strerror or error}); check the path.") from error


def _first_bad_row(path: Path, body: str) -> DataError:
    """Look for the row that the fast reading stumbled over."""
    for number, row in enumerate(body.split("\n"), 2):
        if not row.strip():
            continue
        problem = _row_problem(row)
        if problem:
            return DataError(f"{path}, row {number}: {problem}; expected 'name: [18 numbers y]: [18 numbers x]', got {row.strip()[:80]!r}.")
    return DataError(f"{path}: the rows cannot be read; expected 'name: [18 numbers y]: [18 numbers x]'.")


def _row_problem(row: str) -> str | None:
    parts = row.rsplit(":", 2)
    if len(parts) != 3:
        return f"{len(parts)} parts between colons instead of 3"
    for axis, part in zip("yx", parts[1:], strict=True):
        try:
            values: Any = json.loads(part.replace(")", ""))
            count = np.array(values, np.float64)
        except (ValueError, TypeError, RecursionError):
            return f"{part.strip()[:40]!r} is not a list of numbers"
        if count.shape != (18,):
            return f"{count.size} numbers for {axis} instead of 18"
        if np.isinf(count).any():
            return f"an infinite {axis}"
    return None


def _refuse_doubles(path: Path, names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        doubles = [name for name, count in Counter(names).items() if count > 1]
        raise DataError(f"{path}: {len(doubles):,} names come twice, the first: {', '.join(doubles[:10])}; keep one row a picture.")


def _refuse_name(name: str) -> None:
    if name != name.strip() or not name or re.search(r"[\r\n]", name):
        raise DataError(f"{name!r}: a list file cannot hold this name; rename the picture (no line break, no blank at either end).")


def _cell(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if "," in name or '"' in name else name
