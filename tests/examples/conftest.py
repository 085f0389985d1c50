"""What the worked examples run on: an exported network, a photo and poses as `posetransfer transfer --inputs` writes them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from posetransfer.cli import main
from posetransfer.engines import open_engine
from posetransfer.engines.graph import build_graph
from posetransfer.image import load_photo
from posetransfer.pose import draw_heatmaps, read_pose
from posetransfer.weights import find_weights, load_weights

EXAMPLES = Path(__file__).parents[2] / "examples"
PEOPLE = EXAMPLES / "people"


@pytest.fixture(scope="session")
def installed():
    """Asked with the name of an example's folder: skip unless its npm packages are there."""

    def check(name):
        if not shutil.which("node"):
            pytest.skip("Node.js is not installed (tools/ci-tools.sh says what the examples need)")
        if not (EXAMPLES / name / "node_modules" / ".package-lock.json").is_file():  # npm writes it last
            pytest.skip(f"the npm packages are not there: npm ci --prefix examples/{name}, or tools/ci-tools.sh")

    return check


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """The embedded weights as a graph that takes a photo and joints."""
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    path.write_bytes(build_graph(load_weights(find_weights("default")), joints=True).SerializeToString())
    return path


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    """A folder with photo.png, source.json and target.json in the network's frame."""
    folder = tmp_path_factory.mktemp("inputs")
    words = ["--pose", f"{PEOPLE}/poses/00005_c1_03.json", "--source-pose", f"{PEOPLE}/poses/00005_c1_01.json", "--device", "cpu"]
    assert main(["transfer", f"{PEOPLE}/images/00005_c1_01.jpg", *words, "-o", f"{folder}/out.png", "--inputs", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def paint():
    """The PyTorch engine on a framed photo and two poses in its pixels: the picture, float (H, W, 3) of 0 to 255."""
    engine = open_engine("default", "pytorch", "cpu", "fp32")

    def run(photo, source, target):
        maps = [draw_heatmaps(pose, engine.config.sigma, engine.config.heatmaps)[None] for pose in (source, target)]
        unit = photo.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
        return (engine.run(unit, *maps)[0].transpose(1, 2, 0) + 1) * 127.5

    return run


@pytest.fixture(scope="session")
def expected(inputs, paint):
    """The right answer for `inputs`."""
    return paint(load_photo(inputs / "photo.png"), *(read_pose(inputs / f"{name}.json") for name in ("source", "target")))
