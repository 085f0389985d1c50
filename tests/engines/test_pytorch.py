import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from posetransfer.config import ModelConfig
from posetransfer.engines import open_engine
from posetransfer.engines.pytorch import PyTorchEngine, choose_device, choose_precision, use_threads
from posetransfer.engines.torch_layers import Convolution, Form, LastConvolution, can_pack
from posetransfer.errors import MissingExtra, SettingsError, WeightsError
from posetransfer.image import from_unit, to_unit
from posetransfer.networks import Generator, make_generator
from posetransfer.pose import Pose, draw_heatmaps, library_pose
from posetransfer.weights import Weights, expected_shapes, find_weights, load_weights, save_weights

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
    assert can_pack(torch.float32) == any(getattr(module, "packed", None) is not None for module in engine.network.modules())
    explained = engine.explain(*arrays)
    assert picture.std() > 0.1
    np.testing.assert_allclose(engine.run(*arrays), picture, atol=2e-5)
    np.testing.assert_allclose(explained.picture, picture, atol=2e-5)
    np.testing.assert_allclose(explained.pictures, pictures, atol=2e-5)
    np.testing.assert_allclose(explained.masks, torch.stack([mask.mean(1) for mask in masks]), atol=1e-5)


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("transfer", ["no_addition", "no_concatenation", "residual"])
def test_ablations_give_what_their_network_gives_and_what_has_no_attention_says_so(transfer, norm):
    made, arrays = weights(norm, transfer=transfer), inputs()
    network = make_generator(made.config).eval()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in made.tensors.items()}, strict=norm == "instance")
    engine = PyTorchEngine(made, "cpu", "fp32")
    with torch.no_grad():  # atol: instance norm of a random network enlarges rounding
        np.testing.assert_allclose(engine.run(*arrays), network(*map(torch.from_numpy, arrays)), atol=5e-5)
    if transfer == "residual":
        with pytest.raises(SettingsError, match="no attention to show"):
            engine.explain(*arrays)
    else:
        assert engine.explain(*arrays).masks.shape == (2, 2, 8, 6)


def test_default_weights_in_bf16_stay_within_60_db_of_fp32():
    # in bf16 as a whole they do not: 57 dB; the photo's code has to be float32
    opened, (height, width) = load_weights(find_weights("default")), (128, 88)
    y, x = np.mgrid[:height, :width]
    person = (np.hypot((y - 64) / 45, (x - 44) / 16) < 1) * np.array([0.4, -0.2, -0.6])[:, None, None]
    photo = (0.757 * (person == 0) + person + 0.1 * np.sin(y / 3) * (person != 0)).astype("f")[None]
    poses = [np.concatenate([draw_heatmaps(library_pose(name).scaled((height, width)), 3.0)[None] for name in names])
             for names in (["standing-front"], ["waving", "walking-left"])]  # fmt: skip
    exact, rounded = (PyTorchEngine(opened, "cpu", precision).run(photo, *poses) for precision in ("fp32", "bf16"))
    assert exact.std() > 0.1
    assert 60 < 10 * np.log10(4 / ((exact - rounded) ** 2).mean()) < 100


def test_the_same_call_gives_the_same_bits():
    engine, arrays = PyTorchEngine(weights(), "cpu", "bf16", threads=2), inputs(3)
    first = engine.run(*arrays)
    engine.run(*(array[:1] for array in arrays))
    np.testing.assert_array_equal(engine.run(*arrays), first)


def test_a_large_batch_goes_through_in_parts_with_the_same_pictures(monkeypatch):
    engine, arrays = PyTorchEngine(weights(), "cpu", "fp32"), inputs(5)
    whole, one = engine.run(*arrays), engine.run(arrays[0][:1], *arrays[1:])
    monkeypatch.setattr("posetransfer.engines.split.PIXELS", 2 * 32 * 24)
    np.testing.assert_allclose(engine.run(*arrays), whole, atol=2e-5)
    np.testing.assert_allclose(engine.run(arrays[0][:1], *arrays[1:]), one, atol=2e-5)


@pytest.mark.parametrize("one", [True, False])
@pytest.mark.parametrize("transfer", ["attention", "residual"])
def test_joints_give_what_their_maps_give(one, transfer):
    engine = PyTorchEngine(weights(transfer=transfer), "cpu", "fp32")
    photo = rng.integers(0, 256, (3, 32, 24, 3), np.uint8)
    joints = rng.uniform(0, 24, (2, 3, 18, 2)).astype("f")
    joints[0, :, 3] = joints[1, 1, 5] = np.nan
    photo, joints_source = (photo[:1], joints[0, :1]) if one else (photo, joints[0])
    maps = [
        np.stack([draw_heatmaps(Pose(points, (32, 24)), engine.config.sigma) for points in set_]) for set_ in (joints_source, joints[1])
    ]
    pictures = engine.run(np.stack([to_unit(picture) for picture in photo]), *maps)
    made = engine.run_joints(photo, joints_source, joints[1])
    assert made.dtype == np.uint8
    off = np.abs(made.astype(int) - np.stack([from_unit(picture) for picture in pictures]))
    assert off.max() <= 1
    assert off.mean() < 0.01


def test_threads_are_set_while_the_engine_runs_and_put_back():
    before = torch.get_num_threads()
    with use_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    engine, seen = PyTorchEngine(weights(), "cpu", threads=before + 1), []
    engine.network.photo.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    engine.run(*inputs(1))
    assert (seen, torch.get_num_threads()) == ([before + 1], before)


@pytest.mark.parametrize("packed", [False, pytest.param(True, marks=pytest.mark.skipif(not can_pack(torch.float32), reason="no oneDNN"))])
def test_four_pixels_at_once_are_the_last_convolution(packed):
    conv = nn.Conv2d(5, 3, 7, padding=3, padding_mode="reflect")
    x = torch.randn(2, 5, 12, 20).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        np.testing.assert_allclose(LastConvolution(conv, packed)(x), torch.tanh(conv(x)), atol=1e-5)


@pytest.mark.skipif(not can_pack(torch.float32), reason="no oneDNN")
@pytest.mark.parametrize("arguments", [
    {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"}, {"kernel_size": 3, "stride": 2, "padding": 1}, {"kernel_size": 7},
])  # fmt: skip
def test_packed_convolution_with_its_relu(arguments):
    conv = nn.Conv2d(6, 10, **arguments)
    x = torch.randn(2, 6, 16, 12).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        for relu in (False, True):
            expected = conv(x).relu() if relu else conv(x)
            for packed in (True, False):
                np.testing.assert_allclose(Convolution(conv, Form(torch.float32, packed), relu=relu)(x), expected, atol=1e-5)


def test_bf16_stays_near_fp32():
    made, arrays = weights("instance"), inputs()
    exact, rounded = (PyTorchEngine(made, "cpu", precision).run(*arrays) for precision in ("fp32", "bf16"))
    assert exact.dtype == rounded.dtype == np.float32
    assert 0 < np.abs(exact - rounded).mean() < 0.02


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_one_photo_serves_many_poses_and_is_encoded_once(norm):
    engine = PyTorchEngine(weights(norm), "cpu", "fp32")
    photo, source, targets = inputs(3)
    calls = []
    engine.network.photo.register_forward_hook(lambda module, given, code: calls.append(len(given[0])))
    many = engine.run(photo[:1], source[:1], targets)
    assert many.shape == (3, 3, 32, 24)
    for target, picture in zip(targets, many, strict=True):
        np.testing.assert_allclose(engine.run(photo[:1], source[:1], target[None])[0], picture, atol=2e-5)
    assert calls == [1]
    engine.run(photo[1:2], source[:1], targets[:1])
    assert calls == [1, 1]


def test_a_photo_changed_in_place_is_not_mistaken_for_the_old_one():
    engine, (photo, source, target) = PyTorchEngine(weights(), "cpu", "fp32"), inputs(1)
    before = engine.run(photo, source, target)
    photo *= -1
    after = engine.run(photo, source, target)
    assert np.abs(after - before).max() > 0.01
    source *= 0.5
    assert np.abs(engine.run(photo, source, target) - after).max() > 1e-4


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
