"""Where the pictures of a pair come from: files, panels of the authors' strips, arrays; and how they are read.

A reference is small and can be sent to another process; `load` reads the pixels when their turn has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posetransfer.cutout.edges import composite
from posetransfer.data.cache import read_mask
from posetransfer.errors import DataError
from posetransfer.evaluation.batch import Batch, Mask, Picture
from posetransfer.image import load_photo, resize
from posetransfer.pose.pose import Pose

PANELS = 5
"""Panels of the authors' result pictures: source | its pose | target | its pose | generated."""
REAL_PANEL, GENERATED_PANEL = 2, 4


@dataclass(frozen=True)
class MaskFile:
    """A picture file whose bright pixels (128 and more) are the person."""

    path: Path
    size: tuple[int, int] | None = None
    """(height, width) to resize to; None: as the file is."""

    def soft(self, size: tuple[int, int]) -> Picture:
        """uint8 (H, W), 255 = person, at a size; smooth at the edge where it had to be resized."""
        if not self.path.is_file():
            raise DataError(f"{self.path}: the mask is missing; every picture of the set needs one.")
        return read_mask(self.path, size)

    def load(self) -> Mask:
        """(H, W) True on the person."""
        if self.size is not None:
            return np.asarray(self.soft(self.size) >= 128)
        return np.asarray(load_photo(self.path)[..., 0] >= 128)


@dataclass(frozen=True)
class PictureFile:
    """A picture in a file, cut out of a strip, resized, or laid over a plain colour where that is asked for."""

    path: Path
    panel: int | None = None
    """Which of the five panels, if the file is a strip of the authors."""
    size: tuple[int, int] | None = None
    """(height, width) to resize to; None: as the file is."""
    person: MaskFile | None = None
    """The person's true mask, where `backdrop` is wanted."""
    backdrop: tuple[int, int, int] | None = None
    """RGB to put behind the person."""

    def load(self) -> Picture:
        """(H, W, 3) uint8.

        Raises:
            DataError: a strip whose width is no multiple of five, or a mask that is missing.
        """
        picture = load_photo(self.path)
        if self.panel is not None:
            picture = cut_panel(picture, self.panel, str(self.path))
        if self.size is not None and picture.shape[:2] != self.size:
            picture = resize(picture, self.size)
        if self.person is not None and self.backdrop is not None:
            picture = over_backdrop(picture, self.person.soft(picture.shape[:2]), self.backdrop)
        return picture

    @property
    def is_jpeg(self) -> bool:
        """Whether the file has gone through JPEG, told from its ending."""
        return self.path.suffix.lower() in (".jpg", ".jpeg")


Source = PictureFile | npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Pair:
    """One generated picture and the real picture that it should be."""

    name: str
    """`source___target`, the name in every list and file."""
    generated: Source
    real: Source
    pose: Pose | None = None
    """The target pose, in the pixels of the real picture."""
    mask: MaskFile | Mask | None = None
    """The person in the real picture."""
    source: str = ""
    target: str = ""
    source_pose: Pose | None = None
    """The pose of the source picture: how far the person had to move."""
    person: str = ""
    """Who it is, where the data set says it."""
    plain: tuple[int, int, int] | None = None
    """RGB of the plain colour behind the people of both pictures, where that is said; see `backdrop`."""

    @property
    def backdrop(self) -> tuple[int, int, int] | None:
        """RGB of the plain colour behind the people: as said, or what the real one is laid over; None: no plain colour is known."""
        return self.plain or (self.real.backdrop if isinstance(self.real, PictureFile) else None)


def over_backdrop(picture: Picture, mask: Picture, colour: tuple[int, int, int]) -> Picture:
    """The person over a plain colour, as training pictures are made and photos are cut out.

    Args:
        picture: (H, W, 3) uint8.
        mask: (H, W) uint8, 255 = person.
        colour: RGB.
    """
    return composite(picture, mask.astype(np.float32) / np.float32(255), colour)


def load(source: Source) -> Picture:
    """The pixels of a picture, wherever it lies."""
    return source.load() if isinstance(source, PictureFile) else source


def load_batch(pairs: Sequence[Pair]) -> Batch:
    """Read the pictures and masks of some pairs."""
    return Batch(
        names=[pair.name for pair in pairs],
        generated=[load(pair.generated) for pair in pairs],
        real=[load(pair.real) for pair in pairs],
        poses=[pair.pose for pair in pairs],
        masks=[load_mask(pair) for pair in pairs],
        backdrops=[pair.backdrop for pair in pairs],
    )


def load_mask(pair: Pair) -> Mask | None:
    """The person in the real picture of a pair, if it is known."""
    return pair.mask.load() if isinstance(pair.mask, MaskFile) else pair.mask


def cut_panel(strip: Picture, panel: int, name: str = "strip") -> Picture:
    """One of the five panels of the authors' result picture, left to right from 0.

    Raises:
        DataError: the width is no multiple of five.

    >>> cut_panel(np.arange(10, dtype=np.uint8).reshape(1, 10, 1).repeat(3, 2), 4)[0, :, 0].tolist()
    [8, 9]
    """
    width, rest = divmod(strip.shape[1], PANELS)
    if rest or not width:
        raise DataError(
            f"{name}: a strip of five panels needs a width that is a multiple of 5, got {strip.shape[1]}; give single pictures instead."
        )
    return strip[:, panel * width : (panel + 1) * width]
