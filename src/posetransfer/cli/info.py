"""`posetransfer info`: what is this file, folder or name, and what does the program read out of it?"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from posetransfer.errors import PoseTransferError

if TYPE_CHECKING:
    from posetransfer.engines.calibration import Calibration
    from posetransfer.pose import Pose

Facts = dict[str, Any]

_EXIF_TAGS = {"orientation": 274, "make": 271, "model": 272, "software": 305, "taken": 306}


def info(thing: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="WEIGHTS|POSE|PHOTO")]], json: bool = False) -> None:
    """Say what a weights folder, a pose or a photo is.

    Args:
        thing: a weights folder, a pose file or a photo; or the name of weights or of a shipped pose.
        json: answer in JSON, sizes as [height, width].
    """
    from json import dumps

    facts = describe(thing)
    print(dumps(facts, indent=2, ensure_ascii=False) if json else "\n".join(lines(facts)))


def describe(thing: str) -> Facts:
    """Tell by content what `thing` is, and read it.

    Returns:
        facts that JSON can hold; `kind` is "weights", "pose" or "photo", sizes are [height, width].

    Raises:
        PoseTransferError: there is nothing of that name, or it cannot be read.
    """
    path = Path(thing).expanduser()
    if path.is_dir() or path.suffix in (".safetensors", ".pth", ".pt"):
        return _weights(thing)
    if path.is_file():
        from posetransfer.image import is_picture

        return _photo(path) if is_picture(path) else _pose_file(path)
    return _named(thing)


def lines(facts: Facts) -> list[str]:
    """Facts for the eye: one `name  value` a line, names of one width.

    >>> lines({"kind": "photo", "size": [6, 4], "exif": {"make": "Ours"}})
    ['kind       photo', 'size       6 x 4', 'exif.make  Ours']
    """
    flat = dict(_flat(facts))
    width = max(map(len, flat))
    return [f"{name:{width}}  {value}" for name, value in flat.items()]


def _flat(facts: Facts, above: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{above}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            rows += [row for number, one in enumerate(value) for row in _flat(one, f"{above}{name}.{number}.")]
        else:
            rows.append((above + name, _text(name, value)))
    return rows


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and value > 9999:
        return f"{value:,}"
    if isinstance(value, list):
        return (" x " if name.endswith("size") else ", ").join(map(str, value)) or "none"
    return str(value)


def _named(thing: str) -> Facts:
    from posetransfer.pose.library import library_names, library_pose
    from posetransfer.weights import weights_names

    if thing in weights_names():
        return _weights(thing)
    if thing in library_names():
        return {"kind": "pose", "name": thing, "format": "posetransfer (shipped)", "people": [_pose(library_pose(thing))]}
    raise PoseTransferError(
        f"{thing}: no file or folder of that path, no weights of that name ({', '.join(weights_names()) or 'there are none'}), "
        f"and no shipped pose ({', '.join(library_names()) or 'there are none'}); check the path."
    )


def _weights(thing: str) -> Facts:
    from dataclasses import asdict
    from json import loads

    from posetransfer.engines.calibration import recorded
    from posetransfer.weights import find_weights, load_weights, parameter_count
    from posetransfer.weights.file import CARD, CONFIG, TENSORS, file_hash

    folder = find_weights(thing)
    weights = load_weights(folder)
    tensors, card = folder / TENSORS, folder / CARD
    return {
        "kind": "weights",
        "folder": str(folder),
        "origin": weights.origin,
        "about": _first_paragraph(card.read_text(encoding="utf-8")) if card.is_file() else f"no {CARD} in this folder",
        "parameters": parameter_count(weights.config),
        "stored_as": loads((folder / CONFIG).read_text(encoding="utf-8")).get("dtype", "not said"),
        "bytes": tensors.stat().st_size,
        "sha256": file_hash(tensors),
        "engine": _engine(recorded(weights)),
        "model": {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(weights.config).items()},
    }


def _engine(found: Calibration | None) -> Facts:
    """What `--engine auto` takes on this machine, if that was measured."""
    if found is None:
        return {"auto": "not measured yet; the first transfer on a CPU does it"}
    return {
        "auto": found.choice,
        "size": list(found.size),
        "milliseconds": found.milliseconds,
        "psnr": found.psnr,
        "skipped": found.skipped,
    }


def _first_paragraph(card: str) -> str:
    """The first plain paragraph of a model card: behind the YAML head and the headings.

    >>> _first_paragraph("---\\nlicense: apache-2.0\\n---\\n\\n# Small one\\n\\nTrained on\\nrendered people.\\n\\nMore.")
    'Trained on rendered people.'
    """
    body = card.split("\n---\n", 1)[1] if card.startswith("---\n") and "\n---\n" in card else card
    paragraphs = (" ".join(part.split()) for part in body.split("\n\n"))
    return next((text for text in paragraphs if text and text[0] not in "#|!<`"), "the card says nothing")


def _pose_file(path: Path) -> Facts:
    from posetransfer.pose.formats import pose_format, read_poses

    return {"kind": "pose", "path": str(path), "format": pose_format(path), "people": [_pose(pose) for pose in read_poses(path)]}


def _pose(pose: Pose) -> Facts:
    from posetransfer.pose import KEYPOINTS

    outside = pose.present & ~pose.inside
    return {
        "size": list(pose.size),
        "joints": int(pose.present.sum()),
        "missing": [name for name, there in zip(KEYPOINTS, pose.present, strict=True) if not there],
        "outside": [name for name, out in zip(KEYPOINTS, outside, strict=True) if out],
        "box": [round(side, 1) for side in pose.box()] if pose.present.any() else [],
        "mean_score": round(float(pose.score[pose.present].mean()), 3) if pose.present.any() else 0.0,
    }


def _photo(path: Path) -> Facts:
    from PIL import Image

    from posetransfer.image import load_photo

    upright = load_photo(path)  # first: it refuses what is too large or damaged
    with _quiet(), Image.open(path) as image:
        exif = {name: image.getexif().get(tag) for name, tag in _EXIF_TAGS.items()}
        return {
            "kind": "photo",
            "path": str(path),
            "format": image.format,
            "mode": image.mode,
            "size": [image.height, image.width],
            "upright_size": list(upright.shape[:2]),
            "frames": getattr(image, "n_frames", 1),
            "bytes": path.stat().st_size,
            "exif": {name: value if isinstance(value, int) else str(value) for name, value in exif.items() if value is not None},
        }


def _quiet() -> warnings.catch_warnings[None]:
    """Pillow warns of large pictures and of broken EXIF; `load_photo` has its own sentence for the first."""
    return warnings.catch_warnings(action="ignore")
