"""Find people in a photo and their joints: MoveNet on ONNX Runtime.

Thunder sees one person at a time: it looks at the whole photo, and again at the square round the joints it has found.
MultiPose finds up to six people, less exactly; Thunder then looks in the same way at each of them it has not met yet.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posetransfer.assets.network import Network, open_ahead
from posetransfer.errors import NoPersonFound
from posetransfer.pose.pose import Pose
from posetransfer.pose.skeleton import COCO17, INDEX
from posetransfer.window import Box, Picture, cut, square, whole

VISIBLE = 0.3
"""Joints with a lower score are missing."""
LEAST_JOINTS = 5
"""Fewer of the twelve body joints (shoulders to ankles) are not a person to work with."""

_SURE = 0.6  # mean score of a person at whom a second look from another side is not worth its time
_PERSON = 0.25  # a person's score in MultiPose, below which boxes are noise
_SIDE = 256  # Thunder's input
_SEARCH = 512  # longest side that MultiPose sees: small people are lost at 256
_BODY = slice(5, 17)  # shoulders to ankles in COCO's order
_NOSE_AND_EYES = slice(0, 3)
_ORDER = [INDEX[name] for name in COCO17]

Found = npt.NDArray[np.float64]  # (17, 3): x, y in pixels, score


@dataclass(frozen=True)
class _Candidate:
    found: Found
    box: Box

    @property
    def joints(self) -> int:
        return int((self.found[_BODY, 2] >= VISIBLE).sum())

    @property
    def sureness(self) -> float:
        return float(self.found[:, 2].mean())

    @property
    def area(self) -> float:
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


_THUNDER, _MULTIPOSE = "movenet_singlepose_thunder.onnx", "movenet_multipose_lightning.onnx"


def prepare() -> None:
    """Open the networks of an `Estimator` beside what the caller does next."""
    open_ahead(_THUNDER, _MULTIPOSE)


class Estimator:
    """Photo in, pose out; the networks are loaded at the first call.

    Args:
        threads: threads of ONNX Runtime; None takes all cores.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._thunder = Network(_THUNDER, threads)
        self._multipose = Network(_MULTIPOSE, threads)
        self._last: tuple[weakref.ref[Picture], list[_Candidate]] | None = None

    def __call__(self, photo: Picture, person: int | None = None, name: str = "photo", box: Box | None = None) -> Pose:
        """The pose of one person.

        Args:
            photo: uint8 (H, W, 3), RGB, upright.
            person: which of several people, counted from 0 = the largest; None is the largest.
            name: what an error calls the photo.
            box: (left, top, right, bottom) in pixels: look for one person here only.

        Returns:
            Pose in the photo's pixels; joints below `VISIBLE` and outside the photo are missing.

        Raises:
            NoPersonFound: nobody, too few joints, or fewer people than `person` asks for.
        """
        candidates = self._search(photo) if box is None else [self._look(photo, box)]
        people = _people(candidates)
        wanted = person or 0
        if not people:
            raise NoPersonFound(_nobody(name, candidates))
        if not 0 <= wanted < len(people):
            several = f"{len(people)}; give a number from 0 to {len(people) - 1}"
            raise NoPersonFound(
                f"{name}: person {wanted} was asked for (counted from 0, the largest), but the photo shows "
                f"{several if len(people) > 1 else 'only one; give 0 or no number'}."
            )
        return _pose(people[wanted].found, photo.shape[:2])

    def all(self, photo: Picture) -> list[Pose]:
        """The poses of everybody, largest first; an empty list if nobody is found."""
        return [_pose(person.found, photo.shape[:2]) for person in _people(self._search(photo))]

    def _search(self, photo: Picture) -> list[_Candidate]:
        """Thunder's answer for the whole photo, then for everybody else whom MultiPose sees; of the last photo it is remembered."""
        if self._last is not None and self._last[0]() is photo:
            return self._last[1]
        candidates = [self._look(photo, whole(photo.shape[:2]))]
        for rough in self._rough(photo):
            if candidates[0].sureness < _SURE or not _same(rough, candidates[0]):
                candidates.append(self._closer(photo, rough))
        self._last = weakref.ref(photo), candidates
        return candidates

    def _rough(self, photo: Picture) -> list[_Candidate]:
        height, width = photo.shape[:2]
        scale = min(_SEARCH / max(height, width), max(1.0, _SIDE / max(height, width)))
        sides = [max(32, round(side * scale)) for side in (height, width)]
        padded = [-(-side // 32) * 32 for side in sides]  # MultiPose wants multiples of 32, padded at right and bottom
        factor = (width / sides[1], height / sides[0])
        seen = cut(photo, (-0.5, -0.5, padded[1] * factor[0] - 0.5, padded[0] * factor[1] - 0.5), (padded[0], padded[1]))
        people = self._multipose("people", image=seen[None].astype(np.int32))[0].astype(np.float64)
        candidates = []
        for person in people[people[:, 55] >= _PERSON]:
            found = _in_pixels(person[:51].reshape(17, 3), (-0.5, -0.5), (padded[1] * factor[0], padded[0] * factor[1]))
            top, left, bottom, right = person[51:55] * np.tile([padded[0] * factor[1], padded[1] * factor[0]], 2) - 0.5
            candidates.append(_Candidate(found, (left, top, right, bottom)))
        return candidates

    def _closer(self, photo: Picture, rough: _Candidate) -> _Candidate:
        """Thunder's answer inside a rough person's box; the rough one if Thunder strays to somebody else."""
        sharp = self._look(photo, rough.box, 1.25)
        return sharp if _overlap(sharp.box, rough.box) > 0.3 else rough

    def _look(self, photo: Picture, box: Box, factor: float = 1.0) -> _Candidate:
        """Thunder twice: in the square round `box`, then in the square round the joints found there."""
        found = self._thunder_in(photo, square(box, factor))
        if (found[:, 2] >= 0.2).sum() >= LEAST_JOINTS:
            again = self._thunder_in(photo, square(_extent(found, 0.2), 1.35))
            if again[:, 2].mean() >= found[:, 2].mean() - 0.05:
                found = again
        return _Candidate(found, _extent(found, VISIBLE))

    def _thunder_in(self, photo: Picture, window: Box) -> Found:
        seen = cut(photo, window, (_SIDE, _SIDE))
        keypoints = self._thunder("keypoints", image=seen[None].astype(np.int32))[0, 0].astype(np.float64)
        return _in_pixels(keypoints, window[:2], (window[2] - window[0], window[3] - window[1]))


def _in_pixels(keypoints: Found, corner: tuple[float, float], extent: tuple[float, float]) -> Found:
    """(17, 3) rows (y, x, score) with y, x in 0..1 of a window -> rows (x, y, score) in the photo's pixels."""
    x = keypoints[:, 1] * extent[0] + corner[0]
    y = keypoints[:, 0] * extent[1] + corner[1]
    return np.stack([x, y, keypoints[:, 2]], axis=1)


def _from_behind(found: Found) -> bool:
    """Is the face turned away? Thunder then draws it on the back of the head, with middling scores.

    The right shoulder is then on the right in the picture, and the nose between the ears: not that of somebody who looks
    over the shoulder.
    """
    nose, left_ear, right_ear, left, right = found[[0, 3, 4, 5, 6], 0]
    if found[5:7, 2].min() < VISIBLE:
        return False
    breadth, trunk = right - left, np.abs(found[11:13, 1].mean() - found[5:7, 1].mean())
    return bool(breadth > 0.3 * trunk and min(left_ear, right_ear) <= nose <= max(left_ear, right_ear))


def _extent(found: Found, least: float) -> Box:
    seen = found[found[:, 2] >= least]
    if len(seen) == 0:
        return 0.0, 0.0, 0.0, 0.0
    (left, top), (right, bottom) = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def _people(candidates: list[_Candidate]) -> list[_Candidate]:
    """Candidates with enough joints, each person once (the surest sighting), largest first."""
    people: list[_Candidate] = []
    for candidate in sorted(candidates, key=lambda one: one.sureness, reverse=True):
        if candidate.joints >= LEAST_JOINTS and not any(_same(candidate, other) for other in people):
            people.append(candidate)
    return sorted(people, key=lambda one: one.area, reverse=True)


def _same(a: _Candidate, b: _Candidate) -> bool:
    """Two sightings of one person: their boxes agree, or most joints that both see lie on each other."""
    both = (a.found[:, 2] >= VISIBLE) & (b.found[:, 2] >= VISIBLE)
    if _overlap(a.box, b.box) > 0.7:
        return True
    if not both.any():
        return False
    distance = np.hypot(*(a.found[both, :2] - b.found[both, :2]).T)
    return bool((distance < 0.07 * np.sqrt(max(a.area, b.area, 1.0))).mean() > 0.5)


def _nobody(name: str, candidates: list[_Candidate]) -> str:
    best = max(candidates, key=lambda one: one.joints)
    scores = best.found[_BODY, 2]
    return (
        f"{name}: no person found ({best.joints} of 12 body joints above score {VISIBLE}, needed {LEAST_JOINTS}; "
        f"best score {scores.max():.2f}, mean {scores.mean():.2f}); "
        "crop the photo to one person seen from head to hip at least, or give the pose as a file."
    )


def _pose(found: Found, size: tuple[int, int]) -> Pose:
    """The 18 joints from COCO's 17: the neck is the middle of the shoulders."""
    height, width = size
    points, score = np.full((18, 2), np.nan), np.zeros(18)
    inside = (found[:, 0] >= -0.5) & (found[:, 0] < width - 0.5) & (found[:, 1] >= -0.5) & (found[:, 1] < height - 0.5)
    seen = (found[:, 2] >= VISIBLE) & inside
    if _from_behind(found):
        seen[_NOSE_AND_EYES] = False
    points[_ORDER] = np.where(seen[:, None], found[:, :2], np.nan)
    score[_ORDER] = np.where(seen, found[:, 2].clip(0, 1), 0)
    shoulders = [INDEX["right_shoulder"], INDEX["left_shoulder"]]
    points[INDEX["neck"]] = points[shoulders].mean(axis=0)
    score[INDEX["neck"]] = score[shoulders].min()
    return Pose(points, size, score)
