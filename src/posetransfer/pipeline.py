"""The main job as numbered steps: photo + pose -> the same person in that pose."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from posetransfer.backdrop import NEUTRAL, is_key, leaning, lift
from posetransfer.cutout import Cutout, composite, fill_behind
from posetransfer.cutout.edges import foreground
from posetransfer.engines import Engine, Explanation, Precision, open_engine
from posetransfer.errors import PoseError, SettingsError
from posetransfer.frame import Frame
from posetransfer.gate import POSES, Finding, Gate, Seen
from posetransfer.image import Picture, from_unit, is_picture, load_photo, to_unit
from posetransfer.pose import Pose, draw_heatmaps, library_pose, read_pose, retarget
from posetransfer.result import Mask, Result
from posetransfer.scene import contact_shadow, covering, darkened, framed, laid_over
from posetransfer.weights import find_weights, read_extra

__all__ = ["PoseTransfer", "Result", "Source"]

Retarget = Literal["limbs", "scale", "none"]
Background = Literal["keep", "plain", "transparent"]
BackgroundLike = Any
"""One of the words of `Background`, or a picture as `load_photo` reads it."""
PhotoLike = Any
"""Path, bytes of a file, Pillow image or array: whatever `load_photo` reads."""
TargetLike = Any
"""Pose, pose file, mapping as in a pose file, name of the library, or a photo (then its pose is estimated)."""

log = logging.getLogger(__name__)


class Poser(Protocol):
    """Finds the pose of a person in a photo: `pose.estimator.Estimator`, or another."""

    def __call__(self, photo: Picture, person: int | None = None, name: str = "photo") -> Pose:
        """The pose in the photo's pixels; `person` counts from 0, None is the largest."""


class Segmenter(Protocol):
    """Finds the pixels of a person: `cutout.Cutout`, or another."""

    def mask(self, photo: Picture, pose: Pose) -> Mask:
        """float32 (H, W) in [0, 1]."""


@dataclass(frozen=True)
class Source:
    """A photo that was looked at once, for any number of poses."""

    photo: Picture
    pose: Pose
    mask: Mask | None
    """The person's pixels; None where the weights read the photo as it is."""
    kind: type
    """What the caller gave: str or Path, bytes, a Pillow image or an array."""
    seconds: dict[str, float]
    findings: tuple[Finding, ...] = ()
    """What the network does not know well about the photo."""
    said: set[str] = field(default_factory=set)
    """Codes of the findings that were warned of: once a photo, however many poses."""

    @cached_property
    def empty(self) -> Picture:
        """The photo without the person, the hole filled from its surroundings."""
        return self.photo if self.mask is None else fill_behind(self.photo, self.mask)


@dataclass(frozen=True)
class Task:
    """One picture to be made: a source, and the pose wanted of it."""

    source: Source
    frame: Frame
    """The part of the photo that the network sees."""
    pose: Pose
    """The wanted pose in the frame's pixels."""
    seconds: dict[str, float]
    findings: tuple[Finding, ...] = ()
    """Those of the source, and what the network does not know well about the pose."""


@dataclass(frozen=True)
class Painted:
    """What the network made of a task."""

    task: Task
    seen: Picture
    """uint8 (h, w, 3): the photo as the network read it."""
    picture: Picture
    """uint8 (h, w, 3)."""
    explained: Explanation | None = None


class PoseTransfer:
    """The person in a photo takes a new pose.

    Args:
        engine: runs the weights.
        estimator: finds poses in photos; by default the one of the package, loaded when first needed.
        cutout: finds the person's pixels; likewise.
        gate: says what the network does not know well; by default without knowledge of its training.
    """

    def __init__(self, engine: Engine, estimator: Poser | None = None, cutout: Segmenter | None = None, gate: Gate | None = None) -> None:
        self.engine = engine
        self.config = engine.config
        self.gate = gate or Gate()
        self._estimator = estimator
        self._cutout = cutout

    @classmethod
    def from_pretrained(
        cls, weights: str | Path = "default", device: str = "auto", engine: str = "auto", precision: Precision = "auto"
    ) -> PoseTransfer:
        """Open weights by name or folder.

        Args:
            weights: `default` is embedded in the package; others: `posetransfer weights list`.
            device: `auto`, `cpu`, `cuda`, `mps`.
            engine: the runtime, see `engines.RUNTIMES`.
            precision: `auto` computes in 16 bits where the device is made for it.

        Raises:
            WeightsError: no such weights, or they cannot be used.
            SettingsError: a device or engine that is not to be had here.
        """
        folder = find_weights(weights)
        poses = read_extra(folder, POSES)
        seen = None if poses is None else Seen.from_json(poses, str(folder / POSES))
        return cls(open_engine(folder, engine, device, precision), gate=Gate(seen))

    def __call__(
        self,
        photo: PhotoLike,
        target: TargetLike,
        *,
        source_pose: TargetLike | None = None,
        retarget: Retarget = "limbs",
        place: bool = False,
        background: BackgroundLike = "keep",
        shadow: bool = True,
        person: int | None = None,
        attention: bool = False,
    ) -> Result:
        """Paint the person of a photo in another pose.

        Args:
            photo: path, bytes of a file, Pillow image or array; `Result.picture` is of the same kind.
            target: a Pose, a pose file, the name of a pose of the library, or another photo, whose pose is taken over.
            source_pose: the pose in the photo if it is known; by default it is estimated.
            retarget: `limbs`: the target's angles on the body of the photo; `scale`: the target at the body's size;
                `none`: the target as it is, each pose in a frame of its own (paper).
            place: put the person back into the whole photo; by default the answer has the network's size.
            background: `keep` the photo's, with the old person filled in; `plain` colour; `transparent`; or another picture, of which
                the middle is taken.
            shadow: a soft shadow under feet that stand on the ground of the photo or of the other picture.
            person: which one of several persons of the photo, counted from 0; by default the largest.
            attention: also return what each block did.

        Raises:
            PhotoError, PoseError, SettingsError: one sentence each on what to change.
        """
        _check(retarget)
        background = _background(background)
        seconds: dict[str, float] = {}
        with _timed(seconds, "target pose"):  # first: a misspelt name should not cost the time that the photo takes
            target = self.read_target(target)
        source = self.look(photo, source_pose=source_pose, person=person)
        [painted] = self.paint([self.task(source, target, retarget)], attention)
        result = self.finish(painted, place, background, shadow)
        result.seconds["target pose"] += seconds["target pose"]
        return result

    def many(
        self,
        photo: PhotoLike,
        targets: Iterable[TargetLike],
        *,
        source_pose: TargetLike | None = None,
        retarget: Retarget = "limbs",
        place: bool = False,
        background: BackgroundLike = "keep",
        shadow: bool = True,
        person: int | None = None,
        attention: bool = False,
        batch: int = 1,
        steady: bool = False,
    ) -> Iterator[Result]:
        """One result per target, as they are made; the photo is looked at once. Arguments and errors as in a single call.

        Args:
            batch: so many poses in one call of the engine; they are read before the first result.
            steady: one frame for all poses, so that a clip does not change its scale; all of them are read first.
        """
        _check(retarget)
        background = _background(background)
        source = self.look(photo, source_pose=source_pose, person=person)
        return self._many(source, targets, retarget, place, background, shadow, attention, batch, steady)

    def look(self, photo: PhotoLike, *, source_pose: TargetLike | None = None, person: int | None = None) -> Source:
        """Steps 1 to 3, all that a photo needs before the first pose is known."""
        seconds: dict[str, float] = {}
        name = str(photo) if isinstance(photo, str | Path) else "the photo"
        with _timed(seconds, "photo"):  # 1. any picture as upright RGB
            picture = load_photo(photo)
        with _timed(seconds, "source pose"):  # 2. where is the person?
            if source_pose is None:
                pose = self.estimator(picture, person=person, name=name)
            else:
                pose = _on(picture, self.read_target(source_pose, picture.shape[:2]))
        with _timed(seconds, "cut-out"):  # 3. which pixels are the person's? (only for weights that want them)
            mask = self.cutout.mask(picture, pose) if self.config.backdrop == "plain" else None
        with _timed(seconds, "gate"):
            findings = self.gate.source(pose, self._others(picture, pose) if source_pose is None else ())
        source = Source(picture, pose, mask, type(photo), seconds, tuple(findings))
        _warn(source, findings)
        return source

    def task(self, source: Source, target: TargetLike, retarget: Retarget = "limbs", frame: Frame | None = None) -> Task:
        """Step 4: the wanted pose, on the body of the photo; `frame` by default is the one that poses like this share."""
        seconds = dict(source.seconds)
        with _timed(seconds, "target pose"):
            chosen, fitted = self._frame(source.pose, self.read_target(target), retarget, frame)
        with _timed(seconds, "gate"):
            findings = [*self.gate.frame(chosen, source.pose), *self.gate.target(fitted)]
        _warn(source, findings)
        return Task(source, chosen, fitted, seconds, (*source.findings, *findings))

    def paint(self, tasks: Sequence[Task], attention: bool = False) -> list[Painted]:
        """Steps 5 and 6 for some tasks together, in their order: those that share source and frame share its photo."""
        groups: dict[tuple[int, Frame], list[int]] = {}
        for number, task in enumerate(tasks):
            groups.setdefault((id(task.source), task.frame), []).append(number)
        alone = [group[0] for group in groups.values() if len(group) == 1]
        calls = [group for group in groups.values() if len(group) > 1] + ([alone] if alone else [])
        painted: dict[int, Painted] = {}
        for call in calls:
            painted |= dict(zip(call, self._paint([tasks[number] for number in call], attention), strict=True))
        return [painted[number] for number in range(len(tasks))]

    def finish(self, painted: Painted, place: bool = False, background: BackgroundLike = "keep", shadow: bool = True) -> Result:
        """Step 7: what stands behind the person, and where they stand. Arguments and errors as in a call."""
        task, source = painted.task, painted.task.source
        with _timed(task.seconds, "background"):
            pixels, alpha = self._finished(painted, place, _background(background), shadow)
        wanted = task.frame.unfit(task.pose)
        return Result(
            pixels,
            alpha,
            painted.picture,
            painted.seen,
            source.photo,
            source.pose,
            wanted,
            task.frame,
            painted.explained,
            task.seconds,
            source.kind,
            task.findings,
            self.config.backdrop_colour if self.config.backdrop == "plain" else None,
        )

    def _many(
        self,
        source: Source,
        targets: Iterable[TargetLike],
        mode: Retarget,
        place: bool,
        background: BackgroundLike,
        shadow: bool,
        attention: bool,
        batch: int,
        steady: bool,
    ) -> Iterator[Result]:
        frame = None
        if steady:
            targets = [self.read_target(target) for target in targets]
            frame = self._one_frame(source.pose, targets, mode)
        waiting = iter(targets)
        while chosen := list(islice(waiting, batch)):
            for painted in self.paint([self.task(source, target, mode, frame) for target in chosen], attention):
                yield self.finish(painted, place, background, shadow)

    def _paint(self, tasks: Sequence[Task], attention: bool) -> list[Painted]:
        """One call of the engine."""
        first, seconds = tasks[0], dict[str, float]()
        shared = all(task.source is first.source and task.frame == first.frame for task in tasks)
        with _timed(seconds, "frame"):  # 5. what the network reads: the photo's part, and both poses as heat maps
            seen = [self._cropped(task.source, task.frame) for task in (tasks[:1] if shared else tasks)]
            photo = np.stack([to_unit(picture) for picture in seen])
            before = np.concatenate([self._maps(task.frame.fit(task.source.pose)) for task in (tasks[:1] if shared else tasks)])
            after = np.concatenate([self._maps(task.pose) for task in tasks])
        with _timed(seconds, "network"):  # 6. the picture
            explained = self.engine.explain(photo, before, after) if attention else None
            pictures = explained.picture if explained else self.engine.run(photo, before, after)
        for task in tasks:
            task.seconds.update({step: value / len(tasks) for step, value in seconds.items()})
        return [
            Painted(task, seen[0 if shared else i], from_unit(pictures[i]), explained and _part(explained, i))
            for i, task in enumerate(tasks)
        ]

    @property
    def estimator(self) -> Poser:
        """Finds poses in photos."""
        if self._estimator is None:
            from posetransfer.pose.estimator import Estimator

            self._estimator = Estimator()
        return self._estimator

    @property
    def cutout(self) -> Segmenter:
        """Finds the person's pixels."""
        if self._cutout is None:
            self._cutout = Cutout()
        return self._cutout

    def read_target(self, target: TargetLike, size: tuple[int, int] | None = None) -> Pose:
        """A pose from whatever stands for one.

        Raises:
            UnknownPose: a word that is neither a file nor a name of the library.
        """
        if isinstance(target, Pose):
            return target
        if isinstance(target, Mapping):
            return read_pose(target, size=size)
        if isinstance(target, bytes) and target.lstrip()[:1] in (b"{", b"["):
            return read_pose(target.decode("utf-8", "replace"), size=size)
        if isinstance(target, str | Path):
            # os.path, unlike Path, takes a word that cannot be a path for one that is not there
            if os.path.isdir(target) or not os.path.exists(target):
                return library_pose(str(target))
            if not is_picture(target):
                return read_pose(Path(target), size=size)
        name = str(target) if isinstance(target, str | Path) else "the photo with the target pose"
        return self.estimator(load_photo(target, name), name=name)

    def _frame(self, source: Pose, target: Pose, mode: Retarget, frame: Frame | None) -> tuple[Frame, Pose]:
        """The frame on the photo, and the target pose in the frame's pixels."""
        size = self.config.size
        if mode == "none":  # the paper: each picture has its own frame
            return Frame.around(source, size=size), Frame.around(target, size=size).fit(target)
        target = retarget(target, source, mode)
        frame = frame or Frame.shared(source, target, size)
        return frame, frame.fit(target)

    def _one_frame(self, source: Pose, targets: Sequence[Pose], mode: Retarget) -> Frame:
        """The frame that holds all poses of a clip."""
        moved = [] if mode == "none" else [retarget(target, source, mode) for target in targets]
        return Frame.around(source, *moved, size=self.config.size)

    def _cropped(self, source: Source, frame: Frame) -> Picture:
        if source.mask is None:
            return frame.crop(source.photo, fill=(255, 255, 255))
        colour = self.config.backdrop_colour
        return composite(frame.crop(source.photo, fill=colour), frame.crop_mask(source.mask), colour)

    def _maps(self, pose: Pose) -> npt.NDArray[np.float32]:
        return draw_heatmaps(pose, self.config.sigma, self.config.heatmaps)[None]

    def _finished(self, painted: Painted, place: bool, background: str | Picture, shadow: bool) -> tuple[Picture, Mask | None]:
        """The painted person before the wanted background, at the network's size or in the photo."""
        source, frame, picture = painted.task.source, painted.task.frame, painted.picture
        plain, colour = self.config.backdrop == "plain", self.config.backdrop_colour
        word = background if isinstance(background, str) else "picture"
        if word == "keep" and not plain:  # such weights paint the background themselves
            return (frame.put_back(picture, source.photo) if place else picture), None
        if word == "plain" and plain and not place and not is_key(colour):
            return picture, None
        person, mask = self._lifted(painted)
        if word == "transparent":
            return _transparent(person, mask, frame, source.photo) if place else (person, mask)
        neutral = NEUTRAL if is_key(colour) else colour
        if isinstance(background, np.ndarray):
            behind = covering(background, source.photo.shape[:2] if place else frame.size)
        elif place:
            behind = source.empty if word == "keep" else np.full_like(source.photo, neutral)
        else:
            behind = framed(source.empty, frame) if word == "keep" else np.full_like(picture, neutral)
        shadow = shadow and word != "plain"
        dark = contact_shadow(mask, painted.task.pose, frame if place or word == "keep" else None) if shadow else np.zeros_like(mask)
        if not place:
            return laid_over(person, mask, darkened(behind, dark)), None
        behind = frame.put_back(np.zeros_like(picture), behind, dark)
        return frame.put_back(person, behind, mask), None

    def _lifted(self, painted: Painted) -> tuple[Picture, Mask]:
        """The painted person's own colours and share of each pixel."""
        colour, source, frame = self.config.backdrop_colour, painted.task.source, painted.task.frame
        if source.mask is None:
            mask = self.cutout.mask(painted.picture, painted.task.pose)
            return np.asarray(np.rint(foreground(painted.picture, mask)), np.uint8), mask
        own = leaning(painted.seen, frame.crop_mask(source.mask) > 0.95, colour) if is_key(colour) else 0.0
        return lift(painted.picture, colour, painted.task.pose, own)

    def _others(self, photo: Picture, pose: Pose) -> list[Pose]:
        """The other people of the photo, if the estimator can tell."""
        everybody = getattr(self.estimator, "all", None)
        return [other for other in everybody(photo) if other != pose] if everybody else []


def _transparent(person: Picture, mask: Mask, frame: Frame, photo: Picture) -> tuple[Picture, Mask]:
    """A lifted person and their opacity in the whole photo."""
    white, black = np.full_like(person, 255), np.zeros_like(photo)
    alpha = np.divide(frame.put_back(white, black, mask)[..., 0], 255, dtype=np.float32)
    return frame.put_back(person, np.full_like(photo, 128)), alpha


def _warn(source: Source, findings: Sequence[Finding]) -> None:
    """One line a finding; once a photo."""
    for finding in findings:
        if finding.code not in source.said:
            source.said.add(finding.code)
            log.warning("%s", finding.message)


def _on(photo: Picture, pose: Pose) -> Pose:
    """A given pose in the pixels of the photo, which may have been made smaller or larger since."""
    (height, width), (tall, wide) = photo.shape[:2], pose.size
    if abs(height * wide / (width * tall) - 1) > 0.02:
        raise PoseError(
            f"the given pose belongs to a picture of {tall} x {wide}, but the photo has {height} x {width} (height x width); "
            "give the pose of this photo, or leave --source-pose out."
        )
    return pose if (height, width) == pose.size else pose.scaled((height, width))


def _part(explained: Explanation, i: int) -> Explanation:
    """The i-th picture of a batch alone."""
    return Explanation(explained.picture[i : i + 1], explained.masks[:, i : i + 1], explained.pictures[:, i : i + 1])


def _check(mode: str) -> None:
    """All checks of words come before any work."""
    if mode not in get_args(Retarget):
        raise SettingsError(f"retarget {mode!r} is unknown; it is one of {', '.join(get_args(Retarget))}.")


def _background(wanted: BackgroundLike) -> str | Picture:
    """A word, or the other picture.

    Raises:
        SettingsError: a word that is neither known nor a file.
        PhotoError: the picture cannot be read.
    """
    if isinstance(wanted, str) and wanted in get_args(Background):
        return wanted
    if isinstance(wanted, str) and not os.path.exists(wanted):
        words = ", ".join(get_args(Background))
        raise SettingsError(f"background {wanted!r} is unknown; it is one of {words}, or the file of a picture, and there is no such file.")
    return load_photo(wanted)


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[step] = seconds.get(step, 0.0) + time.perf_counter() - start
