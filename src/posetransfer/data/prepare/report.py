"""The report of a preparation: one HTML file with everything inside, opened without a server."""

from __future__ import annotations

import base64
import html
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from posetransfer.data.annotations import Points, read_annotations
from posetransfer.data.manifest import SPLITS
from posetransfer.data.prepare.statistics import joints_per_picture, pictures_per_joint, yaw_histogram
from posetransfer.image import Picture, contact_sheet, load_photo, resize, whole_file
from posetransfer.pose.drawing import draw_pose
from posetransfer.pose.pose import Pose
from posetransfer.pose.skeleton import KEYPOINTS

SHEET = (4, 10)  # rows, columns
SHOWN_PROBLEMS = 200

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .9rem .2rem 0; text-align: left; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; } .charts { display: flex; flex-wrap: wrap; gap: 2rem; } figure { margin: 0; } figcaption { color: #666; }
"""


def write_report(out: Path, facts: Mapping[str, Any], problems: Mapping[str, str]) -> None:
    """Write `report.html` into a folder whose pictures and lists are written.

    Args:
        out: the prepared folder.
        facts: what goes into `set.json`.
        problems: pictures that cannot be used, or have no person, with the reason.
    """
    lists = {split: read_annotations(out / f"annotation-{split}.csv") for split in SPLITS}
    points = np.concatenate([points for _, points in lists.values()])
    body = [
        f"<h1>{_text(facts['kind'])}: prepared data set</h1>",
        _facts_table(facts),
        _counts_table(facts["counts"]),
        "<h2>Pictures with their joints</h2>",
        f"<p><img alt='contact sheet' src='{_embedded(_sheet(out, lists))}'></p>",
        "<h2>Joints and directions</h2>",
        _charts(points),
        _problems(problems),
    ]
    page = f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{_text(facts['kind'])}</title><style>{_STYLE}</style>"
    with whole_file(out / "report.html") as file:
        file.write((page + "\n".join(body) + "</html>\n").encode())


def _text(value: object) -> str:
    return html.escape(str(value))


def _facts_table(facts: Mapping[str, Any]) -> str:
    height, width = facts["size"]
    rows = {
        "size": f"{width} x {height} (width x height)",
        "split": f"{facts['split']}, hash {facts['split_hash']}",
        "poses": ", ".join(f"{count:,} from {origin}" for origin, count in facts["poses"].items()),
        "unusable pictures": f"{facts['unusable']:,}",
        "pictures without a person": f"{facts['without_person']:,}",
        "pictures of the lists that are missing": f"{facts['missing']:,}",
        "notes": "; ".join(facts["notes"]) or "none",
        "licence": facts["licence"],
    }
    return "<table>" + "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows.items()) + "</table>"


def _counts_table(counts: Mapping[str, Mapping[str, int]]) -> str:
    columns = list(dict.fromkeys(column for row in counts.values() for column in row))
    head = "".join(f"<th class='n'>{_text(column.replace('_', ' '))}</th>" for column in columns)
    rows = [
        f"<tr><th>{_text(split)}</th>" + "".join(f"<td class='n'>{row.get(column, 0):,}</td>" for column in columns) + "</tr>"
        for split, row in counts.items()
    ]
    return (
        f"<h2>Splits</h2><table><tr><th></th>{head}</tr>{''.join(rows)}</table><p>A usable picture shows both shoulders and both hips.</p>"
    )


def _sheet(out: Path, lists: Mapping[str, tuple[list[str], Points]]) -> Picture:
    """Pictures evenly spread over the set, each beside itself with its skeleton."""
    pictures = [(name, points) for names, members in lists.values() for name, points in zip(names, members, strict=True)]
    rows, columns = SHEET
    chosen = [pictures[i] for i in np.unique(np.linspace(0, len(pictures) - 1, rows * columns // 2).astype(int))]
    cells: list[Picture] = []
    for name, points in chosen:
        photo = load_photo(out / "images" / name)
        cells += [_small(photo), _small(draw_pose(Pose(points, photo.shape[:2]), over=photo))]
    return contact_sheet([cells[start : start + columns] for start in range(0, len(cells), columns)])


def _small(picture: Picture) -> Picture:
    """At most 160 pixels high: the report should stay below a megabyte."""
    height, width = picture.shape[:2]
    return picture if height <= 160 else resize(picture, (160, max(1, round(width * 160 / height))))


def _embedded(picture: Picture) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _charts(points: Points) -> str:
    labels, counts = yaw_histogram(points)
    charts = [
        _bars("Pictures that show each joint", [name.replace("_", " ") for name in KEYPOINTS], pictures_per_joint(points)),
        _bars("Joints per picture", [str(count) for count in range(19)], joints_per_picture(points)),
        _bars("Turned away from the camera (estimated from the shoulders)", labels, counts),
    ]
    return "<div class='charts'>" + "".join(charts) + "</div>"


def _bars(title: str, labels: Sequence[str], counts: Sequence[int] | Any) -> str:
    """A bar chart lying on its side, as SVG."""
    row, left, width = 18, 105, 180
    top = max(1, max(int(count) for count in counts))
    parts = []
    for number, (label, count) in enumerate(zip(labels, counts, strict=True)):
        y = number * row
        parts.append(f"<text x='{left - 6}' y='{y + 13}' text-anchor='end'>{_text(label)}</text>")
        parts.append(f"<rect x='{left}' y='{y + 3}' width='{width * int(count) / top:.1f}' height='{row - 5}' fill='#4878a8'/>")
        parts.append(f"<text x='{left + width * int(count) / top + 5:.1f}' y='{y + 13}' fill='#666'>{int(count):,}</text>")
    size = f"width='{left + width + 60}' height='{len(labels) * row}'"
    return f"<figure><figcaption>{_text(title)}</figcaption><svg {size} font-size='12'>{''.join(parts)}</svg></figure>"


def _problems(problems: Mapping[str, str]) -> str:
    if not problems:
        return "<h2>Unusable pictures</h2><p>None.</p>"
    kinds = Counter(reason.partition(" (")[0] for reason in problems.values())
    summary = "".join(f"<tr><td class='n'>{count:,}</td><td>{_text(kind)}</td></tr>" for kind, count in kinds.most_common())
    rows = [f"<tr><td>{_text(name)}</td><td>{_text(reason)}</td></tr>" for name, reason in list(problems.items())[:SHOWN_PROBLEMS]]
    more = f"<p>… and {len(problems) - SHOWN_PROBLEMS:,} more.</p>" if len(problems) > SHOWN_PROBLEMS else ""
    head = f"<h2>Unusable pictures, and pictures without a person</h2><table>{summary}</table>"
    return f"{head}<h2>One by one</h2><table>{''.join(rows)}</table>{more}"
