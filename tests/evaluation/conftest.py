"""A small prepared data set: drawn people of two colours in two poses, with masks."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from posetransfer.data.annotations import write_annotations
from posetransfer.pose.skeleton import LIMBS

SIZE = (64, 48)


def person(random, shift):
    """18 joints of an upright person, (x, y)."""
    x = np.array([0, 0, -6, -8, -9, 6, 8, 9, -4, -4, -4, 4, 4, 4, -1, 1, -3, 3]) + 24 + shift
    y = np.array([10, 16, 17, 25, 33, 17, 25, 33, 34, 45, 56, 34, 45, 56, 8, 8, 9, 9])
    return np.stack([x, y], axis=1) + random.integers(-1, 2, (18, 2)) + 0.0


def draw(points, colour, noise):
    """Picture and mask of a person drawn as thick lines."""
    picture, mask = Image.new("RGB", SIZE[::-1], (150, 160, 170)), Image.new("L", SIZE[::-1])
    for image, ink in ((picture, colour), (mask, 255)):
        pen = ImageDraw.Draw(image)
        for a, b in LIMBS:
            pen.line([tuple(points[a]), tuple(points[b])], fill=ink, width=5)
    noisy = np.asarray(picture) + noise.normal(0, 4, (*SIZE, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8), np.asarray(mask)


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """6 people x 4 pictures to train, 4 x 4 to test, all pairs."""
    folder = tmp_path_factory.mktemp("people")
    for name in ("images", "masks"):
        (folder / name).mkdir()
    random = np.random.default_rng(0)
    for split, persons in (("train", range(6)), ("test", range(6, 10))):
        names, points = [], []
        for who in persons:
            colour = tuple(int(v) for v in random.integers(0, 256, 3))
            for i in range(4):
                names.append(f"{who:02d}_c1_{i}.png")
                points.append(person(random, int(random.integers(-6, 7))))
                picture, mask = draw(points[-1], colour, random)
                Image.fromarray(picture).save(folder / "images" / names[-1])
                Image.fromarray(mask).save(folder / "masks" / names[-1])
        joints = np.array(points)
        joints[1::4, 14] = np.nan
        write_annotations(folder / f"annotation-{split}.csv", names, joints)
        pairs = [f"{a},{b}" for a in names for b in names if a != b and a[:2] == b[:2]]
        (folder / f"pairs-{split}.csv").write_text("\n".join(["from,to", *pairs]) + "\n")
    (folder / "set.json").write_text(json.dumps({"name": "drawn", "size": list(SIZE)}))
    return folder
