"""How tests/training/people was made: eight rendered people, four pictures each, at 64 x 44.

python tests/training/make_people.py: renders anew (about a minute) and writes the same files on one machine.
"""

import csv
import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from posetransfer.data.annotations import read_annotations

SIZE = (64, 44)
TO = Path(__file__).parent / "people"


def shrink(folder: Path, to: Path) -> None:
    """A prepared folder at another size: pictures, masks, keypoints, lists."""
    for kind in ("images", "masks"):
        (to / kind).mkdir(parents=True, exist_ok=True)
        for path in sorted((folder / kind).iterdir()):
            small = Image.open(path).resize(SIZE[::-1], Image.Resampling.BOX)
            small.save(to / kind / path.name, **({"quality": 92} if kind == "images" else {"optimize": True}))
    facts = json.loads((folder / "set.json").read_text())
    height, width = Image.open(next((folder / "images").iterdir())).size[::-1]
    for split in ("train", "test"):
        names, points = read_annotations(folder / f"annotation-{split}.csv")
        small = np.floor((points + 0.5) * (SIZE[1] / width, SIZE[0] / height))
        small = np.where(np.isnan(small), -1, small).astype(int)
        with (to / f"annotation-{split}.csv").open("w", newline="\n") as file:
            file.write("name:keypoints_y:keypoints_x\n")
            for name, joints in zip(names, small, strict=True):
                file.write(f"{name}: {joints[:, 1].tolist()}: {joints[:, 0].tolist()}\n")
        rows = list(csv.reader((folder / f"pairs-{split}.csv").open()))
        with (to / f"pairs-{split}.csv").open("w", newline="\n") as file:
            file.writelines(",".join(row) + "\n" for row in rows)
    (to / "set.json").write_text(json.dumps({"rendered": facts, "size": SIZE}, indent=1) + "\n")


if __name__ == "__main__":
    from posetransfer.people.dataset import render_set  # here: pytest reads this file, and the renderer takes its time
    from posetransfer.people.settings import PeopleSettings

    with tempfile.TemporaryDirectory() as place:
        render_set(PeopleSettings("studio", people=8, images=4, seed=7, whole=1.0, test=0.25, pairs=12), Path(place) / "set", processes=1)
        shrink(Path(place) / "set", TO)
