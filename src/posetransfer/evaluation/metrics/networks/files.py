"""The standard networks' weight files: where they are looked for, fetched from, and how they are told from others."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from posetransfer.errors import DataError
from posetransfer.image import whole_file

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NetworkFile:
    """A weight file of somebody else, known by the beginning of its SHA-256, as torch.hub does it."""

    name: str
    url: str
    """Empty: the file must be given."""
    sha256: str
    """Hexadecimal, the first 8 or more digits; empty where its makers publish none. The results hold that of the file used."""


NETWORKS = {
    "inception-tensorflow": NetworkFile(
        "weights-inception-2015-12-05-6726825d.pth",
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        "6726825d",
    ),
    "inception-imagenet": NetworkFile(
        "inception_v3_google-0cc3c7bd.pth", "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth", "0cc3c7bd"
    ),
    "alexnet": NetworkFile("alexnet-owt-7be5be79.pth", "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth", "7be5be79"),
    # The file of the authors' script, and the conversion of that very file for ssd.pytorch (its issue 128).
    "ssd300-caffe": NetworkFile("VGG_VOC0712_SSD_300x300_iter_120000.caffemodel", "", ""),
    "ssd300-torch": NetworkFile("ssd_300_VOC0712.pth", "", ""),
}


def find_network(name: str, folder: Path | None = None, fetch: bool = True) -> Path | None:
    """A standard network's file: given, kept from before, or fetched.

    Args:
        name: key of `NETWORKS`.
        folder: where the user keeps such files.
        fetch: download it if it is nowhere.

    Returns:
        its path, or None if it is not to be had here.

    Raises:
        DataError: a file of that name has another content.
    """
    wanted = NETWORKS[name]
    for place in [*([folder] if folder else []), cache_folder() / "networks", _torch_hub()]:
        path = place / wanted.name
        if path.is_file():
            _check(path, wanted)
            return path
    return _fetch(wanted) if fetch and wanted.url else None


def cache_folder() -> Path:
    """Where fetched networks and features of real sets are kept: $XDG_CACHE_HOME/posetransfer."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posetransfer"


@cache
def sha256(path: Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(path: Path, wanted: NetworkFile) -> None:
    found = sha256(path)
    if not found.startswith(wanted.sha256):
        raise DataError(f"{path}: the SHA-256 begins with {found[:8]}, but {wanted.sha256} was expected; the file is damaged: delete it.")


def _torch_hub() -> Path:
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torch"
    return Path(home) / "hub" / "checkpoints"


def _fetch(wanted: NetworkFile, open_url: Callable[..., object] = urllib.request.urlopen) -> Path | None:
    """Download a file into the cache; None if there is no way to it."""
    path = cache_folder() / "networks" / wanted.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_url(wanted.url, timeout=10) as answer:  # type: ignore[attr-defined]
            log.info("fetching %s", wanted.url)
            with whole_file(path) as file:
                shutil.copyfileobj(answer, file)
    except (OSError, urllib.error.URLError, ValueError) as error:
        log.info("%s cannot be fetched (%s)", wanted.url, error)
        return None
    try:
        _check(path, wanted)
    except DataError:
        path.unlink()
        raise
    return path
