"""Errors of a pose estimator: what a network will meet when it is used, but not in carefully annotated training poses.

The tables were measured with this package's estimator on 300 rendered pictures, 256 x 176, whose joints are known, after its
constant offset per joint was taken away. Distances are parts of the picture's height.
"""

from __future__ import annotations

import numpy as np

from posetransfer.pose.pose import Pose
from posetransfer.pose.skeleton import INDEX, KEYPOINTS, MIRRORED

_SIDED = {  # joint without its side: spread, probability of a far miss, probability of being lost
    "nose": (0.0044, 0.023, 0.0),
    "neck": (0.0052, 0.037, 0.0),
    "shoulder": (0.0082, 0.028, 0.0),
    "elbow": (0.0076, 0.057, 0.010),
    "wrist": (0.0074, 0.090, 0.068),
    "hip": (0.0117, 0.0, 0.0),
    "knee": (0.0085, 0.005, 0.0),
    "ankle": (0.0067, 0.021, 0.002),
    "eye": (0.0034, 0.025, 0.0),
    "ear": (0.0038, 0.038, 0.0),
}
SPREAD, FAR, LOST = (np.array([_SIDED[name.rpartition("_")[2]][column] for name in KEYPOINTS]) for column in range(3))
FAR_FACTOR = 5.5
"""A far miss is so many times the usual error."""
TURNED = 0.004
"""Probability that left and right are taken for each other, all joints at once."""
GHOSTS = {"nose": 0.24, "right_eye": 0.40, "left_eye": 0.40, "right_ear": 1.0, "left_ear": 1.0}
"""Probability that a hidden joint of the face is given all the same, about `GHOST_SPREAD` from the middle of the seen ones."""
GHOST_SPREAD = 0.022

_ENDS = [(INDEX[f"{side}_elbow"], INDEX[f"{side}_wrist"]) for side in ("right", "left")]
_ENDS += [(INDEX[f"{side}_knee"], INDEX[f"{side}_ankle"]) for side in ("right", "left")]
_FACE = [INDEX[name] for name in GHOSTS]
LEAST = 6
"""No joint is lost if fewer would be left: such a pose says nothing."""


def misread(pose: Pose, strength: float, rng: np.random.Generator) -> Pose:
    """The pose as an estimator might have found it.

    Args:
        pose: the true pose.
        strength: factor of all spreads and probabilities; 1 is the estimator as measured.
        rng: the same numbers are drawn for every pose and strength.

    Returns:
        A pose of the same size; joints that land outside the picture are missing.
    """
    height, width = pose.size
    turned = rng.random() < TURNED * strength
    noise, far, lost = rng.normal(0, 1, (18, 2)), rng.random(18), rng.random(18)
    ghosts, places = rng.random(len(_FACE)), rng.normal(0, GHOST_SPREAD / 1.2, (len(_FACE), 2))
    points = pose.points.copy()
    seen = points[_FACE][~np.isnan(points[_FACE, 0])]
    if len(seen):
        appears = np.isnan(points[_FACE, 0]) & (ghosts < np.array(list(GHOSTS.values())) * strength)
        points[np.array(_FACE)[appears]] = seen.mean(axis=0) + places[appears] * height
    factor = np.where(far < FAR * strength, FAR_FACTOR, 1.0) * SPREAD * strength * height
    points += noise * factor[:, None]
    gone = lost < LOST * strength
    for inner, outer in _ENDS:
        gone[outer] |= gone[inner]
    gone |= ((points < -0.5) | (points >= [width - 0.5, height - 0.5])).any(axis=1)
    if (~np.isnan(points[~gone, 0])).sum() >= LEAST:
        points[gone] = np.nan
    return Pose(points[list(MIRRORED)] if turned else points, pose.size)
