"""The recipe that drives real people, on the package's own example photographs."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from posetransfer.errors import DataError
from posetransfer.image import load_photo

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def real():
    spec = importlib.util.spec_from_file_location("real", ROOT / "recipes" / "people-studio" / "real.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["real"] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def collection(tmp_path):
    """Two persons, a photo each and a clip of two frames."""
    photos = ROOT / "examples" / "photos"
    for source, target in (
        ("man_standing", "photos/01_man"),
        ("man_standing", "clips/man/1"),
        ("man_arms_out", "clips/man/2"),
        ("woman_stride", "photos/02_woman"),
        ("woman_side", "clips/woman/1"),
        ("woman_stride", "clips/woman/2"),
    ):
        path = tmp_path / "collection" / f"{target}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photos / f"{source}.jpg", path)
    return tmp_path / "collection"


def test_every_source_takes_every_pose_but_its_own_and_the_table_is_the_sum_of_the_rows(real, collection, tmp_path, monkeypatch):
    monkeypatch.setattr(real, "PERSONS", {"man": ("01_*", "man*"), "woman": ("02_*", "woman*")})
    real.main(collection, out=tmp_path / "out", per_clip=1, others=1)
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    # Of two frames the rule takes the second, for the source and for the pose: nobody is driven by the very frame they are shown in.
    rows = {(row["source"], row["driving"], row["own"]) for row in written["rows"]}
    assert rows == {
        ("photos/01_man.jpg", "clips/man/2.jpg", True),
        ("photos/01_man.jpg", "clips/woman/2.jpg", False),
        ("clips/man/2.jpg", "clips/woman/2.jpg", False),
        ("photos/02_woman.jpg", "clips/woman/2.jpg", True),
        ("photos/02_woman.jpg", "clips/man/2.jpg", False),
        ("clips/woman/2.jpg", "clips/man/2.jpg", False),
    }
    right, total = (sum(row[name] for row in written["rows"]) for name in ("right", "total"))
    known = written["summary"]["**all**"]
    assert known["pckh_patn"] == pytest.approx(right / total)
    assert known["low"] <= known["pckh_patn"] <= known["high"]
    assert known["ceiling"] > 0.9  # the estimator finds in a small picture what it found in the photo
    assert f"| **all** | 6 | {total} | {right / total:.3f}" in (tmp_path / "out" / "table.md").read_text()
    sheet = load_photo(tmp_path / "out" / "man.png")
    assert sheet.shape[0] > 3 * real.TALL
    assert np.ptp(sheet) == 255


def test_frames_come_from_the_middle_of_equal_parts(real):
    assert real._spread(list(range(10)), 2) == [2, 7]
    assert real._spread([3], 6) == [3]


def test_a_folder_that_is_no_collection_is_a_sentence(real, tmp_path):
    with pytest.raises(DataError, match="holds photos/ and clips/"):
        real._clips(tmp_path, "x*")
