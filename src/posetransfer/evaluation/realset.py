"""The real pictures that FID and KID compare with, and their features, kept by content: the same pictures are seen once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posetransfer.evaluation.batch import Columns
from posetransfer.evaluation.chunks import Parts, Progress, run
from posetransfer.evaluation.metrics.features import Extractor
from posetransfer.evaluation.metrics.networks.files import cache_folder, sha256
from posetransfer.evaluation.metrics.pixels import with_white_columns
from posetransfer.evaluation.names import list_pictures
from posetransfer.evaluation.pictures import Pair, PictureFile
from posetransfer.evaluation.protocols import Protocol


@dataclass(frozen=True)
class RealSet:
    """Some real pictures in files."""

    pictures: tuple[PictureFile, ...]
    kind: str
    """"targets", "train", or the folder they were given as."""

    @property
    def sha256(self) -> str:
        """Hash over the contents of all files, whatever their order and names, and over how they are read."""
        rows = []
        for picture in self.pictures:
            person = sha256(picture.person.path) if picture.person else ""
            rows.append(f"{sha256(picture.path)} {picture.panel} {picture.size} {person} {picture.backdrop}")
        return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()


def targets_of(pairs: Iterable[Pair]) -> RealSet:
    """The distinct target pictures of the pairs."""
    files = {pair.target or pair.name: pair.real for pair in pairs if isinstance(pair.real, PictureFile)}
    return RealSet(tuple(files[name] for name in sorted(files)), "targets")


def folder_of(folder: Path) -> RealSet:
    """All pictures of a folder."""
    return RealSet(tuple(PictureFile(path) for _, path in sorted(list_pictures(folder).items())), str(folder))


@dataclass(frozen=True)
class SetWork:
    """Features of pictures in a protocol's form."""

    pictures: Sequence[PictureFile]
    protocol: Protocol
    extractor: Extractor

    def __len__(self) -> int:
        return len(self.pictures)

    def __call__(self, start: int, stop: int) -> Columns:
        """Column `features` of some pictures."""
        chosen = self.pictures[start:stop]
        pictures = [self.protocol.picture(picture, str(picture.path)) for picture in chosen]
        features, _ = self.extractor([with_white_columns(picture, self.protocol.white_columns) for picture in pictures])
        return {"features": np.asarray(features)}


def real_features(
    real: RealSet, protocol: Protocol, extractor: Extractor, processes: int = 1, cache: Path | None = None, progress: Progress | None = None
) -> Parts:
    """Features of a real set, from the cache where they have been computed before.

    Args:
        real: the pictures.
        protocol: its form of a picture, and the white columns.
        extractor: the network.
        processes: how many work at once.
        cache: folder of the cache; by default the user's.
        progress: called after every chunk.
    """
    form = [real.sha256, protocol.name, extractor.name, extractor.sha256]
    key = hashlib.sha256(json.dumps(form).encode()).hexdigest()[:32]
    # The order of the rows must not depend on file names: a renamed copy of the set finds the same parts.
    pictures = sorted(real.pictures, key=lambda picture: (sha256(picture.path), str(picture.panel)))
    return run(SetWork(pictures, protocol, extractor), processes, (cache or cache_folder()) / "features" / key, progress)
