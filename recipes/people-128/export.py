"""Put the evaluation's tables into the model card, and weights and card into one folder.

usage: python recipes/people-128/export.py RUN --out FOLDER        weights and card
       python recipes/people-128/export.py RUN --card README.md    the card alone
RUN holds `weights/` and `evaluation/{studio,street}/{model,source,mean}/`, as run.sh leaves them; with
`real/`, what recipes/people-studio/real.py wrote, the card has that table too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from posetransfer.evaluation.card import card_table
from posetransfer.image import whole_file
from posetransfer.weights.file import load_weights, save_weights

HERE = Path(__file__).parent
SETS = ("studio", "street")


def card(run: Path) -> str:
    """The card with a table for each rendered test set, and that of the real persons."""
    text = (HERE / "card.md").read_text()
    for name in SETS:
        text = text.replace(f"<!-- TABLE {name} -->", card_table(run / "evaluation" / name))
    real = run / "real" / "table.md"
    return text.replace("<!-- REAL -->", real.read_text().rstrip() if real.is_file() else "(not measured)")


def main() -> None:
    """Read the run, write the folder or the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", type=Path)
    target.add_argument("--card", type=Path)
    arguments = parser.parse_args()
    text = card(arguments.run)
    if arguments.card:
        with whole_file(arguments.card) as file:
            file.write(text.encode())
    else:
        weights = load_weights(arguments.run / "weights")
        save_weights(arguments.out, weights.config, weights.tensors, text, "fp16", origin="trained with recipes/people-128")
    print(arguments.card or arguments.out)


if __name__ == "__main__":
    main()
