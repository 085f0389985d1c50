"""The pictures to be scored, where they are not there yet: a data set's pairs, a network that draws them, and the trivial answers.

Nothing here knows a network: it is a function from pictures and poses to pictures, given by the command line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from posetransfer.data.annotations import read_pairs
from posetransfer.data.manifest import PreparedFolder, Split
from posetransfer.errors import DataError, OutputError
from posetransfer.evaluation.batch import Picture
from posetransfer.evaluation.chunks import Progress, rank_and_world, wait_for
from posetransfer.evaluation.names import pair_name
from posetransfer.evaluation.pictures import MaskFile, Pair, PictureFile
from posetransfer.image import save_picture
from posetransfer.pose.pose import Pose

Draw = Callable[[Sequence[Picture], Sequence[Pose], Sequence[Pose]], Sequence[Picture]]
"""Source pictures, their poses, wanted poses -> generated pictures."""
Baseline = Literal["source", "mean"]

FILL = (224, 224, 224)
"""What lies beside the pictures where a network without a backdrop colour reads a wider or taller frame."""
MEAN_OF = 2000
"""Training pictures behind the mean picture, spread over the whole list."""


@dataclass(frozen=True)
class PreparedPairs:
    """Pairs of a prepared folder in the form that a network reads: its size, its backdrop.

    Args:
        folder: the data set.
        size: (height, width) of the network; None: the data set's own.
        backdrop: RGB behind the persons, by the true masks; None: the pictures as they are.
        split: "train" or "test".
    """

    folder: PreparedFolder
    size: tuple[int, int] | None = None
    backdrop: tuple[int, int, int] | None = None
    split: str = "test"

    def pairs(self, output: Path, listed: Path | None = None, limit: int | None = None) -> list[Pair]:
        """The pairs, their generated pictures to be at `output/SOURCE___TARGET.png`.

        Args:
            output: folder of the generated pictures.
            listed: a list (`from,to`) in place of the data set's own.
            limit: so many pairs, spread evenly over the list (neighbours show the same person).

        Raises:
            DataError: a name of the list is not in the split, or the set has no masks though a backdrop is wanted.
        """
        if self.backdrop is not None and not self.folder.has_masks:
            raise DataError(
                f"{self.folder.folder}: the network wants people over a plain colour, but the data set has no masks/; "
                "add masks, or use weights trained with backdrop photo."
            )
        split = self.folder.splits[self.split] if listed else self.folder.split(self.split)
        numbers = {name: i for i, name in enumerate(split.names)}
        names = self._listed(listed, split)
        unknown = [name for pair in names for name in pair if name not in numbers]
        if unknown:
            raise DataError(
                f"{listed}: {unknown[0]} is not among the {self.split} pictures of {self.folder.folder}; give a list of that set."
            )
        names = list(dict.fromkeys(spread(names, limit)))
        return [self._pair(source, target, numbers, split, output) for source, target in names]

    def picture(self, name: str) -> PictureFile:
        """A picture of the set as the network should see it."""
        person = MaskFile(self.folder.mask_path(name)) if self.backdrop is not None else None
        return PictureFile(self.folder.picture_path(name), size=self.shown, person=person, backdrop=self.backdrop)

    @property
    def shown(self) -> tuple[int, int] | None:
        """(height, width) that the set's pictures have inside the network's frame: as large as fits, never out of proportion."""
        if self.size is None:
            return None
        (height, width), (rows, columns) = self.folder.size, self.size
        scale = min(rows / height, columns / width)
        return min(round(height * scale), rows), min(round(width * scale), columns)

    def framed(self, picture: Picture) -> Picture:
        """A picture of the set in the middle of the network's frame; around it the backdrop, or the grey that users' photos get."""
        if self.size is None or picture.shape[:2] == self.size:
            return picture
        whole = np.full((*self.size, 3), self.backdrop or FILL, np.uint8)
        self.unframed(whole)[:] = picture
        return whole

    def framed_pose(self, pose: Pose) -> Pose:
        """A pose in such a picture's pixels -> in the frame's pixels."""
        if self.size is None or pose.size == self.size:
            return pose
        top, left = self._corner()
        return pose.moved(left, top, self.size)

    def unframed(self, picture: Picture) -> Picture:
        """The part of the frame that the set's pictures fill; a view."""
        if self.shown is None or picture.shape[:2] == self.shown:
            return picture
        top, left = self._corner()
        return picture[top : top + self.shown[0], left : left + self.shown[1]]

    def _corner(self) -> tuple[int, int]:
        """Row and column of the frame where the pictures begin."""
        assert self.size is not None
        assert self.shown is not None
        return (self.size[0] - self.shown[0]) // 2, (self.size[1] - self.shown[1]) // 2

    def training_pictures(self) -> list[PictureFile]:
        """All pictures of the training split, for FID of the later protocols and for the mean picture."""
        split = self.folder.splits.get("train")
        return [self.picture(name) for name in split.names] if split else []

    def _listed(self, listed: Path | None, split: Split) -> list[tuple[str, str]]:
        if listed is None:
            return [(split.names[a], split.names[b]) for a, b in split.pairs]
        return list(zip(*read_pairs(listed), strict=True))

    def _pair(self, source: str, target: str, numbers: dict[str, int], split: Split, output: Path) -> Pair:
        name = pair_name(source, target)
        person = self.folder.people[target]
        mask = MaskFile(self.folder.mask_path(target), self.shown) if self.folder.has_masks else None
        poses = [Pose(split.points[numbers[picture]], split.size) for picture in (target, source)]
        if self.shown is not None and self.shown != split.size:
            poses = [pose.scaled(self.shown) for pose in poses]
        return Pair(
            name,
            PictureFile(output / f"{name}.png"),
            self.picture(target),
            poses[0],
            mask,
            source,
            target,
            poses[1],
            person,
        )


def spread(items: list[Any], limit: int | None) -> list[Any]:
    """So many items, evenly spread, in order.

    >>> spread(list(range(10)), 4)
    [0, 2, 5, 7]
    """
    if limit is None or limit >= len(items):
        return items
    return [items[i * len(items) // limit] for i in range(limit)]


def draw_pairs(test: PreparedPairs, pairs: Sequence[Pair], draw: Draw, batch: int = 8, progress: Progress | None = None) -> None:
    """Draw every picture that is not there yet; the processes of torchrun share them.

    Raises:
        OutputError: the folder cannot be written, or another process of torchrun has stopped.
    """
    rank, world = rank_and_world()
    todo = [pair for pair in pairs[rank::world] if not _path(pair).is_file()]
    done = 0
    for chosen in _batches(todo, batch):
        photos = [test.framed(test.picture(pair.source).load()) for pair in chosen]
        sources, targets = ([test.framed_pose(_known(pose)) for pose in poses] for poses in zip(*map(_poses, chosen), strict=True))
        for pair, picture in zip(chosen, draw(photos, sources, targets), strict=True):
            _save(test.unframed(picture), _path(pair))
        if progress:
            done += len(chosen)
            progress(done, len(todo))
    wait_for([_path(pair) for pair in pairs])


def baseline_pairs(test: PreparedPairs, pairs: Sequence[Pair], baseline: Baseline, output: Path) -> list[Pair]:
    """The pairs with a trivial answer as their generated picture: the source itself, or the mean training picture."""
    if baseline == "source":
        return [replace(pair, generated=test.picture(pair.source)) for pair in pairs]
    path = output / "mean.png"
    _save(mean_picture(test), path)
    return [replace(pair, generated=PictureFile(path)) for pair in pairs]


def mean_picture(test: PreparedPairs) -> Picture:
    """The mean of `MEAN_OF` training pictures spread over the set.

    Raises:
        DataError: the set has no training pictures.
    """
    pictures = spread(test.training_pictures(), MEAN_OF)
    if not pictures:
        raise DataError(f"{test.folder.folder}: no training pictures to take the mean of; use a set with annotation-train.csv.")
    total: npt.NDArray[np.int64] = np.zeros(pictures[0].load().shape, dtype=np.int64)
    for picture in pictures:
        total += picture.load()
    return np.asarray((total + len(pictures) // 2) // len(pictures), dtype=np.uint8)


def _save(picture: Picture, path: Path) -> None:
    try:
        os.makedirs(path.parent, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent}: the folder cannot be made ({error.strerror}); choose another with --output.") from error
    save_picture(picture, path)


def _path(pair: Pair) -> Path:
    assert isinstance(pair.generated, PictureFile)
    return pair.generated.path


def _known(pose: Pose | None) -> Pose:
    assert pose is not None
    return pose


def _poses(pair: Pair) -> tuple[Pose | None, Pose | None]:
    return pair.source_pose, pair.pose


def _batches(pairs: Sequence[Pair], size: int) -> Iterator[Sequence[Pair]]:
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]
