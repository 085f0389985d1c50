"""Fit a target pose to the body of the source: a child must not take the limbs of the giant whose pose it copies."""

from __future__ import annotations

from typing import Literal

import numpy as np

from posetransfer.pose.pose import Points, Pose
from posetransfer.pose.skeleton import INDEX, KEYPOINTS, LIMBS, MIRRORED

RetargetMode = Literal["none", "scale", "limbs"]

MODES: tuple[RetargetMode, ...] = ("none", "scale", "limbs")

NECK = INDEX["neck"]
SHOULDERS = [INDEX["right_shoulder"], INDEX["left_shoulder"]]
HIPS = [INDEX["right_hip"], INDEX["left_hip"]]
ANKLES = [INDEX["right_ankle"], INDEX["left_ankle"]]
PARENT = {child: parent for parent, child in LIMBS}

MOST = 2.0
"""A limb differs from the whole body's scale by at most this factor: beyond it the limb points at the camera in one picture."""

FRONTAL = 0.5
"""Shoulders wider than this part of the torso are seen from the front or from behind (about 0.7 for adults); then widths compare."""


def retarget(target: Pose, source: Pose, mode: RetargetMode = "limbs") -> Pose:
    """Bring the target pose to the source's body.

    - `none` returns the target as it is, in the target's own pixels.
    - `scale` makes the target's figure as large as the source's and puts it where the source stands.
    - `limbs` keeps the target's angles and takes the source's limb lengths, then puts the figure where the source stands.

    The figure stands on the source's ground line (its lowest ankle) under the source's hips; without ankles its hips
    lie on the source's hips, without hips its neck on the source's neck.

    What a photo shows is a projection: an arm that points at the camera is short. So the two arms (legs, ...) of a body
    are measured by the longer of the two, and the foreshortening of the target's limbs is kept. A limb that the source
    does not show at all is scaled like the whole body.

    Args:
        target: the pose to take.
        source: the pose of the person who shall take it.
        mode: "none", "scale" or "limbs".

    Returns:
        for `scale` and `limbs` a pose in the source picture's pixels; joints missing in the target stay missing.

    Raises:
        ValueError: unknown mode.

    >>> small = Pose({"neck": (5, 2), "right_hip": (5, 8), "left_hip": (5, 8)}, size=(20, 10))
    >>> tall = Pose({"neck": (50, 20), "right_hip": (50, 80), "left_hip": (50, 80)}, size=(200, 100))
    >>> retarget(small, tall, "scale") == tall
    True
    """
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}; use one of {', '.join(MODES)}")
    if mode == "none" or not target.present.any() or not source.present.any():
        return target if mode == "none" else Pose(target.points, source.size, target.score)
    wanted, body = _with_neck(target.points), _with_neck(source.points)
    scale = _body_scale(wanted, body, source.size[0] / target.size[0])
    moved = wanted * scale if mode == "scale" else _relimbed(wanted, body, scale)
    moved = moved + _placement(moved, body)
    return Pose(np.where(target.present[:, None], moved, np.nan), source.size, target.score)


def _with_neck(points: Points) -> Points:
    """The neck made from the shoulders where it is missing: the limbs hang on it."""
    if np.isnan(points[NECK, 0]):
        points = points.copy()
        points[NECK] = points[list(SHOULDERS)].mean(axis=0)
    return points


def _body_scale(wanted: Points, body: Points, otherwise: float) -> float:
    """How many times larger the source's body is, told from what both show: torso and legs, else arms, else the head, else any joints."""
    measures = [
        [(_torso(shape), _reach(shape, "right_knee"), _reach(shape, "right_ankle")) for shape in (body, wanted)],
        [(_reach(shape, "right_elbow"), _reach(shape, "right_wrist")) for shape in (body, wanted)],
        [(_reach(shape, "nose"), _width(shape)) for shape in (body, wanted)],
    ]
    for pair in measures:
        lengths = np.array(pair)  # (2, parts)
        known = (lengths > 1e-6).all(axis=0)
        if known.any():
            return float(lengths[0, known].sum() / lengths[1, known].sum())
    both = ~np.isnan(body[:, 0] + wanted[:, 0])
    spread = [float(np.hypot(*(shape[both] - shape[both].mean(axis=0)).T).sum()) if both.any() else 0.0 for shape in (body, wanted)]
    return spread[0] / spread[1] if min(spread) > 1e-6 else otherwise


def _relimbed(wanted: Points, body: Points, scale: float) -> Points:
    """The target's figure with every limb scaled by what that limb measures in the source; its position is arbitrary."""
    factor = _limb_factors(wanted, body, scale)
    result = wanted * scale
    for parent, child in LIMBS:
        at, step = parent, factor[KEYPOINTS[child]]
        while np.isnan(wanted[at, 0]) and at in PARENT:  # a gap in the chain: hang on the next joint that is known
            at, step = PARENT[at], scale
        if not np.isnan(wanted[at, 0]):
            result[child] = result[at] + step * (wanted[child] - wanted[at])
        if child in HIPS and not np.isnan(wanted[[NECK, *HIPS]]).any():
            # the length of the torso and the width of the hips are two measures
            middle = wanted[HIPS].mean(axis=0)
            result[child] = result[NECK] + factor["torso"] * (middle - wanted[NECK]) + factor["width"] * (wanted[child] - middle)
    return result


def _limb_factors(wanted: Points, body: Points, scale: float) -> dict[str, float]:
    """For each joint the factor of the limb that leads to it; also `torso` and `width`."""

    def factor(of_body: float, of_wanted: float, most: float = MOST) -> float:
        if not (of_body > 1e-6 and of_wanted > 1e-6):  # also False for NaN: one of them does not show it
            return scale
        return float(np.clip(of_body / of_wanted, scale / most, scale * most))

    frontal = all(_width(shape) > FRONTAL * _torso(shape) for shape in (body, wanted))
    factors = {name: factor(_reach(body, name), _reach(wanted, name)) for name in KEYPOINTS if INDEX[name] in PARENT}
    factors["torso"] = factor(_torso(body), _torso(wanted))
    factors["width"] = factor(_width(body), _width(wanted)) if frontal else scale
    factors["nose"] = factor(_reach(body, "nose"), _reach(wanted, "nose"), most=1.4)  # a bowed head is short too
    for side in ("right", "left"):
        factors[f"{side}_shoulder"] = factors["width"]
        factors[f"{side}_hip"] = factors["torso"]
        factors[f"{side}_eye"] = factors[f"{side}_ear"] = factors["nose"]  # their distances show how the head is turned
    return factors


def _reach(points: Points, child: str) -> float:
    """Length of the limb that leads to a joint, or of its twin on the other side if that is longer; NaN if neither shows."""
    j = INDEX[child]
    own, twin = (points[k] - points[PARENT[k]] for k in (j, MIRRORED[j]))
    return float(np.fmax(np.hypot(*own), np.hypot(*twin)))


def _torso(points: Points) -> float:
    return float(np.hypot(*(_middle(points, HIPS) - points[NECK])))


def _width(points: Points) -> float:
    return float(np.hypot(*(points[SHOULDERS[0]] - points[SHOULDERS[1]])))


def _middle(points: Points, pair: list[int]) -> Points:
    """Between two joints, or the one that is known; NaN if none is."""
    known = points[pair][~np.isnan(points[pair, 0])]
    return np.asarray(known.mean(axis=0)) if len(known) else np.full(2, np.nan)


def _placement(moved: Points, body: Points) -> Points:
    """The shift (x, y) that lets the figure stand where the source stands."""
    for here, there in (
        (_middle(body, HIPS), _middle(moved, HIPS)),
        (body[NECK], moved[NECK]),
        (np.nanmean(body, axis=0), np.nanmean(moved, axis=0)),
    ):
        shift = here - there
        if not np.isnan(shift).any():
            break
    ground = np.fmax(*body[ANKLES, 1]) - np.fmax(*moved[ANKLES, 1])
    return shift if np.isnan(ground) else np.array([shift[0], ground])
