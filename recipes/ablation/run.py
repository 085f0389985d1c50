"""The paper's ablation (its section 4.4) on rendered people: every variant at the same budget, and the table.

python recipes/ablation/run.py --data FOLDER [--runs runs/ablation] [--steps 400] [--batch 8] [--width 8] [--only NAME ...]

Stop it at any time; the same command goes on. The table, `table.md` in the runs' folder, says how short the runs were.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import tyro

BLOCKS = (5, 7, 9, 13)
VARIANTS: dict[str, list[str]] = {
    **{f"PATN, {blocks} blocks": ["--model.blocks", str(blocks)] for blocks in BLOCKS},
    "without addition": ["--model.transfer", "no_addition"],
    "without concatenation": ["--model.transfer", "no_concatenation"],
    **{f"residual generator, {blocks} blocks": ["--model.transfer", "residual", "--model.blocks", str(blocks)] for blocks in (5, 9, 13)},
    "without D_appearance": ["--discriminator.no-appearance"],
    "without D_shape": ["--discriminator.no-shape"],
    "discriminators without residual blocks": ["--discriminator.blocks", "0"],
    "without perceptual loss": ["--loss.perceptual", "none"],
}
"""Name -> what differs from the full method: 9 blocks, both discriminators, all losses. The 9-block row is that method."""


def main(
    data: Path, runs: Path = Path("runs/ablation"), steps: int = 400, batch: int = 8, width: int = 8, threads: int = 1,
    only: tuple[str, ...] = (),
) -> None:  # fmt: skip
    """Train and score every variant, then write the table.

    Args:
        data: prepared folder with masks, such as `posetransfer people studio --whole 1` renders.
        runs: folder of the runs and of the table.
        steps: of every variant.
        batch: pairs a step.
        width: channels of the first layer of all networks; the paper: 64.
        threads: of the CPU.
        only: names of variants; all by default.
    """
    rows = {}
    for name in only or VARIANTS:
        run = runs / name.replace(" ", "-").replace(",", "")
        if not (run / "weights").exists():
            subprocess.run(command(name, data, run, steps, batch, width, threads), check=True)
        rows[name] = read_row(run)
        (runs / "table.md").write_text(table(rows, data, steps, batch, width))
    print(runs / "table.md")


def command(name: str, data: Path, run: Path, steps: int, batch: int, width: int, threads: int) -> list[str]:
    """One training: the losses and weights of `market1501`, on 64 x 44 pictures."""
    fixed = {
        "--data": data, "--run": run, "--threads": threads, "--model.size": "64 44", "--model.width": width, "--model.sigma": 3.0,
        "--model.backdrop": "plain", "--discriminator.width": width, "--loss.perceptual": "vgg16", "--training.steps": steps,
        "--training.batch": batch, "--training.constant-steps": steps // 2, "--training.epoch-steps": max(1, steps // 20),
        "--training.decay-epochs": 11, "--training.sample-every": steps, "--training.checkpoint-every": max(1, steps // 4),
        "--training.precision": "auto", "--training.keep-best": 0, "--training.generator-lr": 5e-4,
    }  # fmt: skip
    words = [word for flag, value in fixed.items() for word in (flag, *str(value).split())]
    return [sys.executable, "-m", "posetransfer", "train", "market1501", *words, *VARIANTS[name]]


def read_row(run: Path) -> dict[str, float]:
    """Scores, parameters and speed of a finished run."""
    from posetransfer.weights import parameter_count, read_config

    entries = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    scores = next(entry["validation"] for entry in reversed(entries) if "validation" in entry)
    speeds = [entry["pictures_per_second"] for entry in entries if "pictures_per_second" in entry]
    return scores | {"parameters": parameter_count(read_config(run / "weights")), "speed": sum(speeds) / len(speeds)}


def table(rows: dict[str, dict[str, float]], data: Path, steps: int, batch: int, width: int) -> str:
    """The table, and what it can and cannot say."""
    lines = [
        "# Ablation on rendered people",
        "",
        f"Every variant: {steps:,} steps of {batch} pairs at 64 x 44 pixels, width {width}, one seed, data `{data.name}`; "
        "scores on 256 pairs of people who were not trained on. The paper trains 87,500 steps of 32 pairs at width 64, "
        f"{87_500 * 32 / steps / batch:,.0f} times as many pairs: this table shows what learns fast, not what ends best, "
        "and differences in the last digits are noise of one seed.",
        "",
        "| variant | generator's parameters | SSIM (high) | L1 (low) | L1 on the person (low) | pictures/s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        numbers = f"{row['parameters']:,.0f} | {row['ssim']:.4f} | {row['l1']:.4f} | {row['l1_person']:.4f} | {row['speed']:.0f}"
        lines.append(f"| {name} | {numbers} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    tyro.cli(main)
