"""PCKh: the part of the joints that an estimator finds in the generated picture where the target pose has them.

`pckh_patn` follows the authors' script to the count: a joint is right if |dx| < w/2 and |dy| < h/2, w and h being the
sides of the box of the target's head joints (nose, *neck*, eyes, ears); pictures with fewer than two of them are left
out, and a box without width or height makes every joint wrong. `pckh` is the usual measure: a joint is right if it is
closer than half the head size, the head size being 0.6 times that box's diagonal (MPII's rule). Both are one ratio over
all joints of all pictures. Joints found but not in the target pose are ignored, joints not found are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posetransfer.pose.skeleton import INDEX

Points = npt.NDArray[np.float64]

HEAD = tuple(INDEX[name] for name in ("nose", "neck", "right_eye", "left_eye", "right_ear", "left_ear"))
MPII_HEAD_FACTOR = 0.6


@dataclass(frozen=True)
class JointCount:
    """Right joints and joints that were looked for; adding two counts joins two sets."""

    right: int = 0
    total: int = 0

    def __add__(self, other: JointCount) -> JointCount:
        return JointCount(self.right + other.right, self.total + other.total)

    @property
    def share(self) -> float:
        """right / total; NaN if nothing was looked for."""
        return self.right / self.total if self.total else float("nan")


def head_box(points: Points) -> tuple[float, float] | None:
    """(width, height) of the box of the head joints; None if fewer than two of (18, 2) are present."""
    head = points[list(HEAD)]
    head = head[~np.isnan(head[:, 0])]
    if len(head) < 2:
        return None
    width, height = head.max(axis=0) - head.min(axis=0)
    return float(width), float(height)


def pckh_patn(found: Points, target: Points, alpha: float = 0.5) -> JointCount:
    """Count right joints by the authors' box rule.

    Args:
        found: (18, 2) as (x, y), NaN = not found; what the estimator sees in the generated picture.
        target: (18, 2), the pose that was asked for, in the same pixels.
        alpha: part of the box's sides.
    """
    box = head_box(target)
    if box is None:
        return JointCount()
    with np.errstate(invalid="ignore"):
        right = (np.abs(found - target) < alpha * np.array(box)).all(axis=1)
    return JointCount(int(right.sum()), int((~np.isnan(target[:, 1])).sum()))


def pckh(found: Points, target: Points, alpha: float = 0.5) -> JointCount:
    """Count right joints by distance: closer than `alpha` head sizes. Arguments as in `pckh_patn`."""
    box = head_box(target)
    if box is None:
        return JointCount()
    with np.errstate(invalid="ignore"):
        right = np.linalg.norm(found - target, axis=1) < alpha * MPII_HEAD_FACTOR * float(np.hypot(*box))
    return JointCount(int(right.sum()), int((~np.isnan(target[:, 1])).sum()))
