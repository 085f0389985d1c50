"""What the engines promise, measured in one go on a quiet machine; about ten minutes on two cores.

python benchmarks/engines.py [--data SET] [--rounds 11] [--output benchmarks/results/DATE-engines.md]
"""

from __future__ import annotations

import datetime
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from posetransfer.bench import PLAIN, Case, Row, make_rows, markdown, measure, measure_gemm, network_weights
from posetransfer.bench.chart import draw_chart
from posetransfer.bench.run import Contender
from posetransfer.bench.table import Rates, machine, with_quality
from posetransfer.bench.whole import cold_start, transfer_steps
from posetransfer.cli.bench import scores
from posetransfer.engines import RUNTIMES
from posetransfer.image import save_picture

PHOTO = Path(__file__).parents[1] / "examples" / "photos" / "man_standing.jpg"
NETWORKS = {"full-256x176": 2.8, "full-128x64": 2.4, "default": 3.0}
"""Network -> how many times faster than the plain one the best engine is to be (with bf16)."""
DECIBELS, MORE_BY_POSES, TRANSFER, COLD, COLD_LIGHT = 60.0, 1.1, 1.0, 3.0, 1.5
SIZES, BATCHES = ((64, 44), (128, 88), (256, 176), (384, 264)), (1, 2, 4, 8)
PICTURES = 1000
OFF_LINE = 0.2
"""Of the measured time."""


def main(data: Path | None = None, rounds: int = 11, threads: int = os.cpu_count() or 1, output: Path | None = None) -> None:
    """Measure everything and write the page.

    Args:
        data: a prepared set, for PCKh and mask-SSIM of each engine over 200 test pairs.
        rounds: calls of each engine that count, where one call is one picture.
        threads: of every engine.
        output: the page; a chart of the same name is laid beside it.
    """
    start = time.perf_counter()
    rates = {threads: measure_gemm(threads)}
    single = {
        name: rows_of(name, [Case(e, name, size(name), threads=threads) for e in (PLAIN, *RUNTIMES)], rounds, rates) for name in NETWORKS
    }
    if data is not None:
        single["default"] = with_quality(
            single["default"], {r.case.engine: scores(r.case.engine, "default", data, 200) for r in single["default"] if not r.error}
        )
    best = {name: max((row for row in rows if row.ratio), key=lambda row: row.ratio or 0) for name, rows in single.items()}
    poses = {name: rows_of(name, many_poses(row.case), 2, rates) for name, row in best.items()}
    fastest = best["default"].case.engine
    grid = [Case(fastest, "default", one, batch, threads) for one in SIZES for batch in BATCHES]
    cost = rows_of("default", grid, 5, rates)
    memory = memory_over(PICTURES, best["default"].case)
    whole = {"steps": transfer_steps(PHOTO), "starts": {engine: cold_start(PHOTO, engine=engine) for engine in ("auto", "onnxruntime")}}
    output = output or Path(__file__).parent / "results" / f"{datetime.date.today()}-engines.md"
    chart = output.with_suffix(".png")
    save_picture(draw_chart([row for rows in (*single.values(), *poses.values()) for row in rows], machine()), chart)
    page = write_page(single, best, poses, cost, memory, whole, rates[threads], chart.name, time.perf_counter() - start)
    output.write_text(page, encoding="utf-8")
    print(page)


def size(network: str) -> tuple[int, int]:
    """What a network is made for."""
    return network_weights(network).config.size


def rows_of(name: str, cases: list[Case], rounds: int, rates: Rates) -> list[Row]:
    """Measured rows of one network."""
    return make_rows(measure(cases, rounds, warm_up=1, say=print), {name: network_weights(name).config}, rates)


def many_poses(case: Case) -> list[Case]:
    """One photo in 100 poses, for the plain network (by a few of them) and for one engine."""
    return [Case(engine, case.network, case.size, 1, case.threads, 100) for engine in (PLAIN, case.engine)]


def memory_over(pictures: int, case: Case) -> dict[int, float]:
    """MB that the process holds after so many pictures."""
    contender, seen = Contender(case), {}
    try:
        contender.ready()
        for number in range(1, pictures + 1):
            contender.ask("run")
            if number in (10, 100, pictures // 2, pictures):
                seen[number] = contender.ask("memory")["now"]
    finally:
        contender.end()
    return seen


def write_page(
    single: dict[str, list[Row]],
    best: dict[str, Row],
    poses: dict[str, list[Row]],
    cost: list[Row],
    memory: dict[int, float],
    whole: dict[str, Any],
    rates: dict[str, float],
    chart: str,
    seconds: float,
) -> str:
    """The page, its promises first."""
    peaks = ", ".join(f"{name} {2 * rate / 1e9:.0f} GFLOP/s" for name, rate in rates.items())
    parts = [
        "# Engines\n",
        f"`python benchmarks/engines.py`, {datetime.date.today()}, {machine()}; {seconds / 60:.0f} minutes, "
        f"load at the end {os.getloadavg()[0]:.1f}. torch's matrix product: {peaks}.\n",
        "## What is promised\n",
        *promises(single, best, poses, cost, memory, whole),
        "\n## One picture a call\n",
        "The full networks have random weights. The ratio is the median over the rounds of (plain / engine) within a round.\n",
        markdown([row for rows in single.values() for row in rows]),
        f"\n![milliseconds a picture]({chart})\n",
        "## One photo in 100 poses\n",
        markdown([row for rows in poses.values() for row in rows]),
        "\n## Pixels and pictures\n",
        markdown(cost),
        "\n## A transfer, after load\n",
        "| step | ms |\n| --- | --- |",
        *(f"| {step} | {1e3 * taken:.0f} |" for step, taken in whole["steps"].items()),
        "",
    ]
    return "\n".join(parts)


def promises(
    single: dict[str, list[Row]], best: dict[str, Row], poses: dict[str, list[Row]], cost: list[Row], memory: dict[int, float], whole: Any
) -> list[str]:
    """A line each: what was promised, what was seen."""
    lines = ["| promise | seen | kept |", "| --- | --- | --- |"]

    def line(what: str, seen: str, kept: bool) -> None:
        lines.append(f"| {what} | {seen} | {'yes' if kept else '**no**'} |")

    for name, least in NETWORKS.items():
        row = best[name]
        line(f"{name}: {least} x plain", f"{row.ratio:.2f} x ({row.case.engine}, {row.precision})", (row.ratio or 0) >= least)
        many = poses[name][1]
        gain = (row.milliseconds or 0) / (many.milliseconds or 1)
        line(f"{name}, one photo in 100 poses: 10 % more a picture", f"{gain:.2f} x of one picture a call", gain >= MORE_BY_POSES)
    shown = [row for row in single["default"] if row.psnr is not None]
    lowest = min(shown, key=lambda row: row.psnr or 0)
    line("default: at least 60 dB", f"lowest {lowest.psnr:.1f} dB ({lowest.case.engine})", (lowest.psnr or 0) >= DECIBELS)
    scored = [row for row in single["default"] if row.pckh is not None]
    if scored:
        spans = [max(values) - min(values) for values in ([r.pckh or 0 for r in scored], [r.mask_ssim or 0 for r in scored])]
        line("same PCKh and mask-SSIM to 3 digits", f"apart by {spans[0]:.4f} and {spans[1]:.4f}", max(spans) < 1e-3)
    fixed, slope, worst = straight_line(cost)
    line(
        f"cost linear in pixels and pictures (a line through all of them, none more than {OFF_LINE:.0%} off it)",
        f"{fixed:.1f} ms a call + {slope:.0f} ns a pixel, at most {worst:.0%} off",
        worst < OFF_LINE,
    )
    first, last = memory[100], memory[PICTURES]
    line(f"memory flat over {PICTURES} pictures", f"{first:.0f} MB after 100, {last:.0f} MB at the end", last < 1.02 * first + 5)
    line("transfer under 1 s after load", f"{whole['steps']['total']:.2f} s", whole["steps"]["total"] < TRANSFER)
    for engine, most in (("auto", COLD), ("onnxruntime", COLD_LIGHT)):
        taken = whole["starts"][engine]
        line(f"command from a cold start under {most} s ({engine})", f"{taken:.2f} s", taken < most)
    return lines


def straight_line(cost: list[Row]) -> tuple[float, float, float]:
    """Milliseconds of a call as a fixed part and nanoseconds a pixel: least squares of the relative errors, and the largest of them."""
    pixels = np.array([row.case.size[0] * row.case.size[1] * row.case.batch for row in cost], dtype=np.float64)
    taken = np.array([(row.milliseconds or 0) * row.case.batch for row in cost])
    parts = np.stack([1 / taken, pixels / taken], axis=1)
    (fixed, slope), *_ = np.linalg.lstsq(parts, np.ones_like(taken), rcond=None)
    return float(fixed), float(1e6 * slope), float(np.abs(parts @ (fixed, slope) - 1).max())


if __name__ == "__main__":
    tyro.cli(main)
