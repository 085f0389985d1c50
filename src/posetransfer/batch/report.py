"""The report of a batch: every picture with its fate as JSON, and a sheet of some of them to look at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from posetransfer.batch.jobs import Job
from posetransfer.batch.journal import Journal, read_rows
from posetransfer.batch.run import Summary
from posetransfer.errors import PoseTransferError
from posetransfer.image import Picture, contact_sheet, load_photo, resize, save_picture, whole_file

FOLDER = "report"
ROWS, COLUMNS, TALL = 8, 8, 192
"""Of the sheet: photos at most, pictures of each at most, and their height in pixels."""


def write_report(journal: Journal, jobs: Sequence[Job], summary: Summary, settings: dict[str, Any]) -> dict[str, Any]:
    """Write `report/report.json` and `report/sheet.png` about all jobs, whichever process did them.

    Args:
        journal: of the folder.
        jobs: all of them.
        summary: of this process.
        settings: of the batch.

    Returns:
        The counts: `pictures`, `ok`, `failed`, `pending` (other processes may still be at work), and `findings`: how many pictures
        rest on something that the network does not know well, by its code.
    """
    journal.rows = read_rows(journal.out) | journal.rows
    pictures = [_fate(journal, job) for job in jobs]
    states = [picture["state"] for picture in pictures]
    counts = {"pictures": len(jobs)} | {state: states.count(state) for state in ("ok", "failed", "pending")}
    doubts = Counter(code for picture in pictures for code in picture.get("findings", []))
    here = {"seconds": round(summary.seconds, 2), "written": summary.written, "finished_before": summary.before, "batch": summary.batch}
    folder = journal.out / FOLDER
    with whole_file(folder / "report.json") as file:
        file.write(
            (json.dumps({**counts, "findings": doubts, "this_run": here, "settings": settings, "list": pictures}, indent=1) + "\n").encode()
        )
    save_picture(draw_sheet(journal, jobs), folder / "sheet.png")
    return counts | {"findings": dict(doubts)}


def _fate(journal: Journal, job: Job) -> dict[str, Any]:
    row = journal.rows.get(job.name)
    about = {"name": job.name, "from": str(job.photo.target), "to": str(job.pose.target)}
    if journal.finished(job):
        return about | {"state": "ok", "findings": journal.rows[job.name].get("findings", [])}
    if row is None or row["ok"]:
        return about | {"state": "pending"}
    return about | {"state": "failed", "why": row["why"]}


def draw_sheet(journal: Journal, jobs: Sequence[Job]) -> Picture:
    """Photos spread over the batch, each in front of some of its pictures; a grey field stands for one that could not be made."""
    groups = [list(group) for _, group in groupby(jobs, key=attrgetter("photo"))]
    rows = []
    for group in _spread(groups, ROWS):
        chosen = _spread(group, COLUMNS)
        rows.append([_thumbnail(group[0].photo.target), *(_thumbnail(journal.path(job)) for job in chosen)])
    poses = [[job.pose.name for job in _spread(group, COLUMNS)] for group in groups]
    heads = ["photo", *poses[0]] if all(names == poses[0] for names in poses) else None
    return contact_sheet(rows, heads)


def _thumbnail(path: Path | str) -> Picture:
    try:
        picture = load_photo(path)
    except PoseTransferError:
        return np.full((TALL, TALL * 11 // 16, 3), 224, np.uint8)
    height, width = picture.shape[:2]
    return resize(picture, (TALL, max(1, round(width * TALL / height))))


def _spread(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many, evenly spread, in order."""
    return list(items) if len(items) <= most else [items[i * len(items) // most] for i in range(most)]
