"""Small charts as SVG text: a histogram, and a curve of means with their 95 % intervals."""

from __future__ import annotations

import html

import numpy as np
import numpy.typing as npt

from posetransfer.evaluation.intervals import bootstrap

Values = npt.NDArray[np.float64]

WIDTH, HEIGHT = 320, 180
LEFT, RIGHT, TOP, BOTTOM = 54, 8, 20, 34
BINS, GROUPS = 30, 8
INK, BAND = "#30609a", "#c9d9ec"


def histogram(values: Values, name: str) -> str:
    """How the values of all pairs are spread; the median is marked."""
    low, high = _range(values)
    counts, edges = np.histogram(values, BINS, (low, high))
    most = max(1, int(counts.max()))
    bars = "".join(
        f'<rect x="{_x(a, low, high):.1f}" y="{_y(n, 0, most):.1f}" width="{_x(b, low, high) - _x(a, low, high) - 1:.1f}" '
        f'height="{_y(0, 0, most) - _y(n, 0, most):.1f}" fill="{INK}"/>'
        for n, a, b in zip(counts.tolist(), edges[:-1], edges[1:], strict=True)
    )
    median = _x(float(np.median(values)), low, high)
    mark = f'<line x1="{median:.1f}" x2="{median:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#c33" stroke-dasharray="3 2"/>'
    return _frame(bars + mark, f"{len(values)} pairs, median {np.median(values):.4g}", name, (low, high), (0, most))


def curve(at: Values, values: Values, label: str, name: str) -> str:
    """Mean of the values over groups of nearly equal numbers along `at`, with the interval of each mean."""
    known = ~np.isnan(at)
    at, values = at[known], values[known]
    edges = np.unique(np.quantile(at, np.linspace(0, 1, GROUPS + 1)))
    group = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, len(edges) - 2)
    points = [
        (float(at[group == g].mean()), float(values[group == g].mean()), *bootstrap(values[group == g], draws=300))
        for g in np.unique(group)
    ]
    x_range = _range(np.array([x for x, *_ in points]))
    y_range = _range(np.array([y for _, *ys in points for y in ys]))
    places = [(_x(x, *x_range), *(_y(y, *y_range) for y in ys)) for x, *ys in points]
    band = (
        " ".join(f"{x:.1f},{high:.1f}" for x, _, _, high in places) + " " + " ".join(f"{x:.1f},{low:.1f}" for x, _, low, _ in places[::-1])
    )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{INK}"/>' for x, y, _, _ in places)
    drawn = f'<polygon points="{band}" fill="{BAND}"/><polyline points="{line}" fill="none" stroke="{INK}" stroke-width="1.5"/>{dots}'
    return _frame(drawn, f"mean {name}", label, x_range, y_range)


def _range(values: Values) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _x(value: float, low: float, high: float) -> float:
    return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)


def _y(value: float, low: float, high: float) -> float:
    return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def _frame(drawn: str, title: str, label: str, x_range: tuple[float, float], y_range: tuple[float, float]) -> str:
    axis = f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#999"/>'
    texts = [
        (LEFT, 13, "start", title),
        ((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "middle", label),
        (LEFT, HEIGHT - BOTTOM + 13, "start", f"{x_range[0]:.3g}"),
        (WIDTH - RIGHT, HEIGHT - BOTTOM + 13, "end", f"{x_range[1]:.3g}"),
        (LEFT - 4, HEIGHT - BOTTOM, "end", f"{y_range[0]:.3g}"),
        (LEFT - 4, TOP + 8, "end", f"{y_range[1]:.3g}"),
    ]
    words = "".join(f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{html.escape(text)}</text>' for x, y, anchor, text in texts)
    return f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{html.escape(title)}">{drawn}{axis}{words}</svg>'
