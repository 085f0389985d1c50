import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posetransfer.cli import main
from posetransfer.image import load_photo
from posetransfer.pose.formats import read_pose

PHOTO = Path(__file__).parents[2] / "examples" / "photos" / "man_standing.jpg"


def test_pose_is_written_drawn_and_told(tmp_path, capsys):
    out, drawn = tmp_path / "pose.json", tmp_path / "pose.png"
    assert main(["pose", str(PHOTO), "-o", str(out), "--draw", str(drawn), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    pose = read_pose(out)
    assert answer["missing"] == []
    assert pose.present.all()
    assert answer["score"] == round(float(pose.score.mean()), 3)
    picture, photo = load_photo(drawn), load_photo(PHOTO)
    assert picture.shape == photo.shape
    assert (picture != photo).any(axis=2).mean() > 0.01


def test_missing_joints_are_named(tmp_path, capsys):
    half = tmp_path / "half.png"
    Image.fromarray(load_photo(PHOTO)[:270]).save(half)
    assert main(["pose", str(half), "-o", str(tmp_path / "pose.json")]) == 0
    assert "missing: " in (told := capsys.readouterr().out)
    assert "left_ankle" in told


@pytest.mark.parametrize(("output", "told"), [("me.png", "written over"), ("pose.jpg", "--draw"), (".", "a folder")])
def test_a_pose_is_never_written_over_the_photo_or_under_the_name_of_a_picture(tmp_path, capsys, monkeypatch, output, told):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(load_photo(PHOTO)).save("me.png")
    before = Path("me.png").read_bytes()
    assert main(["pose", "me.png", "-o", output]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and told in error
    assert Path("me.png").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["me.png"]


@pytest.mark.parametrize("arguments", [["--person", "3"], []])
def test_nobody_is_one_sentence_and_leaves_no_file(tmp_path, capsys, arguments):
    wall = tmp_path / "wall.png"
    Image.fromarray(np.full((80, 60, 3), 90, np.uint8)).save(wall)
    photo = str(PHOTO) if arguments else str(wall)
    assert main(["pose", photo, "-o", str(tmp_path / "pose.json"), "--draw", str(tmp_path / "drawn.png"), *arguments]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert photo in told.replace("\n", "")
    assert [path.name for path in tmp_path.iterdir()] == ["wall.png"]
