"""The saved state of a run: written to a temporary name, synced, then renamed, so that a kill never leaves half a file."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from posetransfer.errors import OutputError, TrainingError

FORMAT = 1
LOW_IS_GOOD = {"l1": True, "l1_person": True, "ssim": False}
BEST = "best.json"


def save_checkpoint(folder: Path, step: int, state: dict[str, Any], keep: int = 2, about: dict[str, Any] | None = None) -> Path:
    """Write `checkpoint-<step>.pt` and delete all but the newest `keep`.

    Args:
        folder: the run.
        step: steps done.
        state: of `TrainingStep`.
        keep: newest checkpoints to keep, at least 1.
        about: settings and versions, for the reader of the file.

    Raises:
        OutputError: the disk is full or the folder cannot be written; the earlier checkpoints stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"checkpoint-{step:08d}.pt"
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            torch.save({"format": FORMAT, "step": step, "state": state, "about": about or {}}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(folder)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        temporary.unlink(missing_ok=True)
        reason = str(error).strip().splitlines()[0]
        raise OutputError(
            f"{path}: the checkpoint could not be written ({reason}); those before it are kept: make room and run the same command again."
        ) from error
    for old in find_checkpoints(folder)[: -max(keep, 1)]:
        old.unlink()
    return path


def find_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints of a run, oldest first."""
    return sorted(folder.glob("checkpoint-????????.pt"))


def load_checkpoint(path: Path, device: torch.device) -> tuple[int, dict[str, Any]]:
    """Step and state of a checkpoint.

    Raises:
        TrainingError: the file is damaged or of another version.
    """
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise TrainingError(f"{path}: the checkpoint cannot be read ({reason}); delete it to go on from the one before.") from error
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        found = saved.get("format") if isinstance(saved, dict) else None
        raise TrainingError(f"{path}: the checkpoint has format {found}, this version reads {FORMAT}; start a new run folder.")
    return int(saved["step"]), saved["state"]


def tidy(folder: Path) -> None:
    """Delete what a killed run left half written."""
    for temporary in [*folder.glob("checkpoint-*.tmp"), *folder.glob("best-*.tmp")]:
        temporary.unlink()


class BestKept:
    """The best checkpoints of a run by a validation score: `best-<step>.pt`, listed in `best.json`.

    Args:
        folder: the run.
        score: name of the score.
        keep: how many; 0 keeps none.
    """

    def __init__(self, folder: Path, score: str, keep: int) -> None:
        self.folder, self.score, self.keep = folder, score, keep

    @property
    def kept(self) -> dict[int, float]:
        """Score by step, best first."""
        path = self.folder / BEST
        if not path.exists():
            return {}
        listed = json.loads(path.read_text())["kept"]
        return {entry["step"]: entry["value"] for entry in listed if best_path(self.folder, entry["step"]).exists()}

    def deserves(self, step: int, value: float) -> bool:
        """Would a checkpoint of this score be among the kept?"""
        return step in self._ranked(self.kept | {step: value})[: self.keep]

    def add(self, step: int, value: float, checkpoint: Path) -> None:
        """Keep a checkpoint that deserves it, and let go of the worst."""
        scores = self.kept | {step: value}
        ranked = self._ranked(scores)
        _link(checkpoint, best_path(self.folder, step))
        text = {"score": self.score, "kept": [{"step": s, "value": scores[s]} for s in ranked[: self.keep]]}
        temporary = self.folder / f"{BEST}.tmp"
        temporary.write_text(json.dumps(text, indent=2) + "\n")
        temporary.replace(self.folder / BEST)
        for old in ranked[self.keep :]:
            best_path(self.folder, old).unlink(missing_ok=True)

    def _ranked(self, scores: dict[int, float]) -> list[int]:
        sign = 1 if LOW_IS_GOOD[self.score] else -1
        return sorted(scores, key=lambda step: (sign * scores[step], step))


def best_path(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies if it is one of the best."""
    return folder / f"best-{step:08d}.pt"


def _link(old: Path, new: Path) -> None:
    """The same file under a second name; a copy where the file system knows no links."""
    temporary = new.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(old, temporary)
    except OSError:
        shutil.copyfile(old, temporary)
    temporary.replace(new)


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power failure, where folders can be synced."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
