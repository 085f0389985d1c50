"""What an evaluation leaves behind: `results.json` (scores and everything they depend on) and `manifest.jsonl` (every pair)."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from posetransfer.errors import DataError
from posetransfer.image import whole_file

FORMAT, VERSION = "posetransfer-results", 1
RESULTS, MANIFEST = "results.json", "manifest.jsonl"

LOWER_IS_BETTER = ("l1", "lpips", "st_lpips", "fid", "kid")


@dataclass(frozen=True)
class Score:
    """One number, its 95 % interval, and what it was made with. None: unknown (no pair allowed it)."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    interval: str = "bootstrap over pairs"
    """How low and high were found."""
    n: int = 0
    """Pairs (or pictures) behind it."""
    network: str = ""
    """The network it looks through, if any."""
    sha256: str = ""
    """Of that network's file."""
    note: str = ""

    @property
    def higher_is_better(self) -> bool:
        """Direction of the score."""
        return not any(self.name == name or self.name.startswith(name + "_") for name in LOWER_IS_BETTER)


@dataclass(frozen=True)
class Results:
    """The scores of one set of pictures under one protocol."""

    protocol: str
    pairs: int
    scores: tuple[Score, ...]
    sizes: dict[str, int] = field(default_factory=dict)
    """"HEIGHTxWIDTH" of the scored pictures -> pairs."""
    notes: tuple[str, ...] = ()
    """What a reader must know: JPEG inputs, missing pairs, stand-ins."""
    missing: tuple[str, ...] = ()
    """Pairs of the list without a generated picture."""
    real_set: dict[str, Any] = field(default_factory=dict)
    """What FID and KID compare with: kind, number of pictures, hash of their contents."""
    origin: dict[str, Any] = field(default_factory=dict)
    """Where the generated pictures come from: folder, weights, data set, baseline."""
    versions: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    seconds: float = 0.0

    def score(self, name: str) -> Score:
        """A score by name.

        Raises:
            KeyError: it was not computed.
        """
        for score in self.scores:
            if score.name == name:
                return score
        raise KeyError(name)

    def to_json(self) -> str:
        """The content of `results.json`."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, indent=2, allow_nan=False, ensure_ascii=False)


def number(value: float) -> float | None:
    """A float for JSON: None for what is not a number.

    >>> number(0.5), number(float("nan"))
    (0.5, None)
    """
    return float(value) if math.isfinite(value) else None


def save(results: Results, rows: Iterable[dict[str, Any]], folder: Path) -> None:
    """Write `manifest.jsonl` and `results.json`, in this order: a results file is only there when all is.

    Raises:
        OutputError: the folder cannot be written.
    """
    with whole_file(folder / MANIFEST) as file:
        for row in rows:
            file.write(json.dumps(row, allow_nan=False, ensure_ascii=False).encode() + b"\n")
    with whole_file(folder / RESULTS) as file:
        file.write(results.to_json().encode() + b"\n")


def read(path: Path) -> Results:
    """Read `results.json`, given itself or by its folder.

    Raises:
        DataError: no such file, not a results file, or one of another version.
    """
    path = path / RESULTS if path.is_dir() else path
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: the results cannot be opened ({os.strerror(error.errno or 0)}); give a results.json.") from error
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); give the results.json that posetransfer evaluate wrote.") from error
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise DataError(f"{path}: not a results file of posetransfer evaluate; give the results.json that it wrote.")
    version = content.pop("version", None)
    if version != VERSION:
        raise DataError(f"{path}: results of version {version}, this program reads version {VERSION}; evaluate the pictures again.")
    try:
        content["scores"] = tuple(Score(**score) for score in content["scores"])
        for name in ("notes", "missing"):
            content[name] = tuple(content[name])
        return Results(**content)
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: a malformed results file ({error}); evaluate the pictures again.") from error


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of the manifest beside a results file.

    Raises:
        DataError: it is missing or malformed.
    """
    manifest = (path if path.is_dir() else path.parent) / MANIFEST
    try:
        return [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise DataError(f"{manifest}: the scores of the pairs cannot be read ({error}); keep it beside results.json.") from error
