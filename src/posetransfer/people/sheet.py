"""A contact sheet of a rendered set: one row per person, every second picture with its skeleton."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from posetransfer.errors import DataError
from posetransfer.image import Picture, contact_sheet, load_photo
from posetransfer.pose.drawing import draw_pose
from posetransfer.pose.pose import Pose


def people_sheet(folder: str | Path, rows: int = 8, columns: int = 8, skeletons: bool = True) -> Picture:
    """Lay out the first people of a rendered set, uint8 (height, width, 3).

    Args:
        rows: people; columns: pictures of each.
        skeletons: draw the pose over every second picture.

    Raises:
        DataError: the folder holds no rendered pictures.
    """
    folder = Path(folder)
    poses = _joints(folder)
    people: dict[str, list[str]] = {}
    for name in sorted(poses):
        people.setdefault(name.partition("_")[0], []).append(name)
    if not people:
        raise DataError(f"{folder}: no rendered pictures here; expected a folder made by posetransfer people.")
    chosen = [sorted(names, key=lambda name: name[-6:])[:columns] for _, names in sorted(people.items())[:rows]]
    return contact_sheet([[_cell(folder, name, poses[name], skeletons and i % 2 == 1) for i, name in enumerate(row)] for row in chosen])


def _cell(folder: Path, name: str, joints: list[list[int]], skeleton: bool) -> Picture:
    picture = load_photo(folder / "images" / name)
    if not skeleton:
        return picture
    y, x = np.array(joints, float)
    points = np.where(y[:, None] < 0, np.nan, np.stack([x, y], 1))
    return draw_pose(Pose(points, picture.shape[:2]), picture)


def _joints(folder: Path) -> dict[str, list[list[int]]]:
    """Picture name -> (y of 18 joints, x of 18 joints), -1 missing."""
    found = {}
    for path in sorted(folder.glob("annotation-*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for name, y, x in list(csv.reader(file, delimiter=":"))[1:]:
                found[name] = [[int(value) for value in column.strip(" []").split(",")] for column in (y, x)]
    return found
