"""How fast do batches come? Our way against the authors', and against the training of the small network, taking turns.

    python benchmarks/data.py [--pictures 96] [--turns 5] [--output benchmarks/results/DATE-data.md]

The authors' way is what their loader does: two JPEGs and two stored heat maps (.npy) read for each pair (float32 for
Market-1501, uint8 for DeepFashion, as their scripts store them). Ours: pictures from the memory-mapped cache (or decoded each
time), heat maps drawn for the whole batch. Both end with the same four float tensors, in batches of the paper (32 and 7 pairs).
One thread, warm files, seconds of the processor: what else the machine does hardly counts.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import datetime
import platform
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
import torch
import tyro
from PIL import Image

from posetransfer.config import PRESETS, Settings
from posetransfer.data.annotations import read_annotations, write_annotations, write_pairs
from posetransfer.data.pairing import make_pairs
from posetransfer.data.pairs import Pairs
from posetransfer.image import load_photo, resize, save_picture
from posetransfer.pose.heatmaps import draw_heatmaps
from posetransfer.pose.pose import Pose
from posetransfer.training.step import TrainingStep
from posetransfer.training.tensors import to_device

SHOTS = Path(__file__).parents[1] / "tests" / "data" / "rendered"
SIZES = {"128x64": ("market1501", np.float32), "256x176": ("deepfashion", np.uint8)}
"""Preset of the paper, and the type of the authors' stored maps."""
CPU = torch.device("cpu")
Way = Callable[[], int]
"""Makes one batch, gives its number of pictures."""
WANTED, FEEDING = 3.0, 2.0

EVERYTHING = replace(
    PRESETS["people-64"].augmentation, mask_error=0.0, light=0.2, jpeg=0.3, estimator_error=1.0, target_error=1.0, joint_jitter=0.0,
    joint_dropout=0.0,
)  # fmt: skip


def main(pictures: int = 96, turns: int = 5, output: Path | None = None) -> None:
    """Measure and write the table.

    Args:
        pictures: pictures of the set; a pair reads two.
        turns: rounds; in each, every way makes one batch after another for at least a second.
        output: where to; by default benchmarks/results/ with today's date.
    """
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        ways = {}
        for name, (preset, stored) in SIZES.items():
            settings = PRESETS[preset]
            # The same memory layout as the authors'; that of the networks is training's affair.
            settings = replace(settings, training=replace(settings.training, channels_last=False, last_batch=0))
            folder = make_set(Path(temporary) / name, settings.model.size, pictures)
            ways |= {f"{name}, {way}": make for way, make in ways_of(folder, settings, stored).items()}
        ways["small network (people-64): loading"], ways["small network (people-64): training"] = small_network(Path(temporary) / "256x176")
        for make in ways.values():
            make()  # caches and files are warm
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(turns):
            for way, make in ways.items():
                rates[way].append(rate(make))
    report, kept = table(rates, pictures, turns)
    output = output or Path(__file__).parent / "results" / f"{datetime.date.today()}-data.md"
    output.write_text(report, encoding="utf-8")
    print(report)
    if not kept:
        raise SystemExit("slower than promised")


def make_set(folder: Path, size: tuple[int, int], pictures: int) -> Path:
    """A prepared folder of JPEGs of this size: the test pictures of the repository, each under several names, with masks."""
    names, points = read_annotations(SHOTS / "annotation.csv")
    chosen = [i % len(names) for i in range(pictures)]
    many = [f"{k // len(names):03}{names[i]}" for k, i in enumerate(chosen)]
    for name, i in zip(many, chosen, strict=True):
        save_picture(resize(load_photo(SHOTS / names[i]), size), folder / "images" / name)
        mask = np.zeros((*size, 3), np.uint8)
        mask[:, size[1] // 4 : -size[1] // 4] = 255
        save_picture(mask, folder / "masks" / (Path(name).stem + ".png"))
    scaled = (points[chosen] + 0.5) * [size[1] / 176, size[0] / 256] - 0.5
    for split in ("train", "test"):
        write_annotations(folder / f"annotation-{split}.csv", many, scaled)
        write_pairs(folder / f"pairs-{split}.csv", many, make_pairs([name.partition("_")[0] for name in many], np.ones(pictures, bool)))
    (folder / "set.json").write_text("{}")
    return folder


def ways_of(folder: Path, settings: Settings, stored: type) -> dict[str, Way]:
    """Each way makes one batch, ready for the networks, and says how many pictures it holds."""
    return {
        "authors' way": authors_way(folder, settings, stored),
        "ours, cached": ours(folder, settings),
        "ours, decoded each time": ours(folder, settings, cache=False),
        "ours, cached, all augmentations": ours(folder, replace(settings, augmentation=EVERYTHING)),
    }


def ours(folder: Path, settings: Settings, cache: bool = True) -> Way:
    """Batch after batch of `Pairs`, brought to tensors as training does."""
    pairs = Pairs(folder, "train", settings.model, settings.augmentation, batch=settings.training.batch, cache=None if cache else False)
    steps = iter(range(1, 1 << 30))

    def make() -> int:
        return 2 * len(to_device(pairs.batch(next(steps)), settings, CPU))

    return make


def authors_way(folder: Path, settings: Settings, stored: type) -> Way:
    """One sample after the other from JPEG and .npy files, then stacked: as in the authors' data loader."""
    pairs = Pairs(folder, "train", settings.model, cache=False)
    batch, size = settings.training.batch, settings.model.size
    for name, points in zip(pairs.names, pairs.points, strict=True):
        maps = draw_heatmaps(Pose(points, size)).transpose(1, 2, 0)
        np.save(folder / f"{name}.npy", np.ascontiguousarray(maps.astype(stored)))
    rng = np.random.default_rng(0)

    def photo(name: str) -> torch.Tensor:
        with Image.open(folder / "images" / name) as image:
            array = np.array(image.convert("RGB"))
        tensor = torch.from_numpy(array).permute(2, 0, 1).contiguous().float().div(255)
        return tensor.sub_(0.5).div_(0.5)

    def maps(name: str) -> torch.Tensor:
        return torch.from_numpy(np.load(folder / f"{name}.npy")).float().transpose(2, 0).transpose(2, 1)

    def make() -> int:
        samples = []
        for number in rng.integers(len(pairs), size=batch):
            source, target = (pairs.names[i] for i in pairs.pairs[number])
            samples.append((photo(source), maps(source), photo(target), maps(target)))
        for tensors in zip(*samples, strict=True):
            torch.stack(tensors)
        return 2 * batch

    return make


def small_network(folder: Path) -> tuple[Way, Way]:
    """Loading, and training without loading, of the small network at its own size and with its own augmentation."""
    settings = PRESETS["people-64"]
    pairs = Pairs(folder, "train", settings.model, settings.augmentation, batch=settings.training.batch)
    step, batch = TrainingStep(settings, CPU), to_device(pairs.batch(1), settings, CPU)
    steps = iter(range(1, 1 << 30))

    def load() -> int:
        return 2 * len(pairs.batch(next(steps)).names)

    def train() -> int:
        step(batch, next(steps))
        return 2 * len(batch)

    return load, train


def rate(make: Way, least: float = 1.0) -> float:
    """Pictures per second of the processor, over at least `least` of them."""
    began, count = process_time(), 0
    while (seconds := process_time() - began) < least:
        count += make()
    return count / seconds


def table(rates: dict[str, list[float]], pictures: int, turns: int) -> tuple[str, bool]:
    """The report, and whether what is promised was kept."""
    median = {way: statistics.median(values) for way, values in rates.items()}
    rows = [f"| {way} | {median[way]:,.0f} | {min(values):,.0f} – {max(values):,.0f} |" for way, values in rates.items()]
    gains = {size: [a / b for a, b in zip(rates[f"{size}, ours, cached"], rates[f"{size}, authors' way"], strict=True)] for size in SIZES}
    feed = [a / b for a, b in zip(*(rates[f"small network (people-64): {what}"] for what in ("loading", "training")), strict=True)]
    kept = all(statistics.median(gain) >= WANTED for gain in gains.values()) and statistics.median(feed) >= FEEDING
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, NumPy {np.__version__}"
    load = os.getloadavg()[0]
    feeding = statistics.median(feed)
    lines = [
        f"# Data loading, {datetime.date.today()}",
        "",
        f"{platform.machine()}, {os.cpu_count()} cores, {versions}; {pictures} pictures, {turns} turns, load of the machine {load:.1f}.",
        "`python benchmarks/data.py`: pictures per second of the processor, one worker with one thread, heat maps included;",
        "batches of 32 pairs (128x64) and 7 pairs (256x176); median and range.",
        "",
        "| way | pictures/s | range |",
        "| --- | ---: | ---: |",
        *rows,
        "",
        *(f"{size}: ours is {statistics.median(gain):.1f} times the authors' way (wanted {WANTED:.0f})." for size, gain in gains.items()),
        f"One worker loads for the small network {feeding:.1f} times as fast as one thread trains it (wanted {FEEDING:.0f}).",
        "",
    ]
    return "\n".join(lines), kept


if __name__ == "__main__":
    tyro.cli(main)
