"""Pictures of a model card: test pairs by rule, the worst ones, and what the attention did.

usage: python recipes/people-studio/gallery.py EVALUATION --data FOLDER --weights FOLDER --out FOLDER [--ending png|jpg]
EVALUATION is what `posetransfer evaluate --weights ... -o EVALUATION` left.

    gallery.png     48 pairs, every n-th of the list (source, target pose, result, truth), four pairs a row
    worst.png       the 12 pairs with the lowest SSIM inside the true mask, worst first
    attention.png   the first pair of 6 different people: masks of all blocks over what their codes decode to
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from posetransfer.data.manifest import PreparedFolder
from posetransfer.data.pairs import Pairs
from posetransfer.engines import open_engine
from posetransfer.figures import block_pictures
from posetransfer.image import Picture, contact_sheet, load_photo, save_picture, to_unit
from posetransfer.pose import Pose, draw_heatmaps, draw_pose

PAIRS, WORST, PEOPLE, PAIRS_A_ROW = 48, 12, 6, 4
LABELS = ["source", "target pose", "result", "truth"]

Line = dict[str, Any]


class Drawer:
    """The four pictures of a pair, as the network had them.

    Args:
        data: the prepared folder that was evaluated.
        pairs: its test pairs at the network's size.
    """

    def __init__(self, data: Path, pairs: Pairs) -> None:
        self.pairs = pairs
        names = PreparedFolder.open(data).split("test").names
        self.numbers = {(names[a], names[b]): k for k, (a, b) in enumerate(pairs.pairs)}

    def arrays(self, line: Line) -> tuple[Picture, Picture, Pose, Pose]:
        """Source, truth and both poses of a line of the manifest."""
        batch = self.pairs.examples([self.numbers[line["source"], line["target"]]])
        size = self.pairs.model.size
        return batch.source[0], batch.target[0], Pose(batch.source_points[0], size), Pose(batch.target_points[0], size)

    def cells(self, line: Line) -> list[Picture]:
        """What `LABELS` says."""
        source, truth, _, wanted = self.arrays(line)
        return [source, draw_pose(wanted), load_photo(line["generated"]), truth]


def sheet(lines: Sequence[Line], drawer: Drawer, a_row: int) -> Picture:
    """Pairs in rows of `a_row`."""
    cells = [drawer.cells(line) for line in lines]
    rows = [list(chain.from_iterable(cells[i : i + a_row])) for i in range(0, len(cells), a_row)]
    return contact_sheet(rows, LABELS * a_row)


def attention(lines: Sequence[Line], drawer: Drawer, weights: Path) -> Picture:
    """Two rows a pair: attention of every block, and its code decoded."""
    engine = open_engine(weights, "pytorch", "cpu", "fp32")
    config, rows = engine.config, []
    backdrop = config.backdrop_colour if config.backdrop == "plain" else None
    for line in lines:
        source, _, *poses = drawer.arrays(line)
        maps = [draw_heatmaps(pose, config.sigma, config.heatmaps)[None] for pose in poses]
        masks, pictures = block_pictures(engine.explain(to_unit(source)[None], *maps), backdrop=backdrop)
        rows += [masks, pictures]
    return contact_sheet(rows, [f"block {t + 1}" for t in range(config.blocks)])


def main() -> None:
    """Read the evaluation, write three sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evaluation", type=Path)
    for name in ("data", "weights", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--ending", choices=("png", "jpg"), default="png")
    arguments = parser.parse_args()
    lines = [json.loads(text) for text in (arguments.evaluation / "manifest.jsonl").read_text().splitlines()]
    model = open_engine(arguments.weights, "pytorch", "cpu").config
    drawer = Drawer(arguments.data, Pairs(arguments.data, "test", model, cache=False))
    regular = [lines[i] for i in np.linspace(0, len(lines) - 1, min(PAIRS, len(lines))).round().astype(int)]
    worst = sorted(lines, key=lambda line: line["scores"]["mask_ssim_true"])[:WORST]
    first = list({line["source"].split("_")[0]: line for line in reversed(lines)}.values())[::-1][:PEOPLE]
    arguments.out.mkdir(parents=True, exist_ok=True)
    save_picture(sheet(regular, drawer, PAIRS_A_ROW), arguments.out / f"gallery.{arguments.ending}")
    save_picture(sheet(worst, drawer, PAIRS_A_ROW), arguments.out / f"worst.{arguments.ending}")
    save_picture(attention(first, drawer, arguments.weights), arguments.out / f"attention.{arguments.ending}")


if __name__ == "__main__":
    main()
