"""How long does the first `posetransfer transfer` of a day take? Whole processes, engines taking turns.

python benchmarks/cold_start.py [--photo PHOTO] [--repeats 7] [--engines onnxruntime pytorch]
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tyro

PHOTO = Path(__file__).parents[1] / "examples" / "photos" / "man_standing.jpg"
PROMISE = {"onnxruntime": 1.5, "pytorch": 3.0}  # seconds


def main(photo: Path = PHOTO, repeats: int = 7, engines: tuple[str, ...] = ("onnxruntime", "pytorch")) -> None:
    """Measure and print a table: wall time and processor time.

    Args:
        photo: of a person.
        repeats: runs of each engine, behind one that warms the disk's cache.
        engines: names that `transfer --engine` takes.
    """
    taken: dict[str, list[tuple[float, float]]] = {engine: [] for engine in engines}
    with tempfile.TemporaryDirectory() as place:
        for turn in range(repeats + 1):
            for engine in engines:
                words = [str(photo), "--pose", "walking-left", "-o", f"{place}/out.png", "--engine", engine]
                measured = run([sys.executable, "-m", "posetransfer", "transfer", *words])
                if turn:
                    taken[engine].append(measured)
    print(f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}, load {os.getloadavg()[0]:.1f}, {repeats} runs\n")
    print("| engine | wall, s (median) | fastest | processor, s | promised |\n| --- | ---: | ---: | ---: | ---: |")
    for engine, runs in taken.items():
        wall, processor = zip(*runs, strict=True)
        promise = f"{PROMISE[engine]:.1f}" if engine in PROMISE else ""
        print(f"| {engine} | {statistics.median(wall):.2f} | {min(wall):.2f} | {statistics.median(processor):.2f} | {promise} |")


def run(words: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of one process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    tyro.cli(main)
