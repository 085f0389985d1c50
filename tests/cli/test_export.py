"""The command `export`, from arguments to files."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from posetransfer.cli import main
from posetransfer.config import ModelConfig
from posetransfer.engines import export as room
from posetransfer.image import load_photo
from posetransfer.weights import expected_shapes, save_weights

ROOT = Path(__file__).parents[2]
PHOTO = ROOT / "examples" / "photos" / "man_standing.jpg"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with weights of a tiny random network."""
    rng = np.random.default_rng(0)
    config = ModelConfig(size=(64, 44), width=2, blocks=2, sigma=1.5)
    monkeypatch.chdir(tmp_path)
    save_weights("weights", config, {name: rng.standard_normal(shape) * 0.3 for name, shape in expected_shapes(config).items()}, "")
    return tmp_path


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "weights")


def test_two_lines_say_where_the_file_is_and_how_exact(here, capsys):
    assert main(["export", "onnx", "weights", "-o", "net.onnx", "--joints"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("net.onnx: ") and "against PyTorch, 18 pictures" in lines[1]
    assert files(here) == ["net.onnx"]


def test_json_and_a_photo_of_ones_own(here, capsys):
    words = ["export", "onnx", "weights", "-o", "new/net.onnx", "--size", "32", "24", "--photo", str(PHOTO), "--json"]
    assert main(words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["bytes"] == (here / "new" / "net.onnx").stat().st_size
    assert facts["pictures"] == 6 and facts["psnr"] > 90 and facts["largest_difference"] < 0.1


@pytest.mark.parametrize(("words", "parts"), [
    (["onnx", "nothing", "-o", "net.onnx"], ["nothing: no weights of that name"]),
    (["onnx", "weights", "-o", "net.pt2"], ["net.pt2", ".onnx"]),
    (["torch", "weights", "-o", "net.onnx"], ["net.onnx", ".pt2"]),
    (["onnx", "weights", "-o", "weights"], ["weights: a folder has this name"]),
    (["onnx", "weights", "-o", "/proc/nowhere/net.onnx"], ["/proc/nowhere/net.onnx", "cannot be written"]),
    (["onnx", "weights", "-o", "net.onnx", "--size", "30", "24"], ["30 24", "divisible by 4"]),
    (["onnx", "weights", "-o", "net.onnx", "--photo", "none.jpg"], ["none.jpg"]),
    (["onnx", "weights", "-o", "net.onnx", "--int8", "nowhere"], ["nowhere"]),
    (["mnn", "weights", "-o", "net.mnn", "--int8", "nowhere"], ["int8", "mnn"]),
])  # fmt: skip
def test_what_cannot_be_done_is_one_sentence_and_leaves_no_file(words, parts, here, capsys):
    assert main(["export", *words]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("error: ") and captured.err.count("\n") == 1
    assert all(part in captured.err for part in parts), captured.err
    assert files(here) == []


def test_a_file_that_is_off_is_refused(here, capsys, monkeypatch):
    monkeypatch.setattr(room, "TOLERANCE", 300.0)
    assert main(["export", "onnx", "weights", "-o", "net.onnx"]) == 1
    assert "at least 300" in capsys.readouterr().err
    assert files(here) == []


def test_the_lines_of_the_page_paint_what_transfer_paints(here):
    """docs/export.md, run without this package; these weights paint the background too, so `out.png` is the network's picture."""
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    lines = re.findall(r"^```python\n(import json.*?)^```", page, re.MULTILINE | re.DOTALL)[0]
    words = ["--pose", "walking-left", "-o", "out.png", "--inputs", "inputs", "--weights", "weights", "--engine", "onnxruntime"]
    assert main(["transfer", str(PHOTO), *words]) == 0
    assert main(["export", "onnx", "weights", "-o", "patn.onnx", "--joints"]) == 0
    subprocess.run([sys.executable, "-W", "ignore", "-c", "import sys; sys.modules['posetransfer'] = None\n" + lines], check=True)
    ours, theirs = load_photo("out.png").astype(int), load_photo("picture.png")
    assert ours.std() > 5 and np.abs(ours - theirs).max() <= 1
