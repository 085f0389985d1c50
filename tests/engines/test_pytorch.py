import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from posetransfer.config import ModelConfig
from posetransfer.engines import open_engine
from posetransfer.engines.pytorch import PyTorchEngine, Remembered, choose_device, choose_precision
from posetransfer.errors import MissingExtra, SettingsError, WeightsError
from posetransfer.networks import Generator
from posetransfer.weights import Weights, expected_shapes, save_weights

rng = np.random.default_rng(0)


def weights(norm="batch", blocks=2, transfer="attention"):
    config = ModelConfig(size=(32, 24), width=4, blocks=blocks, norm=norm, transfer=transfer)
    shapes = expected_shapes(config)
    tensors = {
        name: (rng.standard_normal(shape) * (2 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else rng.uniform(0.5, 1.5, shape)).astype("f")
        for name, shape in shapes.items()
    }
    return Weights(config, tensors, "nowhere", "a test")


def inputs(batch=2):
    return [rng.uniform(-1, 1, (batch, 3, 32, 24)).astype("f"), *(rng.random((batch, 18, 32, 24)).astype("f") for _ in range(2))]


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_engine_gives_what_the_unfolded_network_gives(norm):
    made, arrays = weights(norm), inputs()
    network = Generator(made.config).eval()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in made.tensors.items()}, strict=norm == "instance")
    with torch.no_grad():
        picture, masks, codes = network(*map(torch.from_numpy, arrays), attention=True)
        pictures = torch.stack([network.decode(code) for code in codes])
    engine = PyTorchEngine(made, "cpu", "fp32")
    assert not any(isinstance(module, nn.BatchNorm2d) for module in engine.network.modules())
    explained = engine.explain(*arrays)
    assert picture.std() > 0.1
    np.testing.assert_allclose(engine.run(*arrays), picture, atol=2e-5)
    np.testing.assert_allclose(explained.picture, picture, atol=2e-5)
    np.testing.assert_allclose(explained.pictures, pictures, atol=2e-5)
    np.testing.assert_allclose(explained.masks, torch.stack([mask.mean(1) for mask in masks]), atol=1e-5)


@pytest.mark.parametrize("transfer", ["no_addition", "no_concatenation", "residual"])
def test_ablations_run_and_what_has_no_attention_says_so(transfer):
    engine, arrays = PyTorchEngine(weights(transfer=transfer), "cpu", "fp32"), inputs()
    assert engine.run(*arrays).shape == (2, 3, 32, 24)
    if transfer == "residual":
        with pytest.raises(SettingsError, match="no attention to show"):
            engine.explain(*arrays)
    else:
        assert engine.explain(*arrays).masks.shape == (2, 2, 8, 6)


def test_bf16_stays_near_fp32():
    made, arrays = weights("instance"), inputs()
    exact, rounded = (PyTorchEngine(made, "cpu", precision).run(*arrays) for precision in ("fp32", "bf16"))
    assert exact.dtype == rounded.dtype == np.float32
    assert 0 < np.abs(exact - rounded).mean() < 0.02


def test_one_photo_serves_many_poses_and_is_encoded_once():
    engine = PyTorchEngine(weights(), "cpu", "fp32")
    photo, source, targets = inputs(3)
    calls = []
    engine.network.photo_encoder.encoder.register_forward_hook(lambda module, given, code: calls.append(len(given[0])))
    many = engine.run(photo[:1], source[:1], targets)
    assert many.shape == (3, 3, 32, 24)
    for target, picture in zip(targets, many, strict=True):
        np.testing.assert_allclose(engine.run(photo[:1], source[:1], target[None])[0], picture, atol=1e-5)
    assert calls == [1]
    engine.run(photo[1:2], source[:1], targets[:1])
    assert calls == [1, 1]


def test_remembered_encoder_does_not_mistake_a_changed_array_for_the_old_one():
    encoder = Remembered(nn.Conv2d(3, 4, 1))
    photo = torch.rand(1, 3, 4, 4)
    with torch.inference_mode():
        before = encoder(photo).clone()
        photo += 1
        assert not torch.equal(encoder(photo), before)


def test_inputs_that_do_not_belong_together_are_refused():
    engine, (photo, source, target) = PyTorchEngine(weights(), "cpu"), inputs(3)
    for arrays in ((photo[:2], source, target), (photo, source[:, :17], target), (photo[..., :20], source, target)):
        with pytest.raises(ValueError, match="do not belong together"):
            engine.run(*arrays)


@pytest.mark.parametrize(("name", "pattern"), [
    ("gpu", "auto, cpu, cuda"), ("cuda:x", "unknown"), ("cuda:99", "not to be had"), ("mps:7:1", "unknown"),
])  # fmt: skip
def test_devices_that_are_not_there_are_named(name, pattern):
    with pytest.raises(SettingsError, match=f"{name}.*{pattern}"):
        choose_device(name)


def test_precisions(monkeypatch):
    cpu = torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    for has, precision in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr("posetransfer.engines.pytorch._cpu_has_bf16", lambda has=has: has)
        assert choose_precision("auto", cpu) == precision
    assert choose_precision("bf16", cpu) == "bf16"
    for word in ("fp16", "int8"):
        with pytest.raises(SettingsError, match=word):
            choose_precision(word, cpu)


def test_tensors_made_by_hand_that_do_not_fit_are_named():
    made = weights()
    del made.tensors["decoder.2.bias"]
    with pytest.raises(WeightsError, match=r"decoder\.2\.bias"):
        PyTorchEngine(made, "cpu")


def test_open_engine_by_folder_and_unknown_names(tmp_path):
    made = weights()
    folder = save_weights(tmp_path / "w", made.config, made.tensors, "", "fp32")
    arrays = inputs(1)
    np.testing.assert_array_equal(
        open_engine(folder, device="cpu", precision="fp32").run(*arrays), PyTorchEngine(made, "cpu", "fp32").run(*arrays)
    )
    with pytest.raises(SettingsError, match="auto, pytorch"):
        open_engine(folder, "tensorflow")
    with pytest.raises(WeightsError, match="no weights of that name"):
        open_engine("no-such-weights")


def test_a_missing_torch_is_an_incomplete_installation_and_not_a_missing_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "posetransfer.engines.pytorch")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"^torch is not installed; posetransfer cannot do without it, .*: pip install torch\.$"):
        open_engine(weights())


def test_the_interface_loads_no_torch():
    code = "import sys, posetransfer.engines, posetransfer.weights; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "src"}, check=False).returncode == 0


def test_a_photo_keeps_its_code_when_another_thread_brings_another_photo(monkeypatch):
    encoder = Remembered(torch.nn.Identity())
    mine, other = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    encoder(mine)
    equal = torch.equal

    def slow(a, b):
        monkeypatch.setattr(torch, "equal", equal)
        answer = equal(a, b)
        encoder(other)  # what a second thread may do here
        return answer

    monkeypatch.setattr(torch, "equal", slow)
    assert equal(encoder(mine), mine)
