"""`posetransfer transfer`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from posetransfer.cli.output import check_file, check_folder, check_picture

if TYPE_CHECKING:
    from posetransfer.pipeline import PoseTransfer, Result

INPUTS = ("photo.png", "source.json", "target.json")
"""Files of the folder `--inputs`."""


def transfer(
    photo: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="PHOTO")]],
    pose: Annotated[str, tyro.conf.arg(metavar="PHOTO|FILE|NAME")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="OUT.png")],
    panel: bool = False,
    attention: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    inputs: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    retarget: Literal["limbs", "scale", "none"] = "limbs",
    place: bool = False,
    background: Annotated[str, tyro.conf.arg(metavar="keep|plain|transparent|FILE")] = "keep",
    no_shadow: bool = False,
    person: Annotated[int | None, tyro.conf.arg(metavar="N")] = None,
    source_pose: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None,
    weights: Annotated[str, tyro.conf.arg(metavar="NAME|FOLDER")] = "default",
    device: Annotated[str, tyro.conf.arg(metavar="DEVICE")] = "auto",
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto",
    engine: Annotated[str, tyro.conf.arg(metavar="NAME")] = "auto",
    json: bool = False,
) -> None:
    """The person in a photo takes a new pose.

    Args:
        photo: the photo; any size and format, one person or more.
        pose: the wanted pose: another photo, a pose file, or the name of a shipped pose.
        output: the picture to write; its ending (.png, .jpg, .webp) decides the format.
        panel: write source, its pose, target pose and result side by side instead of the result alone.
        attention: a folder for the masks of all blocks and their intermediate pictures.
        inputs: a folder for what the network read (photo.png, source.json, target.json): what exported weights need elsewhere.
        retarget: limbs: the pose's angles on this person's body; scale: the pose at this person's size; none: as it is.
        place: put the person back into the whole photo; else the picture has the network's size.
        background: keep the photo's, with the old person filled in; a plain colour; transparent (.png, .webp); or another picture.
        no_shadow: leave out the soft shadow under feet that stand on the photo's or the other picture's ground.
        person: which of several persons, counted from 0; the largest by default.
        source_pose: the pose in the photo, if it is known better than it can be found.
        weights: name or folder of weights (see posetransfer weights list).
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: auto computes in 16 bits where the device is made for it.
        engine: the runtime that computes the network: auto, pytorch, onnxruntime, or another that is installed.
        json: answer in JSON.
    """
    check_picture(output, transparent=background == "transparent" and not panel, inputs=(photo, pose, source_pose, background))
    if attention:
        check_folder(attention)
    if inputs:
        for name in INPUTS:
            check_file(inputs / name, inputs=(photo, pose, source_pose, background))
    from posetransfer.figures import panel as draw_panel
    from posetransfer.image import save_picture
    from posetransfer.pipeline import PoseTransfer

    if source_pose is None:
        from posetransfer.pose.estimator import prepare

        prepare()
    machine = PoseTransfer.from_pretrained(weights, device, engine, precision)
    result = machine(
        photo,
        pose,
        source_pose=source_pose,
        retarget=retarget,
        place=place,
        background=background,
        shadow=not no_shadow,
        person=person,
        attention=bool(attention),
    )
    if attention:
        _save_attention(result, attention)
    if inputs:
        _save_inputs(result, inputs)
    picture = draw_panel(result) if panel else result.pixels
    save_picture(picture, output, None if panel else result.alpha)
    _answer(result, machine, output, (picture.shape[0], picture.shape[1]), attention, json)


def _save_attention(result: Result, folder: Path) -> None:
    """`progression.png`, and each of its cells as a file of its own."""
    from posetransfer.figures import attention_pictures, progression
    from posetransfer.image import save_picture

    for kind, pictures in zip(("mask", "picture"), attention_pictures(result), strict=True):
        for number, picture in enumerate(pictures, start=1):
            save_picture(picture, folder / f"{kind}-{number:02d}.png")
    save_picture(progression(result), folder / "progression.png")


def _save_inputs(result: Result, folder: Path) -> None:
    """Photo and both poses in the frame, as every other runtime needs them."""
    from posetransfer.image import save_picture
    from posetransfer.pose import write_pose

    photo, source, target = (folder / name for name in INPUTS)
    save_picture(result.seen, photo)
    write_pose(result.frame.fit(result.source_pose), source)
    write_pose(result.frame.fit(result.target_pose), target)


def _answer(result: Result, machine: PoseTransfer, output: Path, size: tuple[int, int], attention: Path | None, as_json: bool) -> None:
    total = sum(result.seconds.values())
    if not as_json:
        print(f"{output}: {size[1]} x {size[0]} pixels in {total:.1f} s")
        return
    from dataclasses import asdict
    from json import dumps

    facts: dict[str, Any] = {
        "output": str(output),
        "size": list(size),
        "engine": machine.engine.name,
        "frame": [round(edge, 2) for edge in result.frame.box],
        "source_joints": int(result.source_pose.present.sum()),
        "target_joints": int(result.target_pose.present.sum()),
        "warnings": [asdict(finding) for finding in result.findings],
        "seconds": {step: round(value, 4) for step, value in result.seconds.items()},
    }
    print(dumps(facts | ({"attention": str(attention)} if attention else {}), indent=2))
