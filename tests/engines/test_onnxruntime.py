"""The engine on ONNX Runtime, held to the one on PyTorch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from posetransfer.config import ModelConfig
from posetransfer.engines import open_engine, split
from posetransfer.engines.onnxruntime import OnnxRuntimeEngine, choose_providers
from posetransfer.engines.pytorch import PyTorchEngine
from posetransfer.engines.split import Split
from posetransfer.errors import SettingsError
from posetransfer.image import load_photo
from posetransfer.weights import Weights, expected_shapes, save_weights

rng = np.random.default_rng(0)


def weights(norm="batch", transfer="attention", **settings):
    config = ModelConfig(size=(32, 24), width=4, blocks=2, norm=norm, transfer=transfer, **settings)
    tensors = {
        name: (rng.standard_normal(shape) * (2 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else rng.uniform(0.5, 1.5, shape)).astype("f")
        for name, shape in expected_shapes(config).items()
    }
    return Weights(config, tensors, "nowhere", "a test")


def inputs(batch=2):
    return [rng.uniform(-1, 1, (batch, 3, 32, 24)).astype("f"), *(rng.random((batch, 18, 32, 24)).astype("f") for _ in range(2))]


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("transfer", ["attention", "no_addition", "no_concatenation", "residual"])
def test_engine_gives_what_pytorch_gives(norm, transfer, monkeypatch):
    monkeypatch.setattr(split, "PIXELS", 2 * 32 * 24)  # two pictures at once: five go through in three parts
    made, (photo, source, target) = weights(norm, transfer), inputs(5)
    engine, other = OnnxRuntimeEngine(made, "cpu", threads=1), PyTorchEngine(made, "cpu", "fp32")
    for arrays in (
        (photo, source, target),
        (photo[:1], source[:1], target),
        (photo[:1], source, target),
        (photo[:1], source[:1], target[:1]),
    ):
        expected = other.run(*arrays)
        assert expected.std() > 0.1
        np.testing.assert_allclose(engine.run(*arrays), expected, atol=5e-5)


def test_explain_shows_what_pytorch_shows():
    made, (photo, source, target) = weights("instance"), inputs(3)
    ours, theirs = (cls(made, "cpu", "fp32").explain(photo[:1], source[:1], target) for cls in (OnnxRuntimeEngine, PyTorchEngine))
    for name in ("picture", "masks", "pictures"):
        assert getattr(ours, name).shape == getattr(theirs, name).shape
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=5e-5)
    with pytest.raises(SettingsError, match="no attention to show"):
        OnnxRuntimeEngine(weights(transfer="residual")).explain(photo, source, target)


def test_one_source_is_computed_once_and_known_by_its_content():
    engine, (photo, source, target) = OnnxRuntimeEngine(weights()), inputs(3)
    calls = []
    engine._split = Split(lambda *given: calls.append(len(given[0])) or engine._source(*given), engine._target)
    many = engine.run(photo[:1], source[:1], target)
    for one, picture in zip(target, many, strict=True):
        np.testing.assert_allclose(engine.run(photo[:1].copy(), source[:1].copy(), one[None])[0], picture, atol=1e-5)
    assert calls == [1]
    first, changed = photo[:1].copy(), engine.run(photo[1:2], source[:1], target[:1])
    assert calls == [1, 1]
    assert np.abs(changed - many[:1]).max() > 0.01
    engine.run(photo[:1], source[1:2], target[:1])
    first[0, 0, 0, 0] += 1  # the same array, changed behind the engine's back
    engine.run(first, source[1:2], target[:1])
    assert calls == [1, 1, 1, 1]
    engine.run(photo, source, target)  # three sources are not remembered
    assert calls == [1, 1, 1, 1, 3]


def test_an_array_that_is_changed_in_place_is_a_new_source():
    engine, (photo, source, target) = OnnxRuntimeEngine(weights()), inputs(1)
    before = engine.run(photo, source, target)
    photo[:] = -photo
    assert np.abs(engine.run(photo, source, target) - before).max() > 0.01


def test_inputs_that_do_not_belong_together_are_refused():
    engine, (photo, source, target) = OnnxRuntimeEngine(weights()), inputs(3)
    with pytest.raises(ValueError, match="do not belong together"):
        engine.run(photo[:2], source, target)


def test_devices_and_precisions(monkeypatch):
    assert choose_providers("auto")[-1] == "CPUExecutionProvider"
    assert choose_providers("cpu") == ["CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    for device, pattern in (("mps", "unknown"), ("cpu:1", "unknown"), ("cuda:x", "unknown"), ("cuda", "onnxruntime-gpu")):
        with pytest.raises(SettingsError, match=f"device '{device}'.*{pattern}"):
            choose_providers(device)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    assert choose_providers("cuda:1") == [("CUDAExecutionProvider", {"device_id": 1}), "CPUExecutionProvider"]
    assert choose_providers("auto")[0][0] == "CUDAExecutionProvider"
    with pytest.raises(SettingsError, match=r"bf16.*fp32"):
        OnnxRuntimeEngine(weights(), precision="bf16")


def test_open_engine_by_name():
    engine = open_engine(weights(), "onnxruntime", "cpu", threads=1)
    assert isinstance(engine, OnnxRuntimeEngine) and engine.name == "onnxruntime"


def test_a_whole_transfer_imports_no_torch(tmp_path):
    """Estimator, cut-out, network, background and attention, with torch hidden."""
    made = weights(backdrop="plain", sigma=2.0)
    save_weights(tmp_path / "weights", made.config, made.tensors, "")
    code = """
import sys
sys.modules["torch"] = None
from posetransfer import PoseTransfer
machine = PoseTransfer.from_pretrained(sys.argv[1], "cpu", "onnxruntime")
machine(sys.argv[2], "walking-left", place=True, attention=True).save(sys.argv[3])
"""
    photo = Path(__file__).parents[2] / "examples" / "photos" / "man_standing.jpg"
    words = [sys.executable, "-c", code, str(tmp_path / "weights"), str(photo), str(tmp_path / "out.png")]
    subprocess.run(words, env={"PYTHONPATH": "src"}, check=True, cwd=Path(__file__).parents[2])
    assert load_photo(tmp_path / "out.png").shape == load_photo(photo).shape


@pytest.mark.parametrize("threads", [0, -2])
def test_threads_are_at_least_one(threads):
    with pytest.raises(SettingsError, match=f"threads is {threads}"):
        open_engine(weights(), "onnxruntime", threads=threads)
