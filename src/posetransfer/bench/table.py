"""From seconds to a table: medians, ratios to the plain network in the same rounds, cost per pixel, share of the machine's peak."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from os import cpu_count
from pathlib import Path
from statistics import median
from typing import Any

from posetransfer.bench.case import PLAIN, Case, multiplications
from posetransfer.bench.run import Measured
from posetransfer.config import ModelConfig

Rates = dict[int, dict[str, float]]
"""Number of threads -> precision -> multiplications a second of torch's matrix product."""

HEAD = ("network", "size", "task", "threads", "engine", "precision", "ms a picture", "ratio", "ns a pixel", "GEMM", "peak MB", "PSNR dB")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    case: Case
    precision: str = ""
    error: str | None = None
    milliseconds: float | None = None
    """Of one picture; the median over the rounds."""
    ratio: float | None = None
    """How many times faster than the plain network: the median over the rounds of the ratio within a round."""
    nanoseconds_per_pixel: float | None = None
    gemm_share: float | None = None
    """The network's multiplications a second, as a share of the matrix product's in the same precision. A runtime may pass 1:
    Winograd's convolution multiplies less than it is counted here."""
    peak: float | None = None
    psnr: float | None = None
    load: float | None = None
    pckh: float | None = None
    """With a data set: PCKh of its pictures (MoveNet finds the joints)."""
    mask_ssim: float | None = None


def make_rows(measured: Sequence[Measured], configs: dict[str, ModelConfig], rates: Rates) -> list[Row]:
    """Rows in the order of `measured`.

    Args:
        measured: cases, those of one setting measured in the same rounds.
        configs: network of the cases -> its settings.
        rates: `measure_gemm` by threads; may be empty.
    """
    plain = {one.case.setting: one for one in measured if one.case.engine == PLAIN and one.error is None}
    return [_row(one, plain.get(one.case.setting), configs[one.case.network], rates.get(one.case.threads, {})) for one in measured]


def _row(one: Measured, plain: Measured | None, config: ModelConfig, rates: dict[str, float]) -> Row:
    if one.error is not None:
        return Row(one.case, error=one.error)
    each = [seconds / one.case.pictures for seconds in one.seconds]
    pixels = one.case.size[0] * one.case.size[1]
    ratio = None
    if plain is not None:
        theirs = [seconds / plain.case.pictures for seconds in plain.seconds]
        ratio = median(slow / fast for slow, fast in zip(theirs, each, strict=True))
    peak_rate = rates.get(one.precision)
    share = multiplications(config, one.case.size) / median(each) / peak_rate if peak_rate else None
    return Row(
        case=one.case,
        precision=one.precision,
        milliseconds=median(each) * 1e3,
        ratio=ratio,
        nanoseconds_per_pixel=median(each) / pixels * 1e9,
        gemm_share=share,
        peak=one.peak,
        psnr=one.difference,
        load=one.load,
    )


def with_quality(rows: Sequence[Row], quality: dict[str, tuple[float, float]]) -> list[Row]:
    """The rows with PCKh and mask-SSIM by engine."""
    return [
        replace(row, pckh=quality[row.case.engine][0], mask_ssim=quality[row.case.engine][1]) if row.case.engine in quality else row
        for row in rows
    ]


def cells(row: Row) -> list[str]:
    """A row as words, in the order of `HEAD`."""
    case = row.case
    task = f"1 photo, {case.poses} poses" if case.poses else f"batch {case.batch}"
    words = [case.network, f"{case.size[0]}x{case.size[1]}", task, str(case.threads), case.engine]
    if row.error is not None:
        return [*words, row.error, *[""] * (len(HEAD) - len(words) - 1)]
    share = "-" if row.gemm_share is None else f"{row.gemm_share:.0%}"
    numbers = [(row.milliseconds, ".1f"), (row.ratio, ".2f"), (row.nanoseconds_per_pixel, ".0f")]
    shown = [_number(value, form) for value, form in numbers]
    return [*words, row.precision, *shown, share, _number(row.peak, ".0f"), _number(row.psnr, ".1f")]


def text_table(rows: Sequence[Row]) -> str:
    """For the terminal: columns of one width; a runtime that is not there says so at the end of its line."""
    lines = [list(head_of(rows)), *(_with_scores(row, rows) for row in rows)]
    short = [line for line, row in zip(lines, [None, *rows], strict=True) if row is None or row.error is None]
    widths = [max((len(line[i]) for line in short), default=0) for i in range(len(lines[0]))]
    widths[:5] = [max(len(line[i]) for line in lines) for i in range(5)]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def markdown(rows: Sequence[Row]) -> str:
    """The table for a page."""
    head = head_of(rows)
    lines = ["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *(_with_scores(row, rows) for row in rows))]
    return "\n".join(lines)


def head_of(rows: Sequence[Row]) -> list[str]:
    """Headings; the scores have columns only where there are some."""
    return [*HEAD, *(["PCKh", "mask-SSIM"] if any(row.pckh is not None for row in rows) else [])]


def _with_scores(row: Row, rows: Sequence[Row]) -> list[str]:
    extra = len(head_of(rows)) - len(HEAD)
    return cells(row) + ([_number(row.pckh, ".3f"), _number(row.mask_ssim, ".3f")] if extra else [])


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def as_json(rows: Sequence[Row], rates: Rates) -> dict[str, Any]:
    """Everything, for `--json`."""
    return {"machine": machine(), "gemm": {str(threads): rate for threads, rate in rates.items()}, "rows": [asdict(row) for row in rows]}


def machine() -> str:
    """Processor, cores, Python and PyTorch."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    name = (names or [platform.processor() or platform.machine()])[0]
    return f"{name}, {cpu_count()} cores, Python {platform.python_version()}, torch {version('torch')}"
