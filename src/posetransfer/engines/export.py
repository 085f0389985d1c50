"""Weights as one file for another runtime, kept only if the file computes what PyTorch computes on real pictures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from math import inf, log10
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from posetransfer.engines.engine import Array
from posetransfer.engines.graph import build_graph
from posetransfer.errors import MissingExtra, OutputError, SettingsError
from posetransfer.image import Picture, from_unit, to_unit
from posetransfer.pose import KEYPOINTS, Pose, draw_heatmaps
from posetransfer.weights import Weights

TOLERANCE = 60.0
"""Decibels. A file that is further from PyTorch is not kept; 60 dB is an error of a quarter of a grey level."""
INT8_TOLERANCE = 40.0
"""The same for 8-bit integers: 2.5 grey levels."""

Run = Callable[..., npt.NDArray[Any]]
"""An opened file: photo, source and target as the file takes them -> picture."""


@dataclass(frozen=True)
class Sample:
    """What a network reads of one real photo and one wanted pose."""

    photo: Picture
    """uint8 (H, W, 3): the photo's part in the frame."""
    source: Pose
    target: Pose
    """Both in the frame's pixels."""


@dataclass(frozen=True)
class Difference:
    """How far a file is from PyTorch, over all pixels of all samples."""

    largest: float
    """Grey levels of 255."""
    psnr: float
    """Decibels; infinite if nothing differs."""
    pictures: int
    """Pictures that were computed."""


@dataclass(frozen=True)
class Form:
    """One kind of file."""

    ending: str
    write: Callable[[Weights, Path, bool, tuple[int, int] | None], None]
    """(weights, path, joints, size): may write further files beside the path, of the same name with other endings."""
    open: Callable[[Path], Run]
    package: str
    extra: str | None
    joints: bool = True
    """Can it draw the heat maps itself?"""
    sizes: bool = True
    """Can height and width be fixed? Without, a file takes every size."""


def export_weights(
    weights: Weights,
    form: str,
    path: Path,
    samples: Sequence[Sample],
    joints: bool = False,
    size: tuple[int, int] | None = None,
    calibration: Sequence[Sample] = (),
) -> Difference:
    """Write weights as a file, run it against PyTorch, and keep it only if both agree.

    Args:
        weights: settings and tensors.
        form: a key of `FORMS`.
        path: of the file; its ending is the form's.
        samples: what to compare on, of the given size or else of the weights'.
        joints: uint8 pictures and joints go in and out instead of floats and heat maps.
        size: height and width if the file shall take no others.
        calibration: onnx only: samples on which ranges are measured, to compute in 8-bit integers.

    Raises:
        SettingsError: an unknown form, or something that it cannot do.
        MissingExtra: its runtime is not installed.
        OutputError: another ending, a place that cannot be written, or a file that computes something else (it is removed).
    """
    kind = check_form(form, path, joints, size, int8=bool(calibration))
    if calibration:
        kind = replace(kind, write=partial(_write_int8, calibration))
    reference, tolerance = plain(weights), INT8_TOLERANCE if calibration else TOLERANCE
    with _draft(path, kind) as draft:
        kind.write(weights, draft, joints, size)
        found = compare(kind.open(draft), reference, samples, weights, joints, free=size is None)
        if not found.psnr >= tolerance:  # also if it is not a number
            raise OutputError(
                f"{path}: the file is {found.psnr:.1f} dB from PyTorch (at least {tolerance:.0f} are asked for), so it was not kept; "
                + ("leave --int8 out." if calibration else "use another form, and please report it.")
            )
    return found


def check_form(form: str, path: Path, joints: bool = False, size: tuple[int, int] | None = None, int8: bool = False) -> Form:
    """All that can be refused before any work; errors as in `export_weights`."""
    if form not in FORMS:
        raise SettingsError(f"form {form!r} is unknown; it is one of {', '.join(FORMS)}.")
    kind = FORMS[form]
    if path.suffix.lower() != kind.ending:
        raise OutputError(f"{path}: a file of the form {form} ends in {kind.ending}; choose such a name with -o.")
    if int8 and form != "onnx":
        raise SettingsError(f"int8: files of the form {form} are written in float only; leave --int8 out, or use onnx.")
    if joints and not kind.joints:
        able = ", ".join(name for name, other in FORMS.items() if other.joints)
        raise SettingsError(f"joints: the form {form} takes heat maps only; leave --joints out, or use {able}.")
    if size and not kind.sizes:
        able = ", ".join(name for name, other in FORMS.items() if other.sizes)
        raise SettingsError(f"size: files of the form {form} take every size; leave --size out, or use {able}.")
    if size and (min(size) < 8 or any(side % 4 for side in size)):
        raise SettingsError(f"size {size[0]} {size[1]}: height and width should be at least 8, and divisible by 4.")
    try:
        import_module(kind.package)
    except ModuleNotFoundError as err:
        raise MissingExtra(kind.package, kind.extra) from err
    return kind


def compare(run: Run, reference: Run, samples: Sequence[Sample], weights: Weights, joints: bool, free: bool = True) -> Difference:
    """Run both on every sample: one by one, all at once, and, where the size is free, on a part of them."""
    groups = [[sample] for sample in samples] + [list(samples)]
    if free:
        height, width = (max(8, side * 3 // 4 // 4 * 4) for side in samples[0].photo.shape[:2])
        groups.append(
            [Sample(one.photo[:height, :width], _on(one.source, height, width), _on(one.target, height, width)) for one in samples]
        )
    largest, squares, pixels = 0.0, 0.0, 0
    for group in groups:
        photo, source, target = inputs(group, weights, joints=False)
        expected = reference(photo, source, target)
        picture = run(*inputs(group, weights, joints))
        difference = _levels(picture, expected, joints)
        largest = max(largest, float(np.abs(difference).max()))
        squares, pixels = squares + float((difference**2).sum()), pixels + difference.size
    psnr = 10 * log10(255**2 * pixels / squares) if squares else inf
    return Difference(largest, psnr if np.isfinite(squares) else -inf, sum(map(len, groups)))


def plain(weights: Weights) -> Run:
    """The PyTorch network, arrays in and out."""
    import torch

    from posetransfer.engines.torch_program import plain_network

    network = plain_network(weights)
    return lambda *arrays: network(*map(torch.from_numpy, arrays)).numpy()


def inputs(samples: Sequence[Sample], weights: Weights, joints: bool) -> tuple[npt.NDArray[Any], ...]:
    """Photo, source and target of all samples as a file takes them."""
    photos = [sample.photo for sample in samples]
    poses = [[sample.source for sample in samples], [sample.target for sample in samples]]
    if joints:
        return np.stack(photos), *(np.stack([pose.points for pose in side]).astype(np.float32) for side in poses)
    sigma, kind = weights.config.sigma, weights.config.heatmaps
    return np.stack([to_unit(photo) for photo in photos]), *(
        np.stack([draw_heatmaps(pose, sigma, kind) for pose in side]) for side in poses
    )


def _levels(picture: npt.NDArray[Any], expected: Array, joints: bool) -> npt.NDArray[np.float64]:
    """The difference in grey levels; from joints, of the rounded pictures."""
    if picture.shape != (expected.transpose(0, 2, 3, 1) if joints else expected).shape:
        return np.full(1, np.nan)
    if joints:
        return picture.astype(np.float64) - np.stack([from_unit(one) for one in expected])
    return (picture.astype(np.float64) - expected) * 127.5


def _on(pose: Pose, height: int, width: int) -> Pose:
    return Pose(pose.points, (height, width), pose.score)


@contextmanager
def _draft(path: Path, form: Form) -> Iterator[Path]:
    """A path in a folder of its own beside the wanted one; what is written there moves when the block ends well."""
    folder = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        yield folder / path.name
        for file in sorted(folder.iterdir(), key=lambda file: file.suffix == form.ending):  # the one that is asked for comes last
            file.replace(path.with_name(file.name))
    except OSError as err:
        raise OutputError(f"{path}: the file cannot be written ({err.strerror or err}); choose another place with -o.") from err
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# The forms.


def write_onnx(weights: Weights, path: Path, joints: bool = False, size: tuple[int, int] | None = None) -> None:
    """One file with the weights inside and the settings as metadata."""
    _save(build_graph(weights, joints=joints), weights, path, joints, size)


def _write_int8(calibration: Sequence[Sample], weights: Weights, path: Path, joints: bool, size: tuple[int, int] | None) -> None:
    from posetransfer.engines.int8 import quantise

    model = build_graph(weights, joints=joints)
    names = [given.name for given in model.graph.input]
    feeds = [dict(zip(names, inputs([sample], weights, joints), strict=True)) for sample in calibration]
    _save(quantise(model, feeds), weights, path, joints, size)


def _save(model: ModelProto, weights: Weights, path: Path, joints: bool, size: tuple[int, int] | None) -> None:
    if size:
        fix_size(model, size)
    for key, value in metadata(weights, joints).items():
        model.metadata_props.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())


def fix_size(model: ModelProto, size: tuple[int, int]) -> None:
    """Numbers in place of the free height and width."""
    sides = dict(zip(("height", "width"), size, strict=True))
    for value in [*model.graph.input, *model.graph.output]:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sides:
                dim.dim_value = sides[dim.dim_param]


def metadata(weights: Weights, joints: bool) -> dict[str, str]:
    """What a program that only has the file needs to know."""
    from posetransfer import __version__

    config = weights.config
    return {
        "posetransfer": __version__,
        "inputs": "joints" if joints else "maps",
        "size": " ".join(map(str, config.size)),
        "heatmaps": config.heatmaps,
        "sigma": str(config.sigma),
        "backdrop": config.backdrop,
        "backdrop_colour": " ".join(map(str, config.backdrop_colour)),
        "joints": " ".join(KEYPOINTS),
        "origin": weights.origin,
        "licence": licence(weights),
    }


def licence(weights: Weights) -> str:
    """The licence that the head of the model card names."""
    card = weights.folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    head = text.split("\n---", 1)[0].splitlines() if text.startswith("---\n") else []
    named = [line.partition(":")[2].strip() for line in head if line.startswith("license:")]
    return named[0] if named else "unknown"


def _open_onnx(path: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    return lambda *arrays: session.run(["picture"], dict(zip(names, arrays, strict=True)))[0]


def _write_torch(weights: Weights, path: Path, joints: bool, size: tuple[int, int] | None) -> None:
    from posetransfer.engines.torch_program import write_program

    write_program(weights, path, joints, size)


def _open_torch(path: Path) -> Run:
    import torch

    from posetransfer.engines.torch_program import open_program

    program = open_program(path)
    return lambda *arrays: program(*map(torch.from_numpy, arrays)).numpy()


def _write_openvino(weights: Weights, path: Path, joints: bool, size: tuple[int, int] | None) -> None:
    import openvino

    onnx = path.with_suffix(".onnx")
    write_onnx(weights, onnx, joints, size)
    openvino.save_model(openvino.convert_model(onnx), path, compress_to_fp16=False)
    onnx.unlink()


def _open_openvino(path: Path) -> Run:
    import openvino

    # without the hint, processors with bfloat16 would compute in it: what is checked is the file
    model = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda *arrays: np.array(model(list(arrays))[0])


def _write_mnn(weights: Weights, path: Path, joints: bool, size: tuple[int, int] | None) -> None:
    from posetransfer.engines.mnn import convert

    onnx = path.with_suffix(".onnx")
    write_onnx(weights, onnx, joints, size)
    convert(onnx, path)
    onnx.unlink()


def _open_mnn(path: Path) -> Run:
    from posetransfer.engines.mnn import open_file

    return open_file(path)


FORMS: dict[str, Form] = {
    "onnx": Form(".onnx", write_onnx, _open_onnx, "onnxruntime", None),
    "openvino": Form(".xml", _write_openvino, _open_openvino, "openvino", "openvino"),
    "mnn": Form(".mnn", _write_mnn, _open_mnn, "MNN", "mnn", joints=False, sizes=False),
    "torch": Form(".pt2", _write_torch, _open_torch, "torch", None),
}
"""Word -> kind of file."""
