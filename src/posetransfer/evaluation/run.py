"""The evaluation itself: pairs in, `results.json` and `manifest.jsonl` out, in numbered steps."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posetransfer.errors import DataError, SettingsError
from posetransfer.evaluation import results as files
from posetransfer.evaluation import summary
from posetransfer.evaluation.appearance import appearance_columns, appearance_measure, appearance_scores
from posetransfer.evaluation.batch import Batch, Columns, Measure
from posetransfer.evaluation.chunks import CHUNK, Parts, Progress, check_rows, processors, rank_and_world
from posetransfer.evaluation.names import Found
from posetransfer.evaluation.networks import LABELS, NEEDED, Choice, Networks, choose_networks
from posetransfer.evaluation.pictures import MaskFile, Pair, PictureFile
from posetransfer.evaluation.protocols import Protocol, find_protocol
from posetransfer.evaluation.realset import RealSet, real_features, targets_of
from posetransfer.evaluation.results import Results, Score
from posetransfer.evaluation.scoring import score_pairs

log = logging.getLogger(__name__)

GROUPS = ("pixels", "joints", "features", "distance", "detection", "appearance")
"""What can be asked for: scores of the pixels; PCKh; FID, KID, IS; LPIPS and re-ID; DS; the nearest neighbour among people."""
MOVENET = "movenet_singlepose_thunder.onnx"
PACKAGES = ("numpy", "pillow", "torch", "onnxruntime", "posetransfer")


@dataclass(frozen=True)
class EvaluationSettings:
    """Everything that decides an evaluation."""

    protocol: str = "plain"
    only: tuple[str, ...] = GROUPS
    """Groups of scores, of `GROUPS`."""
    networks: Choice = "auto"
    networks_folder: Path | None = None
    reid: Path | None = None
    """A re-identification network (ONNX)."""
    joints: dict[str, npt.NDArray[np.float64]] | None = None
    """Joints that another estimator found in the generated pictures, by pair name; without them MoveNet looks."""
    real_set: RealSet | None = None
    """What FID and KID compare with, where it is not the distinct targets."""
    processes: int = 0
    """0: one per core."""
    seed: int = 0
    allow_missing: bool = False
    cache: Path | None = None
    """Folder of features of real sets; by default the user's."""


@dataclass(frozen=True)
class SizeMeasure:
    """Height and width of the scored pictures."""

    def __call__(self, batch: Batch) -> Columns:
        """Columns `height` and `width`."""
        return {
            "height": np.array([picture.shape[0] for picture in batch.generated]),
            "width": np.array([picture.shape[1] for picture in batch.generated]),
        }


@dataclass
class Evaluation:
    """One evaluation under way; `run` is its only step for users."""

    found: Found
    settings: EvaluationSettings
    output: Path
    origin: dict[str, Any] = field(default_factory=dict)
    progress: Callable[[str], Progress] | None = None
    """Makes a progress report for each stage."""

    def __post_init__(self) -> None:
        unknown = [group for group in self.settings.only if group not in GROUPS]
        if unknown:
            raise SettingsError(f"unknown group of scores {unknown[0]!r}; choose from {', '.join(GROUPS)}.")
        self.protocol: Protocol = find_protocol(self.settings.protocol)
        self.pairs: tuple[Pair, ...] = self.found.pairs
        self.processes = self.settings.processes or processors()

    def run(self) -> Results | None:
        """Score everything and write the results.

        Returns:
            the results; None in the processes of torchrun that only helped.

        Raises:
            DataError: pictures are missing, unreadable or of different sizes.
            OutputError: the output folder cannot be written.
        """
        started = time.perf_counter()
        self._check()  # 1. is everything there?
        networks = self._networks()  # 2. what do we look through?
        measures = self._measures(networks)
        folder = self.output / "parts" / self._key(measures)
        parts = score_pairs(self.pairs, measures, self.protocol, self.processes, folder, self._stage("pairs"))  # 3. each pair
        real = self._real_set(networks)
        features = self._real_features(networks, real)  # 4. the real set
        if rank_and_world()[0] > 0:
            return None
        looks = appearance_columns(self.pairs, parts) if "appearance_features" in parts.names else {}
        scores = [*self._pair_scores(parts, networks), *self._appearance(looks), *self._set_scores(parts, features, networks, folder)]
        results = self._results(scores, parts, networks, real, time.perf_counter() - started)  # 5. sums
        files.save(results, self._rows(parts, looks), self.output)  # 6. on paper
        shutil.rmtree(folder, ignore_errors=True)
        return results

    def _check(self) -> None:
        missing = self.found.missing
        if missing and not self.settings.allow_missing:
            shown = ", ".join(missing[:10]) + (", ..." if len(missing) > 10 else "")
            raise DataError(
                f"{len(missing)} of {len(missing) + len(self.pairs)} pairs have no generated picture: {shown}; "
                "make them, or score what is there with --allow-missing."
            )
        check_rows(len(self.pairs), "the generated pictures")

    def _networks(self) -> Networks:
        needed = [group for group in NEEDED if group in self.settings.only]
        choice: Choice = self.settings.networks if needed else "none"
        reid = self.settings.reid if "distance" in needed else None
        return choose_networks(self.protocol, choice, self.settings.networks_folder, reid, needed)

    def _measures(self, networks: Networks) -> list[Measure]:
        from posetransfer.evaluation.metrics.features import DetectionMeasure, DistanceMeasure, FeatureMeasure
        from posetransfer.evaluation.metrics.joints import GivenJoints, MoveNetJoints
        from posetransfer.evaluation.metrics.pixels import PixelMeasure

        only, white = self.settings.only, self.protocol.white_columns
        measures: list[Measure] = [SizeMeasure()]
        if "pixels" in only:
            measures.append(PixelMeasure(self.protocol.scores))
        if "joints" in only and any(pair.pose is not None for pair in self.pairs):
            measures.append(GivenJoints(self.settings.joints) if self.settings.joints is not None else MoveNetJoints())
        if "features" in only:
            with_masked = "mask_ssim" in self.protocol.scores and any(pair.pose is not None for pair in self.pairs)
            measures += [FeatureMeasure(extractor, white, with_masked) for extractor in networks.extractors]
        if "distance" in only:
            measures += [DistanceMeasure(distance) for distance in networks.distances]
        if "detection" in only:
            measures += [DetectionMeasure(detector, white) for detector in networks.detectors]
        if "appearance" in only and self.settings.networks != "none" and any(pair.mask is not None for pair in self.pairs):
            measures.append(appearance_measure(self.pairs))
        return measures

    def _key(self, measures: Sequence[Measure]) -> str:
        """Names the folder of finished parts: another picture, pose, protocol or program must not find them."""
        digest = hashlib.sha256(json.dumps([self.protocol.name, CHUNK, own_version()]).encode())
        for measure in measures:
            digest.update(_described(measure).encode())
        for pair in self.pairs:
            digest.update(f"{pair.backdrop}\n{pair.name}\n{_state(pair.generated)}\n{_state(pair.real)}\n{_state(pair.mask)}\n".encode())
            digest.update(pair.pose.points.tobytes() if pair.pose is not None else b"-")
        return digest.hexdigest()[:16]

    def _stage(self, name: str) -> Progress | None:
        return self.progress(name) if self.progress else None

    def _real_set(self, networks: Networks) -> RealSet | None:
        """The pictures that FID compares with; None where the protocol's own are not given."""
        if "features" not in self.settings.only or not networks.extractors:
            return None
        if self.settings.real_set is not None:
            return self.settings.real_set
        return targets_of(self.pairs) if self.protocol.real_set == "targets" else None

    def _real_features(self, networks: Networks, real: RealSet | None) -> dict[str, Parts]:
        if real is None or not real.pictures:
            return {}
        return {
            extractor.name: real_features(
                real, self.protocol, extractor, self.processes, self.settings.cache, self._stage(f"real set {extractor.name}".strip())
            )
            for extractor in networks.extractors
        }

    def _pair_scores(self, parts: Parts, networks: Networks) -> list[Score]:
        """Scores that are means or ratios over the pairs; those that no pair has a value for are left out."""
        seed, names = self.settings.seed, parts.names
        scores = [summary.mean_score(name, parts.column(name), seed) for name in self.protocol.scores if name in names]
        scores = [score for score in scores if score.n]
        for name in [name.removesuffix("_right") for name in names if name.endswith("_right")]:
            scores.append(self._joint_score(name, parts))
        scores += self._shares_of_ceiling(parts)
        for distance in networks.distances:
            if distance.name in names:
                label = LABELS.get(distance.name, distance.name)
                scores.append(summary.mean_score(distance.name, parts.column(distance.name), seed, label, distance.sha256))
        for detector in networks.detectors:
            name = f"ds_{detector.name}".rstrip("_")
            if name in names:
                scores.append(summary.mean_score(name, parts.column(name), seed, LABELS[detector.name or "ds"], detector.sha256))
        return scores

    def _joint_score(self, name: str, parts: Parts) -> Score:
        right, total = parts.column(f"{name}_right"), parts.column(f"{name}_total")
        if self.settings.joints is not None:
            return summary.ratio_score(name, right, total, self.settings.seed, "the given joints")
        from posetransfer.assets import asset_path
        from posetransfer.evaluation.metrics.networks.files import sha256

        note = "ceiling: the same estimator on the real pictures" if name.endswith("_real") else "not the authors' OpenPose"
        return summary.ratio_score(name, right, total, self.settings.seed, "MoveNet Thunder", sha256(asset_path(MOVENET)), note)

    def _shares_of_ceiling(self, parts: Parts) -> list[Score]:
        """PCKh as a part of what the same estimator scores on the real pictures; the interval holds what both vary together."""
        shares = []
        for name in [name.removesuffix("_real_right") for name in parts.names if name.endswith("_real_right")]:
            right, best = parts.column(f"{name}_right"), parts.column(f"{name}_real_right")
            shares.append(summary.ratio_score(f"{name}_share", right, best, self.settings.seed, note=f"{name} / {name}_real"))
        return shares

    def _appearance(self, looks: dict[str, npt.NDArray[np.float64]]) -> list[Score]:
        if not looks:
            return []
        from posetransfer.evaluation.metrics.networks.shipped import VGG16, shipped_sha256

        return appearance_scores(self.pairs, looks, self.settings.seed, LABELS["appearance"], shipped_sha256(VGG16))

    def _set_scores(self, parts: Parts, real: dict[str, Parts], networks: Networks, scratch: Path) -> list[Score]:
        scores: list[Score] = []
        for extractor in networks.extractors if "features" in self.settings.only else ():
            suffix = f"_{extractor.name}" if extractor.name else ""
            label = LABELS.get(extractor.name, f"Inception-v3 ({self.protocol.inception})")
            for score, column in (("is", "logits"), ("mask_is", "masked_logits")):
                if column + suffix in parts.names:
                    scores.append(summary.inception_scores(score + suffix, parts, column + suffix, label, extractor.sha256))
            if extractor.name in real:
                column, drop = f"features{suffix}", self.protocol.drop_last
                scores += summary.set_scores(suffix, parts, real[extractor.name], column, label, extractor.sha256, scratch, drop)
        return scores

    def _results(self, scores: list[Score], parts: Parts, networks: Networks, real: RealSet | None, seconds: float) -> Results:
        sizes = Counter(f"{h}x{w}" for h, w in zip(parts.column("height").tolist(), parts.column("width").tolist(), strict=True))
        known = {"kind": real.kind, "pictures": len(real.pictures), "sha256": real.sha256} if real else {}
        return Results(
            protocol=self.protocol.name,
            pairs=len(self.pairs),
            scores=tuple(scores),
            sizes=dict(sorted(sizes.items())),
            notes=(*self._notes(real), *networks.notes),
            missing=self.found.missing,
            real_set=known,
            origin=self.origin,
            versions=versions(),
            seed=self.settings.seed,
            seconds=round(seconds, 2),
        )

    def _notes(self, real: RealSet | None) -> list[str]:
        notes = []
        jpeg = sum(isinstance(pair.generated, PictureFile) and pair.generated.is_jpeg for pair in self.pairs)
        strips = sum(isinstance(pair.generated, PictureFile) and pair.generated.panel is not None for pair in self.pairs)
        if jpeg:
            notes.append(f"{jpeg} of {len(self.pairs)} generated pictures are JPEG files: their loss is in every score")
        if self.protocol.as_strips and strips < len(self.pairs):
            notes.append(f"{len(self.pairs) - strips} pictures were given the loss of the authors' JPEG strips in memory")
        if self.found.missing:
            notes.append(f"{len(self.found.missing)} pairs without a generated picture are left out")
        if "features" in self.settings.only and real is None and self.protocol.real_set == "train":
            notes.append(f"no FID: {self.protocol.name} compares with all training pictures; give them with --real-set")
        return notes

    def _rows(self, parts: Parts, looks: dict[str, npt.NDArray[np.float64]]) -> list[dict[str, Any]]:
        """The manifest: a row per pair, with the scores that belong to a pair."""
        columns = {name: parts.column(name) for name in parts.names if _per_pair(name)} | looks
        return [
            self._row(pair, {name: files.number(float(values[i])) for name, values in columns.items()}) for i, pair in enumerate(self.pairs)
        ]

    def _row(self, pair: Pair, values: dict[str, float | None]) -> dict[str, Any]:
        size = [int(values.pop(side) or 0) for side in ("height", "width")]
        return {
            "pair": pair.name,
            "source": pair.source,
            "target": pair.target,
            "generated": str(pair.generated.path) if isinstance(pair.generated, PictureFile) else None,
            "real": str(pair.real.path) if isinstance(pair.real, PictureFile) else None,
            "size": size,
            "joints_missing": None if pair.pose is None else int((~pair.pose.present).sum()),
            "pose_distance": pose_distance(pair),
            "scores": values,
        }


def pose_distance(pair: Pair) -> float | None:
    """How far the person moved: mean distance of the joints that both poses have, in heights of the picture, position apart."""
    if pair.pose is None or pair.source_pose is None:
        return None
    both = pair.pose.present & pair.source_pose.present
    if both.sum() < 2:
        return None
    moved = pair.pose.points[both] - pair.source_pose.scaled(pair.pose.size).points[both]
    return float(np.linalg.norm(moved - moved.mean(axis=0), axis=1).mean() / pair.pose.size[0])


def versions() -> dict[str, str]:
    """Versions of what a score can depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = own_version() if package == "posetransfer" else "not installed"
    return found


def own_version() -> str:
    """This package's version."""
    from posetransfer import __version__

    return __version__


def _per_pair(name: str) -> bool:
    return not any(word in name for word in ("features", "logits"))


def _described(measure: Measure) -> str:
    """A measure's settings and the files behind it."""
    parts = [repr(measure)]
    for name in ("extractor", "distance", "detector"):
        if hasattr(measure, name):
            parts.append(getattr(measure, name).sha256)
    found = getattr(measure, "found", None)
    if isinstance(found, dict):
        parts.append(hashlib.sha256(b"".join(key.encode() + value.tobytes() for key, value in sorted(found.items()))).hexdigest())
    return " ".join(parts)


def _state(source: PictureFile | MaskFile | npt.NDArray[Any] | None) -> str:
    """What changes when a picture does: its path, size and time, or its pixels."""
    if source is None:
        return "-"
    if isinstance(source, PictureFile | MaskFile):
        try:
            stat = source.path.stat()
        except OSError as error:
            raise DataError(f"{source.path}: the file is missing ({error.strerror}); every pair needs its pictures and mask.") from error
        return f"{source!r} {stat.st_size} {stat.st_mtime_ns}"
    return hashlib.sha256(source.tobytes()).hexdigest()


def evaluate(found: Found, settings: EvaluationSettings, output: Path, **options: Any) -> Results | None:
    """Score pairs and write `results.json` and `manifest.jsonl` into a folder; see `Evaluation`."""
    return Evaluation(found, settings, output, **options).run()
