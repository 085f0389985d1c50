"""The command `batch`, from arguments to files, with weights of a tiny random network."""

import json

import numpy as np
import pytest
from PIL import Image

from posetransfer.cli import main
from posetransfer.cli.batch import _own_device
from posetransfer.config import ModelConfig
from posetransfer.image import load_photo
from posetransfer.pose import library_names
from posetransfer.weights import expected_shapes, save_weights

NAMES = library_names()[:2]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two photos of somebody, one that shows nobody, and weights."""
    from pathlib import Path

    shipped = Path(__file__).parents[2] / "examples" / "photos"
    monkeypatch.chdir(tmp_path)
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    rng = np.random.default_rng(0)
    config = ModelConfig(size=(64, 44), width=2, blocks=2, sigma=1.5)
    save_weights("weights", config, {name: rng.standard_normal(shape) * 0.2 for name, shape in expected_shapes(config).items()}, "")
    (tmp_path / "photos").mkdir()
    for number, photo in enumerate(sorted(shipped.glob("*.jpg"))[2:4]):
        (tmp_path / "photos" / f"p{number}.jpg").write_bytes(photo.read_bytes())
    (tmp_path / "list.txt").write_text("\n".join(NAMES))
    return tmp_path


WEIGHTS = ["--weights", "weights", "--device", "cpu", "--engine", "pytorch", "--precision", "fp32"]
WORDS = ["batch", "photos", "list.txt", "-o", "out", *WEIGHTS]


def files(folder, pattern="*"):
    return sorted(path.name for path in folder.rglob(pattern) if path.is_file())


def test_every_photo_in_every_pose_then_nothing_more_to_do(here, capsys):
    assert main(WORDS) == 0
    said = capsys.readouterr().out
    assert said.startswith("out: 4 pictures written in ") and said.endswith("out/report/report.json\n")
    assert files(here / "out", "*___*") == sorted(f"p{i}___{name}.png" for i in (0, 1) for name in NAMES)
    assert main(WORDS) == 0
    assert "0 pictures written, 4 were there" in capsys.readouterr().out


def test_a_picture_is_the_one_of_transfer(here):
    assert main([*WORDS, "--background", "plain", "--place"]) == 0
    single = ["transfer", "photos/p1.jpg", "--pose", NAMES[1], "-o", "one.png", "--background", "plain", "--place", *WEIGHTS]
    assert main(single) == 0
    np.testing.assert_array_equal(load_photo("one.png"), load_photo(f"out/p1___{NAMES[1]}.png"))


def test_bad_photo_is_told_and_the_exit_code_says_so(here, capsys):
    Image.new("RGB", (60, 80)).save("photos/black.png")
    assert main([*WORDS, "--json"]) == 1
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert (facts["ok"], facts["failed"], facts["this_run"]["written"]) == (4, 2, 4)
    assert "black.png: no person found" in err
    assert len(files(here / "out", "*___*")) == 4


def test_parts_under_torchrun_and_by_hand(here, capsys, monkeypatch):
    Image.new("RGB", (60, 80)).save("photos/black.png")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert main(WORDS) == 0  # torchrun would stop the others for one bad photo
    assert "part 1 of 3: 0 pictures written" in capsys.readouterr().out
    monkeypatch.delenv("RANK")
    assert main([*WORDS, "--shard", "2/3"]) == 0
    assert main([*WORDS, "--shard", "3/3"]) == 0
    assert len(files(here / "out", "*___*")) == 4
    assert json.loads((here / "out" / "report" / "report.json").read_text())["ok"] == 4


def test_pairs_and_format(here):
    (here / "pairs.csv").write_text(f"from,to\np1.jpg,{NAMES[0]}\n")
    assert main([*WORDS, "--pairs", "pairs.csv", "--format", "webp"]) == 0
    assert files(here / "out", "*___*") == [f"p1___{NAMES[0]}.webp"]


@pytest.mark.parametrize(("change", "parts"), [
    (["--format", "jpg", "--background", "transparent"], ["JPEG cannot be transparent"]),
    (["--batch", "0"], ["--batch 0"]),
    (["--shard", "3/2"], ["--shard 3/2"]),
    (["--weights", "nothing"], ["no weights of that name"]),
    (["--pairs", "none.csv"], ["none.csv"]),
    (["-o", "photos"], ["photos: the folder is not empty"]),
    (["-o", "/proc/nowhere"], ["/proc/nowhere", "cannot be written"]),
])  # fmt: skip
def test_what_cannot_be_done_is_one_sentence_and_leaves_no_file(change, parts, here, capsys):
    before = files(here)
    assert main([*WORDS, *change]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1
    assert all(part in err for part in parts), err
    assert files(here) == before


def test_other_settings_on_the_same_folder_are_refused(here, capsys):
    assert main(WORDS) == 0
    assert main([*WORDS, "--place"]) == 1
    assert "place False, now it is True" in capsys.readouterr().err


@pytest.mark.parametrize(("local", "device", "engine", "expected"), [
    ("1", "auto", "auto", "cuda:1"),
    ("1", "cpu", "auto", "cpu"),
    ("1", "auto", "onnxruntime", "auto"),
    ("2", "auto", "auto", "auto"),
    (None, "auto", "auto", "auto"),
])  # fmt: skip
def test_under_torchrun_each_process_takes_its_own_gpu(local, device, engine, expected, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if local:
        monkeypatch.setenv("LOCAL_RANK", local)
    assert _own_device(device, engine) == expected
