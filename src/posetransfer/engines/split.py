"""One source, many poses: the source's part is computed once and remembered, the poses go through in parts of even memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from posetransfer.engines.engine import Array, match_batches

PIXELS = 4 * 256 * 176
"""Pixels of the pictures that go through at once. More bring no speed on a CPU, and every one needs its memory."""


class Halfway(NamedTuple):
    """What depends on the source alone (`graph.build_graph`)."""

    code: Array
    """(B, 4n, H/4, W/4) the photo's code."""
    branch: Array
    """(B, 4n, H/4, W/4) the first block's picture branch of that code."""
    half: Array
    """(B, n, H, W) the pose encoder's first convolution of the source's maps."""


H = TypeVar("H")


class Split(Generic[H]):
    """The network in two parts; the last single source is remembered by its content.

    Args:
        source: (photo, source_pose) -> what the source alone decides, a `Halfway` or a runtime's own form of it.
        target: (that, target_pose) -> picture; the first may have a batch of 1.
    """

    def __init__(self, source: Callable[[Array, Array], H], target: Callable[[H, Array], Array]) -> None:
        self._source = source
        self._target = target
        self._last: tuple[Array, Array, H] | None = None  # one attribute: other threads see all of it or nothing

    def __call__(self, photo: Array, source_pose: Array, target_pose: Array) -> Array:
        """As `Engine.run`."""
        matched = match_batches(photo, source_pose, target_pose)
        picture = np.empty((len(target_pose), *photo.shape[1:]), np.float32)
        if is_one(photo) and is_one(source_pose):
            halfway = self._remembered(photo[:1], source_pose[:1])
            for part in parts(target_pose):
                picture[part] = self._target(halfway, target_pose[part])
            return picture
        for part in parts(target_pose):
            photos, poses = (np.ascontiguousarray(array[part]) for array in matched)
            picture[part] = self._target(self._source(photos, poses), target_pose[part])
        return picture

    def _remembered(self, photo: Array, source_pose: Array) -> H:
        last = self._last
        if last is None or not (np.array_equal(last[0], photo) and np.array_equal(last[1], source_pose)):
            photo, source_pose = photo.copy(), source_pose.copy()
            self._last = last = photo, source_pose, self._source(photo, source_pose)
        return last[2]


def is_one(array: Array) -> bool:
    """A batch of one picture, or of one picture repeated without a copy."""
    return len(array) == 1 or array.strides[0] == 0


def parts(target_pose: Array) -> Iterator[slice]:
    """Slices of the batch, of at most `PIXELS` each and at least one picture."""
    batch, _, height, width = target_pose.shape
    step = max(1, PIXELS // (height * width))
    return (slice(start, start + step) for start in range(0, batch, step))
