"""The table as a picture: a bar for every engine, grouped by setting, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from posetransfer.bench.case import PLAIN
from posetransfer.bench.table import Row

WIDTH, LINE, GAP, LEFT, RIGHT = 900, 22, 34, 130, 190
INK, QUIET, PAPER, GREY = (40, 40, 40), (120, 120, 120), (255, 255, 255), (170, 170, 170)
COLOURS = ((31, 119, 180), (214, 99, 10), (34, 139, 34), (120, 80, 170), (190, 30, 45))


def draw_chart(rows: Sequence[Row], title: str) -> npt.NDArray[np.uint8]:
    """uint8 (H, W, 3): the time of one picture, shorter is better; bars of one group share a scale, the plain network is grey."""
    shown = [row for row in rows if row.milliseconds is not None]
    groups = list(dict.fromkeys(row.case.setting for row in shown))
    engines = list(dict.fromkeys(row.case.engine for row in shown if row.case.engine != PLAIN))
    colours = dict(zip(engines, COLOURS * len(engines), strict=False)) | {PLAIN: GREY}
    image = Image.new("RGB", (WIDTH, 56 + LINE * len(shown) + GAP * len(groups)), PAPER)
    draw, font, bold = ImageDraw.Draw(image), ImageFont.load_default(13.0), ImageFont.load_default(15.0)
    draw.text((16, 20), "milliseconds a picture (shorter is better)", INK, bold, anchor="lm")
    draw.text((16, 40), title, QUIET, font, anchor="lm")
    y = 56
    for setting in groups:
        group = [row for row in shown if row.case.setting == setting]
        longest = max(row.milliseconds or 0 for row in group)
        draw.text((16, y + GAP // 2), heading(group[0]), INK, font, anchor="lm")
        y += GAP
        for row in group:
            length = (WIDTH - LEFT - RIGHT) * (row.milliseconds or 0) / longest
            draw.text((LEFT - 8, y + LINE // 2), row.case.engine, INK, font, anchor="rm")
            draw.rectangle((LEFT, y + 3, LEFT + length, y + LINE - 4), colours[row.case.engine])
            ratio = "" if row.ratio is None or row.case.engine == PLAIN else f"   {row.ratio:.2f} x"
            draw.text((LEFT + length + 6, y + LINE // 2), f"{row.milliseconds:.1f} ms{ratio}", INK, font, anchor="lm")
            y += LINE
    return np.asarray(image)


def heading(row: Row) -> str:
    """A group in words."""
    case = row.case
    task = f"one photo in {case.poses} poses" if case.poses else f"batch {case.batch}"
    return f"{case.network}, {case.size[0]} x {case.size[1]}, {task}, {case.threads} thread{'s' if case.threads > 1 else ''}"
