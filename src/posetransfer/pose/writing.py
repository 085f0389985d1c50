"""Writing poses in every format that `formats.py` reads."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from posetransfer.image import whole_file
from posetransfer.pose.parsing import MARK, Format
from posetransfer.pose.pose import Points, Pose
from posetransfer.pose.skeleton import BODY25, COCO17, INDEX, KEYPOINTS


def write_pose(pose: Pose | Sequence[Pose], path: str | Path, format: Format = "posetransfer") -> None:
    """Write the pose of one or several people of a picture.

    `posetransfer` keeps everything. `openpose-*` keep size, coordinates and scores; `coco-17` loses the neck, which
    readers make from the shoulders; `patn-rows` rounds to whole pixels (the row is named after the file) and loses
    scores and size; `numpy` is float64 (18, 3), or (people, 18, 3), and loses the size.

    Raises:
        OutputError: the file cannot be written.
        ValueError: unknown format, nobody to write, or people of pictures of different sizes.
    """
    people = [pose] if isinstance(pose, Pose) else list(pose)
    if format not in get_args(Format):
        raise ValueError(f"unknown pose format {format!r}; use one of {', '.join(get_args(Format))}")
    if len({person.size for person in people}) != 1:
        raise ValueError(f"poses of one picture are needed, got sizes {[person.size for person in people]}")
    with whole_file(path) as file:
        file.write(_content(people, Path(path).stem, format))


def _content(people: list[Pose], name: str, format: Format) -> bytes:
    if format == "numpy":
        buffer = io.BytesIO()
        arrays = [np.where(pose.present[:, None], _triples(pose, KEYPOINTS), [np.nan, np.nan, 0]) for pose in people]
        np.save(buffer, arrays[0] if len(arrays) == 1 else np.stack(arrays))
        return buffer.getvalue()
    if format == "patn-rows":
        rows = [_row(pose, name if len(people) == 1 else f"{name}_{i}") for i, pose in enumerate(people)]
        return "\n".join(["name:keypoints_y:keypoints_x", *rows, ""]).encode()
    if format == "posetransfer":
        return _ours(people).encode()
    data = _coco(people) if format == "coco-17" else _openpose(people, KEYPOINTS if format == "openpose-18" else BODY25)
    return (json.dumps(data) + "\n").encode()


def _ours(people: list[Pose]) -> str:
    """One joint a line, for readers' eyes; a score of 1 is left out."""
    bodies = []
    for pose in people:
        joints = []
        for j in np.flatnonzero(pose.present):
            x, y, score = (_plain(value) for value in (*pose.points[j], pose.score[j]))
            joints.append(f"    {json.dumps(KEYPOINTS[j])}: {json.dumps([x, y] if score == 1 else [x, y, score])}")
        bodies.append("   {\n" + ",\n".join(joints) + "\n   }")
    head = f' "format": "{MARK}",\n "version": 1,\n "size": {json.dumps(list(people[0].size))},\n'
    return "{\n" + head + ' "people": [\n' + ",\n".join(bodies) + "\n ]\n}\n"


def _openpose(people: list[Pose], order: tuple[str, ...]) -> dict[str, Any]:
    height, width = people[0].size
    bodies = [{"person_id": [-1], "pose_keypoints_2d": _triples(pose, order).ravel().tolist()} for pose in people]
    return {"version": 1.3, "people": bodies, "canvas_width": width, "canvas_height": height}


def _coco(people: list[Pose]) -> dict[str, Any]:
    """A small data set, since only that form tells the picture's size. Third number: the score, as result lists have it."""
    height, width = people[0].size
    annotations = []
    for i, pose in enumerate(people):
        triples = _triples(pose, COCO17)
        seen = triples[triples[:, 2] > 0, :2]
        corners = np.concatenate([seen.min(axis=0), np.ptp(seen, axis=0)]).tolist() if len(seen) else [0, 0, 0, 0]
        annotations.append(
            {"id": i + 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": corners, "area": corners[2] * corners[3],
             "num_keypoints": len(seen), "keypoints": triples.ravel().tolist()}
        )  # fmt: skip
    category = {"id": 1, "name": "person", "keypoints": list(COCO17)}
    return {"images": [{"id": 1, "height": height, "width": width}], "categories": [category], "annotations": annotations}


def _triples(pose: Pose, order: tuple[str, ...]) -> Points:
    """(n, 3) x, y, score in that order; zeros where a joint is missing or has no place among ours."""
    triples = np.zeros((len(order), 3))
    for i, name in enumerate(order):
        if name in INDEX and pose.present[INDEX[name]]:
            # a score of 0 would read as missing, though the joint has a place
            triples[i] = [*pose.points[INDEX[name]], max(pose.score[INDEX[name]], 1e-6)]
    if "mid_hip" in order and pose.present[[INDEX["right_hip"], INDEX["left_hip"]]].all():
        triples[order.index("mid_hip")] = triples[[order.index("right_hip"), order.index("left_hip")]].mean(axis=0)
    return triples


def _row(pose: Pose, name: str) -> str:
    x, y = ([-1 if np.isnan(value) else round(value) for value in axis] for axis in pose.points.T.tolist())
    return f"{name}: {y}: {x}"


def _plain(value: float) -> float | int:
    return int(value) if float(value).is_integer() else float(value)
