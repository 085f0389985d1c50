import sys
from pathlib import Path

import numpy as np
import pytest

from posetransfer.bench import PLAIN, Case, measure, measure_gemm
from posetransfer.bench.run import Contender, decibels
from posetransfer.bench.whole import cold_start, transfer_steps
from posetransfer.config import ModelConfig
from posetransfer.errors import PoseTransferError
from posetransfer.weights import expected_shapes, save_weights

CONFIG = ModelConfig(size=(32, 24), width=4, blocks=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    rng = np.random.default_rng(0)
    tensors = {name: (0.2 * rng.standard_normal(shape)).astype("f") for name, shape in expected_shapes(CONFIG).items()}
    return str(save_weights(tmp_path_factory.mktemp("bench") / "w", CONFIG, tensors, "", "fp32"))


def test_contenders_take_turns_and_are_compared_with_the_plain_network(folder, monkeypatch):
    asked = []
    ask = Contender.ask

    def listen(self, word):
        asked.append((self.case.engine, word.split()[0]))
        return ask(self, word)

    monkeypatch.setattr(Contender, "ask", listen)
    said = []
    cases = [Case(engine, folder, (32, 24), precision="fp32") for engine in (PLAIN, "pytorch", "onnxruntime")]
    plain, torch, onnx = measure(cases, rounds=2, warm_up=1, say=said.append)
    runs = [engine for engine, word in asked if word == "run"]
    assert runs == [PLAIN, "pytorch", "onnxruntime"] * 3
    assert [len(one.seconds) for one in (plain, torch, onnx)] == [2, 2, 2]
    assert all(seconds > 0 for one in (plain, torch, onnx) for seconds in one.seconds)
    assert plain.difference is None
    assert min(torch.difference, onnx.difference) > 100
    assert torch.peak is None or torch.peak > 50
    assert len(said) == 1


def test_what_cannot_run_says_why_and_the_others_go_on(folder):
    cases = [Case("onnxruntime", folder, (32, 24)), Case("tensorflow", folder, (32, 24))]
    onnx, other = measure(cases, rounds=1, warm_up=0)
    assert onnx.error is None
    assert "tensorflow" in other.error
    assert other.seconds == ()


def test_a_process_that_dies_is_named_with_its_last_words(monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    contender = Contender(Case("mnn", "default", (32, 24)))
    with pytest.raises(PoseTransferError, match="mnn: its process ended while it was measured"):
        contender.ready()


def test_memory_is_seen(folder):
    contender = Contender(Case("onnxruntime", folder, (32, 24)))
    try:
        contender.ready()
        contender.ask("run")
        memory = contender.ask("memory")
    finally:
        contender.end()
    if sys.platform == "linux":
        assert 20 < memory["now"] <= memory["peak"] + 1


def test_matrix_products_are_counted():
    assert measure_gemm(1, side=128)["fp32"] > 1e8


def test_decibels():
    picture = np.linspace(-1, 1, 50, dtype="f")
    assert decibels(picture, picture) == 200
    assert decibels(picture + np.float32(0.2), picture) == pytest.approx(20, abs=1e-4)


def test_a_transfer_step_by_step_and_the_command_from_a_cold_start():
    photo = Path(__file__).parents[2] / "examples" / "photos" / "man_standing.jpg"
    steps = transfer_steps(photo, engine="onnxruntime", repeats=1)
    assert steps["total"] >= steps["network"] > 0
    assert cold_start(photo, engine="onnxruntime", repeats=1) > 0
    with pytest.raises(PoseTransferError, match=r"no-such\.jpg: the command failed while it was measured"):
        cold_start(Path("no-such.jpg"), engine="onnxruntime", repeats=1)
