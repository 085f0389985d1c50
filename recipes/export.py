"""Put the evaluation's tables into the model card, and weights and card into one folder.

usage: python recipes/export.py RECIPE RUN --out FOLDER        weights and card
       python recipes/export.py RECIPE RUN --card README.md    the card alone
RECIPE is a folder of this one (people-128, people-studio, people-street): its card.md is the template. RUN holds `weights/` and
`evaluation/NAME/{model,source,mean}/`, as the recipe's run.sh leaves them: the table goes to the card's line `<!-- TABLE NAME -->`.
With `real/`, what recipes/people-studio/real.py wrote, the card has that table too, at `<!-- REAL -->`. Links to RECIPE/pictures are made
to lead there from where the card is written.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from posetransfer.evaluation.card import card_table
from posetransfer.image import whole_file
from posetransfer.weights.file import load_weights, save_weights

HERE = Path(__file__).parent
TABLE = re.compile(r"<!-- TABLE (\S+) -->")


def card(recipe: str, run: Path, folder: Path) -> str:
    """The card with a table for each rendered test set and that of the real persons, for a place in `folder`."""
    text = TABLE.sub(lambda found: card_table(run / "evaluation" / found[1]), (HERE / recipe / "card.md").read_text())
    pictures = os.path.relpath(HERE / recipe / "pictures", folder)
    text = text.replace("](pictures/", f"]({Path(pictures).as_posix()}/")
    real = run / "real" / "table.md"
    return text.replace("<!-- REAL -->", real.read_text().rstrip() if real.is_file() else "(not measured)")


def main() -> None:
    """Read the run, write the folder or the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("run", type=Path)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", type=Path)
    target.add_argument("--card", type=Path)
    arguments = parser.parse_args()
    text = card(arguments.recipe, arguments.run, arguments.out or arguments.card.parent)
    if arguments.card:
        with whole_file(arguments.card) as file:
            file.write(text.encode())
    else:
        weights = load_weights(arguments.run / "weights")
        save_weights(
            arguments.out, weights.config, weights.tensors, text, "fp16", origin=f"recipes/{arguments.recipe}", extras=weights.extras
        )
    print(arguments.card or arguments.out)


if __name__ == "__main__":
    main()
