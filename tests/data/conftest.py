"""Raw data sets as users have them, made of a few rendered people: same names, same quirks, small."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from posetransfer.data.annotations import read_annotations, write_annotations
from posetransfer.data.pairing import fashion_name
from posetransfer.image import load_photo, resize, save_picture

RENDERED = Path(__file__).parent / "rendered"


class Shot(NamedTuple):
    """One rendered picture, 256 x 176, and its points (18, 2)."""

    person: str
    picture: np.ndarray
    points: np.ndarray


@pytest.fixture(scope="session")
def shots() -> list[Shot]:
    """Three pictures of each of five people."""
    names, points = read_annotations(RENDERED / "annotation.csv")
    return [Shot(name[:5], load_photo(RENDERED / name), each) for name, each in zip(names, points, strict=True)]


def market_shot(shot: Shot) -> tuple[np.ndarray, np.ndarray]:
    """As Market-1501 has it: 128 x 64 around the person."""
    points = (shot.points - [24, 0] + 0.5) / 2 - 0.5
    points[(points[:, 0] < -0.5) | (points[:, 0] >= 63.5)] = np.nan
    return resize(resize(shot.picture[:, 24:152], (128, 64)), (128, 64)), np.round(points)


@pytest.fixture
def market_raw(tmp_path, shots) -> Path:
    """The original tree: three people to train on, two to test on, a passer-by, junk, and Windows' Thumbs.db."""
    raw = tmp_path / "Market-1501-v15.09.15"
    persons = {person: number for number, person in enumerate(sorted({shot.person for shot in shots}))}
    points = {"train": {}, "test": {}}
    for number, shot in enumerate(shots):
        split = "train" if persons[shot.person] < 3 else "test"
        name = f"{2 + persons[shot.person]:04}_c{number % 6 + 1}s1_{451 + number:06}_03.jpg"
        picture, points[split][name] = market_shot(shot)
        save_picture(picture, raw / f"bounding_box_{split}" / name)
    for name, shot in (("0000_c1s1_000151_01.jpg", shots[0]), ("-1_c1s1_000401_03.jpg", shots[1])):
        picture, points["test"][name] = market_shot(shot)
        save_picture(picture, raw / "bounding_box_test" / name)
    (raw / "bounding_box_test" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    save_picture(market_shot(shots[-1])[0], raw / "query" / "0006_c2s1_000465_00.jpg")
    (raw / "readme.txt").write_text("Market-1501")
    raw.joinpath("lists").mkdir()
    for split, rows in points.items():
        order = sorted(rows, key=lambda name: name[::-1])  # the authors' files are in the order of a directory, not sorted
        write_annotations(raw / "lists" / f"market-annotation-{split}.csv", order, np.array([rows[name] for name in order]))
    return raw


FASHION = ("WOMEN/Tees_Tanks/id_00007301/04_7_additional.jpg", "WOMEN/Tees_Tanks/id_00007301/04_1_front.jpg",
           "WOMEN/Tees_Tanks/id_00007301/04_2_side.jpg", "WOMEN/Tees_Tanks/id_00007301/02_1_front.jpg",
           "WOMEN/Tees_Tanks/id_00007301/02_4_full.jpg", "WOMEN/Tees_Tanks/id_00007301/02_7_additional.jpg",
           "MEN/Jackets_Vests/id_00000022/01_1_front.jpg", "MEN/Jackets_Vests/id_00000022/01_2_side.jpg",
           "MEN/Jackets_Vests/id_00000022/01_4_full.jpg")  # fmt: skip


@pytest.fixture
def fashion_raw(tmp_path, shots) -> Path:
    """The extracted In-shop download: pictures over white borders, the benchmark's partition, one item in both splits."""
    raw = tmp_path / "In-shop Clothes Retrieval Benchmark"
    for path, shot in zip(FASHION, shots, strict=False):
        square = np.full((256, 256, 3), 255, np.uint8)
        square[:, 40:216] = shot.picture
        save_picture(square, raw / "Img" / "img" / path)
    status = ["train"] * 3 + ["query", "gallery", "gallery"] + ["train"] * 3
    rows = [f"img/{path} {path.split('/')[2]} {word}" for path, word in zip(FASHION, status, strict=True)]
    (raw / "Eval").mkdir()
    header = f"{len(rows)}\nimage_name item_id evaluation_status\n"
    (raw / "Eval" / "list_eval_partition.txt").write_text(header + "\n".join(rows) + "\n")
    return raw


@pytest.fixture
def fashion_lists(fashion_raw, shots, tmp_path) -> Path:
    """The authors' own lists for the same pictures, "fasion" and all, in the pixels of the crop."""
    folder = tmp_path / "authors"
    folder.mkdir()
    names = [fashion_name(path) for path in FASHION]
    points = np.array([shot.points for shot in shots[: len(names)]])
    test = [3, 4, 5]
    for split, members in (("train", [i for i in range(9) if i not in test]), ("test", test)):
        (folder / f"{split}.lst").write_text("".join(f"{names[i]}\n" for i in members))
        write_annotations(folder / f"fasion-resize-annotation-{split}.csv", [names[i] for i in members], points[members])
    (folder / "fasion-resize-pairs-test.csv").write_text(f"from,to\n{names[4]},{names[3]}\n{names[3]},{names[5]}\n")
    return folder


@pytest.fixture
def people_raw(tmp_path, shots) -> Path:
    """One's own pictures: a sub-folder per person, names with blanks and accents, pictures larger than the network's."""
    raw = tmp_path / "my pictures"
    names = dict(zip(sorted({shot.person for shot in shots}), ("Zoë Müller", "bob", "李雷", "dan", "eve"), strict=True))
    for number, shot in enumerate(shots):
        wide = np.full((330, 300, 3), 200, np.uint8)
        wide[40:296, 60:236] = shot.picture
        save_picture(wide, raw / names[shot.person] / f"IMG {number % 3}.png")
    return raw


@pytest.fixture
def folder_bytes():
    """A function: every file below a folder, with its bytes."""
    return lambda folder: {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def truncate():
    """A function that cuts a file to its first half."""
    return lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.fixture
def size_of():
    """A function: (height, width) of a picture file."""

    def size(path):
        with Image.open(path) as image:
            return image.height, image.width

    return size
