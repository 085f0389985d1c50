"""Pose: 18 keypoints of one person in the pixels of one picture.

A pixel's centre lies at whole numbers: the left-most column is x = 0, its left edge x = -0.5. Every transform here
and every transform of a picture (`frame.py`, `image.py`) uses that one convention, so that a joint stays on its pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posetransfer.errors import PoseError
from posetransfer.pose.skeleton import INDEX, KEYPOINTS, MIRRORED

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pose:
    """Keypoints of one person, in COCO-18 order (`skeleton.KEYPOINTS`).

    Args:
        points: (18, 2) as (x, y) in pixels, NaN = missing; or a mapping from joint name to (x, y).
        size: (height, width) of the picture that the points belong to.
        score: (18,) confidence in [0, 1]; by default 1 where a joint is present. Missing joints get 0.

    Raises:
        PoseError: wrong shape, an unknown joint name, an infinite coordinate, or a size that is not positive.

    >>> Pose({"nose": (3, 2)}, size=(8, 6)).mirrored().joint("nose")
    (2.0, 2.0)
    """

    points: Points
    size: tuple[int, int]
    score: Points

    def __init__(
        self,
        points: npt.ArrayLike | Mapping[str, Sequence[float]],
        size: tuple[int, int],
        score: npt.ArrayLike | None = None,
    ) -> None:
        array = _from_names(points) if isinstance(points, Mapping) else np.array(points, dtype=np.float64)
        if array.shape != (18, 2):
            raise PoseError(f"a pose needs 18 points (x, y), got an array of shape {array.shape}; see posetransfer.pose.KEYPOINTS.")
        array[np.isnan(array).any(axis=1)] = np.nan
        if np.isinf(array).any():
            raise PoseError(
                f"joint {KEYPOINTS[int(np.isinf(array).any(axis=1).argmax())]} has an infinite coordinate; use NaN for a missing joint."
            )
        if len(size) != 2 or min(size) < 1:
            raise PoseError(f"a pose needs the (height, width) of its picture, got {size}.")
        present = ~np.isnan(array[:, 0])
        confidence = present.astype(np.float64) if score is None else np.array(score, dtype=np.float64)
        if confidence.shape != (18,):
            raise PoseError(f"a pose needs 18 scores, got an array of shape {confidence.shape}.")
        confidence = np.where(present, np.nan_to_num(confidence), 0.0)
        array.setflags(write=False)
        confidence.setflags(write=False)
        object.__setattr__(self, "points", array)
        object.__setattr__(self, "size", (int(size[0]), int(size[1])))
        object.__setattr__(self, "score", confidence)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """(18,) True where the joint is known."""
        return ~np.isnan(self.points[:, 0])

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """(18,) True where the joint is known and lies inside its picture."""
        height, width = self.size
        with np.errstate(invalid="ignore"):
            return np.asarray(((self.points >= -0.5) & (self.points < [width - 0.5, height - 0.5])).all(axis=1))

    def joint(self, name: str) -> tuple[float, float] | None:
        """(x, y) of a named joint, or None if it is missing."""
        x, y = self.points[INDEX[name]]
        return None if np.isnan(x) else (float(x), float(y))

    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of the joints that are present.

        Raises:
            PoseError: no joint is present.
        """
        if not self.present.any():
            raise PoseError("the pose has no joint at all; give one with at least a few joints.")
        known = self.points[self.present]
        (left, top), (right, bottom) = known.min(axis=0), known.max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    def moved(self, dx: float, dy: float, size: tuple[int, int] | None = None) -> Pose:
        """Shift every joint by (dx, dy) pixels; `size` gives the new picture size."""
        return Pose(self.points + np.array([dx, dy]), size or self.size, self.score)

    def cropped(self, left: int, top: int, size: tuple[int, int]) -> Pose:
        """The pose in the part of the picture that begins at (left, top) and is `size` = (height, width) large."""
        return self.moved(-left, -top, size)

    def scaled(self, size: tuple[int, int]) -> Pose:
        """The pose after the picture was resized to `size` = (height, width)."""
        factor = np.array([size[1] / self.size[1], size[0] / self.size[0]])
        return Pose((self.points + 0.5) * factor - 0.5, size, self.score)

    def mirrored(self) -> Pose:
        """The pose after the picture was flipped left to right: left and right joints change names."""
        flipped = self.points[list(MIRRORED)] * [-1, 1] + [self.size[1] - 1, 0]
        return Pose(flipped, self.size, self.score[list(MIRRORED)])

    def without(self, *names: str) -> Pose:
        """The pose with the named joints missing."""
        points = self.points.copy()
        points[[INDEX[name] for name in names]] = np.nan
        return Pose(points, self.size, self.score)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Pose)
            and self.size == other.size
            and np.array_equal(self.points, other.points, equal_nan=True)
            and np.array_equal(self.score, other.score)
        )

    def __hash__(self) -> int:
        return hash((self.size, self.points.tobytes(), self.score.tobytes()))


def _from_names(points: Mapping[str, Sequence[float]]) -> Points:
    array = np.full((18, 2), np.nan)
    for name, xy in points.items():
        if name not in INDEX:
            raise PoseError(f"unknown joint {name!r}; the joints are {', '.join(KEYPOINTS)}.")
        array[INDEX[name]] = xy
    return array
