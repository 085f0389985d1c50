"""examples/node: the program paints what the PyTorch engine paints."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posetransfer.engines.graph import build_graph
from posetransfer.image import load_photo
from posetransfer.pose import read_pose, write_pose
from posetransfer.weights import find_weights, load_weights


@pytest.fixture
def transfer(installed, model, tmp_path):
    """Runs the program with files of the test's own folder."""
    installed("node")
    program = Path(__file__).parents[2] / "examples" / "node" / "transfer.mjs"

    def run(*files, model=model):
        words = [shutil.which("node"), str(program), str(model), *map(str, files), "out.png"]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    return run


def difference(path, expected):
    return np.abs(load_photo(path) - expected).max()


def test_picture_is_the_one_of_the_pytorch_engine(transfer, inputs, expected, tmp_path):
    done = transfer(inputs / "photo.png", inputs / "source.json", inputs / "target.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert difference(tmp_path / "out.png", expected) <= 2
    height, width, _ = expected.shape
    assert done.stdout == f"out.png: {width} x {height} pixels\n"


def test_openpose_files_of_another_size_with_missing_joints(transfer, inputs, paint, tmp_path):
    source, target = (read_pose(inputs / f"{name}.json").without("left_wrist", "right_ear") for name in ("source", "target"))
    height, width = source.size
    write_pose(source.scaled((3 * height, 2 * width)), tmp_path / "source.json", "openpose-18")
    write_pose(target.scaled((3 * height, 2 * width)), tmp_path / "target.json", "posetransfer")
    assert transfer(inputs / "photo.png", "source.json", "target.json").returncode == 0
    assert difference(tmp_path / "out.png", paint(load_photo(inputs / "photo.png"), source, target)) <= 2


def test_another_pose_gives_another_picture(transfer, inputs, expected, tmp_path):
    assert transfer(inputs / "photo.png", inputs / "source.json", inputs / "source.json").returncode == 0
    assert difference(tmp_path / "out.png", expected) > 50


def test_a_network_that_reads_heat_maps_is_told_from_one_that_reads_joints(transfer, inputs, tmp_path):
    graph = build_graph(load_weights(find_weights("default")))
    (tmp_path / "maps.onnx").write_bytes(graph.SerializeToString())
    done = transfer(inputs / "photo.png", inputs / "source.json", inputs / "target.json", model="maps.onnx")
    assert (done.returncode, done.stderr) == (1, "error: maps.onnx: reads no joints; export it with --joints.\n")


@pytest.mark.parametrize(("photo", "pose", "sentence"), [
    ("photo.png", "nobody.json", "nobody.json: no pose of 18 joints"),
    ("photo.png", "no-such-file.json", "no-such-file.json"),
    ("photo.png", "photo.png", "photo.png"),
    ("odd.png", "target.json", "odd.png: 87 x 128; both sides must be divisible by 4."),
    ("clear.png", "target.json", "clear.png: is partly transparent"),
    ("target.json", "target.json", "target.json"),
])  # fmt: skip
def test_what_cannot_be_read_is_one_sentence_and_leaves_no_picture(photo, pose, sentence, transfer, inputs, tmp_path):
    shutil.copy(inputs / "photo.png", tmp_path)
    shutil.copy(inputs / "target.json", tmp_path)
    (tmp_path / "nobody.json").write_text('{"people": []}')
    Image.new("RGB", (87, 128)).save(tmp_path / "odd.png")
    Image.new("RGBA", (88, 128), (0, 0, 0, 99)).save(tmp_path / "clear.png")
    done = transfer(photo, inputs / "source.json", pose)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and sentence in done.stderr, done.stderr
    assert not list(tmp_path.glob("out*"))
