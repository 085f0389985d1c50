"""What a run leaves to be read: `log.jsonl`, one JSON object a line, and TensorBoard's files where it is installed."""

from __future__ import annotations

import json
import logging
import platform
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any

import posetransfer
from posetransfer.training.preflight import machine

log = logging.getLogger(__name__)

LOG, STARTS, BOARD = "log.jsonl", "starts.jsonl", "tensorboard"
PACKAGES = ("torch", "numpy", "pillow")


class Journal:
    """Writes the lines of a run. Lines of steps behind the one it goes on from were never made as far as the run is concerned.

    Args:
        run: the run folder.
        step: step that the run goes on from.
        writes: only the first process of a job does.
    """

    def __init__(self, run: Path, step: int, writes: bool = True) -> None:
        self.path, self.writes, self._board = run / LOG, writes, None
        if writes:
            _cut_behind(self.path, step)
            self._board = _open_board(run / BOARD, step)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._board is not None:
            self._board.close()

    def line(self, entry: dict[str, Any]) -> None:
        """Write one line; numbers keep six digits."""
        if not self.writes:
            return
        with self.path.open("a") as file:
            file.write(json.dumps(_short(entry)) + "\n")
        if self._board is not None:
            for name, value in _numbers(entry):
                self._board.add_scalar(name, value, entry["step"])


def read_log(run: Path) -> list[dict[str, Any]]:
    """All lines of a run's log; half a line at the end, of a run that was killed, is left out."""
    entries = []
    for line in (run / LOG).read_text().splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries


def note_start(run: Path, step: int, **more: Any) -> None:
    """Add a line to `starts.jsonl`: when, where, with which command and versions the run began or went on."""
    entry = {"time": time.strftime("%Y-%m-%d %H:%M:%S"), "step": step, "command": sys.argv, "machine": machine()} | more
    with (run / STARTS).open("a") as file:
        file.write(json.dumps(entry | {"versions": versions()}) + "\n")


def versions() -> dict[str, str]:
    """Versions of what decides a training."""
    found = {"posetransfer": posetransfer.__version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _cut_behind(path: Path, step: int) -> None:
    """Keep the lines up to a step."""
    if not path.exists():
        return
    kept = [json.dumps(entry) for entry in read_log(path.parent) if entry.get("step", 0) <= step]
    temporary = path.with_suffix(".tmp")
    temporary.write_text("".join(line + "\n" for line in kept))
    temporary.replace(path)


def _open_board(folder: Path, step: int) -> Any:
    """TensorBoard's writer, or None without the extra `train`."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        log.info("tensorboard is not installed: no files for it (pip install 'posetransfer[train]')")
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _short(item) for name, item in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _numbers(entry: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in entry.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{name}/")
        elif name != "step" and isinstance(value, int | float):
            yield prefix + name, float(value)
