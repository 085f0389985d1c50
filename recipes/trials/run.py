"""Settings against each other at equal seconds: so many minutes of one core from nothing, then table, curves, pictures.

python recipes/trials/run.py --data FOLDER [--runs runs/trials] [--minutes 5] [--core 1] [--only NAME ...]

FOLDER is a prepared folder with masks (`posetransfer people studio --whole 1.0 FOLDER`). All at 64x44 pixels with the people cut out over
green, one seed. Stop it at any time; the same command goes on. Writes table.md, curves.png and pictures.png into the runs' folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tyro

from posetransfer.image import contact_sheet, load_photo, save_picture
from posetransfer.training.report import draw_chart

SIZE = ["--model.size", "64", "44", "--model.sigma", "1.5", "--model.backdrop", "plain", "--model.backdrop-colour", "32", "224", "32"]
NOISE = {
    "estimator-error": "0.6", "target-error": "0.2", "joint-jitter": "0.002", "joint-dropout": "0.02", "light": "0.15", "jpeg": "0.2",
}  # fmt: skip
ADAM = ["people-64", *SIZE, "--training.betas", "0.9", "0.999", *(word for k, v in NOISE.items() for word in (f"--augmentation.{k}", v))]
MUON = [*ADAM, "--training.optimiser", "muon", "--loss.least-slope", "0.1"]
OURS = [*MUON, "--model.width", "32"]
VARIANTS: dict[str, list[str]] = {
    "paper": ["people-street", *SIZE, "--model.width", "32", "--discriminator.width", "32"],
    "ours": OURS,
    "ours, Adam": [*ADAM, "--model.width", "32", "--loss.least-slope", "0.1"],
    "ours, plain L1 and relu1_2": [
        *OURS, "--loss.l1-smooth", "0", "--loss.perceptual-smooth", "0", "--loss.perceptual-layers", "relu1_2",
    ],
    "ours, width 16": [*MUON, "--model.width", "16"],
    "ours, width 24": [*MUON, "--model.width", "24"],
    "ours, 6 blocks": [*OURS, "--model.blocks", "6"],
    "ours, instance norm": [*OURS, "--model.norm", "instance"],
    "ours, both discriminators (hinge)": [
        *OURS, "--loss.gan", "hinge", "--loss.gan-weight", "0.5", "--discriminator.head", "patch", "--discriminator.spectral-norm",
    ],
    "ours, exact masks": [*OURS, "--augmentation.mask-error", "0"],
    "ours, whole photos": [*OURS, "--model.backdrop", "photo"],
}  # fmt: skip
"""Name -> flags. `paper`: objective, optimiser and rates of `market1501`, shipped VGG-16; `ours`: the shipped weights began so."""
NETWORKS = ("ours, width 16", "ours, width 24", "ours, 6 blocks", "ours, instance norm")
CELL, GAP = (128, 88), 4
"""Height and width of a picture on a sheet of training (posetransfer.training.sheet), and the white between two."""
SOURCE, RESULT, TRUTH = 0, 3, 4
"""Places of a pair's pictures."""

Picture = npt.NDArray[np.uint8]


def main(
    data: Path, runs: Path = Path("runs/trials"), minutes: float = 5.0, every: int = 40, core: int | None = None, only: tuple[str, ...] = ()
) -> None:
    """Train every variant for the same time, then write what came out.

    Args:
        data: prepared folder with masks.
        runs: folder of the runs and of what is written.
        minutes: of each training; validations count.
        every: steps between two validations.
        core: number of the processor's core that all of it is kept on; by default the system chooses.
        only: names of variants; all by default.
    """
    for name in only or VARIANTS:
        run = runs / folder_name(name)
        if not (run / "done").exists():
            words = ["--data", data, "--run", run, "--threads", 1, "--minutes", minutes]
            words += ["--training.seed", 1, "--training.sample-every", every, "--training.validation-pairs", 128]
            words += ["--training.steps", 20_000, "--training.constant-steps", 20_000, "--training.precision", "auto"]
            words += ["--training.checkpoint-every", 1_000]
            pinned = [] if core is None else ["taskset", "-c", str(core)]
            command = [*pinned, sys.executable, "-m", "posetransfer", "train", *VARIANTS[name], *map(str, words)]
            subprocess.run(command, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})
            (run / "done").touch()
        done = [other for other in VARIANTS if (runs / folder_name(other) / "done").exists()]
        (runs / "table.md").write_text(table(runs, done, minutes))
    save_picture(curves(runs, done), runs / "curves.png")
    save_picture(pictures(runs, done), runs / "pictures.png")
    print(runs / "table.md")


def folder_name(name: str) -> str:
    """Of a variant's run."""
    return name.replace(", ", "-").replace(" ", "-")


def history(run: Path) -> list[dict[str, float]]:
    """Validations with the seconds of training before them, read off between the lines of the log.

    Returns:
        step, seconds, pairs_per_second, l1_person and ssim of each.
    """
    entries = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    steps, seconds, pictures = [0.0], [0.0], 0
    for entry in entries:
        if "pictures" in entry:
            seconds.append(seconds[-1] + (entry["pictures"] - pictures) / entry["pictures_per_second"])
            steps.append(entry["step"])
            pictures = entry["pictures"]
    steps.append(steps[-1] * 2)
    seconds.append(seconds[-1] * 2)
    about = {"pairs_per_second": pictures / seconds[-2]}
    known = [about | {"step": e["step"]} | e["validation"] for e in entries if "validation" in e]
    return [about | {"seconds": float(np.interp(about["step"], steps, seconds))} for about in known]


def table(runs: Path, names: list[str], minutes: float) -> str:
    """The last validation within the time, and the speed."""
    lines = [
        f"{minutes:g} minutes of one core each at 64x44, one seed; scores of 128 pairs of people not trained on.",
        "",
        "| settings | last validation: step | its seconds of training | pairs/s | L1 on the person (low) | SSIM (high) |",
        "|" + " --- |" * 6,
    ]
    for name in names:
        last = history(runs / folder_name(name))[-1]
        when = f"{last['step']:.0f} | {last['seconds']:.0f} | {last['pairs_per_second']:.1f}"
        lines.append(f"| {name} | {when} | {last['l1_person']:.4f} | {last['ssim']:.4f} |")
    return "\n".join(lines) + "\n"


def curves(runs: Path, names: list[str]) -> Picture:
    """Scores over the seconds of training: the objective's rows against the paper, the network's rows against `ours`."""
    charts = []
    for title, group in (("training", [name for name in names if name not in NETWORKS]), ("network", ["ours", *NETWORKS])):
        shown = [name for name in group if name in names]
        if title == "network" and len(shown) < 2:  # nothing to compare
            continue
        for score, words in (("l1_person", "L1 on the person"), ("ssim", "SSIM")):
            lines = {
                name.removeprefix("ours, "): [(round(p["seconds"]), p[score]) for p in history(runs / folder_name(name))] for name in shown
            }
            charts.append(draw_chart(f"{title}: {words}, by seconds", lines))
    return np.vstack(charts)


def pictures(runs: Path, names: list[str]) -> Picture:
    """The 16 fixed test pairs at the end of each training, a pair a row: source, truth, and every variant's result."""
    cells = [sheet_cells(load_photo(sorted((runs / folder_name(name) / "sheets").glob("*.png"))[-1])) for name in names]
    rows = [[cells[0][i][SOURCE], cells[0][i][TRUTH], *(pairs[i][RESULT] for pairs in cells)] for i in range(len(cells[0]))]
    return contact_sheet(rows, ["source", "truth", *names])


def sheet_cells(sheet: Picture) -> list[list[Picture]]:
    """The pairs of a sheet of training, each a list of its pictures: 8 rows of two pairs of 8 pictures, from the bottom up."""
    (height, width), (rows, a_pair) = CELL, (8, 8)
    tops = [sheet.shape[0] - (rows - row) * (height + GAP) for row in range(rows)]
    lefts = [GAP + column * (width + GAP) for column in range(2 * a_pair)]
    flat = [[sheet[top : top + height, left : left + width] for left in lefts] for top in tops]
    return [row[side * a_pair : (side + 1) * a_pair] for row in flat for side in (0, 1)]


if __name__ == "__main__":
    tyro.cli(main)
