"""How fast pairs are scored, beside scikit-image called in a loop on the same files.

    OMP_NUM_THREADS=1 python benchmarks/evaluation.py [--pairs 12000] [--loop-pairs 400] [--rounds 3]

Makes pairs of 128x64 PNG files with keypoints and masks, scores all of them (everything but the networks: L1, PSNR, four SSIMs,
mask-SSIM, SSIM in the true mask, reading included) in one process per core, and reports the largest memory of all processes
together. Then ours in one process, ours in all processes, and the loop take turns on the same part of the pairs, and their numbers are held
against each other. The best round counts; where the machine has other work, the processor seconds are the truer figure.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.io import imread
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from posetransfer.evaluation.chunks import processors
from posetransfer.evaluation.metrics.joint_mask import joint_mask
from posetransfer.evaluation.metrics.pixels import PixelMeasure
from posetransfer.evaluation.pictures import MaskFile, Pair, PictureFile
from posetransfer.evaluation.scoring import score_pairs
from posetransfer.pose.pose import Pose

Scores = dict[str, np.ndarray]

SIZE = (128, 64)
SCORES = ("l1", "psnr", "ssim", "ssim_patn", "ssim_51", "mask_ssim", "mask_ssim_true")


def make_pairs(folder: Path, count: int) -> list[Pair]:
    """Smooth pictures with noise on one side, as PNG files."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    pairs = []
    for i in range(count):
        wave = np.sin(rows / random.uniform(5, 30) + columns / random.uniform(5, 30))[..., None]
        real = np.clip(128 + 70 * wave * random.uniform(0.3, 1, 3), 0, 255)
        generated = np.clip(real + random.normal(0, 12, (*SIZE, 3)), 0, 255)
        person = (np.abs(columns - 32) < 12 + 6 * np.sin(rows / 20)) & (rows > 10)
        for letter, picture in (("g", generated), ("r", real), ("m", person * 255.0)):
            Image.fromarray(picture.astype(np.uint8)).save(folder / f"{letter}{i}.png", compress_level=1)
        joints = np.stack([random.uniform(10, 54, 18), random.uniform(5, 122, 18)], axis=1).round()
        joints[random.random(18) < 0.4] = np.nan  # Market-1501: 7 of 18 are missing
        files = [folder / f"{letter}{i}.png" for letter in "grm"]
        pairs.append(Pair(f"{i:06d}", PictureFile(files[0]), PictureFile(files[1]), Pose(joints, SIZE), MaskFile(files[2])))
    return pairs


def scikit_image_loop(pairs: list[Pair]) -> Scores:
    """What a user would write: one library call per score and pair. The joint mask is ours in both: its rule is not theirs any more."""
    rows = []
    for pair in pairs:
        generated, real, person = imread(pair.generated.path), imread(pair.real.path), imread(pair.mask.path) >= 128
        options = {"channel_axis": -1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        mask = joint_mask(pair.pose)[..., None]
        a, b = generated * mask, real * mask
        _, full = structural_similarity(real, generated, data_range=255, full=True, **options)
        rows.append(
            (
                np.abs(generated / 127.5 - real / 127.5).mean(),
                peak_signal_noise_ratio(real, generated),
                structural_similarity(real, generated, data_range=255, **options),
                structural_similarity(real, generated, data_range=int(generated.max()) - int(generated.min()), **options),
                structural_similarity(real, generated, data_range=255, win_size=51, channel_axis=-1),
                structural_similarity(b, a, data_range=int(a.max()) - int(a.min()), **options),
                full.mean(axis=-1)[5:-5, 5:-5][person[5:-5, 5:-5]].mean(),
            )
        )
    return dict(zip(SCORES, np.array(rows).T, strict=True))


def ours(pairs: list[Pair], processes: int) -> Scores:
    parts = score_pairs(pairs, (PixelMeasure(SCORES),), processes=processes)
    return {name: parts.column(name) for name in SCORES}


class Memory(threading.Thread):
    """The largest memory of this process and its children together, in megabytes, looked at ten times a second (Linux)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0.0
        self.running = True

    def run(self) -> None:
        while self.running:
            pids = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
            self.most = max(self.most, sum(self._resident(pid) for pid in pids))
            time.sleep(0.1)

    @staticmethod
    def _resident(pid: int | None) -> float:
        try:
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        except OSError:
            return 0.0


def processor_seconds() -> float:
    """Of this process and its finished children: other programs on the machine do not count."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measured(count: int, work: Callable[..., Scores], *arguments: object) -> tuple[float, float, Scores]:
    """Pairs per second of the clock, pairs per processor second, and the scores."""
    start, spent = time.perf_counter(), processor_seconds()
    result = work(*arguments)
    return count / (time.perf_counter() - start), count / (processor_seconds() - spent), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=12_000)
    parser.add_argument("--loop-pairs", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    load = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        pairs = make_pairs(Path(folder), options.pairs)
        memory = Memory()
        memory.start()
        wall, _, _ = measured(len(pairs), ours, pairs, processors())
        memory.running = False
        print(f"load of the machine before: {load[0]:.1f} (1 minute)")
        print(f"{len(pairs)} pairs, {processors()} processes: {len(pairs) / wall:.1f} s by the clock, at most {memory.most:.0f} MB")
        some = pairs[: options.loop_pairs]
        many = some * 20  # starting processes must not count for much
        ways = {
            "scikit-image in a loop": (len(some), scikit_image_loop, some),
            "ours, one process": (len(some), ours, some, 1),
            f"ours, {processors()} processes": (len(many), ours, many, processors()),
        }
        rates: dict[str, list[tuple[float, float, Scores]]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, way in ways.items():
                rates[name].append(measured(*way))
        loop, one, _ = rates.values()
        print("| way | pairs/s, best round | beside the loop | pairs per processor second | beside the loop |")
        print("| --- | ---: | ---: | ---: | ---: |")
        bests = {name: [max(rate[i] for rate in rounds) for i in (0, 1)] for name, rounds in rates.items()}
        base = next(iter(bests.values()))
        for name, (clock, processor) in bests.items():
            print(f"| {name} | {clock:.0f} | {clock / base[0]:.1f} x | {processor:.0f} | {processor / base[1]:.1f} x |")
        worst = max(float(np.nanmax(np.abs(one[0][2][name] - loop[0][2][name]))) for name in SCORES)
        print(f"largest difference of any score of any pair: {worst:.1e}")


if __name__ == "__main__":
    main()
