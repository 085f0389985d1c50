"""All scores that need the pixels only, of one pair, sharing the work: local means are computed once for three of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from posetransfer.evaluation.batch import Batch, Columns, Mask, Picture
from posetransfer.evaluation.metrics.joint_mask import joint_mask
from posetransfer.evaluation.metrics.l1 import l1
from posetransfer.evaluation.metrics.mask_ssim import mask_ssim, mask_ssim_true
from posetransfer.evaluation.metrics.psnr import psnr
from posetransfer.evaluation.metrics.ssim import GAUSSIAN, UNIFORM_51, Array, own_range, products, ssim_maps
from posetransfer.pose.pose import Pose

NAMES = ("l1", "psnr", "ssim", "ssim_patn", "ssim_51", "ssim_white", "ssim_patn_white", "mask_ssim", "mask_ssim_true")


@dataclass(frozen=True)
class PixelMeasure:
    """Scores of each pair from its pixels; what cannot be computed (no pose, no mask, a window too large) is NaN."""

    names: tuple[str, ...] = NAMES
    white_columns: int = 40
    """White columns added on each side for the `_white` scores (PATN's DeepFashion script: 176 -> 256)."""
    _planes: dict[tuple[int, ...], Array] = field(default_factory=dict, repr=False, compare=False)
    """Working memory of the last pair's shape; a measure belongs to one thread."""

    def __call__(self, batch: Batch) -> Columns:
        """A float64 column for each of `names`."""
        rows = [self.score(batch.generated[i], batch.real[i], batch.pose(i), batch.mask(i)) for i in range(len(batch))]
        return {name: np.array([row.get(name, np.nan) for row in rows], dtype=np.float64) for name in self.names}

    def score(self, generated: Picture, real: Picture, pose: Pose | None = None, mask: Mask | None = None) -> dict[str, float]:
        """The scores of one pair; those that it does not allow are left out."""
        scores: dict[str, float] = {}
        if "l1" in self.names:
            scores["l1"] = l1(generated, real)
        if "psnr" in self.names:
            scores["psnr"] = psnr(generated, real)
        if min(generated.shape[:2]) >= len(GAUSSIAN.weights):
            scores |= self._similarities(generated, real, pose, mask)
        return scores

    def _similarities(self, generated: Picture, real: Picture, pose: Pose | None, mask: Mask | None) -> dict[str, float]:
        """Everything that is an SSIM."""
        scores: dict[str, float] = {}
        planes = products(generated, real, self._planes.get(generated.shape))
        self._planes.clear()
        self._planes[generated.shape] = planes
        if min(generated.shape[:2]) >= len(UNIFORM_51.weights) and "ssim_51" in self.names:
            scores["ssim_51"] = float(ssim_maps(planes, (255.0,), UNIFORM_51).mean())
        if {"ssim", "ssim_patn", "mask_ssim_true"} & set(self.names):
            maps = ssim_maps(planes, (255.0, own_range(generated)))
            scores |= self._both_ranges("", maps)
            if mask is not None and "mask_ssim_true" in self.names:
                scores["mask_ssim_true"] = mask_ssim_true(generated, real, mask, maps[0])
        if {"ssim_white", "ssim_patn_white"} & set(self.names):
            wide, wide_real = (with_white_columns(picture, self.white_columns) for picture in (generated, real))
            scores |= self._both_ranges("_white", ssim_maps(products(wide, wide_real), (255.0, own_range(wide))))
        if pose is not None and pose.present.any() and "mask_ssim" in self.names:
            scores["mask_ssim"] = mask_ssim(generated, real, joint_mask(pose), planes)
        return scores

    def _both_ranges(self, ending: str, maps: Array) -> dict[str, float]:
        """`ssim` and `ssim_patn` from their maps."""
        means = {name + ending: float(values.mean()) for name, values in zip(("ssim", "ssim_patn"), maps, strict=True)}
        return {name: mean for name, mean in means.items() if name in self.names}


def with_white_columns(picture: Picture, columns: int) -> Picture:
    """The picture with white columns added on both sides.

    >>> with_white_columns(np.zeros((2, 3, 3), np.uint8), 1)[0, :, 0].tolist()
    [255, 0, 0, 0, 255]
    """
    return np.pad(picture, ((0, 0), (columns, columns), (0, 0)), constant_values=255)
