"""How well is a painted person lifted off the backdrop: against the truth, on rendered people painted as a network would.

    python benchmarks/lift.py --data PREPARED_FOLDER

Rendered people at the network's size stand over the backdrop; the whole is blurred, gets unevenness, and in the second half of the
rows lets the backdrop shine through (as where a network is not sure of a limb). One row a colour of the backdrop:

- share: mean error of the person's share of a pixel, in the soft band round the person
- holes: pixels of the person (share above 0.95) that were given less than 0.7, in 1,000
- litter: pixels without person that were given more than 0.1, in 1,000
- over dark, over light: mean error in levels, near the person, of the picture over a background of 30 and of 235
- tint: mean excess of the backdrop's hue (green minus the larger of red and blue) over the truth's, on the person, in levels
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from posetransfer.backdrop import lift
from posetransfer.data.manifest import PreparedFolder
from posetransfer.image import load_photo, resize
from posetransfer.pose import Pose

BACKDROPS = {"grey 224": (224, 224, 224), "green 32, 224, 32": (32, 224, 32)}


def main(data: Path, pictures: int = 100, size: tuple[int, int] = (128, 88), blur: float = 0.8, shine: float = 0.35) -> None:
    """Print the table.

    Args:
        data: prepared folder with masks.
        pictures: of its test people, spread over the set.
        size: height and width of the network.
        blur: standard deviation in pixels.
        shine: share of the backdrop that shines through at most.
    """
    folder = PreparedFolder.open(data)
    split = folder.split("test")
    chosen = np.linspace(0, len(split.names) - 1, pictures).astype(int)
    print("| backdrop | shining through | share | holes | litter | over dark | over light | tint |\n" + "| --- " * 8 + "|")
    for through in (0.0, shine):
        for name, colour in BACKDROPS.items():
            rows = []
            for i in chosen:
                photo = load_photo(folder.picture_path(split.names[i])).astype(np.float32)
                mask = np.asarray(Image.open(folder.mask_path(split.names[i])).convert("L"), np.float32) / 255
                pose = Pose(split.points[i], split.size).scaled(size)
                rows.append(measure(photo, mask, pose, colour, size, blur, through, np.random.default_rng(i)))
            print(f"| {name} | {through:.0%} | " + " | ".join(f"{value:.3f}" for value in np.mean(rows, axis=0)) + " |")


def painted_truth(photo, mask, size, blur):
    """Share and colours of the person at the network's size, softened: the truth."""
    parts = [resize(np.ascontiguousarray(part), size) for part in (*np.moveaxis(photo * mask[..., None], 2, 0), mask)]
    red, green, blue, share = (blurred(part.astype(np.float32), blur) for part in parts)
    return np.stack([red, green, blue], axis=2), share  # colours times share


def measure(photo, mask, pose, colour, size, blur, through, rng) -> list[float]:
    amount, share = painted_truth(photo, mask, size, blur)
    thin = share * (1 - through * field(size, rng))  # what the network is sure of
    colours = amount / np.maximum(share, 1e-3)[..., None]
    uneven = 10 * (field(size, rng, 6)[..., None] - 0.5) + rng.normal(0, 1.5, (*size, 3))
    picture = colours * thin[..., None] + np.array(colour) * (1 - thin[..., None]) + uneven
    person, found = lift(np.rint(picture.clip(0, 255)).astype(np.uint8), colour, pose)
    near = blurred((share > 0.02).astype(np.float32), 2) > 0.01
    band, solid, empty = (share > 0.02) & (share < 0.98), share > 0.95, share < 0.01
    over = [
        np.abs(found[..., None] * person + (1 - found[..., None]) * b - amount - (1 - share[..., None]) * b)[near].mean() for b in (30, 235)
    ]
    tint = np.mean([greenness(person)[solid].mean() - greenness(colours)[solid].mean()])
    return [np.abs(found - share)[band].mean(), 1000 * (found[solid] < 0.7).mean(), 1000 * (found[empty] > 0.1).mean(), *over, tint]


def greenness(colours):
    return colours[..., 1].astype(np.float32) - np.maximum(colours[..., 0], colours[..., 2])


def field(size, rng, cells: int = 4):
    """Smooth random values in [0, 1]."""
    coarse = rng.random((cells * 2, cells)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((size[1], size[0]), Image.Resampling.BICUBIC)).clip(0, 1)


def blurred(values, sigma: float):
    if sigma <= 0:
        return values
    steps = np.arange(-3 * round(sigma + 0.5), 3 * round(sigma + 0.5) + 1)
    kernel = np.exp(-(steps**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        values = np.apply_along_axis(lambda line: np.convolve(np.pad(line, len(steps) // 2, mode="edge"), kernel, "valid"), axis, values)
    return values


if __name__ == "__main__":
    tyro.cli(main)
