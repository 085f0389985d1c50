"""A weights folder: `config.json`, `model.safetensors` and `README.md` (the model card).

`config.json` holds the format version, the ModelConfig, where the weights come from, and the SHA-256 of the tensors.
Nothing here can run code on loading: JSON and safetensors only.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from posetransfer.config import ModelConfig
from posetransfer.errors import OutputError, WeightsError
from posetransfer.weights.layout import Shape, expected_shapes
from posetransfer.weights.settings import model_config

CONFIG, TENSORS, CARD = "config.json", "model.safetensors", "README.md"
EXTRAS = ("poses.json",)
"""Small text files that a weights folder may hold besides: what training saw of poses (`gate.seen`)."""
FORMAT, VERSION = "posetransfer-weights", 1
LARGEST_CONFIG = 1 << 20  # bytes; a real one has under a thousand
DType = Literal["fp16", "fp32"]
Tensors = dict[str, npt.NDArray[np.float32]]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Weights:
    """A generator's settings and tensors, as read from a folder."""

    config: ModelConfig
    """What the network is and what it was trained to read."""
    tensors: Tensors
    """float32 arrays by name, exactly those of `layout.expected_shapes(config)`."""
    folder: Path
    """Where they lie."""
    origin: str
    """One sentence: how they came to be."""
    extras: Mapping[str, str] = field(default_factory=dict)
    """Texts of those optional files of `EXTRAS` that are there, by name."""


def save_weights(
    folder: str | Path,
    config: ModelConfig,
    state: Mapping[str, npt.NDArray[Any]],
    card: str,
    dtype: DType = "fp16",
    *,
    origin: str = "trained with posetransfer",
    extras: Mapping[str, str] | None = None,
) -> Path:
    """Write a weights folder, complete or not at all.

    Args:
        folder: where to; an older weights folder of that name is replaced, anything else is refused.
        config: settings of the network.
        state: its tensors; `num_batches_tracked` counters are left out, for they matter in training only.
        card: the text of the model card; a YAML head is put before it unless it has one.
        dtype: of the convolutions. Vectors (biases, norms) stay float32: they are small, and variances leave fp16's range.
        origin: one sentence for `config.json`.
        extras: texts of optional files, by their name in `EXTRAS`.

    Returns:
        the folder.

    Raises:
        WeightsError: settings out of range, tensors that do not fit them, or are not finite in the wanted type.
        OutputError: the folder cannot be written, or holds something else.
    """
    folder = Path(folder)
    model = json.loads(json.dumps(asdict(config)))
    model_config(model, str(folder))  # what could not be read back is not written
    kept = {name: np.asarray(array) for name, array in state.items() if not name.endswith("num_batches_tracked")}
    check_tensors(config, {name: array.shape for name, array in kept.items()}, str(folder))
    half = np.float16 if dtype == "fp16" else np.float32
    with np.errstate(over="ignore"):
        stored = {name: np.ascontiguousarray(array, half if array.ndim > 1 else np.float32) for name, array in kept.items()}
    check_finite(stored, f"{folder}: in {dtype}")
    with _replacing(folder) as draft:
        save_file(stored, draft / TENSORS, metadata={"format": "pt"})
        about = {"format": FORMAT, "version": VERSION, "origin": origin, "dtype": dtype, "sha256": file_hash(draft / TENSORS)}
        _write_text(draft / CONFIG, json.dumps(about | {"model": model}, indent=2) + "\n")
        for name, text in (extras or {}).items():
            if name not in EXTRAS:
                raise ValueError(f"{name}: no file of a weights folder; one of {EXTRAS}")
            _write_text(draft / name, text)
        _write_text(draft / CARD, card if card.startswith("---\n") else CARD_HEAD + card)
    return folder


CARD_HEAD = """\
---
library_name: posetransfer
pipeline_tag: image-to-image
license: apache-2.0
tags: [pose-transfer, person-image-synthesis, patn]
---

"""
"""What the Hugging Face hub reads; a card about weights under another licence brings a head of its own."""


def load_weights(folder: str | Path) -> Weights:
    """Read a weights folder, strictly: every tensor of the settings, in its shape, and nothing else.

    Raises:
        WeightsError: a file is missing, damaged or not what it should be, or tensors and settings disagree.
    """
    folder = Path(folder)
    about, config = _read_config(folder)
    path = folder / TENSORS
    _refuse_pickle(path)
    try:
        raw = load_file(path)
    except (SafetensorError, ValueError, OSError) as err:
        raise WeightsError(f"{path}: not a complete safetensors file ({err}); copy or make the weights folder again.") from err
    check_tensors(config, {name: array.shape for name, array in raw.items()}, str(folder))
    strange = next((name for name, array in raw.items() if array.dtype not in (np.float16, np.float32)), None)
    if strange:
        raise WeightsError(f"{path}: {strange} is of type {raw[strange].dtype}; weights are float16 or float32: save them anew.")
    tensors = {name: array.astype(np.float32) for name, array in raw.items()}
    extras = {name: text for name in EXTRAS if (text := read_extra(folder, name)) is not None}
    return Weights(config, tensors, folder, str(about.get("origin", "not said")), extras)


def read_config(folder: str | Path) -> ModelConfig:
    """The settings of a weights folder alone, without its tensors.

    Raises:
        WeightsError: `config.json` is missing, damaged, or of another program or version.
    """
    return _read_config(Path(folder))[1]


def read_extra(folder: str | Path, name: str) -> str | None:
    """The text of an optional file of a weights folder, see `EXTRAS`; None if it is not there.

    Raises:
        WeightsError: it cannot be read, or is too large.
    """
    path = Path(folder) / name
    if not path.is_file():
        return None
    if path.stat().st_size > LARGEST_CONFIG:
        raise WeightsError(f"{path}: {path.stat().st_size:,} bytes is too large for this file of a weights folder; remove it.")
    try:
        return path.read_text(encoding="utf-8")
    except (ValueError, OSError) as err:
        raise WeightsError(f"{path}: not readable as text ({err}); remove it, or copy the weights folder again.") from err


def verify_weights(folder: str | Path) -> Weights:
    """Read a weights folder and check all that loading does not: the SHA-256 of the tensors, and that each number is finite.

    Raises:
        WeightsError: as `load_weights`, and: another hash than `config.json` says, or a number that is not finite.
    """
    weights = load_weights(folder)
    said = _read_config(weights.folder)[0].get("sha256")
    found = file_hash(weights.folder / TENSORS)
    if said is None:
        log.warning("%s: config.json names no SHA-256, so only shapes and values were checked.", folder)
    elif said != found:
        raise WeightsError(
            f"{weights.folder / TENSORS}: SHA-256 is {found[:12]}…, config.json says {str(said)[:12]}…; "
            "the file was changed or damaged: copy it again from where it came."
        )
    check_finite(weights.tensors, str(folder))
    return weights


def check_tensors(config: ModelConfig, found: Mapping[str, Shape], place: str) -> None:
    """Compare names and shapes with what the settings ask for; the first difference is named.

    Raises:
        WeightsError: a missing or superfluous tensor, or one of another shape.
    """
    wanted = expected_shapes(config)
    names = [*wanted, *sorted(found.keys() - wanted.keys())]
    for name in names:
        if found.get(name) != wanted.get(name):
            have = f"has shape {_shape(found[name])}" if name in found else "is missing"
            want = f"ask for {_shape(wanted[name])}" if name in wanted else "know no such tensor"
            raise WeightsError(
                f"{place}: {name} {have}, the settings (width {config.width}, blocks {config.blocks}, {config.norm} norm) {want}; "
                "config.json and model.safetensors must come from one network."
            )


def check_finite(tensors: Mapping[str, npt.NDArray[Any]], place: str) -> None:
    """Refuse infinite numbers and NaN.

    Raises:
        WeightsError: the first tensor that has one.
    """
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise WeightsError(
                f"{place}: {name} holds numbers that are not finite; these weights cannot be used, take an earlier checkpoint."
            )


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_config(folder: Path) -> tuple[dict[str, Any], ModelConfig]:
    """The whole of `config.json`, and its `model` part checked."""
    for name in (CONFIG, TENSORS):
        if not (folder / name).is_file():
            raise WeightsError(f"{folder}: {name} is missing; a weights folder holds {CONFIG} and {TENSORS}.{_hint(folder)}")
    path = folder / CONFIG
    if path.stat().st_size > LARGEST_CONFIG:
        raise WeightsError(
            f"{path}: {path.stat().st_size:,} bytes is too large for settings; this is not a weights folder of posetransfer."
        )
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as err:
        raise WeightsError(f"{path}: not readable as JSON ({err}); copy or make the weights folder again.") from err
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise WeightsError(f'{path}: not the settings of posetransfer weights (no "format": "{FORMAT}"); give another folder.')
    if about.get("version") != VERSION:
        raise WeightsError(f"{path}: format version {about.get('version')!r}, this program reads {VERSION}; install a newer posetransfer.")
    return about, model_config(about.get("model"), str(path))


def _refuse_pickle(path: Path) -> None:
    """A `.pth` under the name of safetensors: zip (torch >= 1.6) or a bare pickle (older)."""
    with path.open("rb") as file:
        start = file.read(2)
    if start == b"PK" or start[:1] == b"\x80":
        raise WeightsError(
            f"{path}: this is a PyTorch pickle, not safetensors, and is not opened because a pickle can run code; "
            "bring weights of the authors in with: posetransfer weights import."
        )


def _hint(folder: Path) -> str:
    if folder.is_dir() and any(folder.glob("*.pth")):
        return " It holds .pth files: bring weights of the authors in with posetransfer weights import."
    if (folder / "weights" / CONFIG).is_file():
        return f" This is the folder of a training run: its weights are {folder / 'weights'}."
    return ""


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "a single number"


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A temporary folder beside the wanted one, that takes its place when the block ends well and vanishes when not."""
    if folder.exists() and not (folder.is_dir() and ((folder / CONFIG).exists() or not any(folder.iterdir()))):
        raise OutputError(f"{folder}: exists and is not a weights folder; give the name of a new folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as err:
        raise OutputError(f"{folder}: cannot be written ({err.strerror}); choose a folder that you may write to.") from err
    try:
        yield draft
        draft.chmod(0o755)  # mkdtemp makes it private,
        (draft / TENSORS).chmod(0o644)  # and safetensors its file
        for file in draft.iterdir():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        _take_place(draft, folder)
    except OSError as err:
        raise OutputError(f"{folder}: cannot be written ({err.strerror}); choose a folder that you may write to.") from err
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _take_place(draft: Path, folder: Path) -> None:
    if not folder.exists():
        draft.rename(folder)
        return
    old = draft.with_name(draft.name + "-old")
    folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
