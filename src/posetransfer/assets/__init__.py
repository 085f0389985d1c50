"""Files that other people made and this package carries: small pretrained networks, and our own embedded weights.

`README.md` beside this module says for each file where it came from, under which licence, and its SHA-256.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from posetransfer.errors import PoseTransferError


def asset_path(name: str) -> Path:
    """Where a shipped file or folder lies on disk.

    Args:
        name: path below the assets folder, for example `"u2netp_320.onnx"`.

    Raises:
        PoseTransferError: the file is not there (an incomplete installation).

    >>> asset_path("README.md").name
    'README.md'
    """
    path = Path(str(files(__name__))) / name
    if not path.exists():
        raise PoseTransferError(
            f"{path}: this file of the package is missing; the installation is incomplete: run pip install --force-reinstall posetransfer."
        )
    return path
