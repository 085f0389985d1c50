"""How good is the pose estimator: joints found on clips, a sheet of skeletons to look at, PCK on rendered people.

    python benchmarks/estimator.py --clips FOLDER_OF_FOLDERS --sheet skeletons.png
    python benchmarks/estimator.py --rendered PREPARED_FOLDER --pictures 1000

A joint is right within 0.1 (0.2) of the torso, the distance from neck to the middle of the hips; a joint that is not found
counts as wrong. One thread.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import csv
import json
import random
from pathlib import Path
from time import perf_counter

import numpy as np
import tyro

from posetransfer.errors import NoPersonFound
from posetransfer.image import contact_sheet, load_photo, resize, save_picture
from posetransfer.pose.drawing import draw_pose
from posetransfer.pose.estimator import Estimator
from posetransfer.pose.pose import Pose
from posetransfer.pose.skeleton import INDEX, KEYPOINTS

BODY = slice(INDEX["right_shoulder"], INDEX["left_ankle"] + 1)


def main(clips: Path | None = None, sheet: Path | None = None, rendered: Path | None = None, pictures: int = 1000, every: int = 1) -> None:
    """Measure, and print tables in Markdown.

    Args:
        clips: folder of folders of frames.
        sheet: PNG for one frame of the middle of every clip with its skeleton.
        rendered: prepared folder with exact joints; its test split is used.
        pictures: how many rendered pictures.
        every: take every n-th frame of a clip.
    """
    estimator = Estimator(threads=1)
    if clips:
        measure_clips(estimator, clips, sheet, every)
    if rendered:
        measure_rendered(estimator, rendered, pictures)


def measure_clips(estimator: Estimator, clips: Path, sheet: Path | None, every: int) -> None:
    drawn, found, seconds = [], [], 0.0
    print("| clip | frames | nobody | body joints of 12, mean | least | all 18, mean | mean score |\n|---|---|---|---|---|---|---|")
    for clip in sorted(path for path in clips.iterdir() if path.is_dir()):
        photos = [load_photo(path) for path in sorted(clip.glob("*.jpg"))[::every]]
        start = perf_counter()
        poses = [try_on(estimator, photo) for photo in photos]
        seconds += perf_counter() - start
        body = [int(pose.present[BODY].sum()) if pose else 0 for pose in poses]
        every_joint = [int(pose.present.sum()) if pose else 0 for pose in poses]
        score = np.mean([pose.score[pose.present].mean() for pose in poses if pose])
        nobody = sum(pose is None for pose in poses)
        found += body
        print(f"| {clip.name} | {len(photos)} | {nobody} | {np.mean(body):.1f} | {min(body)} | {np.mean(every_joint):.1f} | {score:.2f} |")
        for share in (0.1, 0.5, 0.9):
            i = int(share * len(photos))
            drawn.append(thumbnail(draw_pose(poses[i], over=photos[i]) if poses[i] else photos[i]))
    print(f"\n{len(found)} frames, {np.mean(found):.2f} of 12 body joints in the mean, {1000 * seconds / len(found):.0f} ms a frame.")
    if sheet:
        save_picture(contact_sheet([drawn[i : i + 12] for i in range(0, len(drawn), 12)]), sheet)


def try_on(estimator: Estimator, photo: np.ndarray) -> Pose | None:
    try:
        return estimator(photo)
    except NoPersonFound:
        return None


def thumbnail(picture: np.ndarray, height: int = 300, width: int = 220) -> np.ndarray:
    factor = min(height / picture.shape[0], width / picture.shape[1])
    small = resize(picture, (round(picture.shape[0] * factor), round(picture.shape[1] * factor)))
    padded = np.full((height, width, 3), 255, np.uint8)
    padded[: small.shape[0], : small.shape[1]] = small
    return padded


def measure_rendered(estimator: Estimator, folder: Path, pictures: int) -> None:
    with open(folder / "annotation-test.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter=":"))[1:]
    random.Random(0).shuffle(rows)
    errors, missed, seconds = [], 0, 0.0
    for name, ys, xs in rows[:pictures]:
        exact = np.array([json.loads(xs), json.loads(ys)], dtype=float).T
        exact[exact[:, 0] < 0] = np.nan
        photo = load_photo(folder / "images" / name)
        start = perf_counter()
        pose = try_on(estimator, photo)
        seconds += perf_counter() - start
        missed += pose is None
        hips = exact[[INDEX["right_hip"], INDEX["left_hip"]]].mean(axis=0)
        torso = np.hypot(*(exact[INDEX["neck"]] - hips))
        off = np.full(18, np.inf) if pose is None else np.nan_to_num(np.hypot(*(pose.points - exact).T) / torso, nan=np.inf)
        errors.append(np.where(np.isnan(exact[:, 0]), np.nan, off))
    table = np.array(errors)
    report_rendered(table, missed, 1000 * seconds / len(table))


def report_rendered(errors: np.ndarray, missed: int, milliseconds: float) -> None:
    """Print PCK per joint from errors (pictures, 18) in torsos: NaN = no truth, infinite = not found."""
    truth = ~np.isnan(errors)
    print("| joint | truths | found | PCK@0.1 | PCK@0.2 | median error, torsos |\n|---|---|---|---|---|---|")
    groups = {**{name: [i] for i, name in enumerate(KEYPOINTS)}, "12 body joints": list(range(2, 14)), "all 18": list(range(18))}
    for name, columns in groups.items():
        part = errors[:, columns][truth[:, columns]]
        figures = [np.isfinite(part).mean(), (part < 0.1).mean(), (part < 0.2).mean(), np.median(part[np.isfinite(part)])]
        print(f"| {name} | {len(part)} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |")
    generator = np.random.default_rng(0)
    means = [_pck(errors[generator.integers(len(errors), size=len(errors))], 0.1) for _ in range(1000)]
    low, high = np.percentile(means, [2.5, 97.5])
    print(f"\n{len(errors)} pictures, nobody found in {missed}; PCK@0.1 of the 12 body joints {_pck(errors, 0.1):.3f} "
          f"(95 % bootstrap {low:.3f} to {high:.3f}), PCK@0.2 {_pck(errors, 0.2):.3f}; {milliseconds:.0f} ms a picture.")  # fmt: skip


def _pck(errors: np.ndarray, least: float) -> float:
    part = errors[:, 2:14]
    return float((part[~np.isnan(part)] < least).mean())


if __name__ == "__main__":
    tyro.cli(main)
