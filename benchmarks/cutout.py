"""How good is the cut-out: the mask against exact ones on rendered people, and sheets of real photographs to look at.

    python benchmarks/cutout.py --rendered PREPARED_FOLDER --pictures 200
    python benchmarks/cutout.py --photos FOLDER --sheet cutouts.png

Each segmenter alone, and the rule of `Cutout` that chooses between them, all with the same refinement. One thread.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import random
from pathlib import Path
from time import perf_counter

import numpy as np
import tyro
from PIL import Image

from posetransfer.cutout import Cutout, composite, fill_behind
from posetransfer.errors import NoPersonFound
from posetransfer.image import contact_sheet, load_photo, resize, save_picture
from posetransfer.pose.estimator import Estimator


class OnlyBlazePose(Cutout):
    def _rough(self, seen, pose, distance):
        return self._blazepose_mask(seen, pose)


class OnlyU2Net(Cutout):
    def _rough(self, seen, pose, distance):
        return self._u2net_mask(seen, pose)


WAYS = {"BlazePose": OnlyBlazePose(1), "U2-Net small": OnlyU2Net(1), "the rule": Cutout(1)}


def main(rendered: Path | None = None, pictures: int = 200, photos: Path | None = None, sheet: Path = Path("cutouts.png")) -> None:
    """Measure, or draw a sheet: photo, three cut-outs over light grey, and the photo without the person.

    Args:
        rendered: prepared folder with masks; its test split is used, the poses are the estimator's.
        pictures: how many rendered pictures.
        photos: folder of photographs.
        sheet: where to write the sheet.
    """
    if rendered:
        measure(rendered, pictures)
    if photos:
        draw(sorted(photos.glob("*.jpg")), sheet)


def measure(folder: Path, pictures: int) -> None:
    estimator = Estimator(1)
    names = [line.split(":")[0] for line in (folder / "annotation-test.csv").read_text(encoding="utf-8").splitlines()[1:]]
    random.Random(0).shuffle(names)
    figures = {way: [] for way in WAYS}
    seconds = dict.fromkeys(WAYS, 0.0)
    for name in names[:pictures]:
        photo = load_photo(folder / "images" / name)
        truth = np.asarray(Image.open(folder / "masks" / name.replace(".jpg", ".png")).convert("L")) > 127
        pose = estimator(photo)
        for way, cutout in WAYS.items():
            start = perf_counter()
            mask = cutout.mask(photo, pose)
            seconds[way] += perf_counter() - start
            figures[way].append([((mask > 0.5) & truth).sum() / ((mask > 0.5) | truth).sum(), np.abs(mask - truth).mean()])
    print("| mask | IoU, mean | 5th percentile | worst | mean absolute error | ms |\n|---|---|---|---|---|---|")
    for way, rows in figures.items():
        iou, error = np.array(rows).T
        values = f"{iou.mean():.3f} | {np.percentile(iou, 5):.3f} | {iou.min():.3f} | {error.mean():.4f}"
        print(f"| {way} | {values} | {1000 * seconds[way] / len(rows):.0f} |")


def draw(paths: list[Path], sheet: Path) -> None:
    estimator, cells = Estimator(1), []
    for path in paths:
        photo = load_photo(path)
        try:
            pose = estimator(photo)
        except NoPersonFound:
            continue
        masks = [cutout.mask(photo, pose) for cutout in WAYS.values()]
        row = [photo, *(composite(photo, mask, (224, 224, 224)) for mask in masks), fill_behind(photo, masks[-1])]
        cells.append([resize(picture, (360, round(360 * photo.shape[1] / photo.shape[0]))) for picture in row])
    save_picture(
        contact_sheet([first + second for first, second in zip(cells[::2], cells[1::2] + [[]] * (len(cells) % 2), strict=True)]), sheet
    )


if __name__ == "__main__":
    tyro.cli(main)
