"""`posetransfer pose`: find the pose of the person in a photo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from posetransfer.cli.output import check_file, check_picture
from posetransfer.errors import OutputError


def pose(
    photo: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="PHOTO")]],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="POSE.json")],
    draw: Annotated[Path | None, tyro.conf.arg(metavar="OUT.png")] = None,
    person: Annotated[int | None, tyro.conf.arg(metavar="N")] = None,
    json: bool = False,
) -> None:
    """Find the pose of the person in a photo.

    Args:
        photo: the photo; any size and format, one person or more.
        output: the pose file to write, in the form that every command reads.
        draw: a picture to write as well: the skeleton over the photo.
        person: which of several people, counted from 0; the largest by default.
        json: answer in JSON.
    """
    from json import dumps

    from posetransfer.image import ENDINGS, load_photo, save_picture
    from posetransfer.pose.drawing import draw_pose
    from posetransfer.pose.estimator import Estimator
    from posetransfer.pose.formats import write_pose
    from posetransfer.pose.skeleton import KEYPOINTS

    check_file(output, inputs=(photo,))
    if output.suffix.lower() in ENDINGS:
        raise OutputError(f"{output}: a pose is written as JSON; give -o a name such as {output.stem}.json, and --draw the picture's name.")
    if draw:
        check_picture(draw, inputs=(photo,))
    picture = load_photo(photo)
    found = Estimator()(picture, person, name=str(photo))
    write_pose(found, output)
    if draw:
        save_picture(draw_pose(found, over=picture), draw)
    missing = [name for name, present in zip(KEYPOINTS, found.present, strict=True) if not present]
    score = float(found.score[found.present].mean())
    if json:
        print(dumps({"output": str(output), "draw": draw and str(draw), "score": round(score, 3), "missing": missing}))
    else:
        without = f"; missing: {', '.join(missing)}" if missing else ""
        print(f"{output}: {18 - len(missing)} of 18 joints, mean score {score:.2f}{without}")
