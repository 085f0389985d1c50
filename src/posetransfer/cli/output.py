"""Checks of what a command shall write, made before the work: nobody should wait for a result that has no place."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from posetransfer.errors import OutputError


def check_picture(path: Path, *, transparent: bool = False, inputs: tuple[Path | str | None, ...] = ()) -> None:
    """Can this picture be written, in a form that holds what is wanted, and without writing over an input?

    Raises:
        OutputError: unknown ending, a JPEG that should be transparent, one of the inputs, or a place that cannot be written.
    """
    from posetransfer.image import picture_format

    if picture_format(path) == "JPEG" and transparent:
        raise OutputError(f"{path}: a JPEG cannot be transparent; use .png or .webp.")
    check_file(path, inputs=inputs)


def check_file(path: Path, *, inputs: tuple[Path | str | None, ...] = ()) -> None:
    """Can this file be written, without writing over an input?

    Args:
        path: of the file.
        inputs: what the command reads: paths, or words that may be paths.

    Raises:
        OutputError: one of the inputs, a folder, or a place that cannot be written.
    """
    # os.path, unlike Path, takes a word that cannot be a path for one that is not there
    if path.exists() and any(other and os.path.exists(other) and path.samefile(other) for other in inputs):
        raise OutputError(f"{path}: this is an input, and would be written over; choose another name with -o.")
    if path.is_dir():
        raise OutputError(f"{path}: a folder has this name; choose another with -o.")
    check_folder(path.parent, path)


def check_folder(folder: Path, asked: Path | None = None) -> None:
    """Can files be made in this folder, or the folder itself where it does not exist yet? Leaves nothing behind.

    Raises:
        OutputError: names `asked`, the path that the user gave.
    """
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as err:
        reason = err.strerror or err
        raise OutputError(f"{asked or folder}: cannot be written ({reason}); choose a folder that you may write to with -o.") from err
