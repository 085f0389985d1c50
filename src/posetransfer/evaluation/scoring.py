"""Score many pairs: the pixels' scores, joints and features, in several processes.

>>> photos = [np.full((16, 12, 3), value, np.uint8) for value in (0, 255)]
>>> scored = score_pictures(photos, photos[::-1], names=("l1", "ssim"))
>>> scored.column("l1")
array([2., 2.])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posetransfer.evaluation.batch import Batch, Columns, Mask, Measure, Picture
from posetransfer.evaluation.chunks import Parts, Progress, run
from posetransfer.evaluation.metrics.joints import MoveNetJoints
from posetransfer.evaluation.metrics.pixels import NAMES, PixelMeasure
from posetransfer.evaluation.pictures import Pair, load_batch
from posetransfer.pose.pose import Pose

Load = Callable[[Sequence[Pair]], Batch]
"""Reads pairs, in the form of a protocol."""


@dataclass(frozen=True)
class PairWork:
    """Reads pairs and measures them; what `chunks.run` sends to its processes."""

    pairs: Sequence[Pair]
    measures: Sequence[Measure]
    load: Load = load_batch

    def __len__(self) -> int:
        return len(self.pairs)

    def __call__(self, start: int, stop: int) -> Columns:
        """The columns of the pairs start..stop."""
        batch = self.load(self.pairs[start:stop])
        columns: Columns = {}
        for measure in self.measures:
            columns |= measure(batch)
        return columns


def score_pairs(
    pairs: Sequence[Pair],
    measures: Sequence[Measure] = (PixelMeasure(),),
    load: Load = load_batch,
    processes: int = 1,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Parts:
    """Measure pairs of picture files or arrays.

    Args:
        pairs: what to compare.
        measures: what to measure.
        load: reads the pictures; a `Protocol` brings them into its form.
        processes: how many work at once.
        folder: keeps finished chunks; it must belong to these very pairs and measures.
        progress: called after every chunk with (pairs done, pairs in all).

    Returns:
        The columns of all measures, a row per pair, in the order of `pairs`.
    """
    return run(PairWork(pairs, measures, load), processes, folder, progress)


def score_pictures(
    generated: Sequence[Picture],
    real: Sequence[Picture],
    poses: Sequence[Pose | None] | None = None,
    masks: Sequence[Mask | npt.NDArray[np.bool_] | None] | None = None,
    names: tuple[str, ...] = NAMES,
    joints: bool = False,
    processes: int = 1,
) -> Parts:
    """Score pictures that are in memory: the i-th generated one against the i-th real one.

    Args:
        generated: (H, W, 3) uint8 each.
        real: the same shapes.
        poses: target poses, for `mask_ssim` and the joints.
        masks: (H, W) True on the person, for `mask_ssim_true`.
        names: which scores of the pixels.
        joints: also count joints that MoveNet finds (`pckh_patn_movenet_right`, `..._total`).
        processes: how many work at once.
    """
    pairs = [
        Pair(f"{i:08d}", generated[i], real[i], poses[i] if poses is not None else None, masks[i] if masks is not None else None)
        for i in range(len(generated))
    ]
    measures: list[Measure] = [PixelMeasure(names)]
    if joints:
        measures.append(MoveNetJoints())
    return score_pairs(pairs, measures, processes=processes)
