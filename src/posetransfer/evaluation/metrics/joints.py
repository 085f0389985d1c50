"""Joints that an estimator finds in the generated pictures (and, as a ceiling, in the real ones), counted as PCKh.

The authors' numbers come from their OpenPose. Here it is MoveNet, so the scores carry its name: `pckh_patn_movenet`.
Joints found elsewhere (OpenPose's, in the authors' `pckh.csv` form) can be given; then the score is `pckh_patn` itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from posetransfer.errors import NoPersonFound
from posetransfer.evaluation.batch import Batch, Columns, Picture
from posetransfer.evaluation.metrics.pckh import JointCount, pckh, pckh_patn
from posetransfer.pose.pose import Pose

Points = npt.NDArray[np.float64]
RULES = {"pckh_patn": pckh_patn, "pckh": pckh}
MISSING = np.full((18, 2), np.nan)


def count_columns(ending: str, found: list[Points], poses: list[Pose | None]) -> Columns:
    """Columns `RULE_ENDING_right` and `RULE_ENDING_total` for both rules; rows without a target pose count nothing."""
    columns: Columns = {}
    for rule, count in RULES.items():
        counts = [count(f, p.points) if p is not None else JointCount() for f, p in zip(found, poses, strict=True)]
        columns[f"{rule}{ending}_right"] = np.array([c.right for c in counts], dtype=np.float64)
        columns[f"{rule}{ending}_total"] = np.array([c.total for c in counts], dtype=np.float64)
    return columns


@dataclass
class MoveNetJoints:
    """Finds joints with the shipped estimator; loads it when the first picture comes."""

    ceiling: bool = True
    """Look at the real pictures too: columns `..._movenet_real_...`."""
    _estimator: Any = field(default=None, repr=False)
    _seen: OrderedDict[bytes, Points] = field(default_factory=OrderedDict, repr=False)

    def __call__(self, batch: Batch) -> Columns:
        """Counts of every pair, under `pckh_patn_movenet` and `pckh_movenet`."""
        poses = [batch.pose(i) for i in range(len(batch))]
        columns = count_columns("_movenet", [self.find(picture) for picture in batch.generated], poses)
        if self.ceiling:
            columns |= count_columns("_movenet_real", [self.find(picture) for picture in batch.real], poses)
        return columns

    def find(self, picture: Picture) -> Points:
        """(18, 2) joints of the one person in the picture; all NaN if nobody is seen."""
        key = picture.tobytes()  # a target stands in many pairs
        if key not in self._seen:
            self._seen[key] = self._look(picture)
            if len(self._seen) > 256:
                self._seen.popitem(last=False)
        return self._seen[key]

    def _look(self, picture: Picture) -> Points:
        if self._estimator is None:
            from posetransfer.pose.estimator import Estimator  # here: it starts ONNX Runtime

            self._estimator = Estimator(threads=1)
        height, width = picture.shape[:2]
        try:
            pose: Pose = self._estimator(picture, box=(-0.5, -0.5, width - 0.5, height - 0.5))
        except NoPersonFound:
            return MISSING
        return pose.points

    def __getstate__(self) -> dict[str, Any]:
        return {"ceiling": self.ceiling, "_estimator": None, "_seen": OrderedDict()}


@dataclass(frozen=True)
class GivenJoints:
    """Joints that somebody else found in the generated pictures, by pair name."""

    found: Mapping[str, Points]

    def __call__(self, batch: Batch) -> Columns:
        """Counts of every pair, under `pckh_patn` and `pckh`; a pair without joints counts as nothing found."""
        poses = [batch.pose(i) for i in range(len(batch))]
        return count_columns("", [self.found.get(name, MISSING) for name in batch.names], poses)
