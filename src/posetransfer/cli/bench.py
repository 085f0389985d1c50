"""`posetransfer bench`: measure the runtimes on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from posetransfer.cli.output import check_file
from posetransfer.errors import PoseTransferError, SettingsError

if TYPE_CHECKING:
    from posetransfer.bench import Case, Row
    from posetransfer.image import Picture
    from posetransfer.pose import Pose

Network = Literal["full-256x176", "full-128x64"]


def bench(
    weights: Annotated[str, tyro.conf.arg(metavar="NAME|FOLDER")] = "default",
    network: Network | None = None,
    engines: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME...")] = (),
    sizes: Annotated[tuple[str, ...], tyro.conf.arg(metavar="HxW...")] = (),
    batches: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N...")] = (1,),
    threads: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N...")] = (),
    poses: Annotated[int, tyro.conf.arg(metavar="N")] = 0,
    precision: Literal["auto", "fp32", "bf16"] = "auto",
    rounds: Annotated[int, tyro.conf.arg(metavar="N")] = 7,
    photo: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    data: Annotated[Path | None, tyro.conf.arg(metavar="SET")] = None,
    limit: Annotated[int, tyro.conf.arg(metavar="N")] = 200,
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    plot: Annotated[Path | None, tyro.conf.arg(metavar="PNG")] = None,
    markdown: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
) -> None:
    """Measure the runtimes on this machine, each in a process of its own, taking turns; against the plain network of PyTorch.

    Args:
        weights: name or folder of the weights.
        network: a full-size network of the paper with random weights, in place of weights.
        engines: which runtimes; by default all. What is not installed is listed as such.
        sizes: height x width of the pictures; by default what the weights are made for.
        batches: pictures a call, each of its own photo.
        threads: threads of each engine; by default one per core.
        poses: one photo in N poses a call, in place of batches.
        precision: auto computes in 16 bits where the processor is made for it.
        rounds: calls of each contender that count; medians are shown.
        photo: also measure a whole transfer of this photo, step by step, and the command from a cold start.
        data: a prepared data set: also PCKh and mask-SSIM of each engine's pictures of its test pairs.
        limit: test pairs for --data, spread evenly over the list.
        json: also write everything as JSON.
        plot: also draw the times as a picture.
        markdown: also write the table as Markdown.
    """
    from posetransfer.bench import make_rows, measure, measure_gemm, network_weights, text_table

    for path in (json, plot, markdown):
        if path is not None:
            check_file(path, inputs=(photo, weights))
    if network is not None and data is not None:
        raise SettingsError("--data scores pictures, and --network has random weights; leave one of the two out.")
    name = network or weights
    config = network_weights(name).config
    cases = _cases(name, engines, [_size(word) for word in sizes] or [config.size], batches, threads, poses, precision, rounds)
    rates = {number: measure_gemm(number) for number in dict.fromkeys(case.threads for case in cases)}
    rows = make_rows(measure(cases, rounds, say=lambda line: print(line, file=sys.stderr)), {name: config}, rates)
    if data is not None:
        rows = _with_scores(rows, weights, data, limit, precision)
    whole = _whole(photo, weights) if photo is not None else {}
    print("\n".join([text_table(rows), *_whole_lines(whole)]))
    _write(rows, rates, whole, json, plot, markdown)


def _cases(
    name: str,
    engines: tuple[str, ...],
    sizes: list[tuple[int, int]],
    batches: tuple[int, ...],
    threads: tuple[int, ...],
    poses: int,
    precision: str,
    rounds: int,
) -> list[Case]:
    from posetransfer.bench import PLAIN, Case
    from posetransfer.engines import RUNTIMES

    for engine in engines:
        if engine not in (*RUNTIMES, PLAIN):
            raise SettingsError(f"--engines {engine}: no such runtime; choose from {', '.join(RUNTIMES)}.")
    for option, numbers in (("batches", batches), ("threads", threads), ("rounds", (rounds,))):
        if any(number < 1 for number in numbers):
            raise SettingsError(f"--{option} {min(numbers)}: should be 1 or more.")
    if poses < 0:
        raise SettingsError(f"--poses {poses}: should be 1 or more, or be left out.")
    chosen = [PLAIN, *(engine for engine in engines or RUNTIMES if engine != PLAIN)]
    tasks = [(1, poses)] if poses else [(batch, 0) for batch in batches]
    return [
        Case(engine, name, size, batch, number, many, precision)
        for number in threads or (_cores(),)
        for size in sizes
        for batch, many in tasks
        for engine in chosen
    ]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _size(word: str) -> tuple[int, int]:
    from posetransfer.bench.case import check_size

    height, _, width = word.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise SettingsError(f"--sizes {word}: should be height x width in pixels; for example 128x88.")
    return check_size((int(height), int(width)))


def _with_scores(rows: list[Row], weights: str, data: Path, limit: int, precision: str) -> list[Row]:
    """PCKh and mask-SSIM of every engine that ran, over the same test pairs."""
    from posetransfer.bench.table import with_quality

    ran = dict.fromkeys(row.case.engine for row in rows if row.error is None)
    return with_quality(rows, {engine: scores(engine, weights, data, limit, precision) for engine in ran})


def scores(engine: str, weights: str, data: Path, limit: int, precision: str = "auto") -> tuple[float, float]:
    """PCKh (the joints that MoveNet finds in the pictures) and mask-SSIM of an engine's pictures of a set's test pairs."""
    return scores_of(*paint_pairs(engine, weights, data, limit, precision))


def paint_pairs(
    engine: str, weights: str, data: Path, limit: int, precision: str = "auto"
) -> tuple[list[Picture], list[Picture], list[Pose | None]]:
    """An engine's pictures of a set's test pairs, the true pictures, and the wanted poses."""
    from posetransfer.bench import PLAIN, network_weights
    from posetransfer.bench.plain import open_plain
    from posetransfer.data.manifest import PreparedFolder
    from posetransfer.engines import open_engine
    from posetransfer.evaluation.generate import PreparedPairs
    from posetransfer.image import from_unit, to_unit
    from posetransfer.pose.heatmaps import draw_heatmaps

    loaded = network_weights(weights)
    config, colour = loaded.config, loaded.config.backdrop_colour if loaded.config.backdrop == "plain" else None
    run: Any = open_plain(loaded, _cores()) if engine == PLAIN else open_engine(loaded, engine, precision=precision).run  # type: ignore[arg-type]
    test = PreparedPairs(PreparedFolder.open(data), config.size, colour, "test")
    pairs = test.pairs(Path("."), None, limit)
    made, real = [], []
    for pair in pairs:
        poses = [pose for pose in (pair.source_pose, pair.pose) if pose is not None]
        maps = [draw_heatmaps(pose, config.sigma, config.heatmaps)[None] for pose in poses]
        made.append(from_unit(run(to_unit(test.picture(pair.source).load())[None], *maps)[0]))
        real.append(test.picture(pair.target).load())
    return made, real, [pair.pose for pair in pairs]


def scores_of(made: Sequence[Picture], real: Sequence[Picture], poses: Sequence[Pose | None]) -> tuple[float, float]:
    """PCKh by MoveNet and mask-SSIM of pictures."""
    import numpy as np

    from posetransfer.evaluation.scoring import score_pictures

    parts = score_pictures(made, real, poses, names=("mask_ssim",), joints=True)
    right, total = (parts.column(f"pckh_patn_movenet_{part}").sum() for part in ("right", "total"))
    return float(right / total), float(np.nanmean(parts.column("mask_ssim")))


def _whole(photo: Path, weights: str) -> dict[str, Any]:
    from posetransfer.bench.whole import cold_start, transfer_steps

    if not photo.is_file():
        raise PoseTransferError(f"{photo}: no such file; give a photo of a standing person with --photo.")
    starts = {engine: cold_start(photo, weights, engine) for engine in ("auto", "onnxruntime")}
    return {"steps": transfer_steps(photo, weights), "cold_start": starts}


def _whole_lines(whole: dict[str, Any]) -> list[str]:
    if not whole:
        return []
    steps = [f"  {step:12} {1e3 * seconds:7.0f} ms" for step, seconds in whole["steps"].items()]
    starts = [f"  {engine:12} {1e3 * seconds:7.0f} ms" for engine, seconds in whole["cold_start"].items()]
    return ["", "a transfer, after load:", *steps, "the command, from a cold start:", *starts]


def _write(
    rows: list[Row], rates: dict[int, dict[str, float]], whole: dict[str, Any], json: Path | None, plot: Path | None, markdown: Path | None
) -> None:
    from json import dumps

    from posetransfer.bench import as_json
    from posetransfer.bench import markdown as markdown_table
    from posetransfer.bench.chart import draw_chart
    from posetransfer.bench.table import machine
    from posetransfer.engines.cache import write_whole
    from posetransfer.image import save_picture

    if json is not None:
        facts = dumps(as_json(rows, rates) | ({"transfer": whole} if whole else {}), indent=1)
        write_whole(json, lambda draft: draft.write_text(facts + "\n", encoding="utf-8"))
    if markdown is not None:
        text = "\n".join([f"{machine()}.", "", markdown_table(rows), *_whole_lines(whole), ""])
        write_whole(markdown, lambda draft: draft.write_text(text, encoding="utf-8"))
    if plot is not None:
        save_picture(draw_chart(rows, machine()), plot)
