"""The whole body behind the joints that are seen: how tall the person stands, and the box that head and feet reach."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from posetransfer.errors import PoseError
from posetransfer.pose.pose import Points, Pose
from posetransfer.pose.skeleton import INDEX

Box = tuple[float, float, float, float]

# The height of a standing adult in lengths that joints give. Medians of 800 rendered pictures, where limbs are hardly
# foreshortened; shoulders and face from those seen from the front.
_PER_TORSO_AND_LEG, _PER_TORSO, _PER_LEG, _PER_THIGH, _PER_SHOULDERS, _PER_HEAD, _PER_ARM = 1.37, 3.62, 2.20, 4.4, 5.4, 7.8, 6.6
_HEAD, _FACE, _SOLE = 0.195, 0.075, 0.07  # of the height: crown above neck, crown above face, sole below ankle
_MARGIN = 0.025  # of the height: hands and cloth reach beyond the joints at the sides


def standing_height(pose: Pose) -> float:
    """Height in pixels, crown to sole, that the person would have standing upright.

    Every length is shortened by perspective at most, so that the largest estimate is taken; lengths that vary much
    from person to person count a little less than torso and leg together.

    Raises:
        PoseError: too few joints for any estimate.
    """
    torso = _distance(pose.points[INDEX["neck"]], _hips(pose))
    thigh, leg = _longer(pose, "hip", "knee"), _longer(pose, "hip", "knee", "ankle")
    both = (torso + leg) * _PER_TORSO_AND_LEG
    tall = _largest(both, 0.93 * torso * _PER_TORSO, 0.93 * leg * _PER_LEG, _upright(pose))
    if np.isnan(both):
        tall = _largest(tall, torso * _PER_TORSO, thigh * _PER_THIGH)
    if np.isnan(tall):
        shoulders, head = _length(pose, "right_shoulder", "left_shoulder"), _length(pose, "neck", "nose")
        tall = _largest(shoulders * _PER_SHOULDERS, head * _PER_HEAD, _longer(pose, "shoulder", "elbow") * _PER_ARM)
    if not tall > 0:
        raise PoseError("the person's size cannot be told from this pose; it needs neck and a hip, or a whole limb, or both shoulders.")
    return tall


def body_box(pose: Pose, tall: float) -> Box:
    """(left, top, right, bottom) of the whole body: the joints, crown and soles, and below the photo what is missing of the legs.

    Args:
        pose: any joints.
        tall: the person's standing height in the same pixels.
    """
    left, top, right, bottom = pose.box()
    neck, hips = pose.points[INDEX["neck"]], _hips(pose)
    face = pose.points[[INDEX[name] for name in ("nose", "right_eye", "left_eye", "right_ear", "left_ear")], 1]
    crown = [neck[1] - _HEAD * tall, *(face - _FACE * tall)]
    ankles = pose.points[[INDEX["right_ankle"], INDEX["left_ankle"]], 1]
    soles = list(ankles + _SOLE * tall)
    if np.isnan(ankles).all():  # legs cut by the photo: they are thought to hang straight down
        knees = pose.points[[INDEX["right_knee"], INDEX["left_knee"]], 1]
        below = [knees + (_SOLE + 0.225) * tall, hips[1:] + (_SOLE + 0.455) * tall, neck[1:] + (1 - _HEAD) * tall]
        soles += next((list(lower) for lower in below if not np.isnan(lower).all()), [])
    side = _MARGIN * tall
    return left - side, float(np.nanmin([top - side, *crown])), right + side, float(np.nanmax([bottom + side, *soles]))


def _upright(pose: Pose) -> float:
    """Height from the vertical distance of neck and ankles, for somebody who stands."""
    ankles = pose.points[[INDEX["right_ankle"], INDEX["left_ankle"]], 1]
    if np.isnan(ankles).all():
        return float("nan")
    return float((np.nanmax(ankles) - pose.points[INDEX["neck"], 1]) / (1 - _HEAD - _SOLE))


def _hips(pose: Pose) -> Points:
    """The middle of the hips, or the one that is known."""
    hips = pose.points[[INDEX["right_hip"], INDEX["left_hip"]]]
    known = hips[~np.isnan(hips[:, 0])]
    return known.mean(axis=0) if len(known) else np.full(2, np.nan)


def _longer(pose: Pose, *chain: str) -> float:
    """Length of a chain of joints on the side where it is longer; NaN if it is complete on neither side."""
    return _largest(*(sum(_length(pose, f"{side}_{a}", f"{side}_{b}") for a, b in pairwise(chain)) for side in ("right", "left")))


def _largest(*lengths: float) -> float:
    """The largest of the known lengths, NaN if none is known (`max` would depend on the order)."""
    return max((length for length in lengths if not np.isnan(length)), default=float("nan"))


def _length(pose: Pose, a: str, b: str) -> float:
    return _distance(pose.points[INDEX[a]], pose.points[INDEX[b]])


def _distance(a: Points, b: Points) -> float:
    return float(np.hypot(*(a - b)))
