"""How long does the command take to answer `--help` and `--version`? Wall time of the whole process, cache warm.

python benchmarks/cli_start.py [--repeats 15] [--output benchmarks/results/DATE-cli.md]
"""

from __future__ import annotations

import datetime
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import tyro

from posetransfer.cli import commands

PROMISE = 0.5  # seconds

Times = tuple[float, float]
"""Wall time and processor time of one run, in seconds."""


def main(repeats: int = 15, output: Path | None = None) -> None:
    """Measure every help page and write the table.

    Args:
        repeats: runs per line, behind one that only warms the cache; lines take turns, so that a busy minute hits all alike.
        output: where to; by default benchmarks/results/ with today's date.
    """
    lines = every_line()
    seconds: dict[str, list[Times]] = {" ".join(words): [] for words in lines}
    for turn in range(repeats + 1):
        for words in lines:
            taken = measure(words)
            if turn:
                seconds[" ".join(words)].append(taken)
    report = table(seconds, repeats)
    output = output or Path(__file__).parent / "results" / f"{datetime.date.today()}-cli.md"
    output.write_text(report, encoding="utf-8")
    print(report)
    if max(statistics.median(wall for wall, _ in taken) for taken in seconds.values()) > PROMISE:
        raise SystemExit(f"slower than the promised {PROMISE} s")


def every_line() -> list[list[str]]:
    """`--help`, `--version`, and the help of every command and sub-word."""
    lines = [["--help"], ["--version"]]
    for name in commands():
        words = getattr(import_module(f"posetransfer.cli.{name}"), "COMMANDS", {})
        lines += [[name, "--help"], *([name, word, "--help"] for word in words)]
    return lines


def measure(words: list[str]) -> Times:
    """One run of the installed command, as a user starts it."""
    command = Path(sys.executable).with_name("posetransfer")
    start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(command), *words], check=True, stdout=subprocess.DEVNULL)
    wall, now = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def table(seconds: dict[str, list[Times]], repeats: int) -> str:
    rows = []
    for line, taken in seconds.items():
        wall, processor = ([one[column] * 1e3 for one in taken] for column in (0, 1))
        rows.append(f"| `posetransfer {line}` | {statistics.median(wall):.0f} | {max(wall):.0f} | {statistics.median(processor):.0f} |")
    head = [
        "# Start of the command line",
        "",
        f"`python benchmarks/cli_start.py`, {datetime.date.today()}, {machine()}.",
        f"Wall time of the whole process, cache warm, {repeats} runs a line taking turns. Promise: under {PROMISE * 1e3:.0f} ms.",
        f"Load of the machine while measuring: {os.getloadavg()[0]:.1f} (1 minute).",
        "",
        "| command | median ms | longest ms | median processor ms |",
        "| --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *rows, ""])


def machine() -> str:
    """Processor, cores, and Python."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return f"{(names or [platform.processor() or platform.machine()])[0]}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    tyro.cli(main)
