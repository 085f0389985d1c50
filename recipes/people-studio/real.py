"""Real people: drive photographs of persons who were never trained on, find the pose again in the results, count the joints.

python recipes/people-studio/real.py PHOTOS --weights NAME|FOLDER --out FOLDER [--per-clip 6] [--others 2]

PHOTOS is a collection of real photographs that is no part of this repository: `photos/NN_*.jpg` and `clips/NAME/*.jpg`, read in the
order of their names. PERSONS below says who is who; they are named as test persons there. The rule, for each of them: sources are
the person's photo and the middle frame of the first clip; driving poses are frames spread evenly over all own clips, and over the
first clip of each other person. The estimator finds the pose in a driving frame, the pipeline brings it onto the body of the
source, the weights draw the picture, and the estimator looks again. A joint is right by the box rule of the authors' PCKh, half
the head box of the driving pose as it was retargeted. Ceiling: the estimator on the driving frame itself, made as small as the
network's pictures.

Writes results.json, table.md and a sheet per person with every pair: source, driving frame, wanted pose, result, pose found in it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tyro

from posetransfer.errors import DataError, PoseTransferError
from posetransfer.evaluation.intervals import bootstrap
from posetransfer.evaluation.metrics.joints import MoveNetJoints
from posetransfer.evaluation.metrics.pckh import JointCount, pckh, pckh_patn
from posetransfer.frame import Frame
from posetransfer.image import contact_sheet, load_photo, resize, save_picture, whole_file
from posetransfer.pipeline import PoseTransfer, Result
from posetransfer.pose import Pose, draw_pose

PERSONS = {
    "ASL-p3": ("04_*.jpg", "intel_asl_p3_*"),
    "WALK-p4": ("10_*.jpg", "intel_walkin_p4*"),
    "S2D-woman": ("13_*.jpg", "sports2d_woman_*"),
    "SAM2-man": ("14_*.jpg", "sam2_man_*"),
    "S2D-man": ("21_*.jpg", "sports2d_man_*"),
}
"""Person -> patterns of the photo and of the clips."""
TALL = 224
"""Pixels that every picture of a sheet is high."""
HEADINGS = ("source", "driving frame", "wanted pose", "result", "pose found")

Picture = npt.NDArray[np.uint8]
log = logging.getLogger("real")


@dataclass(frozen=True)
class Driving:
    """A frame that lends its pose."""

    person: str
    path: Path
    picture: Picture
    pose: Pose


@dataclass(frozen=True)
class Row:
    """One transfer and its count."""

    person: str
    source: str
    driving: str
    own: bool
    """Whether the driving frame shows the same person."""
    right: int
    total: int
    """0: the driving pose has no head box, the pair counts nothing."""
    pckh_right: int
    pckh_total: int
    ceiling_right: int
    ceiling_total: int

    @property
    def share(self) -> str:
        """For the sheet."""
        return f"{self.right}/{self.total}" if self.total else "no head"


def main(
    photos: tyro.conf.Positional[Path], weights: str = "default", out: Path = Path("runs/real"), per_clip: int = 6, others: int = 2
) -> None:
    """Run every pair of every test person.

    Args:
        photos: the collection.
        weights: name or folder.
        out: folder for results, table and sheets.
        per_clip: driving frames of each person's own clips.
        others: driving frames of each other person.
    """
    transfer = PoseTransfer.from_pretrained(weights)
    found = {person: _clips(photos, pattern) for person, (_, pattern) in PERSONS.items()}
    lent = {
        person: list(_driving(transfer, person, _spread(list(chain.from_iterable(clips)), per_clip))) for person, clips in found.items()
    }
    foreign = {person: list(_driving(transfer, person, _spread(clips[0], others))) for person, clips in found.items()}
    rows: list[Row] = []
    for person, (photo, _) in PERSONS.items():
        sources = [_one(photos / "photos", photo), found[person][0][len(found[person][0]) // 2]]
        driving = lent[person] + [frame for other in PERSONS if other != person for frame in foreign[other]]
        made = [pair for source in sources for pair in _pairs(transfer, photos, person, source, driving)]
        rows += [row for row, _ in made]
        save_picture(contact_sheet([cells for _, cells in made], HEADINGS), out / f"{person}.png")
        log.warning("%s: %s", person, _line(person, [row for row, _ in made]))
    _write(out, weights, rows)


def _pairs(
    transfer: PoseTransfer, photos: Path, person: str, source: Path, driving: Sequence[Driving]
) -> Iterator[tuple[Row, list[Picture]]]:
    """Every driving frame on one source: the row, and its cells of the sheet."""
    look = MoveNetJoints().find
    chosen = [frame for frame in driving if frame.path != source]
    results = transfer.many(source, [frame.pose for frame in chosen], background="plain")
    for frame, result in zip(chosen, results, strict=True):
        wanted, again = result.frame.fit(result.target_pose), look(result.painted)
        count, usual = pckh_patn(again, wanted.points), pckh(again, wanted.points)
        best = _ceiling(frame, result.painted.shape[:2], look)
        names = [str(path.relative_to(photos)) for path in (source, frame.path)]
        counts = (count.right, count.total, usual.right, usual.total, best.right, best.total)
        row = Row(person, *names, frame.person == person, *counts)
        yield row, _cells(result, frame, wanted, Pose(again, wanted.size))


def _ceiling(frame: Driving, size: tuple[int, ...], look: Callable[[Picture], npt.NDArray[np.float64]]) -> JointCount:
    """The estimator against itself: the driving frame as large as the network's pictures."""
    seen = Frame.around(frame.pose, size=(size[0], size[1]))
    return pckh_patn(look(seen.crop(frame.picture)), seen.fit(frame.pose).points)


def _cells(result: Result, frame: Driving, wanted: Pose, found: Pose) -> list[Picture]:
    driving = draw_pose(frame.pose, frame.picture)
    return [_tall(cell) for cell in (result.source, driving, draw_pose(wanted), result.painted, draw_pose(found, result.painted))]


def _tall(picture: Picture) -> Picture:
    return resize(picture, (TALL, max(1, round(picture.shape[1] * TALL / picture.shape[0]))))


def _driving(transfer: PoseTransfer, person: str, paths: Sequence[Path]) -> Iterator[Driving]:
    """The frames with their poses; those where nobody is found are left out and said."""
    for path in paths:
        picture = load_photo(path)
        try:
            yield Driving(person, path, picture, transfer.estimator(picture, name=str(path)))
        except PoseTransferError as error:
            log.warning("left out: %s", error)


def _clips(photos: Path, pattern: str) -> list[list[Path]]:
    clips = [sorted(clip.glob("*.jpg")) for clip in sorted((photos / "clips").glob(pattern))]
    if not any(clips):
        raise DataError(f"{photos}/clips/{pattern}: no frames; give the folder that holds photos/ and clips/.")
    return clips


def _one(folder: Path, pattern: str) -> Path:
    paths = sorted(folder.glob(pattern))
    if len(paths) != 1:
        raise DataError(f"{folder}/{pattern}: {len(paths)} photos, expected one; give the folder that holds photos/ and clips/.")
    return paths[0]


def _spread(paths: Sequence[Path], count: int) -> list[Path]:
    """So many, in the middle of equal parts."""
    return [paths[(2 * i + 1) * len(paths) // (2 * count)] for i in range(min(count, len(paths)))]


def _summary(rows: Sequence[Row]) -> dict[str, float | int]:
    """PCKh with its interval (pairs drawn anew), plain PCKh, the ceiling."""
    columns = {name: np.array([getattr(row, name) for row in rows], float) for name in Row.__dataclass_fields__ if "_" in name}
    right, total = (np.array([getattr(row, name) for row in rows], float) for name in ("right", "total"))
    low, high = bootstrap(right, total)
    return {
        "pairs": int((total > 0).sum()),
        "joints": int(total.sum()),
        "pckh_patn": right.sum() / total.sum(),
        "low": low,
        "high": high,
        "pckh": columns["pckh_right"].sum() / columns["pckh_total"].sum(),
        "ceiling": columns["ceiling_right"].sum() / columns["ceiling_total"].sum(),
    }


def _line(name: str, rows: Sequence[Row]) -> str:
    known = _summary(rows)
    return (
        f"| {name} | {known['pairs']} | {known['joints']} | {known['pckh_patn']:.3f} ({known['low']:.3f} to {known['high']:.3f}) "
        f"| {known['pckh']:.3f} | {known['ceiling']:.3f} |"
    )


def _parts(rows: Sequence[Row]) -> dict[str, list[Row]]:
    parts = {person: [row for row in rows if row.person == person] for person in PERSONS}
    parts |= {"own clip": [row for row in rows if row.own], "other clips": [row for row in rows if not row.own]}
    return parts | {"**all**": list(rows)}


def _write(out: Path, weights: str, rows: Sequence[Row]) -> None:
    parts = _parts(rows)
    head = ["| | pairs | joints | PCKh, box rule (95 %) | PCKh | the estimator on the driving frame |", "|" + " --- |" * 6]
    with whole_file(out / "table.md") as file:
        file.write("\n".join([*head, *(_line(name, part) for name, part in parts.items())]).encode() + b"\n")
    content = {"weights": weights, "summary": {name: _summary(part) for name, part in parts.items()}, "rows": [asdict(row) for row in rows]}
    with whole_file(out / "results.json") as file:
        file.write(json.dumps(content, indent=1).encode() + b"\n")


if __name__ == "__main__":
    tyro.cli(main)
