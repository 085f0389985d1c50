"""examples/browser: a headless Chromium uses the page; what it paints is what the PyTorch engine paints."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager, redirect_stdout
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from PIL import Image

from posetransfer.cli import main
from posetransfer.cutout.edges import composite
from posetransfer.image import load_photo
from posetransfer.pose import read_pose
from posetransfer.weights import find_weights, load_weights

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def page_server():
    """The request handler of examples/browser/serve.py."""
    spec = importlib.util.spec_from_file_location("serve", EXAMPLES / "browser" / "serve.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Isolated


def handler(files, answers, end):
    """The page's server, with the test's own files at their addresses, which takes what the page posts."""

    class Handler(page_server()):
        def translate_path(self, path):
            here = next((place for address, place in files.items() if path.startswith(address)), None)
            return super().translate_path(path) if here is None else str(here if here.is_file() else here / path.split("/", 2)[2])

        def do_POST(self):
            name = self.path.rpartition("/")[2]
            answers[name] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()
            if name == "end":
                end.set()

        def log_message(self, *_):
            pass

    return partial(Handler, directory=str(EXAMPLES))


@contextmanager
def serving(files, answers, end):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(files, answers, end))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


@contextmanager
def chromium(address, profile):
    """A headless browser at that address; it and all of its helpers end with the block."""
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    words = [BROWSER, *FLAGS, *root, f"--user-data-dir={profile}", "--remote-debugging-port=0", address]  # the port keeps it open
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def seen(installed, model, inputs, tmp_path_factory):
    """What the page showed after each step of drive.html."""
    installed("browser")
    if not BROWSER:
        pytest.skip("no Chromium is installed (tools/ci-tools.sh installs Debian's)")
    folder = tmp_path_factory.mktemp("page")
    with (folder / "model.json").open("w") as file, redirect_stdout(file):
        assert main(["info", "default", "--json"]) == 0
    shutil.copytree(inputs, folder / "inputs")
    (folder / "inputs" / "large").mkdir()
    Image.new("RGB", (400, 400)).save(folder / "inputs" / "large" / "photo.png")
    files = {"/browser/model.onnx": model, "/browser/model.json": folder / "model.json", "/inputs/": folder / "inputs"}
    answers, end = {}, Event()
    files["/drive.html"] = HERE / "drive.html"
    with serving(files, answers, end) as address, chromium(address + "drive.html", folder / "profile"):
        assert end.wait(timeout=180), f"the page did not come to its end; it got to {list(answers)}"
    assert "slip" not in answers, answers["slip"]["text"]
    return answers


def array(canvas):
    """RGB of a canvas."""
    return np.array(canvas["data"], np.uint8).reshape(canvas["height"], canvas["width"], 4)[..., :3]


def shipped(name, size):
    return read_pose(EXAMPLES / "people" / "poses" / f"{name}.json").scaled(size)


@pytest.mark.parametrize(("step", "source", "target"), [
    ("first", "00005_c1_01", "00005_c1_03"),
    ("chosen", "00010_c1_02", "00010_c1_03"),
    ("again", "00010_c1_02", "00010_c1_03"),
    ("without-gpu", "00010_c1_02", "00010_c1_03"),  # WebGPU was chosen and cannot be had: WebAssembly steps in
])  # fmt: skip
def test_shipped_person_is_painted_as_by_the_pytorch_engine(step, source, target, seen, paint):
    photo = array(seen[step]["source"])
    expected = paint(photo, *(shipped(name, photo.shape[:2]) for name in (source, target)))
    assert np.abs(array(seen[step]["result"]) - expected).max() <= 2
    assert seen[step]["lines"] > 10
    assert "WebAssembly" in seen[step]["text"]


def test_shipped_photo_is_made_as_the_weights_want_it(seen):
    photo = array(seen["first"]["source"])
    whole = load_photo(EXAMPLES / "people" / "images" / "00005_c1_01.jpg").astype(float)
    share = load_photo(EXAMPLES / "people" / "masks" / "00005_c1_01.png")[..., 0]
    config = load_weights(find_weights("default")).config
    assert photo.shape[:2] == share.shape == config.size and config.backdrop == "plain"
    green = np.array(config.backdrop_colour, float)
    expected = np.where((share == 255)[..., None], whole, green)
    for y, x in np.argwhere((share > 0) & (share < 255)):  # what is photographed behind the outline is known from near it
        near = np.s_[max(0, y - 3) : y + 4, max(0, x - 3) : x + 4]
        background, part = whole[near][share[near] == 0], share[y, x] / 255
        person = whole[y, x] - (1 - part) * background.mean(axis=0) if len(background) else part * whole[y, x]
        expected[y, x] = np.clip(person + (1 - part) * green, 0, 255)
    assert np.abs(photo - expected).max() <= 3  # browsers decode JPEG a little differently
    edge = (share > 0) & (share < 255)
    composited = composite(whole.astype(np.uint8), share / np.float32(255), config.backdrop_colour)  # as transfer and training do it
    blended = whole * (share / 255)[..., None] + green * (1 - share / 255)[..., None]  # with a rim
    assert np.abs(photo - composited.astype(float))[edge].mean() < 0.6 * np.abs(blended - composited)[edge].mean()


def test_own_files_are_painted_as_by_the_pytorch_engine(seen, inputs, expected):
    assert np.array_equal(array(seen["own"]["source"]), load_photo(inputs / "photo.png"))
    assert np.abs(array(seen["own"]["result"]) - expected).max() <= 2


def test_headers_of_the_server_allow_threads(seen):
    assert seen["first"]["isolated"] is True


def test_what_is_missing_or_does_not_fit_is_one_sentence(seen):
    assert seen["incomplete"]["state"] == "error" and seen["incomplete"]["text"].startswith("source.json missing")
    assert seen["large"]["state"] == "error" and "400 x 400 pixels" in seen["large"]["text"]
