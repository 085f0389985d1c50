"""Does a pose from a file make sense? Missing altogether, x and y exchanged, outside its picture."""

from __future__ import annotations

import logging

import numpy as np

from posetransfer.errors import PoseError
from posetransfer.pose.pose import Points, Pose
from posetransfer.pose.skeleton import INDEX, KEYPOINTS

log = logging.getLogger(__name__)

HIPS = [INDEX["right_hip"], INDEX["left_hip"]]
SHOULDERS = [INDEX["right_shoulder"], INDEX["left_shoulder"]]
FEET = [INDEX[f"{side}_{joint}"] for joint in ("ankle", "knee") for side in ("right", "left")]


def check_pose(pose: Pose, name: str, size_known: bool, stated: bool) -> None:
    """Refuse what cannot be meant, warn about what is strange.

    Args:
        pose: as read.
        name: of the file, for messages.
        size_known: the picture's size was given, not guessed from the joints.
        stated: the file names its axes (our own JSON), so a person on the side lies down.

    Raises:
        PoseError: every joint is missing, or x and y are exchanged.
    """
    if not pose.present.any():
        raise PoseError(
            f"{name}: every joint is missing; a pose with at least a few joints was expected, so detect it again or take another file."
        )
    swapped = Pose(pose.points[:, ::-1], pose.size)
    outside = int((pose.present & ~pose.inside).sum())
    fits_swapped = bool((swapped.inside == pose.present).all())
    mostly = size_known and outside >= max(2, pose.present.sum() / 5) and fits_swapped
    fits_only_so = size_known and not outside and not fits_swapped
    if mostly or (not stated and not fits_only_so and _lies_mirrored(pose.points, pose)):
        raise PoseError(
            f"{name}: x and y seem to be swapped ({'the joints leave the picture' if mostly else 'the figure lies on its side, mirrored'}; "
            "exchanged, they fit); exchange the axes, or, if it is right, save it in our own form with write_pose."
        )
    if size_known and outside:
        names = ", ".join(KEYPOINTS[j] for j in np.flatnonzero(pose.present & ~pose.inside)[:4])
        height, width = pose.size
        log.warning(
            "%s: %d of %d joints lie outside the picture of %d x %d pixels (%s%s); is it the pose of a picture of another size?",
            name, outside, pose.present.sum(), width, height, names, ", ..." if outside > 4 else "",
        )  # fmt: skip


def _lies_mirrored(points: Points, pose: Pose) -> bool:
    """Is this an upright figure whose axes were exchanged?

    Exchanging the axes lays a figure on its side, head to the left, and mirrors it: a front view then has its right
    shoulder up, where a person who really lies like that has it down.
    """
    top = points[INDEX["neck"]] if pose.joint("neck") else np.nanmean(points[SHOULDERS], axis=0) if pose.present[SHOULDERS].any() else None
    if top is None or not pose.present[HIPS].any():
        return False
    torso = np.nanmean(points[HIPS], axis=0) - top
    axes = [torso, *(points[foot] - top for foot in FEET if pose.present[foot])]
    if any(x <= 0 or abs(y) > 0.7 * x for x, y in axes):  # not along +x, within 35 degrees
        return False
    face = bool(pose.present[[INDEX["nose"], INDEX["right_eye"], INDEX["left_eye"]]].all())
    turned = (points[SHOULDERS[0]] - points[SHOULDERS[1]])[1] / np.hypot(*torso)  # > 0: right shoulder below the left
    really_lies_facing_us = face and turned > 0.2
    return not really_lies_facing_us
