"""Score smaller weights as a user of larger ones sees them: their pictures enlarged to the size of the data set.

usage: python recipes/people-studio/enlarge.py EVALUATION --data FOLDER --out FOLDER
EVALUATION is what `posetransfer evaluate --weights ... --data FOLDER -o EVALUATION` left. Writes OUT/generated (its pictures, bicubic) and
OUT/real (the true pictures over the same backdrop, by the true masks), for

    posetransfer evaluate --generated OUT/generated --real OUT/real --data FOLDER --pairs OUT/pairs.csv --backdrop 224 224 224 \\
        -o OUT/evaluation
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from posetransfer.data.cache import read_mask
from posetransfer.data.manifest import PreparedFolder
from posetransfer.evaluation.pictures import over_backdrop
from posetransfer.image import load_photo, resize, save_picture


def main() -> None:
    """Read the evaluation's manifest, write both folders and the list of pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evaluation", type=Path)
    for name in ("data", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    folder = PreparedFolder.open(arguments.data)
    backdrop = json.loads((arguments.evaluation / "results.json").read_text())["origin"]["backdrop"]
    lines = [json.loads(text) for text in (arguments.evaluation / "manifest.jsonl").read_text().splitlines()]
    for line in lines:
        picture = Path(line["generated"])
        save_picture(resize(load_photo(picture), folder.size), arguments.out / "generated" / picture.name)
    for name in sorted({line["target"] for line in lines}):
        picture, mask = load_photo(folder.picture_path(name)), read_mask(folder.mask_path(name), folder.size)
        shown = over_backdrop(picture, mask, tuple(backdrop)) if backdrop else picture
        save_picture(shown, (arguments.out / "real" / name).with_suffix(".png"))
    rows = ["from,to", *(f"{line['source']},{line['target']}" for line in lines)]
    (arguments.out / "pairs.csv").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
