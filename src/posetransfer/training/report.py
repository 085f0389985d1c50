"""The curves of a run as one picture: every number of `log.jsonl` against the steps, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from posetransfer.errors import TrainingError
from posetransfer.training.journal import LOG, read_log

Curve = list[tuple[int, float]]
"""(step, value), in the order of the steps."""
Charts = dict[str, dict[str, Curve]]
"""Curves by name, by the title of their chart."""

SIZE = (960, 260)
"""Width and height of a chart."""
MARGIN = (64, 30, 16, 30)
"""Left, top, right and bottom of a chart around its field."""
INK, GRID, PAPER = (40, 40, 40), (225, 225, 225), (255, 255, 255)
COLOURS = ((31, 119, 180), (214, 99, 10), (34, 139, 34), (190, 30, 45), (120, 80, 170), (110, 75, 60))
LOUD = 12.0
"""A scale goes over to logarithms where the largest value is this many times the median."""


def draw_report(run: Path, path: Path | None = None) -> Path:
    """Draw the curves of a run.

    Args:
        run: the run folder.
        path: the picture; `report.png` in the run folder by default.

    Raises:
        TrainingError: there is no log, or nothing in it yet.
    """
    from posetransfer.image import save_picture

    if not (run / LOG).exists():
        raise TrainingError(f"{run}: no {LOG} in this folder; give the folder of a run of posetransfer train.")
    charts = read_charts(read_log(run))
    if not charts:
        raise TrainingError(f"{run / LOG}: nothing was logged yet; wait for the first line, after 50 steps.")
    path = path or run / "report.png"
    save_picture(np.vstack([draw_chart(title, curves) for title, curves in charts.items()]), path)
    return path


def read_charts(entries: Sequence[dict[str, Any]]) -> Charts:
    """Sort the numbers of a log into charts; a chart without numbers is left out."""
    charts: Charts = {}

    def add(title: str, name: str, step: int, value: float) -> None:
        charts.setdefault(title, {}).setdefault(name, []).append((step, value))

    titles = {
        "rate": "learning rate",
        "pictures_per_second": "pictures per second",
        "waiting_for_data": "share of the time that was spent waiting for data",
    }
    for entry in entries:
        for name, value in entry.items():
            if name in ("step", "pictures", "stopped", "pairs"):
                continue
            if name == "validation":
                for score, number in value.items():
                    add("scores on test pairs: " + ("ssim" if score == "ssim" else "difference"), score, entry["step"], number)
            elif name in titles:
                add(titles[name], name, entry["step"], value)
            else:
                group = "discriminators" if name.startswith("d_") else "gradient norms" if name.startswith("gradient_") else "generator"
                title = group if group == "gradient norms" else f"losses of the {group}"
                add(title, name.removeprefix("gradient_"), entry["step"], value)
    order = sorted(
        charts, key=lambda title: (not title.startswith("scores"), not title.endswith("generator"), not title.startswith("losses"))
    )
    return {title: charts[title] for title in order}


def draw_chart(title: str, curves: dict[str, Curve]) -> npt.NDArray[np.uint8]:
    """One chart, uint8 (height, width, 3): a frame with a grid, a line for each curve, a legend beside the title."""
    image = Image.new("RGB", SIZE, PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13.0)
    scale = Scale.of([value for curve in curves.values() for _, value in curve], [step for curve in curves.values() for step, _ in curve])
    left, top, right, bottom = MARGIN[0], MARGIN[1], SIZE[0] - MARGIN[2], SIZE[1] - MARGIN[3]
    for value in scale.values():
        y = scale.y(value)
        draw.line((left, y, right, y), GRID)
        draw.text((left - 6, y), f"{value:.4g}", INK, font, anchor="rm")
    for step in scale.steps():
        x = scale.x(step)
        draw.line((x, top, x, bottom), GRID)
        draw.text((x, bottom + 6), f"{step:,}", INK, font, anchor="mt")
    draw.rectangle((left, top, right, bottom), outline=INK)
    x = left + draw.textlength(draw_title(draw, title, scale, font), font) + 24
    for (name, curve), colour in zip(curves.items(), COLOURS * len(curves), strict=False):
        points = [(scale.x(step), scale.y(value)) for step, value in curve if math.isfinite(value)]
        if len(points) > 1:
            draw.line(points, colour, 2, joint="curve")
        for px, py in points if len(points) < 40 else points[-1:]:
            draw.ellipse((px - 2, py - 2, px + 2, py + 2), colour)
        label = f"{name} {curve[-1][1]:.4g}"
        draw.line((x, 16, x + 14, 16), colour, 3)
        draw.text((x + 18, 16), label, INK, font, anchor="lm")
        x += 34 + draw.textlength(label, font)
    return np.array(image)


def draw_title(draw: ImageDraw.ImageDraw, title: str, scale: Scale, font: Any) -> str:
    """Write the title over the chart and give it back as written."""
    text = title + (" (logarithmic)" if scale.logarithmic else "")
    draw.text((MARGIN[0], 16), text, INK, font, anchor="lm")
    return text


class Scale:
    """From steps and values to the pixels of a chart.

    Args:
        low, high: values at the lower and upper edge.
        first, last: steps at the left and right edge.
        logarithmic: equal distances are equal factors.
    """

    def __init__(self, low: float, high: float, first: int, last: int, logarithmic: bool) -> None:
        self.low, self.high, self.first, self.last, self.logarithmic = low, high, first, max(last, first + 1), logarithmic

    @classmethod
    def of(cls, values: Sequence[float], steps: Sequence[int]) -> Scale:
        """A scale that shows all the finite values; from 0 unless they are far from it or differ by large factors."""
        finite = [value for value in values if math.isfinite(value)] or [0.0]
        low, high = min(finite), max(finite)
        logarithmic = low > 1e-3 and high > LOUD * float(np.median(finite))
        if not logarithmic and 0 <= low < 0.6 * high:
            low = 0.0
        if high == low:
            low, high = low - 0.5 * abs(low) - 1e-9, high + 0.5 * abs(high) + 1e-9
        return cls(low, high, min(steps), max(steps), logarithmic)

    def x(self, step: float) -> float:
        """Pixels from the left."""
        width = SIZE[0] - MARGIN[0] - MARGIN[2]
        return MARGIN[0] + width * (step - self.first) / (self.last - self.first)

    def y(self, value: float) -> float:
        """Pixels from the top."""
        height = SIZE[1] - MARGIN[1] - MARGIN[3]
        return MARGIN[1] + height * (1 - self._part(value))

    def _part(self, value: float) -> float:
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def values(self) -> list[float]:
        """Values of the horizontal lines of the grid."""
        if self.logarithmic:
            powers = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
            return [10.0**power for power in powers] or [self.low, self.high]
        return round_numbers(self.low, self.high, 5)

    def steps(self) -> list[int]:
        """Steps of the vertical lines of the grid."""
        return [int(step) for step in round_numbers(self.first, self.last, 6) if step == int(step)]


def round_numbers(low: float, high: float, about: int) -> list[float]:
    """About so many round numbers from low to high.

    >>> round_numbers(0, 4.3, 5)
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    unit = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [float(f"{unit * i:.12g}") for i in range(math.ceil(low / unit - 1e-9), math.floor(high / unit + 1e-9) + 1)]
