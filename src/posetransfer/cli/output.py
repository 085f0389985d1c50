"""Checks of what a command shall write, made before the work: nobody should wait for a result that has no place."""

from __future__ import annotations

import tempfile
from pathlib import Path

from posetransfer.errors import OutputError


def check_picture(path: Path, *, transparent: bool = False, inputs: tuple[Path, ...] = ()) -> None:
    """Can this picture be written, in a form that holds what is wanted, and without writing over an input?

    Raises:
        OutputError: unknown ending, a JPEG that should be transparent, one of the inputs, or a place that cannot be written.
    """
    from posetransfer.image import picture_format

    if picture_format(path) == "JPEG" and transparent:
        raise OutputError(f"{path}: a JPEG cannot be transparent; use .png or .webp.")
    if path.exists() and any(other.exists() and path.samefile(other) for other in inputs):
        raise OutputError(f"{path}: this is the photo itself, and would be written over; choose another name with -o.")
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
