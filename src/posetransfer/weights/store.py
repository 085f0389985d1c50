"""Name or path -> weights folder, and the list of folders that have a name.

Two places have names: the embedded weights of the package, and the user's own folder
(`$POSETRANSFER_WEIGHTS`, else `posetransfer/weights` below `$XDG_DATA_HOME` or `~/.local/share`).
"""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from posetransfer.errors import WeightsError
from posetransfer.weights.file import CONFIG


def embedded_folder() -> Path:
    """Where the package's own weights lie."""
    return Path(str(files("posetransfer"))) / "assets" / "weights"


def user_folder() -> Path:
    """Where `posetransfer weights import --name` puts weights; need not exist yet."""
    if given := os.environ.get("POSETRANSFER_WEIGHTS"):
        return Path(given).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "posetransfer" / "weights"


def weights_names() -> dict[str, Path]:
    """Named weights folders, in the order of their names; the user's own hide embedded ones of the same name."""
    found: dict[str, Path] = {}
    for place in (embedded_folder(), user_folder()):
        if place.is_dir():
            found |= {folder.name: folder for folder in place.iterdir() if (folder / CONFIG).is_file() and folder.name[0] != "."}
    return dict(sorted(found.items()))


def find_weights(name_or_folder: str | Path = "default") -> Path:
    """The folder behind a name or a path; an existing folder goes before a name.

    Raises:
        WeightsError: there is no such folder and no such name, or it is a file.
    """
    path = Path(name_or_folder).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        raise WeightsError(_file_given(path))
    names = weights_names()
    if str(name_or_folder) in names:
        return names[str(name_or_folder)]
    known = ", ".join(names) or "none yet"
    raise WeightsError(f"{name_or_folder}: no weights of that name and no such folder (names: {known}); see posetransfer weights list.")


def _file_given(path: Path) -> str:
    if path.suffix in (".pth", ".pt"):
        return f"{path}: a PyTorch file can run code and is not opened here; bring it in with: posetransfer weights import {path}."
    return f"{path}: is a file, weights are a folder with {CONFIG} and model.safetensors; give the folder ({path.parent}?)."
