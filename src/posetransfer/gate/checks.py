"""Photo and poses held against what the network knows: one finding per thing that is outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from posetransfer.errors import PoseError
from posetransfer.frame import Frame
from posetransfer.gate.seen import Seen
from posetransfer.pose import KEYPOINTS, Pose
from posetransfer.pose.body import body_box, standing_height

BODY = tuple(i for i, name in enumerate(KEYPOINTS) if name.endswith(("shoulder", "elbow", "wrist", "hip", "knee", "ankle")))
"""The joints that count as missing; those of the face are missing in every picture from behind."""


@dataclass(frozen=True)
class Finding:
    """Something about a photo or a pose that the network does not know well."""

    code: str
    """One word for programs; stays the same from version to version."""
    message: str
    """One sentence for people: what, and what to do."""
    value: float
    threshold: float


@dataclass(frozen=True)
class Limits:
    """Where results get worse, by measurement: `benchmarks/gate.py`, its table in docs/limits.md."""

    target_strangeness: float = 1.4
    """Distance of a pose from those of training, in parts of what one in a hundred training poses has."""
    source_strangeness: float = 1.3
    """Likewise."""
    missing: int = 3
    """Of the twelve joints from shoulders to ankles of the target pose; hidden joints of the photo's pose cost nothing."""
    enlarged: float = 4.0
    """Pixels of the network per pixel of the photo."""
    outside: float = 0.41
    """Part of the person's box that lies outside the photo."""
    low: float = 0.70
    """The person's standing height in parts of the frame's height."""
    overlap: float = 0.43
    """Part of the person's box that another person's box covers."""


class Gate:
    """Checks of one set of weights.

    Args:
        seen: the poses of its training; None: only the checks that need no knowledge of training.
        limits: from which value on a finding is reported.
    """

    def __init__(self, seen: Seen | None = None, limits: Limits | None = None) -> None:
        self.seen = seen
        self.limits = limits or Limits()

    def source(self, pose: Pose, others: Sequence[Pose] = ()) -> list[Finding]:
        """What is strange about a photo, before any target pose is known.

        Args:
            pose: of the person, in the photo's pixels.
            others: the other people of the photo.
        """
        limits = self.limits
        found = [
            _above("source_outside", outside(pose), limits.outside, lambda value:
                   f"about {value:.0%} of the person lies outside the photo and is invented; "
                   "a photo of the whole figure gives a better picture."),
            _above("people_overlap", covered(pose, others), limits.overlap, lambda value:
                   f"another person overlaps the chosen one (by {value:.0%} of the box around the joints); "
                   "limbs and clothes may be mixed up: a photo of one person alone gives a better picture."),
            self._strange("source", pose),
        ]  # fmt: skip
        return [finding for finding in found if finding]

    def target(self, pose: Pose) -> list[Finding]:
        """What is strange about a target pose (after retargeting)."""
        found = [
            _above("target_joints_missing", joints_missing(pose), self.limits.missing, lambda value:
                   f"{value:.0f} of the 12 joints from shoulders to ankles are missing in the target pose; "
                   "their limbs are left out or guessed: another pose gives a better picture."),
            self._strange("target", pose),
        ]  # fmt: skip
        return [finding for finding in found if finding]

    def frame(self, frame: Frame, pose: Pose) -> list[Finding]:
        """What is strange about the part of the photo that the network sees.

        Args:
            frame: on the photo.
            pose: of the person, in the photo's pixels.
        """
        rows = frame.box[3] - frame.box[1]
        found = [
            _above("person_small", frame.scale, self.limits.enlarged, lambda value:
                   f"The person is small: {rows:.0f} pixels of the photo are enlarged to the network's {frame.size[0]}; "
                   "a larger photo gives a better picture."),
            _below("person_low_in_frame", height_share(frame, pose), self.limits.low, lambda value:
                   f"the target pose is so wide or high that the person fills {value:.0%} of the network's picture in place of "
                   "nine tenths, and is painted coarsely; a narrower pose gives a better picture."),
        ]  # fmt: skip
        return [finding for finding in found if finding]

    def _strange(self, which: str, pose: Pose) -> Finding | None:
        value = self.seen.strangeness(pose) if self.seen else None
        words, limit = {
            "source": ("the pose in the photo", self.limits.source_strangeness),
            "target": ("the target pose", self.limits.target_strangeness),
        }[which]
        return None if value is None else _above(f"{which}_pose_unusual", value, limit, lambda value:
            f"{words} is unlike all that the network was trained on ({value:.1f} times as far as one training pose in a hundred); "
            "expect wrong limbs: a pose nearer to standing or walking gives a better picture.")  # fmt: skip


def joints_missing(pose: Pose) -> int:
    """Of the twelve joints from shoulders to ankles."""
    return int((~pose.present[list(BODY)]).sum())


def outside(pose: Pose) -> float:
    """Part of the whole body's box, as estimated from the joints, that lies outside the picture."""
    try:
        left, top, right, bottom = body_box(pose, standing_height(pose))
    except PoseError:
        return 0.0
    height, width = pose.size
    inner = max(0.0, min(right, width - 0.5) - max(left, -0.5)) * max(0.0, min(bottom, height - 0.5) - max(top, -0.5))
    return float(1 - inner / ((right - left) * (bottom - top)))


def covered(pose: Pose, others: Sequence[Pose]) -> float:
    """Part of the box round the joints that the box of one other person covers, at most."""
    left, top, right, bottom = pose.box()
    shares = [0.0]
    for other in others:
        box = other.box()
        width, height = min(right, box[2]) - max(left, box[0]), min(bottom, box[3]) - max(top, box[1])
        shares.append(max(width, 0.0) * max(height, 0.0) / max((right - left) * (bottom - top), 1e-9))
    return max(shares)


def height_share(frame: Frame, pose: Pose) -> float:
    """The person's standing height in parts of the frame's height."""
    return standing_height(pose) / (frame.box[3] - frame.box[1])


def _above(code: str, value: float, threshold: float, words: Callable[[float], str]) -> Finding | None:
    return Finding(code, words(value), round(float(value), 3), threshold) if value >= threshold else None


def _below(code: str, value: float, threshold: float, words: Callable[[float], str]) -> Finding | None:
    return Finding(code, words(value), round(float(value), 3), threshold) if value <= threshold else None
