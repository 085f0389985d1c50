"""What is finished, and under which settings: a run that was stopped goes on, and never mixes two sorts of pictures.

batch.json                   the settings; a run with others is refused
manifest.jsonl               one row per picture, written behind its file
manifest-2-of-8.jsonl        likewise, by the second of eight processes
photo___pose.png             the pictures
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from posetransfer.batch.jobs import Job
from posetransfer.errors import OutputError
from posetransfer.image import whole_file

SETTINGS = "batch.json"
FORMAT = "posetransfer-batch"

Row = dict[str, Any]


class Journal:
    """The folder of a batch, opened; `close` it.

    Args:
        out: new or empty, or the beginnings of the same batch.
        settings: all that decides how a picture looks; plain words and numbers.
        ending: of the pictures, ".png".
        shard: (rank, world).

    Raises:
        OutputError: the folder holds something else, was made with other settings, or cannot be written.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any], ending: str, shard: tuple[int, int] = (0, 1)) -> None:
        self.out, self.ending = out, ending
        self._lock = threading.Lock()
        try:
            self._begin(dict(settings))
            rank, world = shard
            own = out / ("manifest.jsonl" if world == 1 else f"manifest-{rank + 1}-of-{world}.jsonl")
            _cut_torn_row(own)
            self.rows = read_rows(out)
            self._file = own.open("a", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{out}: the folder cannot be used ({error.strerror or error}); choose another with -o.") from error

    def path(self, job: Job) -> Path:
        """Where the picture belongs."""
        return self.out / f"{job.name}{self.ending}"

    def finished(self, job: Job) -> bool:
        """Whether the picture was made from these very files, and is still there as it was written."""
        row = self.rows.get(job.name)
        if row is None or not row["ok"] or row["stamps"] != [job.photo.stamp, job.pose.stamp]:
            return False
        try:
            return self.path(job).stat().st_size == int(row["bytes"])
        except OSError:
            return False

    def tidy(self, jobs: Iterable[Job]) -> None:
        """Remove the unfinished files of a process that was killed over these jobs; other processes may be at work on theirs."""
        names = {f".{self.path(job).name}" for job in jobs}
        for path in self.out.glob(".*.part"):
            if path.name.rsplit(".", 2)[0] in names:
                path.unlink(missing_ok=True)

    def written(self, job: Job, **more: Any) -> None:
        """Note a picture whose file is complete."""
        self._append(job, {"ok": True, "bytes": self.path(job).stat().st_size, **more})

    def failed(self, job: Job, why: str) -> None:
        """Note a picture that could not be made; the next run tries it again. One made from an older file goes."""
        self.path(job).unlink(missing_ok=True)
        self._append(job, {"ok": False, "why": why})

    def close(self) -> None:
        """No more rows."""
        self._file.close()

    def _append(self, job: Job, facts: Row) -> None:
        row = {"name": job.name, "from": str(job.photo.target), "to": str(job.pose.target), **facts}
        row["stamps"] = [job.photo.stamp, job.pose.stamp]
        with self._lock:
            try:
                self._file.write(json.dumps(row) + "\n")
                self._file.flush()
            except OSError as error:
                raise OutputError(f"{self._file.name}: cannot be written ({error.strerror}); make room, then run this again.") from error
            self.rows[job.name] = row

    def _begin(self, settings: Row) -> None:
        file = self.out / SETTINGS
        if file.is_file():
            self._compare(file, settings)
            return
        refuse_foreign(self.out)
        with whole_file(file) as output:
            output.write((json.dumps({"format": FORMAT, "settings": settings}, indent=1) + "\n").encode())

    def _compare(self, file: Path, settings: Row) -> None:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            before = content["settings"] if content["format"] == FORMAT else None
        except (ValueError, TypeError, KeyError):
            before = None
        if not isinstance(before, dict):
            raise OutputError(f"{file}: not the settings of a batch; choose another folder with -o.")
        for name in [*settings, *before]:
            if before.get(name) != settings.get(name):
                raise OutputError(
                    f"{self.out}: its pictures were made with {name} {_said(before.get(name))}, now it is {_said(settings.get(name))}; "
                    "choose another folder with -o, or the settings of before."
                )


def refuse_foreign(out: Path) -> None:
    """A folder that holds something else than a batch is not written to.

    Raises:
        OutputError: it does.
    """
    try:
        others = sorted(name for name in os.listdir(out) if not name.startswith(".")) if out.is_dir() else []
    except OSError as error:
        raise OutputError(f"{out}: the folder cannot be opened ({error.strerror or error}); choose another with -o.") from error
    if others and not (out / SETTINGS).is_file():
        raise OutputError(f"{out}: the folder is not empty (it holds {', '.join(others[:3])}); choose a new one with -o.")


def read_rows(out: Path) -> dict[str, Row]:
    """The last row of every picture, from the manifests of all processes; a good row goes before a bad one."""
    rows: dict[str, Row] = {}
    for path in sorted(out.glob("manifest*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
                name, ok = row["name"], row["ok"]
            except (ValueError, TypeError, KeyError):  # the torn last row of a process that was killed, or is just writing
                continue
            if ok or not rows.get(name, {}).get("ok"):
                rows[name] = row
    return rows


def _cut_torn_row(path: Path) -> None:
    if path.is_file():
        text = path.read_bytes()
        if not text.endswith(b"\n"):
            os.truncate(path, text.rfind(b"\n") + 1)


def _said(value: object) -> str:
    return "none" if value is None else str(value)
