"""Put the evaluation's table into the model card, and weights and card into one folder.

usage: python recipes/people-128/export.py RUN --out FOLDER
RUN holds `weights/` and `evaluation/{model,source,mean}/`, as run.sh leaves them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from posetransfer.weights.file import load_weights, save_weights

HERE = Path(__file__).parent
ROWS = {"model": "**these weights**", "source": '"return the source"', "mean": '"return the mean training picture"'}
SCORES = {
    "mask_ssim_true": "SSIM inside the true mask",
    "pckh_patn_movenet": "PCKh (`pckh_patn`)",
    "ssim": "SSIM, whole picture",
    "l1": "L1",
    "psnr": "PSNR (dB)",
}


def table(evaluation: Path) -> str:
    """Markdown: a row per answer, a column per score, each with its 95 % interval; the last row is the estimator's ceiling."""
    read = {row: json.loads((evaluation / row / "results.json").read_text()) for row in ROWS}
    lines = ["| answer | " + " | ".join(SCORES.values()) + " |", "|" + " --- |" * (len(SCORES) + 1)]
    for row, title in ROWS.items():
        scores = {score["name"]: score for score in read[row]["scores"]}
        lines.append(f"| {title} | " + " | ".join(cell(scores[name]) for name in SCORES) + " |")
    real = {score["name"]: score for score in read["model"]["scores"]}["pckh_patn_movenet_real"]
    lines.append(f"| the true picture (ceiling) | 1 | {cell(real)} | 1 | 0 | – |")
    return "\n".join(lines)


def cell(score: dict[str, float]) -> str:
    """A score with its interval."""
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


def main() -> None:
    """Read the run, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    weights = load_weights(arguments.run / "weights")
    card = (HERE / "card.md").read_text().replace("<!-- TABLE -->", table(arguments.run / "evaluation"))
    save_weights(arguments.out, weights.config, weights.tensors, card, "fp16", origin="trained with recipes/people-128")
    print(arguments.out)


if __name__ == "__main__":
    main()
