"""What training saw of poses, in a few kilobytes: some poses that stand for all, and how far the others lie from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from posetransfer.errors import PoseError, WeightsError
from posetransfer.pose import Pose
from posetransfer.pose.body import standing_height

POSES = "poses.json"
"""The file of a weights folder that holds the description."""

FORMAT, VERSION = "posetransfer-poses", 1
STANDING_FOR_ALL, LEARNT_FROM, SHARED = 200, 6000, 5
"""Poses kept; poses looked at; joints that two poses must share to be compared."""

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Seen:
    """Poses of a training set.

    Args:
        poses: (K, 18, 2) in standing heights of the person, NaN = missing.
        reach: the distance to the nearest of them below which 99 of 100 training poses lie that are not among them.
        count: how many poses it was learnt from.
    """

    poses: Points
    reach: float
    count: int

    @classmethod
    def of(cls, points: Points, size: tuple[int, int], seed: int = 0) -> Seen:
        """Describe a training set.

        Args:
            points: (N, 18, 2) as (x, y) in pixels, NaN = missing.
            size: (height, width) of the pictures.
            seed: decides which poses are looked at.

        Raises:
            PoseError: fewer than 20 poses whose size can be told.
        """
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(points))[:LEARNT_FROM]
        known = [shape for i in chosen if (shape := _shape(Pose(points[i], size))) is not None]
        if len(known) < 20:
            raise PoseError(f"{len(known)} poses whose size can be told are too few to describe a training set; 20 were expected.")
        shapes = np.stack(known)
        half = len(shapes) // 2
        kept = _spread(shapes[:half], min(STANDING_FOR_ALL, half // 2), rng)
        kept = np.round(kept, 3)
        others = [_nearest(shape, kept) for shape in shapes[half:]]  # none of these is among the kept ones
        return cls(kept, float(np.nanquantile(others, 0.99)), len(shapes))

    def strangeness(self, pose: Pose) -> float | None:
        """Distance to the nearest pose of training, 1 = as far as one in a hundred of them; None: too few joints to tell.

        A pose and its mirror image count as one: training shows both.
        """
        shape = _shape(pose)
        if shape is None:
            return None
        distance = min(_nearest(shape, self.poses), _nearest(np.asarray(_shape(pose.mirrored())), self.poses))
        return distance / self.reach if np.isfinite(distance) else None

    def to_json(self) -> str:
        """The text of `poses.json`: thousandths of the standing height, null = missing."""
        rows = [[None if np.isnan(value) else round(1000 * value) for value in pose.ravel()] for pose in self.poses]
        about = {"format": FORMAT, "version": VERSION, "learnt_from": self.count, "reach": round(self.reach, 5)}
        return json.dumps(about)[:-1] + ', "poses": [\n' + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]}\n"

    @classmethod
    def from_json(cls, text: str, place: str = POSES) -> Seen:
        """Read `poses.json`.

        Raises:
            WeightsError: damaged, or of another program or version.
        """
        try:
            about: Any = json.loads(text)
            if about["format"] != FORMAT or about["version"] != VERSION:
                raise ValueError(f"format {about['format']!r}, version {about['version']!r}")
            poses = np.array(about["poses"], np.float64).reshape(-1, 18, 2) / 1000
            reach = float(about["reach"])
            if not len(poses) or not reach > 0:
                raise ValueError("no poses")
            return cls(poses, reach, int(about["learnt_from"]))
        except (ValueError, KeyError, TypeError) as err:
            raise WeightsError(f"{place}: not a description of training poses that this program reads ({err}); remove the file.") from err


def _shape(pose: Pose) -> Points | None:
    """(18, 2) in standing heights; None if the person's size cannot be told."""
    try:
        return np.asarray(pose.points / standing_height(pose))
    except PoseError:
        return None


def _distances(shape: Points, others: Points) -> Points:
    """Root mean square distance of the joints that each of (K, 18, 2) shares with (18, 2), the best shift taken out; inf: too few."""
    apart = others - shape
    shared = ~np.isnan(apart[..., 0])
    count = np.maximum(shared.sum(axis=1), 1)
    apart = np.where(shared[..., None], apart, 0)
    mean = apart.sum(axis=1) / count[:, None]
    square = (apart**2).sum(axis=(1, 2)) / count - (mean**2).sum(axis=1)
    return np.where(shared.sum(axis=1) >= SHARED, np.sqrt(np.maximum(square, 0)), np.inf)


def _nearest(shape: Points, others: Points) -> float:
    return float(_distances(shape, others).min())


def _spread(shapes: Points, count: int, rng: np.random.Generator) -> Points:
    """So many of the shapes, drawn with chances by the squared distance from those already drawn (k-means++)."""
    kept = [int(rng.integers(len(shapes)))]
    far = np.minimum(_distances(shapes[kept[0]], shapes), 1.0)
    while len(kept) < count:
        chances = far**2
        kept.append(int(rng.choice(len(shapes), p=chances / chances.sum())))
        far = np.minimum(far, _distances(shapes[kept[-1]], shapes))
    return shapes[kept]
