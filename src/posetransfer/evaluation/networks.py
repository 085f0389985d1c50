"""Which networks the scores look through: the standard ones where they are to be had, else the shipped stand-ins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from posetransfer.errors import DataError, SettingsError

if TYPE_CHECKING:
    from posetransfer.evaluation.metrics.features import Detector, Distance, Extractor
    from posetransfer.evaluation.protocols import Protocol

Choice = Literal["auto", "standard", "stand-in", "none"]

LABELS = {
    "effnetlite0": "EfficientNet-Lite0 (ImageNet)",
    "vgg16": "VGG16 relu3_3 (ImageNet)",
    "st_lpips": "ST-LPIPS (Alex)",
    "nanodet": "NanoDet-g (COCO)",
    "lpips": "LPIPS 0.1 (Alex)",
    "reid_similarity": "the given re-ID network",
}


@dataclass(frozen=True)
class Networks:
    """What was found."""

    extractors: tuple[Extractor, ...] = ()
    distances: tuple[Distance, ...] = ()
    detectors: tuple[Detector, ...] = ()
    notes: tuple[str, ...] = ()


def choose_networks(protocol: Protocol, choice: Choice = "auto", folder: Path | None = None, reid: Path | None = None) -> Networks:
    """Find the networks of a protocol.

    Args:
        protocol: says which Inception weights are standard.
        choice: `auto`: standard where it is at hand or can be fetched, else a stand-in.
        folder: where the user keeps weight files.
        reid: a re-identification network, if the user has one.

    Raises:
        SettingsError: a standard network is wanted but not to be had, or none is wanted but `reid` is given.
        DataError: a file that is not what its name says.
    """
    from posetransfer.evaluation.metrics.networks.alexnet import AlexLpips
    from posetransfer.evaluation.metrics.networks.files import NETWORKS, find_network
    from posetransfer.evaluation.metrics.networks.inception import Inception
    from posetransfer.evaluation.metrics.networks.shipped import EfficientNet, NanoDet, StLpips, Vgg16

    extras = _reid(reid)
    if choice == "none":
        return Networks(distances=extras)
    wanted = {"inception": f"inception-{protocol.inception}", "alexnet": "alexnet"}
    found = {role: find_network(name, folder) if choice != "stand-in" else None for role, name in wanted.items()}
    lacking = [NETWORKS[wanted[role]].name for role, path in found.items() if path is None]
    if choice == "standard" and lacking:
        raise SettingsError(
            f"{' and '.join(lacking)}: not found and not to be fetched; put the files into a folder and give it with --networks-folder, "
            "or score with --networks stand-in."
        )
    inception, alexnet = found["inception"], found["alexnet"]
    return Networks(
        extractors=(Inception(inception, protocol.inception),) if inception else (EfficientNet(), Vgg16()),
        distances=(*((AlexLpips(alexnet),) if alexnet else (StLpips(),)), *extras),
        detectors=(NanoDet(),),  # the SSD300 of the authors exists as Caffe weights only
        notes=_notes(lacking),
    )


def _notes(lacking: list[str]) -> tuple[str, ...]:
    detector = "ds: the authors' SSD300 is not to be had; ds_nanodet is another detector's score"
    if not lacking:
        return (detector,)
    return (
        detector,
        f"stand-ins for {', '.join(lacking)}: scores with a network's name are on scales of their own, no paper's numbers fit them",
    )


def _reid(path: Path | None) -> tuple[Distance, ...]:
    if path is None:
        return ()
    if not path.is_file():
        raise DataError(f"{path}: no such file; give a re-identification network as ONNX.")
    from posetransfer.evaluation.metrics.reid import ReidSimilarity

    return (ReidSimilarity(path),)
