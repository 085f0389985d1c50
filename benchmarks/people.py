"""Pictures a second of `posetransfer people`, with one and with two processes.

Two rates of one run: of the whole command (start of the processes, assets, garment maps included), and from the moment the
first people are finished. Sets go to a temporary folder. Compiled kernels are expected in numba's cache: the script renders
one person first.
"""

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

from posetransfer.people import PeopleSettings, render_people


def measure(kind: str, people: int, images: int, processes: int) -> tuple[float, float]:
    """Pictures a second of the whole run, and after the first tenth of the people."""
    moments: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        settings = PeopleSettings(kind, people, images, seed=11, cameras=24, whole=1.0)
        render_people(settings, Path(folder), processes, lambda done, total: moments.append((time.perf_counter(), done)))
        end = time.perf_counter()
    begun, done = next(moment for moment in moments if moment[1] >= people * images // 10)
    last, total = moments[-1]
    return total / (end - start), (total - done) / (last - begun)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--images", type=int, default=12)
    options = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, load {load:.2f} before")
    measure("studio", 1, 1, 1)
    print("| kind | processes | pictures/s, whole run | pictures/s, steady |")
    print("| --- | --- | --- | --- |")
    for kind in ("studio", "street"):
        for processes in (1, 2):
            whole, steady = measure(kind, options.people, options.images, processes)
            print(f"| {kind} | {processes} | {whole:.1f} | {steady:.1f} |", flush=True)


if __name__ == "__main__":
    main()
