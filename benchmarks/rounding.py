"""How far PCKh and mask-SSIM of pictures move when a few of their values are rounded the other way: what an engine does at its best.

python benchmarks/rounding.py --data SET [--weights default] [--pairs 200] [--output benchmarks/results/DATE-rounding.md]

An engine's pictures differ from those of the plain network by one grey level at some values. Here the plain network's pictures get
just that: a share of their values, drawn at random, one level up or down. The scores of such pictures say how many digits of a score
belong to the network, and how many to the rounding.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import tyro

from posetransfer.bench import PLAIN
from posetransfer.bench.table import machine
from posetransfer.cli.bench import paint_pairs, scores_of
from posetransfer.image import Picture

SHARES = (1e-4, 1e-3, 1e-2, 0.1)
"""Of the values of a picture; 0.1 of them one level off is 58 dB."""
DRAWS = 3


def main(data: Path, weights: str = "default", pairs: int = 200, output: Path | None = None) -> None:
    """Paint the pairs, disturb the pictures, score them all, write the page.

    Args:
        data: a prepared set; its test pairs.
        weights: name or folder.
        pairs: so many, spread evenly over the list.
        output: the page.
    """
    made, real, poses = paint_pairs(PLAIN, weights, data, pairs)
    rows: list[tuple[str, float, float, float | None]] = [("the plain network's pictures", *scores_of(made, real, poses), None)]
    for share in SHARES:
        for draw in range(DRAWS):
            rng = np.random.default_rng([draw, round(1 / share)])
            off = [disturbed(picture, share, rng) for picture in made]
            square = np.mean([((a.astype(float) - b) ** 2).mean() for a, b in zip(off, made, strict=True)])
            rows.append((f"{share:g} of the values one level off", *scores_of(off, real, poses), float(10 * np.log10(255**2 / square))))
            print(*rows[-1], flush=True)
    output = output or Path(__file__).parent / "results" / f"{datetime.date.today()}-rounding.md"
    output.write_text(page(rows, weights, data, len(made)))
    print(output)


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
