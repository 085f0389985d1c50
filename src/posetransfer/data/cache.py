"""Pictures of a split, decoded once, at the training size, in one memory-mapped file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from posetransfer.errors import DataError
from posetransfer.image import load_photo, resize

Pictures = npt.NDArray[np.uint8]


def open_cache(
    path: Path, pictures: Sequence[Path], masks: Sequence[Path | None], size: tuple[int, int], progress: Callable[[int], None] | None = None
) -> Pictures:
    """The pictures and masks as one array; decoded on the first call, mapped from the file on later ones.

    Args:
        path: the cache file, `.npy`; its name should say split and size.
        pictures: picture files.
        masks: mask files beside them, None where there is none (then the whole picture counts as the person).
        size: (height, width) to resize to.
        progress: called with the number of pictures done.

    Returns:
        uint8 (N, height, width, 4), read-only: RGB and mask (255 = person).

    Raises:
        DataError: a picture cannot be read.
    """
    shape = (len(pictures), *size, 4)
    if path.exists():
        array: Pictures = np.load(path, mmap_mode="r")
        if array.shape == shape:
            return array
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp.npy")
    written = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
    for i, (picture, mask) in enumerate(zip(pictures, masks, strict=True)):
        if not picture.is_file():
            raise DataError(f"{picture}: the picture is named by the data set but does not exist; prepare the folder again.")
        written[i, ..., :3] = resize(load_photo(picture), size)
        written[i, ..., 3] = 255 if mask is None else read_mask(mask, size)
        if progress is not None:
            progress(i + 1)
    written.flush()
    del written
    temporary.replace(path)
    mapped: Pictures = np.load(path, mmap_mode="r")
    return mapped


def read_mask(path: Path, size: tuple[int, int]) -> Pictures:
    """A mask file as uint8 (height, width), 255 = person, smooth at the edge after resizing."""
    with Image.open(path) as file:
        grey = file.convert("L")
    return np.asarray(grey.resize((size[1], size[0]), Image.Resampling.BOX if grey.width > size[1] else Image.Resampling.BILINEAR))
