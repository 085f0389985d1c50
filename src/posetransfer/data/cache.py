"""Pictures of a split at the training size: decoded once into one memory-mapped file, or anew each time they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from posetransfer.errors import DataError, OutputError, PhotoError
from posetransfer.image import load_photo, resize, whole_file

Pictures = npt.NDArray[np.uint8]
_BLOCK = 256  # pictures decoded ahead of the writing


class PictureStore(Protocol):
    """Pictures by their number; goes to worker processes by pickle, without its pixels."""

    def __getitem__(self, number: int) -> Pictures:
        """uint8 (height, width, 4): RGB, and the mask (255 = person)."""

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class PictureFiles:
    """Pictures that are decoded each time.

    Args:
        pictures: picture files.
        masks: mask files beside them, None where there is none (then the whole picture counts as the person).
        size: (height, width) to resize to.
    """

    pictures: Sequence[Path]
    masks: Sequence[Path | None]
    size: tuple[int, int]

    def __getitem__(self, number: int) -> Pictures:
        """Decode one picture.

        Raises:
            DataError: it cannot be read.
        """
        mask = self.masks[number]
        decoded = np.full((*self.size, 4), 255, np.uint8)
        try:
            decoded[..., :3] = resize(load_photo(self.pictures[number]), self.size)
            if mask is not None:
                decoded[..., 3] = read_mask(mask, self.size)
        except (PhotoError, OSError) as error:
            raise DataError(f"{error} The data set names it: prepare the folder again.") from error
        return decoded

    def __len__(self) -> int:
        return len(self.pictures)

    def changed(self) -> float:
        """When a picture was last added or replaced (files are renamed into place, which changes their folder)."""
        folders = {path.parent for path in (*self.pictures, *self.masks) if path is not None}
        return max((folder.stat().st_mtime for folder in folders if folder.is_dir()), default=0.0)


class PictureCache:
    """Pictures of a file that `open_cache` wrote, mapped into memory: all processes share one copy.

    Args:
        path: the file.
        shape: (N, height, width, 4).

    Raises:
        DataError: not such a file.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.path, self.shape = path, shape
        try:
            self.array: Pictures = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: not a cache of pictures ({error}); delete it, it will be made again.") from error
        if self.array.shape != shape or self.array.dtype != np.uint8:
            raise DataError(
                f"{path}: a cache of other pictures (shape {self.array.shape}, expected {shape}); delete it, it will be made again."
            )

    def __getitem__(self, number: int) -> Pictures:
        """Picture and mask, read-only."""
        picture: Pictures = self.array[number]
        return picture

    def __len__(self) -> int:
        return self.shape[0]

    def __reduce__(self) -> tuple[type[PictureCache], tuple[Path, tuple[int, ...]]]:
        """Pickled by name: a mapped array would send all its pixels."""
        return PictureCache, (self.path, self.shape)


def open_cache(
    path: Path,
    pictures: Sequence[Path],
    masks: Sequence[Path | None],
    size: tuple[int, int],
    progress: Callable[[int], None] | None = None,
    lists: Path | None = None,
) -> PictureCache:
    """The pictures and masks in one file; decoded on the first call, mapped from it on later ones.

    A file that is older than the pictures is made anew.

    Args:
        path: the cache file, `.npy`; its name should say split and size.
        pictures: picture files.
        masks: mask files beside them, None where there is none (then the whole picture counts as the person).
        size: (height, width) to resize to.
        progress: called with the number of pictures done.
        lists: the file that says which pictures there are, and in which order.

    Raises:
        DataError: a picture cannot be read.
        OutputError: the file cannot be written.
    """
    files, shape = PictureFiles(pictures, masks, size), (len(pictures), *size, 4)
    if path.exists() and path.stat().st_mtime >= max(files.changed(), lists.stat().st_mtime if lists else 0.0):
        try:
            return PictureCache(path, shape)
        except DataError:
            pass  # of another size or half a file: made anew below
    try:
        with whole_file(path) as file:
            np.lib.format.write_array_header_2_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            for done, picture in enumerate(_decoded(files), 1):
                file.write(picture.tobytes())
                if progress is not None:
                    progress(done)
    except OutputError as error:
        needed = f"{np.prod(shape, dtype=float) / 1e9:.1f} GB"
        reason = getattr(error.__cause__, "strerror", None) or str(error)
        raise OutputError(
            f"{path}: the cache of {needed} cannot be written ({reason}); name another place for it, or train without."
        ) from error
    return PictureCache(path, shape)


def _decoded(files: PictureFiles) -> Iterator[Pictures]:
    """All pictures in order, decoded by threads (Pillow works beside Python), never more than a block ahead."""
    with ThreadPoolExecutor() as threads:
        numbers = iter(range(len(files)))
        while block := list(islice(numbers, _BLOCK)):
            yield from threads.map(files.__getitem__, block)


def read_mask(path: Path, size: tuple[int, int]) -> npt.NDArray[Any]:
    """A mask file as uint8 (height, width), 255 = person, smooth at the edge after resizing."""
    with Image.open(path) as file:
        grey = file.convert("L")
    return np.asarray(grey.resize((size[1], size[0]), Image.Resampling.BOX if grey.width > size[1] else Image.Resampling.BILINEAR))
