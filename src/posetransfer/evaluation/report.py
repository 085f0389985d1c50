"""An evaluation as one HTML file: tables, best and worst pairs, distributions. No server, no script, nothing to fetch."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from posetransfer.errors import DataError, PhotoError
from posetransfer.evaluation.charts import curve, histogram
from posetransfer.evaluation.pictures import GENERATED_PANEL, PANELS, REAL_PANEL, cut_panel
from posetransfer.evaluation.published import published
from posetransfer.evaluation.results import Results, Score, read, read_rows
from posetransfer.image import Picture, load_photo, whole_file

Row = dict[str, Any]

EXAMPLES = 3  # best, median and worst pairs shown for each score
THUMBNAIL = 160  # height of a picture in the report, in pixels
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid #ddd; padding-bottom: .3rem }
table { border-collapse: collapse; font-size: .9rem } th, td { text-align: left; padding: .25rem .9rem .25rem 0; vertical-align: top }
thead th { border-bottom: 2px solid #bbb } td.number { font-variant-numeric: tabular-nums; white-space: nowrap }
.pairs { display: flex; flex-wrap: wrap; gap: .8rem 1.6rem } figure { margin: 0 }
figcaption { font-size: .75rem; color: #555; max-width: 18rem }
figure img { height: 160px; margin-right: 3px; background: #eee } .charts { display: flex; flex-wrap: wrap; gap: 1rem }

.label { width: 100%; font-weight: 600; margin-top: .6rem }
small, .quiet { color: #666 }
svg text { font: 11px system-ui, sans-serif; fill: #444 }
"""


def write_report(folder: Path) -> Path:
    """Write `report.html` beside the results of a folder.

    Args:
        folder: holds `results.json` and `manifest.jsonl`; the pictures that these name are put into the report.

    Raises:
        DataError: no results there, or of another version.
    """
    results, rows = read(folder), read_rows(folder)
    names = [name for name in _pair_scores(rows) if any(row["scores"][name] is not None for row in rows)]
    sections = [_head(results), _score_table(results), *(_score_section(name, rows) for name in names)]
    title = f"Evaluation, protocol {html.escape(results.protocol)}"
    head = f"<meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
    page = f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(sections)}</body></html>"
    with whole_file(folder / "report.html") as file:
        file.write(page.encode())
    return folder / "report.html"


def _pair_scores(rows: Sequence[Row]) -> list[str]:
    """Scores that single pairs have; of the joints' two columns a share per pair is made."""
    for row in rows:
        scores = row["scores"]
        for name in [name.removesuffix("_right") for name in scores if name.endswith("_right")]:
            right, total = scores.pop(f"{name}_right"), scores.pop(f"{name}_total")
            if not name.endswith("_real"):
                scores[name] = right / total if total else None
    return list(rows[0]["scores"]) if rows else []


def _head(results: Results) -> str:
    facts = {
        "pairs": f"{results.pairs} ({', '.join(f'{count} of {size}' for size, count in results.sizes.items())})",
        "pictures from": ", ".join(f"{key} {value}" for key, value in results.origin.items() if value),
        "real set": ", ".join(f"{key} {value}" for key, value in results.real_set.items()),
        "versions": ", ".join(f"{key} {value}" for key, value in results.versions.items()),
        "seed, seconds": f"{results.seed}, {results.seconds}",
    }
    rows = "".join(f"<tr><th>{key}<td>{html.escape(value)}" for key, value in facts.items() if value)
    notes = "".join(f"<li>{html.escape(note)}" for note in results.notes)
    return f"<h1>Evaluation, protocol {html.escape(results.protocol)}</h1><table>{rows}</table><ul class=quiet>{notes}</ul>"


def _score_table(results: Results) -> str:
    rows = "".join(_score_row(results.protocol, score) for score in results.scores)
    head = "<thead><tr><th>score<th>value<th>95 % interval<th>pairs<th>network<th>published under this protocol</thead>"
    return f"<h2>Scores</h2><table>{head}{rows}</table>"


def _score_row(protocol: str, score: Score) -> str:
    figures = " | ".join(f"{method} {value:g}" for method, value, _ in published(protocol, score.name))
    value = "unknown" if score.value is None else f"{score.value:.4f}"
    interval = "-" if score.low is None or score.high is None else f"{score.low:.4f} .. {score.high:.4f}"
    network = html.escape(score.network) + (f"<br><small>{score.sha256[:16]}</small>" if score.sha256 else "")
    arrow = "&uarr;" if score.higher_is_better else "&darr;"
    note = f"<br><small>{html.escape(score.note)}</small>" if score.note else ""
    return (
        f"<tr><td>{html.escape(score.name)} {arrow}{note}<td class=number>{value}<td class=number>{interval}"
        f"<td class=number>{score.n}<td>{network}<td>{html.escape(figures)}"
    )


def _score_section(name: str, rows: Sequence[Row]) -> str:
    """One score: distribution, curves, and its best, median and worst pairs."""
    known = [row for row in rows if row["scores"][name] is not None]
    order = sorted(known, key=lambda row: (row["scores"][name], row["pair"]), reverse=Score(name, None).higher_is_better)
    middle = max(0, len(order) // 2 - EXAMPLES // 2)
    chosen = {"best": order[:EXAMPLES], "median": order[middle : middle + EXAMPLES], "worst": order[-EXAMPLES:][::-1]}
    examples = "".join(
        f"<div class=label>{label}</div>" + "".join(_pair_figure(row, row["scores"][name]) for row in picked)
        for label, picked in chosen.items()
    )
    return f"<h2>{html.escape(name)}</h2><div class=charts>{_charts(name, known)}</div><div class=pairs>{examples}</div>"


def _charts(name: str, rows: Sequence[Row]) -> str:
    values = np.array([row["scores"][name] for row in rows], dtype=np.float64)
    charts = [histogram(values, name)]
    for key, label in (("pose_distance", "pose distance (picture heights)"), ("joints_missing", "joints missing in the target pose")):
        at = np.array([np.nan if row[key] is None else row[key] for row in rows], dtype=np.float64)
        if (~np.isnan(at)).sum() > 1 and np.nanmin(at) < np.nanmax(at):
            charts.append(curve(at, values, label, name))
    return "".join(charts)


def _pair_figure(row: Row, value: float) -> str:
    pictures = "".join(
        f'<img alt="{role}" src="{_embedded(row[role], role, row["real"] == row["generated"])}">' for role in ("real", "generated")
    )
    return f"<figure>{pictures}<figcaption>{value:.4f} &middot; {html.escape(row['pair'])}</figcaption></figure>"


def _embedded(path: str | None, role: str, strip: bool) -> str:
    """A small picture as a data address; empty where the file is gone, the report is worth having all the same."""
    try:
        picture = load_photo(path or "")
        if strip and picture.shape[1] % PANELS == 0:
            picture = cut_panel(picture, REAL_PANEL if role == "real" else GENERATED_PANEL)
    except (PhotoError, DataError):
        return ""
    stream = io.BytesIO()
    _small(picture).save(stream, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _small(picture: Picture) -> Image.Image:
    image = Image.fromarray(picture)
    if image.height > THUMBNAIL:
        image = image.resize((max(1, round(image.width * THUMBNAIL / image.height)), THUMBNAIL), Image.Resampling.LANCZOS)
    return image
