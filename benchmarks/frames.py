"""Does a frame that many poses share cost quality? PCKh of painted test people in their own frame, in the shared one, and further off.

    python benchmarks/frames.py PREPARED_FOLDER --people 40

Each test person takes three poses of the data set and three shipped ones that need room (arms out, arms up, waving). The estimator
looks at the painted picture; a joint is right within half a head of where the pose has it. One thread.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import tyro

from posetransfer.data.manifest import PreparedFolder
from posetransfer.evaluation.metrics.joints import MoveNetJoints
from posetransfer.evaluation.metrics.pckh import JointCount, pckh
from posetransfer.frame import Frame
from posetransfer.image import contact_sheet, load_photo, resize, save_picture
from posetransfer.pipeline import PoseTransfer
from posetransfer.pose import library_pose, retarget
from posetransfer.pose.pose import Pose

SHIPPED = ("arms-out", "arms-up", "waving")
SCALES = (1.06, 1.12, 1.19, 1.34, 1.5)
MOVES = (-0.08, -0.04, 0.04, 0.08)


def main(folder: tyro.conf.Positional[Path], people: int = 40, weights: str = "default", sheet: Path = Path("frames.png")) -> None:
    """Print one line per way of choosing the frame.

    Args:
        folder: prepared folder; its test split is used, with its own poses.
        people: how many sources.
        weights: that paint.
        sheet: pictures to look at: each way side by side.
    """
    machine, find = PoseTransfer.from_pretrained(weights, precision="fp32"), MoveNetJoints().find
    prepared = PreparedFolder.open(folder)
    split, counts, rows, same, frames = prepared.split("test"), defaultdict(JointCount), [], 0, 0
    pairs = split.pairs[np.linspace(0, len(split.pairs) - 1, people).astype(int)]
    for number, (a, b) in enumerate(pairs):
        source_pose = Pose(split.points[a], split.size)
        source = machine.look(load_photo(prepared.picture_path(split.names[a])), source_pose=source_pose)
        own = [Pose(split.points[i], split.size) for i in (b, pairs[(number + 1) % people][1], pairs[(number + 7) % people][1])]
        for kind, targets in (("data set", own), ("shipped", [library_pose(name) for name in SHIPPED])):
            for target in targets:
                ways = choose(source_pose, retarget(target, source_pose), machine.config.size)
                same, frames = same + (ways["shared"] == Frame.around(source_pose, size=machine.config.size)), frames + 1
                painted = {way: machine.paint([machine.task(source, target, frame=frame)])[0] for way, frame in ways.items()}
                for way, one in painted.items():
                    count = pckh(find(one.picture), one.task.pose.points)
                    counts[way, kind] += count
                    if ways["own"] != ways["shared"]:
                        counts[way, "where own and shared differ"] += count
                if kind == "shipped" and number < 4:
                    rows.append([resize(one.picture, (256, 176)) for one in painted.values()])
        print(f"\r{number + 1}/{people}", end="", flush=True)
    save_picture(contact_sheet(rows, list(painted)), sheet)
    print(f"\n{same} of {frames} poses lie in their source's first frame\n")
    kinds = ("data set", "shipped", "where own and shared differ")
    print("| frame | " + " | ".join(kinds) + " |\n| --- |" + " --- |" * len(kinds))
    for way in painted:
        print(f"| {way} | " + " | ".join(f"{counts[way, kind].share:.4f} of {counts[way, kind].total:,}" for kind in kinds) + " |")


def choose(source: Pose, target: Pose, size: tuple[int, int]) -> dict[str, Frame]:
    own = Frame.around(source, target, size=size)
    ways = {"own": own, "shared": Frame.shared(source, target, size)}
    ways |= {f"own, {scale} x as large": around_middle(own, scale, 0.0) for scale in SCALES}
    return ways | {f"own, moved {move:+.0%} of its height": around_middle(own, 1.0, move) for move in MOVES}


def around_middle(frame: Frame, scale: float, move: float) -> Frame:
    left, top, right, bottom = frame.box
    x, y, w, h = (left + right) / 2, (top + bottom) / 2 + move * (bottom - top), (right - left) / 2 * scale, (bottom - top) / 2 * scale
    return replace(frame, box=(x - w, y - h, x + w, y + h))


if __name__ == "__main__":
    tyro.cli(main)
