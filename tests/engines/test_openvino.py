"""The engine on OpenVINO, held to the one on PyTorch."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.engines.random_network import inputs, weights

import posetransfer
from posetransfer.assets import asset_path
from posetransfer.engines import open_engine, split
from posetransfer.engines.calibration import decibels
from posetransfer.engines.pytorch import PyTorchEngine
from posetransfer.errors import SettingsError
from posetransfer.pipeline import PoseTransfer
from posetransfer.weights import find_weights, load_weights

pytest.importorskip("openvino")
from posetransfer.engines import openvino as module
from posetransfer.engines.openvino import OpenVinoEngine, choose_precision


class Recorder:
    """An engine that keeps what it is asked."""

    name = "recorder"

    def __init__(self, engine):
        self.engine, self.config, self.asked = engine, engine.config, []

    def run(self, *arrays):
        self.asked.append(arrays)
        return self.engine.run(*arrays)


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("transfer", ["attention", "no_addition", "no_concatenation", "residual"])
def test_engine_gives_what_pytorch_gives(norm, transfer, monkeypatch):
    monkeypatch.setattr(split, "PIXELS", 2 * 32 * 24)  # two pictures at once: three go through in two parts
    made, (photo, source, target) = weights(norm, transfer), inputs(3)
    engine, other = OpenVinoEngine(made, "cpu", "fp32", threads=1), PyTorchEngine(made, "cpu", "fp32")
    for arrays in ((photo, source, target), (photo[:1], source[:1], target), (photo[:1], source, target), inputs(1, 40, 16)):
        expected = other.run(*arrays)
        assert expected.std() > 0.02  # far above the tolerance
        np.testing.assert_allclose(engine.run(*arrays), expected, atol=5e-5)


def test_sixteen_bits_stay_within_60_decibels_on_photographs():
    made = load_weights(find_weights("default"))
    exact, fast = Recorder(PyTorchEngine(made, "cpu", "fp32")), OpenVinoEngine(made, threads=1)
    machine = PoseTransfer(exact)
    for photo in ("photos/man_standing.jpg", "photos/woman_stride.jpg"):
        list(machine.many(asset_path(photo), ("walking-left", "arms-up"), background="plain"))
    found = [decibels(fast.run(*arrays), exact.engine.run(*arrays)) for arrays in exact.asked]
    assert len(found) == 4
    assert min(found) > 60


def test_one_photo_serves_many_poses_and_is_encoded_once():
    engine = OpenVinoEngine(weights(), precision="fp32", threads=1)
    photo, source, targets = inputs(3)
    calls, encode = [], engine._encode
    engine._encode = lambda *arrays: calls.append(1) or encode(*arrays)
    many = engine.run(photo[:1], source[:1], targets)
    for target, picture in zip(targets, many, strict=True):
        np.testing.assert_allclose(engine.run(photo[:1], source[:1], target[None])[0], picture, atol=1e-5)
    assert len(calls) == 1


def test_answers_are_copies_and_threads_do_not_mix_them():
    engine = OpenVinoEngine(weights(), precision="fp32", threads=1)
    photo, source, targets = inputs(8)
    alone = [engine.run(photo[:1], source[:1], target[None]).copy() for target in targets]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda target: engine.run(photo[:1], source[:1], target[None]), targets))
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_explain_shows_what_pytorch_shows():
    made, arrays = weights(), inputs()
    ours, theirs = OpenVinoEngine(made, precision="fp32").explain(*arrays), PyTorchEngine(made, "cpu", "fp32").explain(*arrays)
    np.testing.assert_allclose(ours.picture, theirs.picture, atol=5e-5)
    np.testing.assert_allclose(ours.masks, theirs.masks, atol=5e-5)


class Core:
    """A processor of the given capabilities."""

    def __init__(self, *has):
        self.has = has

    def get_property(self, device, name):
        return self.has


def test_precisions():
    assert choose_precision("auto", Core("FP32", "BF16")) == "bf16"
    assert choose_precision("auto", Core("FP32")) == "fp32"
    for word, pattern in (("bf16", "no instructions"), ("fp16", "no instructions"), ("int8", "unknown")):
        with pytest.raises(SettingsError, match=f"{word}.*{pattern}"):
            choose_precision(word, Core("FP32"))


def test_what_it_cannot_do_is_said_in_a_sentence(monkeypatch):
    with pytest.raises(SettingsError, match=r"'cuda'.*computes on the CPU"):
        open_engine(weights(), "openvino", "cuda")
    monkeypatch.setattr(module.openvino, "__version__", "2022.3.0-1234")
    with pytest.raises(SettingsError, match=r"openvino 2022\.3\.0-1234 is too old.*pip install -U"):
        open_engine(weights(), "openvino")


def test_a_signal_behind_a_closed_engine_finds_its_handler():
    # the last engine used to be given up in another thread, and with it the stack that OpenVINO had set for signals: a segmentation fault
    program = """
import gc, signal, threading
import numpy as np
from posetransfer.engines import open_engine
engines = [open_engine("default", "openvino", threads=1)]
maps = np.zeros((1, 18, 64, 44), np.float32)
engines[0].run(np.zeros((1, 3, 64, 44), np.float32), maps, maps)
thread = threading.Thread(target=lambda: (engines.clear(), gc.collect()))
thread.start(), thread.join()
signal.signal(signal.SIGTERM, lambda number, frame: print("noted", number))
signal.raise_signal(signal.SIGTERM)
"""
    environment = os.environ | {"PYTHONPATH": str(Path(posetransfer.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "noted 15\n"), done.stderr
