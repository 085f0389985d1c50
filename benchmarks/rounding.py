"""How far PCKh and mask-SSIM of pictures move when a few of their values are rounded the other way: what an engine does at its best.

python benchmarks/rounding.py --data SET [--weights default] [--pairs 200] [--output benchmarks/results/DATE-rounding.md]

An engine's pictures differ from those of the plain network by one grey level at some values. Here the plain network's pictures get
just that: a share of their values, drawn at random, one level up or down. The scores of such pictures say how many digits of a score
belong to the network, and how many to the rounding.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tyro

from posetransfer.bench import network_weights
from posetransfer.bench.plain import open_plain
from posetransfer.bench.table import machine
from posetransfer.data.manifest import PreparedFolder
from posetransfer.evaluation.generate import PreparedPairs
from posetransfer.evaluation.scoring import score_pictures
from posetransfer.image import from_unit, to_unit
from posetransfer.pose.heatmaps import draw_heatmaps

SHARES = (1e-4, 1e-3, 1e-2, 0.1)
"""Of the values of a picture; 0.1 of them one level off is 58 dB."""
DRAWS = 3
Picture = npt.NDArray[np.uint8]


def main(data: Path, weights: str = "default", pairs: int = 200, output: Path | None = None) -> None:
    """Paint the pairs, disturb the pictures, score them all, write the page.

    Args:
        data: a prepared set; its test pairs.
        weights: name or folder.
        pairs: so many, spread evenly over the list.
        output: the page.
    """
    loaded = network_weights(weights)
    config = loaded.config
    test = PreparedPairs(PreparedFolder.open(data), config.size, config.backdrop_colour if config.backdrop == "plain" else None, "test")
    listed = test.pairs(Path("."), None, pairs)
    plain = open_plain(loaded, os.cpu_count() or 1)
    made = []
    for pair in listed:
        maps = [draw_heatmaps(pose, config.sigma, config.heatmaps)[None] for pose in (pair.source_pose, pair.pose) if pose is not None]
        made.append(from_unit(plain(to_unit(test.picture(pair.source).load())[None], *maps)[0]))
    real = [test.picture(pair.target).load() for pair in listed]

    rows: list[tuple[str, float, float, float | None]] = [("the plain network's pictures", *scores(made, real, listed), None)]
    for share in SHARES:
        for draw in range(DRAWS):
            rng = np.random.default_rng([draw, round(1 / share)])
            off = [disturbed(picture, share, rng) for picture in made]
            square = np.mean([((a.astype(float) - b) ** 2).mean() for a, b in zip(off, made, strict=True)])
            rows.append((f"{share:g} of the values one level off", *scores(off, real, listed), float(10 * np.log10(255**2 / square))))
            print(*rows[-1], flush=True)
    output = output or Path(__file__).parent / "results" / f"{datetime.date.today()}-rounding.md"
    output.write_text(page(rows, weights, data, len(listed)))
    print(output)


def scores(made: Sequence[Picture], real: Sequence[Picture], pairs: list[Any]) -> tuple[float, float]:
    """PCKh by MoveNet, and mask-SSIM."""
    parts = score_pictures(made, real, [pair.pose for pair in pairs], names=("mask_ssim",), joints=True)
    right, total = (parts.column(f"pckh_patn_movenet_{part}").sum() for part in ("right", "total"))
    return float(right / total), float(np.nanmean(parts.column("mask_ssim")))


def disturbed(picture: Picture, share: float, rng: np.random.Generator) -> Picture:
    """A share of the values one level up or down."""
    steps = np.where(rng.random(picture.shape) < share, rng.choice([-1, 1], picture.shape), 0)
    changed: Picture = (picture + steps).clip(0, 255).astype(np.uint8)
    return changed


def page(rows: list[tuple[str, float, float, float | None]], weights: str, data: Path, pairs: int) -> str:
    """The page in Markdown."""
    lines = [
        "# What rounding does to the scores\n",
        f"`python benchmarks/rounding.py`, {datetime.date.today()}, {machine()}; weights `{weights}`, {pairs} test pairs of {data.name}.\n",
        "| pictures | PSNR dB | PCKh | mask-SSIM |\n| --- | --- | --- | --- |",
        *(f"| {what} | {'-' if db is None else f'{db:.1f}'} | {pckh:.4f} | {ssim:.5f} |" for what, pckh, ssim, db in rows),
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    tyro.cli(main)
