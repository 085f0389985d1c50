"""Which networks the scores look through: the standard ones where they are to be had, else the shipped stand-ins."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from posetransfer.errors import DataError, SettingsError

if TYPE_CHECKING:
    from posetransfer.evaluation.metrics.features import Detector, Distance, Extractor
    from posetransfer.evaluation.protocols import Protocol

Choice = Literal["auto", "standard", "stand-in", "none"]

NEEDED = ("features", "distance", "detection")
"""Groups of scores that look through networks that may be standard ones."""

LABELS = {
    "effnetlite0": "EfficientNet-Lite0 (ImageNet)",
    "vgg16": "VGG16 relu3_3 (ImageNet)",
    "appearance": "VGG16 relu1_2 and relu3_3 (ImageNet)",
    "st_lpips": "ST-LPIPS (Alex)",
    "nanodet": "NanoDet-g (COCO)",
    "ds": "SSD300 (VOC 2007 + 2012)",
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


def choose_networks(
    protocol: Protocol,
    choice: Choice = "auto",
    folder: Path | None = None,
    reid: Path | None = None,
    groups: Collection[str] = NEEDED,
) -> Networks:
    """Find the networks of a protocol.

    Args:
        protocol: says which Inception weights are standard.
        choice: `auto`: standard where it is at hand or can be fetched, else a stand-in.
        folder: where the user keeps weight files.
        reid: a re-identification network, if the user has one.
        groups: the scores that are wanted, of `NEEDED`; what no score needs is not looked for.

    Raises:
        SettingsError: a standard network is wanted but not to be had, or none is wanted but `reid` is given.
        DataError: a file that is not what its name says.
    """
    from posetransfer.evaluation.metrics.networks.alexnet import AlexLpips
    from posetransfer.evaluation.metrics.networks.files import NETWORKS, find_network
    from posetransfer.evaluation.metrics.networks.inception import Inception
    from posetransfer.evaluation.metrics.networks.shipped import EfficientNet, NanoDet, StLpips, Vgg16
    from posetransfer.evaluation.metrics.networks.ssd300 import Ssd300

    extras = _reid(reid)
    if choice == "none":
        return Networks(distances=extras)
    wanted = {"features": (f"inception-{protocol.inception}",), "distance": ("alexnet",), "detection": ("ssd300-caffe", "ssd300-torch")}
    found: dict[str, Path] = {}
    lacking = []
    for group in [group for group in NEEDED if group in groups]:
        paths = [find_network(name, folder) if choice != "stand-in" else None for name in wanted[group]]
        if path := next((path for path in paths if path), None):
            found[group] = path
        else:
            lacking.append(NETWORKS[wanted[group][0]].name)
    if choice == "standard" and lacking:
        raise SettingsError(
            f"{' and '.join(lacking)}: not found and not to be fetched; put the files into a folder and give it with --networks-folder, "
            "leave their scores out with --only, or score with --networks stand-in."
        )
    inception, alexnet, ssd300 = (found.get(group) for group in NEEDED)
    return Networks(
        extractors=(Inception(inception, protocol.inception),) if inception else (EfficientNet(), Vgg16()),
        distances=(*((AlexLpips(alexnet),) if alexnet else (StLpips(),)), *extras),
        detectors=(Ssd300(ssd300),) if ssd300 else (NanoDet(),),
        notes=_notes(lacking),
    )


def _notes(lacking: list[str]) -> tuple[str, ...]:
    if not lacking:
        return ()
    return (f"stand-ins for {', '.join(lacking)}: scores with a network's name are on scales of their own, no paper's numbers fit them",)


def _reid(path: Path | None) -> tuple[Distance, ...]:
    if path is None:
        return ()
    if not path.is_file():
        raise DataError(f"{path}: no such file; give a re-identification network as ONNX.")
    from posetransfer.evaluation.metrics.reid import ReidSimilarity

    return (ReidSimilarity(path),)
