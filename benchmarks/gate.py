"""Where do results get worse? Photos and poses spoilt step by step, the loss of quality against what the gate measures.

    python benchmarks/gate.py --data PREPARED_FOLDER --records gate.jsonl

Each experiment draws the same pairs of unseen rendered people, one pair a person, with one thing changed in steps; the true picture
is changed alike. A line of `--records` is one picture: the gate's value, PCKh and SSIM inside the true mask. With no `--data` the tables
are drawn from the records alone. A threshold is the value at which PCKh or SSIM has lost `--loss` of what undisturbed pairs have.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from posetransfer.data.manifest import PreparedFolder
from posetransfer.errors import PoseTransferError
from posetransfer.evaluation.metrics.mask_ssim import mask_ssim_true
from posetransfer.evaluation.metrics.pckh import pckh_patn
from posetransfer.frame import Frame
from posetransfer.gate import Seen
from posetransfer.gate.checks import BODY, covered, height_share, joints_missing, outside
from posetransfer.image import from_unit, load_photo, resize, to_unit
from posetransfer.pipeline import PoseTransfer, Source
from posetransfer.pose import Pose, draw_heatmaps
from posetransfer.pose.estimator import Estimator


@dataclass(frozen=True)
class Shown:
    """A picture, the person's mask (uint8) and pose."""

    photo: np.ndarray
    mask: np.ndarray
    pose: Pose

    def turned(self, degrees: float, fill: tuple[int, int, int]) -> Shown:
        """Turned anticlockwise about the middle, on a canvas that holds all."""
        images = [Image.fromarray(self.photo), Image.fromarray(self.mask)]
        photo, mask = (
            im.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=f) for im, f in zip(images, (fill, 0), strict=True)
        )
        return Shown(np.asarray(photo), np.asarray(mask), turned(self.pose, degrees, (photo.height, photo.width)))

    def wider(self, factor: float) -> Shown:
        """Stretched sideways."""
        size = self.photo.shape[0], round(self.photo.shape[1] * factor)
        return Shown(resize(self.photo, size), resize(self.mask, size), self.pose.scaled(size))

    def cropped(self, left: int, top: int, right: int, bottom: int) -> Shown:
        pose = self.pose.cropped(left, top, (bottom - top, right - left))
        inside = Pose(np.where(pose.inside[:, None], pose.points, np.nan), pose.size)
        return Shown(self.photo[top:bottom, left:right].copy(), self.mask[top:bottom, left:right].copy(), inside)


def turned(pose: Pose, degrees: float, size: tuple[int, int]) -> Pose:
    """The pose in its picture turned anticlockwise about the middle, on a canvas of another size."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    middle, new = (np.array([side[1] - 1, side[0] - 1]) / 2 for side in (pose.size, size))
    return Pose((pose.points - middle) @ np.array([[c, -s], [s, c]]) + new, size)


class Bench:
    def __init__(self, folder: Path, weights: str) -> None:
        self.machine = PoseTransfer.from_pretrained(weights, device="cpu")
        self.config = self.machine.config
        self.estimator = Estimator(1)
        self.set = PreparedFolder.open(folder)
        train = self.set.split("train")
        self.seen = Seen.of(train.points, train.size)
        self.looked: dict[tuple[int, bool], Source | None] = {}
        self.kept: list[Shown] = []  # so that no other photo gets the id of one that was looked at

    def pairs(self, count: int) -> list[tuple[Shown, Shown]]:
        """One pair a person: its first picture and one of the others."""
        split, rng, chosen, used = self.set.split("test"), np.random.default_rng(0), [], set()
        for k in rng.permutation(len(split.pairs)):
            a, b = split.pairs[k]
            person = split.names[a].split("_")[0]
            if person not in used:
                used.add(person)
                chosen.append((self.shown(split, a), self.shown(split, b)))
            if len(chosen) == count:
                break
        return chosen

    def shown(self, split, i: int) -> Shown:
        name = split.names[i]
        mask = np.asarray(Image.open(self.set.mask_path(name)).convert("L"))
        return Shown(load_photo(self.set.picture_path(name)), mask, Pose(split.points[i], split.size))

    def draw(self, source: Source, target: Shown, factor: float = 1.0) -> tuple[np.ndarray, Frame, Frame]:
        """The network's picture in a frame of the target's own (`--retarget none`), both frames larger by a factor."""
        frames = [larger(Frame.around(pose, size=self.config.size), factor) for pose in (source.pose, target.pose)]
        photo = to_unit(self.machine._cropped(source, frames[0]))[None]
        maps = [
            draw_heatmaps(f.fit(p), self.config.sigma, self.config.heatmaps)[None]
            for f, p in zip(frames, (source.pose, target.pose), strict=True)
        ]
        return from_unit(self.machine.engine.run(photo, *maps)[0]), frames[0], frames[1]

    def score(
        self, painted: np.ndarray, frame: Frame, target: Shown, whole: Pose | None = None, upright: float = 0.0
    ) -> tuple[float, float]:
        """PCKh and SSIM in the true mask; `whole`: joints to look for; `upright`: degrees that the estimator's look is turned back by."""
        colour = self.config.backdrop_colour
        mask = target.mask.astype(np.float32) / 255
        truth = frame.crop(np.asarray(np.rint(target.photo * mask[..., None] + np.array(colour) * (1 - mask[..., None])), np.uint8), colour)
        similar = mask_ssim_true(painted, truth, frame.crop_mask(mask) > 0.5)
        wanted = frame.fit(whole or target.pose)
        image = Image.fromarray(painted).rotate(-upright, Image.Resampling.BICUBIC, expand=True, fillcolor=colour)
        wanted = turned(wanted, -upright, (image.height, image.width))
        try:
            found = self.estimator(np.asarray(image), box=(-0.5, -0.5, image.width - 0.5, image.height - 0.5)).points
        except PoseTransferError:
            found = np.full((18, 2), np.nan)
        return pckh_patn(found, wanted.points).share, similar

    def look(self, shown: Shown, *, known: bool = False) -> Source | None:
        """As a user's photo; `known`: with the true pose. None: no person found."""
        if (id(shown), known) not in self.looked:
            self.kept.append(shown)
            try:
                self.looked[id(shown), known] = self.machine.look(shown.photo, source_pose=shown.pose if known else None)
            except PoseTransferError:
                self.looked[id(shown), known] = None
        return self.looked[id(shown), known]


def larger(frame: Frame, factor: float) -> Frame:
    left, top, right, bottom = frame.box
    x, y, w, h = (left + right) / 2, (top + bottom) / 2, (right - left) * factor / 2, (bottom - top) * factor / 2
    return replace(frame, box=(x - w, y - h, x + w, y + h))


Record = tuple[int, float, float, float, float]  # pair, level, value, PCKh, SSIM
Experiment = Callable[[Bench, list[tuple[Shown, Shown]]], Iterator[Record]]


def small(bench: Bench, pairs):
    """person_small: the photo at ever fewer pixels."""
    for rows in (256, 128, 96, 72, 56, 44, 32):
        for k, (source, target) in enumerate(pairs):
            photo = resize(source.photo, (rows, round(rows * 176 / 256)))
            looked = bench.look(replace(source, photo=photo, pose=source.pose.scaled(photo.shape[:2])), known=True)
            painted, frame, own = bench.draw(looked, target)
            yield k, rows, frame.scale, *bench.score(painted, own, target)


def cut(bench: Bench, pairs):
    """source_outside: the photo cut off from below, from above, from the side."""
    for part in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        for k, (source, target) in enumerate(pairs):
            height, width = source.photo.shape[:2]
            left, _, right, bottom = source.pose.box()
            x, low, top = round(left + part * (right - left)), round(bottom + 10 - part * (bottom - 20)), round(25 + part * 200)
            way = (
                [(0, 0, width, low), (0, 0, width, low), (x, 0, width, height), (0, top, width, height)][k % 4]
                if part
                else (0, 0, width, height)
            )
            looked = bench.look(source.cropped(*way))
            if looked:
                painted, _, own = bench.draw(looked, target)
                yield k, part, outside(looked.pose), *bench.score(painted, own, target)


def source_joints(bench: Bench, pairs):
    """source_joints_missing: so many of the twelve joints hidden, limbs from their ends on."""
    yield from hidden(bench, pairs, "source")


def target_joints(bench: Bench, pairs):
    """target_joints_missing: likewise in the target pose."""
    yield from hidden(bench, pairs, "target")


def hidden(bench: Bench, pairs, which: str):
    rng = np.random.default_rng(1)
    for count in (0, 1, 2, 3, 4, 5, 6):
        for k, (source, target) in enumerate(pairs):
            looked, pose = bench.look(source), target.pose
            if looked is None:
                continue
            chosen = looked.pose if which == "source" else pose
            there = [j for j in BODY if chosen.present[j]]
            ends = [j for j in (4, 7, 10, 13, 3, 6, 9, 12) if j in there]  # wrists and ankles before elbows and knees
            drop = list(rng.permutation(ends[:4]))[:count] + list(rng.permutation(ends[4:]))[: max(0, count - len(ends[:4]))]
            points = chosen.points.copy()
            points[drop] = np.nan
            less = Pose(points, chosen.size, chosen.score)
            if which == "source":
                painted, _, own = bench.draw(replace(looked, pose=less), target)
            else:
                painted, _, own = bench.draw(looked, replace(target, pose=less))
            yield k, count, joints_missing(less), *bench.score(painted, own, target, whole=target.pose)


def low(bench: Bench, pairs):
    """person_low_in_frame: both frames ever larger."""
    for factor in (1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5):
        for k, (source, target) in enumerate(pairs):
            looked = bench.look(source)
            if looked:
                painted, frame, own = bench.draw(looked, target, factor)
                yield k, factor, height_share(frame, looked.pose), *bench.score(painted, own, target)


def target_pose(bench: Bench, pairs):
    """target_pose_unusual: the target picture turned and stretched."""
    for kind, level in [("turn", d) for d in (0, 10, 20, 30, 45, 90, 180)] + [("stretch", f) for f in (0.4, 0.7, 1.4, 2.2)]:
        for k, (source, target) in enumerate(pairs):
            looked = bench.look(source)
            if looked is None:
                continue
            degrees = level * (-1) ** k if kind == "turn" else 0.0
            strange = target.turned(degrees, bench.config.backdrop_colour) if kind == "turn" else target.wider(level)
            painted, _, own = bench.draw(looked, strange)
            yield k, level, bench.seen.strangeness(strange.pose) or np.nan, *bench.score(painted, own, strange, upright=degrees)


def source_pose(bench: Bench, pairs):
    """source_pose_unusual: the photo turned and stretched, its pose known."""
    for kind, level in [("turn", d) for d in (0, 10, 20, 30, 45, 90, 180)] + [("stretch", f) for f in (0.4, 0.7, 1.4, 2.2)]:
        for k, (source, target) in enumerate(pairs):
            fill = tuple(int(v) for v in np.median(source.photo[:, :3].reshape(-1, 3), axis=0))
            strange = source.turned(level * (-1) ** k, fill) if kind == "turn" else source.wider(level)
            looked = bench.look(strange, known=True)
            painted, _, own = bench.draw(looked, target)
            yield k, level, bench.seen.strangeness(strange.pose) or np.nan, *bench.score(painted, own, target)


def crowd(bench: Bench, pairs):
    """people_overlap: another person ever nearer, behind the first in one half of the photos, before them in the other."""
    for step in (1.0, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1):
        for k, (source, target) in enumerate(pairs):
            other = pairs[(k + 1) % len(pairs)][0]
            wide = np.pad(source.photo, ((0, 0), (176, 176), (0, 0)), mode="edge")
            mask = np.pad(source.mask, ((0, 0), (176, 176)))
            x = 176 + round(step * 130) * (-1) ** k
            behind = np.zeros(wide.shape[:2], np.float32)
            behind[:, x : x + 176] = other.mask / 255
            coloured = np.zeros_like(wide)
            coloured[:, x : x + 176] = other.photo
            share = (behind * (1 - mask / 255) if k % 4 < 2 else behind)[..., None]
            photo = np.asarray(np.rint(coloured * share + wide * (1 - share)), np.uint8)
            pose, second = source.pose.moved(176, 0, wide.shape[:2]), other.pose.moved(x, 0, wide.shape[:2])
            looked = bench.look(Shown(photo, mask, pose), known=True)
            painted, _, own = bench.draw(looked, target)
            yield k, step, covered(pose, [second]), *bench.score(painted, own, target)


EXPERIMENTS: list[Experiment] = [small, cut, low, target_pose, target_joints, source_joints, source_pose, crowd]
FALLING = {"low"}  # experiments whose value falls as things get worse


def main(
    data: Path | None = None, records: Path = Path("gate.jsonl"), weights: str = "default", pairs: int = 60, loss: float = 0.1
) -> None:
    """Measure, then print the tables.

    Args:
        data: prepared folder with masks; its test people are drawn.
        records: one line a picture; experiments that are there already are not drawn again.
        weights: name or folder.
        pairs: people.
        loss: part of the quality whose loss makes a threshold.
    """
    done = {json.loads(line)["experiment"] for line in records.read_text().splitlines()} if records.exists() else set()
    todo = [e for e in EXPERIMENTS if e.__name__ not in done]
    if data and todo:
        bench = Bench(data, weights)
        chosen = bench.pairs(pairs)
        for experiment in todo:
            rows = [
                dict(zip(("pair", "level", "value", "pckh", "ssim"), map(float, row), strict=True)) for row in experiment(bench, chosen)
            ]
            with records.open("a") as file:
                file.writelines(json.dumps({"experiment": experiment.__name__} | row) + "\n" for row in rows)
            print(f"{experiment.__name__}: {len(rows)} pictures", flush=True)
    everything = [json.loads(line) for line in records.read_text().splitlines()]
    for experiment in EXPERIMENTS:
        rows = [row for row in everything if row["experiment"] == experiment.__name__ and not np.isnan(row["value"])]
        if rows:
            table(experiment, rows, loss)


def table(experiment: Experiment, rows: list[dict[str, float]], loss: float) -> None:
    """Print value, pictures, and what PCKh and SSIM have lost against the same pairs undisturbed, a bin; and the threshold."""
    undisturbed = {row["pair"]: (row["pckh"], row["ssim"]) for row in rows if row["level"] == rows[0]["level"]}
    rows = [row for row in rows if row["pair"] in undisturbed]
    base = np.nanmean(list(undisturbed.values()), axis=0)
    values = np.array([row["value"] for row in rows]) * (-1 if experiment.__name__ in FALLING else 1)
    lost = (
        np.array([[before - after for before, after in zip(undisturbed[r["pair"]], (r["pckh"], r["ssim"]), strict=True)] for r in rows])
        / base
    )
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 9)))
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    warnings.filterwarnings("ignore", "Mean of empty slice|Degrees of freedom")  # a bin of backs: PCKh's head box has no sides
    print(f"\n### {experiment.__doc__}\n\nundisturbed, {len(undisturbed)} pairs: PCKh {base[0]:.3f}, SSIM {base[1]:.3f}\n")
    print("| value | pictures | PCKh lost | SSIM lost |\n| --- | --- | --- | --- |")
    bins = []
    for b in np.unique(place):
        inside = place == b
        means, spread = np.nanmean(lost[inside], axis=0), 1.96 * np.nanstd(lost[inside], axis=0) / np.sqrt(inside.sum())
        bins.append((float(values[inside].mean()), float(np.nanmax(means))))
        print(f"| {abs(bins[-1][0]):.2f} | {inside.sum()} | {means[0]:.0%} ± {spread[0]:.0%} | {means[1]:.0%} ± {spread[1]:.0%} |")
    print(f"\nthreshold at a loss of {loss:.0%}: {crossing(bins, loss)}")


def crossing(bins: list[tuple[float, float]], loss: float) -> str:
    """The value at which either score has lost its part for good, between the bins; or that none has."""
    for i, (value, now) in enumerate(bins):
        if all(later >= loss for _, later in bins[i:]):
            if i == 0:
                return f"below {abs(value):.2f}"
            before, share = bins[i - 1], (loss - bins[i - 1][1]) / max(now - bins[i - 1][1], 1e-9)
            return f"{abs(before[0] + share * (value - before[0])):.2f}"
    return "none"


if __name__ == "__main__":
    tyro.cli(main)
