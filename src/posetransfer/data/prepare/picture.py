"""One picture from raw to prepared: read, pose, framed, written. Runs in worker processes; everything here can be pickled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from posetransfer.data.annotations import round_points
from posetransfer.data.prepare.deepfashion import CROP_LEFT
from posetransfer.data.prepare.openpose import read_pose_file
from posetransfer.data.prepare.plan import Framing
from posetransfer.errors import NoPersonFound, OutputError, PhotoError, PoseError
from posetransfer.frame import Frame
from posetransfer.image import Picture, load_photo, resize, save_picture, whole_file
from posetransfer.pose.pose import Points, Pose

Box = tuple[float, float, float, float]


class FindPose(Protocol):
    """What an estimator does (`posetransfer.pose.estimator.Estimator`)."""

    def __call__(self, photo: Picture, *, name: str = ..., box: Box | None = ...) -> Pose:
        """The pose of the largest person, or of the one inside `box`; NoPersonFound if there is none."""


class FindMask(Protocol):
    """What a segmenter does (`posetransfer.cutout.Cutout`)."""

    def mask(self, photo: Picture, pose: Pose) -> npt.NDArray[np.float32]:
        """(H, W) in [0, 1]."""


@dataclass(frozen=True)
class Task:
    """One picture to prepare."""

    name: str
    raw: Path
    given: Points | None
    """Points in the pixels of the prepared picture, if they are known."""
    pose_file: Path | None
    """An OpenPose file in the pixels of the raw picture."""


@dataclass(frozen=True)
class Outcome:
    """What became of a picture; goes through the journal as JSON."""

    name: str
    points: list[list[float | None]] | None = None
    """(18, 2) as (x, y), None where missing; None altogether if the picture cannot be used."""
    problem: str | None = None
    """Why it cannot be used, or why it has no pose."""
    fatal: str | None = None
    """Why the preparation cannot go on: a file could not be written."""


@dataclass(frozen=True)
class Recipe:
    """How pictures are prepared; one for a whole set, sent to every worker once."""

    out: Path
    size: tuple[int, int]
    framing: Framing
    masks: bool
    estimator: Callable[[], FindPose]
    segmenter: Callable[[], FindMask]

    @cached_property
    def _find_pose(self) -> FindPose:
        return self.estimator()

    @cached_property
    def _find_mask(self) -> FindMask:
        return self.segmenter()

    def __getstate__(self) -> dict[str, Any]:
        """Networks stay in their process: only how to make them goes to the workers."""
        return {key: value for key, value in self.__dict__.items() if not key.startswith("_")}

    def prepare(self, task: Task) -> Outcome:
        """Prepare one picture; the picture and its mask appear whole or not at all."""
        try:
            photo = load_photo(task.raw)
            picture, pose, problem = self._framed(photo, task)
            if self.masks:
                self._write_mask(picture, pose, task.name)
            self._write(picture, photo, task)
        except (PhotoError, PoseError) as error:
            return Outcome(task.name, problem=_reason(error, task.raw))
        except OutputError as error:
            return Outcome(task.name, fatal=getattr(error.__cause__, "strerror", None) or str(error))
        points = round_points(pose.points[None])[0]
        return Outcome(task.name, [[None if np.isnan(v) else float(v) for v in xy] for xy in points], problem)

    def _framed(self, photo: Picture, task: Task) -> tuple[Picture, Pose, str | None]:
        """The picture at the size of the set, the pose in it, and why it has no joint, if it has none."""
        size = photo.shape[:2]
        if task.given is not None:
            return self._cropped(photo), Pose(task.given, self.size), None
        pose, problem = self._pose(photo, task)
        if size == self.size:
            return photo, _inside(pose), problem
        if self.framing == "person":
            frame = Frame.around(pose, size=self.size)
            return frame.crop(photo), _inside(frame.fit(pose)), problem
        fitted = fashion_pose(pose, self.size) if self.framing == "fashion" else pose.scaled(self.size)
        return self._cropped(photo), _inside(fitted), problem

    def _cropped(self, photo: Picture) -> Picture:
        if photo.shape[:2] == self.size:
            return photo
        return crop_fashion(photo, self.size) if self.framing == "fashion" else resize(photo, self.size)

    def _pose(self, photo: Picture, task: Task) -> tuple[Pose, str | None]:
        """The pose in the pixels of the raw photo; without any joint, and why, where nobody is found."""
        height, width = photo.shape[:2]
        if task.pose_file is not None:
            return read_pose_file(task.pose_file, (height, width)), None
        box = (-0.5, -0.5, width - 0.5, height - 0.5) if self.framing == "resize" else None  # a re-ID crop is one person
        try:
            return self._find_pose(photo, name=str(task.raw), box=box), None
        except NoPersonFound as error:
            if self.framing == "person":  # nothing to put the frame around
                raise
            return Pose({}, (height, width)), _reason(error, task.raw)

    def _write(self, picture: Picture, photo: Picture, task: Task) -> None:
        path = self.out / "images" / task.name
        if picture is photo and task.raw.suffix.lower() == path.suffix.lower() and _upright(task.raw):
            with whole_file(path) as file:  # byte for byte: a JPEG loses by being written again
                file.write(task.raw.read_bytes())
        else:
            save_picture(picture, path)

    def _write_mask(self, picture: Picture, pose: Pose, name: str) -> None:
        mask = self._find_mask.mask(picture, pose) if pose.present.any() else np.zeros(self.size, np.float32)
        grey = np.rint(np.clip(mask, 0, 1) * 255).astype(np.uint8)
        with whole_file(self.out / "masks" / (Path(name).stem + ".png")) as file:
            Image.fromarray(grey).save(file, "PNG")


def crop_fashion(photo: Picture, size: tuple[int, int]) -> Picture:
    """The middle columns of a DeepFashion picture, as the authors crop them.

    The benchmark's 256 x 256 pictures are the large ones, scaled to that height, over white borders; large ones are treated alike.
    """
    height, width = size
    side = max(photo.shape[:2])
    if photo.shape[0] != photo.shape[1]:
        canvas = np.full((side, side, 3), 255, np.uint8)
        top, left = _margins(photo.shape[:2])
        canvas[top : top + photo.shape[0], left : left + photo.shape[1]] = photo
        photo = canvas
    if side != height:
        photo = resize(photo, (height, height))
    return np.ascontiguousarray(photo[:, CROP_LEFT : CROP_LEFT + width])


def fashion_pose(pose: Pose, size: tuple[int, int]) -> Pose:
    """The pose of a DeepFashion picture in its crop."""
    height, width = size
    side = max(pose.size)
    top, left = _margins(pose.size)
    return pose.moved(left, top, (side, side)).scaled((height, height)).moved(-CROP_LEFT, 0, (height, width))


def _inside(pose: Pose) -> Pose:
    """Joints outside the picture are missing: nothing there shows them."""
    points = pose.points.copy()
    points[~pose.inside] = np.nan
    return Pose(points, pose.size)


def _margins(size: tuple[int, ...]) -> tuple[int, int]:
    """Rows above and columns left of a picture that is put in the middle of a square."""
    side = max(size[0], size[1])
    return (side - size[0]) // 2, (side - size[1]) // 2


def _upright(path: Path) -> bool:
    """The file needs no turning: its bytes can be copied."""
    with Image.open(path) as image:
        return bool(image.getexif().get(0x0112, 1) == 1)


def _reason(error: Exception, raw: Path) -> str:
    return str(error).removeprefix(f"{raw}: ")
