"""`posetransfer export`: weights as one file for another runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from posetransfer.cli.output import check_file

if TYPE_CHECKING:
    from posetransfer.engines.export import Sample
    from posetransfer.weights import Weights

PHOTOS = ("photos/man_standing.jpg", "photos/woman_stride.jpg")
"""Shipped photographs that every export is compared on."""
CALIBRATION = 32
"""Pairs on which the ranges of 8-bit integers are measured."""
POSES = ("walking-left", "arms-up", "standing-back")


def export(
    form: tyro.conf.Positional[Literal["onnx", "openvino", "mnn", "torch"]],
    weights: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="NAME|FOLDER")]],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")],
    joints: bool = False,
    size: Annotated[tuple[int, int] | None, tyro.conf.arg(metavar="HEIGHT WIDTH")] = None,
    int8: Annotated[Path | None, tyro.conf.arg(metavar="DATA")] = None,
    photo: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PHOTO")] = (),
    json: bool = False,
) -> None:
    """Write weights as one file for another runtime, and compare the file with PyTorch on photographs.

    Args:
        form: onnx (.onnx, every language), openvino (.xml and .bin), mnn (.mnn, phones), torch (.pt2, torch without this package).
        weights: name or folder of weights (see posetransfer weights list).
        output: the file to write.
        joints: the file takes uint8 pictures and joints, draws the heat maps itself, and gives uint8 pictures.
        size: the file takes this height and width only; else every size divisible by 4.
        int8: onnx only: compute in 8-bit integers (a quarter of the size), their ranges measured on pairs of this prepared folder.
        photo: photographs of a person to compare on, instead of the two that come with this package.
        json: answer in JSON.
    """
    check_file(output, inputs=photo)
    from posetransfer.engines.export import INT8_TOLERANCE, TOLERANCE, check_form, export_weights
    from posetransfer.weights import find_weights, load_weights

    check_form(form, output, joints, size, int8 is not None)
    loaded = load_weights(find_weights(weights))
    pairs, tolerance = (_pairs(loaded, int8, size), INT8_TOLERANCE) if int8 else ([], TOLERANCE)
    found = export_weights(loaded, form, output, _samples(loaded, photo, size), joints, size, pairs)
    if json:
        from json import dumps

        facts = {"output": str(output), "form": form, "bytes": output.stat().st_size, "pictures": found.pictures}
        measured = {"largest_difference": round(found.largest, 6), "psnr": round(found.psnr, 2) if found.psnr < 1e3 else None}
        print(dumps(facts | measured | {"tolerance_psnr": tolerance}, indent=2))
        return
    distance = f"{found.psnr:.1f} dB PSNR (at least {tolerance:.0f} are asked for)" if found.largest else "the same"
    print(f"{output}: {output.stat().st_size:,} bytes")
    print(f"against PyTorch, {found.pictures} pictures of photographs: largest difference {found.largest:.2g} of 255, {distance}")


def _samples(weights: Weights, photos: tuple[Path, ...], size: tuple[int, int] | None) -> list[Sample]:
    """Each photo in three poses of the library, as the network sees them."""
    from posetransfer.assets import asset_path
    from posetransfer.engines import open_engine
    from posetransfer.engines.export import Sample
    from posetransfer.pipeline import PoseTransfer

    seen = replace(weights, config=replace(weights.config, size=size or weights.config.size))
    machine = PoseTransfer(open_engine(seen, "pytorch", "cpu", "fp32"))
    samples = []
    for photo in photos or map(asset_path, PHOTOS):
        for result in machine.many(photo, POSES, background="plain"):
            poses = (result.frame.fit(pose) for pose in (result.source_pose, result.target_pose))
            samples.append(Sample(result.seen, *poses))
    return samples


def _pairs(weights: Weights, folder: Path, size: tuple[int, int] | None) -> list[Sample]:
    """Training pairs of a prepared folder, evenly spread over its list."""
    import numpy as np

    from posetransfer.data.pairs import Pairs
    from posetransfer.engines.export import Sample
    from posetransfer.pose import Pose

    config = replace(weights.config, size=size or weights.config.size)
    pairs = Pairs(folder, "train", config, cache=False)
    batch = pairs.examples(np.unique(np.linspace(0, len(pairs) - 1, CALIBRATION).astype(int)))
    joints = zip(batch.source_points, batch.target_points, strict=True)
    poses = [(Pose(source, config.size), Pose(target, config.size)) for source, target in joints]
    return [Sample(photo, *both) for photo, both in zip(batch.source, poses, strict=True)]
