"""Measures that look through a network: features and logits for FID, KID and IS; detection scores; picture distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from posetransfer.evaluation.batch import Batch, Columns, Picture
from posetransfer.evaluation.metrics.joint_mask import joint_mask
from posetransfer.evaluation.metrics.mask_ssim import masked
from posetransfer.evaluation.metrics.pixels import with_white_columns


class Extractor(Protocol):
    """Pictures in, features (n, d) and logits (n, classes) or None out; each picture for itself."""

    @property
    def name(self) -> str:
        """What a stand-in's scores are called after; empty for the standard network."""
        ...

    @property
    def sha256(self) -> str:
        """Of the weight file."""
        ...

    def __call__(self, pictures: Sequence[Picture]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
        """Features and logits."""
        ...


class Distance(Protocol):
    """Two lists of pictures in, (n,) distances out."""

    @property
    def name(self) -> str:
        """The score's name."""
        ...

    @property
    def sha256(self) -> str:
        """Of the weight file."""
        ...

    def __call__(self, generated: Sequence[Picture], real: Sequence[Picture]) -> npt.NDArray[np.float64]:
        """Distances."""
        ...


class Detector(Protocol):
    """Pictures in, (n,) confidences that there is a person out."""

    @property
    def name(self) -> str:
        """What the score is called after."""
        ...

    @property
    def sha256(self) -> str:
        """Of the weight file."""
        ...

    def __call__(self, pictures: Sequence[Picture]) -> npt.NDArray[np.float64]:
        """Confidences."""
        ...


def suffixed(score: str, network: str) -> str:
    """A score's name with that of its network, where that is not the standard one.

    >>> suffixed("fid", "effnetlite0"), suffixed("fid", "")
    ('fid_effnetlite0', 'fid')
    """
    return f"{score}_{network}" if network else score


@dataclass(frozen=True)
class FeatureMeasure:
    """Features and logits of the generated pictures; where asked for, logits of the pictures outside the joint mask black."""

    extractor: Extractor
    white_columns: int = 0
    with_masked: bool = False

    def __call__(self, batch: Batch) -> Columns:
        """Columns `features`, `logits` and `masked_logits`, suffixed with the network's name."""
        name = self.extractor.name
        features, logits = self.extractor([with_white_columns(picture, self.white_columns) for picture in batch.generated])
        columns: Columns = {suffixed("features", name): features}
        if logits is not None:
            columns[suffixed("logits", name)] = logits
            if self.with_masked:
                columns[suffixed("masked_logits", name)] = self._masked_logits(batch)
        return columns

    def _masked_logits(self, batch: Batch) -> npt.NDArray[np.float32]:
        """NaN where the pose is not known."""
        pictures = []
        for i, picture in enumerate(batch.generated):
            pose = batch.pose(i)
            pictures.append(masked(picture, joint_mask(pose)) if pose is not None else picture)
        _, logits = self.extractor(pictures)
        assert logits is not None
        unknown = [batch.pose(i) is None for i in range(len(batch))]
        return np.where(np.array(unknown)[:, None], np.float32(np.nan), logits)


@dataclass(frozen=True)
class DetectionMeasure:
    """How sure a detector is that there is a person in the generated picture."""

    detector: Detector
    white_columns: int = 0

    def __call__(self, batch: Batch) -> Columns:
        """Column `ds`, suffixed with the detector's name."""
        pictures = [with_white_columns(picture, self.white_columns) for picture in batch.generated]
        return {suffixed("ds", self.detector.name): self.detector(pictures)}


@dataclass(frozen=True)
class DistanceMeasure:
    """Distance of the generated from the real picture through a network."""

    distance: Distance

    def __call__(self, batch: Batch) -> Columns:
        """One column, of the distance's name."""
        return {self.distance.name: self.distance(batch.generated, batch.real)}
