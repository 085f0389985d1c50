"""The user's cache folder: what can be made again, and is written complete or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from posetransfer.errors import OutputError


def cache_folder() -> Path:
    """`posetransfer/engines` below `$XDG_CACHE_HOME`, else below `~/.cache`; need not exist yet."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "posetransfer" / "engines"


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, which then takes its place.

    Raises:
        OutputError: the folder or file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            write(draft)
            draft.replace(path)
    except OSError as err:
        raise OutputError(f"{path}: cannot be written ({err.strerror or err}); choose a folder that you may write to.") from err
