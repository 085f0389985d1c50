"""What is scored: a Batch of pictures with what is known about them, and a Measure that turns it into numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from posetransfer.errors import DataError
from posetransfer.pose.pose import Pose

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Columns = dict[str, npt.NDArray[Any]]
"""One array per column, all of one length: a row per pair."""


@dataclass(frozen=True)
class Batch:
    """Pairs of pictures of one chunk, in their order.

    Raises:
        DataError: the generated picture of a pair and its real one differ in size.
    """

    names: Sequence[str]
    generated: Sequence[Picture]
    """(H, W, 3) uint8 each."""
    real: Sequence[Picture]
    """The picture that was to be made, of the generated one's size."""
    poses: Sequence[Pose | None] = field(default=())
    """The target pose of each pair in the pixels of the real picture, or nothing at all."""
    masks: Sequence[Mask | None] = field(default=())
    """(H, W) True on the person of the real picture, or nothing at all."""
    backdrops: Sequence[tuple[int, int, int] | None] = field(default=())
    """RGB of the plain colour behind the person in both pictures, or nothing at all."""

    def __post_init__(self) -> None:
        for name, generated, real in zip(self.names, self.generated, self.real, strict=True):
            if generated.shape != real.shape:
                (h, w), (height, width) = generated.shape[:2], real.shape[:2]
                raise DataError(
                    f"{name}: the generated picture is {h}x{w} and the real one {height}x{width} (height x width); "
                    "both must be of one size: choose a protocol that resizes, or make them equal."
                )

    def __len__(self) -> int:
        return len(self.names)

    def pose(self, row: int) -> Pose | None:
        """The target pose of a row, if it is known."""
        return self.poses[row] if self.poses else None

    def mask(self, row: int) -> Mask | None:
        """The true mask of a row, if it is known."""
        return self.masks[row] if self.masks else None

    def backdrop(self, row: int) -> tuple[int, int, int] | None:
        """The plain colour behind the person of a row, if there is one."""
        return self.backdrops[row] if self.backdrops else None


class Measure(Protocol):
    """Something that looks at pictures: its columns depend on each pair alone, never on its neighbours."""

    def __call__(self, batch: Batch) -> Columns:
        """Measure every pair of a batch: arrays of len(batch) rows."""
        ...
