"""Files for other runtimes: each is opened by its own runtime here and held to the PyTorch network."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest

from posetransfer.config import ModelConfig
from posetransfer.engines import export as room
from posetransfer.engines.export import FORMS, Difference, Sample, compare, export_weights, inputs, licence, plain
from posetransfer.errors import MissingExtra, OutputError, SettingsError
from posetransfer.image import from_unit
from posetransfer.pose import KEYPOINTS, Pose
from posetransfer.weights import Weights, expected_shapes, load_weights, save_weights

SIZE = (32, 24)


def weights(norm="batch", transfer="attention", blocks=2, **settings):
    rng = np.random.default_rng(0)
    config = ModelConfig(size=SIZE, width=4, blocks=blocks, norm=norm, transfer=transfer, sigma=2.0, **settings)
    tensors = {
        name: (rng.standard_normal(shape) * (2 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else rng.uniform(0.5, 1.5, shape)).astype("f")
        for name, shape in expected_shapes(config).items()
    }
    return Weights(config, tensors, room.Path("nowhere"), "a test")


def samples(size=SIZE, count=2):
    rng = np.random.default_rng(1)
    made = []
    for _ in range(count):
        points = rng.uniform(0, 24, (2, 18, 2)).astype(np.float32)
        points[:, 4] = np.nan
        photo = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        made.append(Sample(photo, Pose(points[0], size), Pose(points[1], size)))
    return made


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("joints", [False, True])
def test_a_file_computes_what_pytorch_computes(form, joints, tmp_path):
    kind = FORMS[form]
    pytest.importorskip(kind.package)
    if joints and not kind.joints:
        pytest.skip("takes heat maps only")
    made, path = weights("instance"), tmp_path / f"net{kind.ending}"
    found = export_weights(made, form, path, samples(), joints)
    assert found.psnr > 80 and found.pictures == 6
    assert {file.stem for file in tmp_path.iterdir()} == {"net"}  # nothing temporary is left
    others = samples((40, 24), 3)
    picture, expected = kind.open(path)(*inputs(others, made, joints)), plain(made)(*inputs(others, made, joints=False))
    assert expected.std() > 0.1
    if joints:
        assert picture.dtype == np.uint8
        assert np.abs(picture - np.stack([from_unit(one) for one in expected]).astype(int)).max() <= 1
    else:
        np.testing.assert_allclose(picture, expected, atol=1e-4)


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("transfer", ["no_addition", "no_concatenation", "residual"])
def test_ablations_are_exported_too(norm, transfer, tmp_path):
    assert export_weights(weights(norm, transfer), "onnx", tmp_path / "net.onnx", samples(), joints=True).psnr > 80


@pytest.mark.parametrize("form", [form for form, kind in FORMS.items() if kind.sizes])
def test_a_fixed_size_is_the_only_one(form, tmp_path):
    kind, made = FORMS[form], weights()
    pytest.importorskip(kind.package)
    path = tmp_path / f"net{kind.ending}"
    assert export_weights(made, form, path, samples((40, 28)), size=(40, 28)).pictures == 4
    with pytest.raises(Exception, match=r"(?i)shape|dimension|guard|expected"):  # each runtime says it with a class of its own
        kind.open(path)(*inputs(samples(), made, joints=False))


def test_onnx_says_what_it_takes(tmp_path):
    made = replace(weights(backdrop="plain"), folder=save_weights(tmp_path / "w", weights().config, weights().tensors, ""))
    export_weights(made, "onnx", tmp_path / "net.onnx", samples(), joints=True, size=SIZE)
    model = onnx.load(tmp_path / "net.onnx", load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert told["size"] == "32 24" and told["sigma"] == "2.0" and told["inputs"] == "joints"
    assert (told["backdrop"], told["backdrop_colour"], told["licence"]) == ("plain", "224 224 224", "apache-2.0")
    assert told["joints"].split() == list(KEYPOINTS)
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    shapes = {given.name: (given.shape, given.type) for given in [*session.get_inputs(), *session.get_outputs()]}
    assert shapes["photo"] == (["batch", 32, 24, 3], "tensor(uint8)") == shapes["picture"]
    assert shapes["target_joints"] == (["batch", 18, 2], "tensor(float)")


def test_a_program_of_torch_runs_without_this_package(tmp_path):
    made, path = weights("instance", blocks=1), tmp_path / "net.pt2"
    FORMS["torch"].write(made, path, False, SIZE)
    given = inputs(samples(count=1), made, joints=False)
    np.savez(tmp_path / "given.npz", *given)
    code = """
import sys
sys.modules["posetransfer"] = None
import numpy, torch
given = numpy.load(sys.argv[2])
program = torch.export.load(sys.argv[1]).module()
numpy.save(sys.argv[3], program(*(torch.from_numpy(given[name]) for name in given)).numpy())
"""
    subprocess.run([sys.executable, "-c", code, str(path), str(tmp_path / "given.npz"), str(tmp_path / "out.npy")], check=True)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), plain(made)(*given), atol=1e-5)


def spoilt(made, path, joints=False, size=None):
    """A file that is a little off: one weight of the last convolution is another."""
    tensors = made.tensors | {"decoder.2.bias": made.tensors["decoder.2.bias"] + np.float32(0.05)}
    room.write_onnx(replace(made, tensors=tensors), path, joints, size)


@pytest.mark.parametrize("joints", [False, True])
def test_a_file_that_computes_something_else_is_not_kept(joints, tmp_path, monkeypatch):
    monkeypatch.setitem(FORMS, "onnx", replace(FORMS["onnx"], write=spoilt))
    (tmp_path / "net.onnx").write_text("an older file")
    with pytest.raises(OutputError, match=r"net\.onnx: the file is [123]\d\.\d dB from PyTorch \(at least 60"):
        export_weights(weights(), "onnx", tmp_path / "net.onnx", samples(), joints)
    assert [file.name for file in tmp_path.iterdir()] == ["net.onnx"]
    assert (tmp_path / "net.onnx").read_text() == "an older file"


def test_int8_is_smaller_and_held_to_a_tolerance_of_its_own(tmp_path, monkeypatch):
    made = weights(blocks=9)
    export_weights(made, "onnx", tmp_path / "exact.onnx", samples())
    monkeypatch.setattr(room, "INT8_TOLERANCE", 20.0)  # a random network is less patient than a trained one
    for joints in (False, True):
        found = export_weights(made, "onnx", tmp_path / "net.onnx", samples(), joints, calibration=samples(count=4))
        assert 20 < found.psnr < 60
    kinds = [node.op_type for node in onnx.load(tmp_path / "net.onnx").graph.node]
    assert kinds.count("QuantizeLinear") > 30
    assert (tmp_path / "net.onnx").stat().st_size < 0.75 * (tmp_path / "exact.onnx").stat().st_size
    monkeypatch.setattr(room, "INT8_TOLERANCE", 90.0)
    with pytest.raises(OutputError, match=r"at least 90.*leave --int8 out"):
        export_weights(made, "onnx", tmp_path / "other.onnx", samples(), calibration=samples())
    assert not (tmp_path / "other.onnx").exists()
    with pytest.raises(SettingsError, match="int8: files of the form torch"):
        export_weights(made, "torch", tmp_path / "net.pt2", samples(), calibration=samples())


def test_difference_is_in_grey_levels_and_decibels():
    made, given = weights(), samples()
    network = plain(made)
    assert compare(network, network, given, made, joints=False) == Difference(0, np.inf, 6)
    shifted = compare(lambda *arrays: network(*arrays) + np.float32(2 / 255), network, given, made, joints=False, free=False)
    assert shifted.largest == pytest.approx(1, abs=1e-4) and shifted.psnr == pytest.approx(48.13, abs=0.01)  # 20 log10(255)
    assert shifted.pictures == 4
    for broken in (lambda *arrays: network(*arrays) * np.nan, lambda *arrays: network(*arrays)[:, :1]):
        assert not compare(broken, network, given, made, joints=False).psnr >= room.TOLERANCE


@pytest.mark.parametrize(("words", "error", "pattern"), [
    ({"form": "tflite"}, SettingsError, "tflite.*onnx"),
    ({"path": "net.pth"}, OutputError, r"net\.pth.*\.onnx"),
    ({"size": (30, 24)}, SettingsError, "30 24.*divisible by 4"),
    ({"size": (4, 24)}, SettingsError, "4 24.*at least 8"),
])  # fmt: skip
def test_what_cannot_be_exported_is_refused(words, error, pattern, tmp_path):
    words = {"form": "onnx", "path": "net.onnx"} | words
    with pytest.raises(error, match=pattern):
        export_weights(weights(), words["form"], tmp_path / words["path"], samples(), size=words.get("size"))
    assert not any(tmp_path.iterdir())


def test_a_missing_runtime_and_a_place_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        export_weights(weights(), "onnx", tmp_path / "file" / "net.onnx", samples())
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtra, match=r"posetransfer\[openvino\]"):
        export_weights(weights(), "openvino", tmp_path / "net.xml", samples())


def test_licence_is_that_of_the_card(tmp_path):
    made = weights()
    for card, said in (("", "apache-2.0"), ("---\nlicense: other\n---\n# Card\nlicense: wrong\n", "other"), ("---\n---\n", "unknown")):
        assert licence(load_weights(save_weights(tmp_path / "w", made.config, made.tensors, card))) == said
    assert licence(made) == "unknown"
