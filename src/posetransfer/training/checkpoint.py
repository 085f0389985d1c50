"""The saved state of a run: written to a temporary name, synced, then renamed, so that a kill never leaves half a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from posetransfer.errors import OutputError, TrainingError

FORMAT = 1


def save_checkpoint(folder: Path, step: int, state: dict[str, Any], keep: int = 2) -> Path:
    """Write `checkpoint-<step>.pt` and delete all but the newest `keep`.

    Raises:
        OutputError: the disk is full or the folder cannot be written; the earlier checkpoints stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"checkpoint-{step:08d}.pt"
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            torch.save({"format": FORMAT, "step": step, "state": state}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: the checkpoint could not be written ({error}); make room and run the same command again.") from error
    for old in find_checkpoints(folder)[:-keep]:
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
        raise TrainingError(f"{path}: the checkpoint cannot be read ({error}); delete it to go on from the one before.") from error
    if saved.get("format") != FORMAT:
        raise TrainingError(
            f"{path}: the checkpoint has format {saved.get('format')}, this version reads {FORMAT}; start a new run folder."
        )
    return int(saved["step"]), saved["state"]
