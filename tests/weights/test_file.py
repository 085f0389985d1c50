import json
import pickle
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from posetransfer.config import ModelConfig
from posetransfer.errors import OutputError, WeightsError
from posetransfer.networks import make_generator
from posetransfer.weights import expected_shapes, load_weights, parameter_count, read_extra, save_weights, verify_weights
from posetransfer.weights.settings import model_config

CONFIG = ModelConfig(size=(16, 12), width=2, blocks=2, norm="batch", sigma=1.5, backdrop="plain", backdrop_colour=(1, 2, 3))
rng = np.random.default_rng(0)


def tensors(config=CONFIG):
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in expected_shapes(config).items()}


@pytest.fixture
def folder(tmp_path):
    return save_weights(tmp_path / "w", CONFIG, tensors(), "# A card\n")


def refused(act, folder, pattern):
    with pytest.raises(WeightsError, match=pattern) as caught:
        act(folder)
    assert "\n" not in str(caught.value)


@given(
    st.sampled_from(["batch", "instance"]),
    st.integers(1, 6),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from(get_args(get_type_hints(ModelConfig)["transfer"])),
)
def test_layout_is_the_networks(norm, width, blocks, dropout, transfer):
    config = ModelConfig(norm=norm, width=width, blocks=blocks, dropout=dropout, transfer=transfer)
    with torch.device("meta"):
        network = make_generator(config)
    state = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    assert expected_shapes(config) == state
    assert parameter_count(config) == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("dtype", ["fp16", "fp32"])
def test_what_was_saved_comes_back(dtype, tmp_path):
    before = tensors()
    save_weights(
        tmp_path / "w", CONFIG, before | {"photo_encoder.0.1.num_batches_tracked": np.array(5)}, "text", dtype, origin="made by a test"
    )
    weights = load_weights(tmp_path / "w")
    assert (weights.config, weights.origin) == (CONFIG, "made by a test")
    assert weights.tensors.keys() == before.keys()
    for name, array in before.items():
        rounded = array.astype(np.float16) if dtype == "fp16" and array.ndim > 1 else array
        np.testing.assert_array_equal(weights.tensors[name], rounded)
        assert weights.tensors[name].dtype == np.float32
    assert verify_weights(tmp_path / "w").config == CONFIG


def test_variances_beyond_half_precision_survive(tmp_path):
    # fp16 ends at 65,504 and loses digits below 6e-5; running variances do both.
    state = tensors()
    state["decoder.1.1.running_var"] = np.array([1e-6, 2e5], np.float32)
    save_weights(tmp_path / "w", CONFIG, state, "", "fp16")
    np.testing.assert_array_equal(load_weights(tmp_path / "w").tensors["decoder.1.1.running_var"], state["decoder.1.1.running_var"])


def test_card_has_a_yaml_head_once(tmp_path):
    save_weights(tmp_path / "a", CONFIG, tensors(), "# Plain\n")
    save_weights(tmp_path / "b", CONFIG, tensors(), "---\nlicense: other\n---\n# Own\n")
    plain, own = ((tmp_path / name / "README.md").read_text() for name in "ab")
    assert plain.startswith("---\nlibrary_name: posetransfer\n") and plain.endswith("# Plain\n")
    assert own == "---\nlicense: other\n---\n# Own\n"


def test_saving_leaves_one_whole_folder_and_replaces_only_weights(folder, tmp_path):
    save_weights(folder, CONFIG, tensors(), "second")
    assert (folder / "README.md").read_text().endswith("second")
    assert [path.name for path in tmp_path.iterdir()] == ["w"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(OutputError, match="not a weights folder"):
        save_weights(tmp_path / "mine", CONFIG, tensors(), "")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"


def test_everybody_may_read_what_was_saved(folder):
    assert [path.name for path in [folder, *folder.iterdir()] if not path.stat().st_mode & 0o004] == []


def test_the_folder_of_a_run_says_where_its_weights_are(folder, tmp_path):
    (tmp_path / "run").mkdir()
    folder.rename(tmp_path / "run" / "weights")
    with pytest.raises(WeightsError, match=r"its weights are .*run/weights"):
        load_weights(tmp_path / "run")


def test_a_failed_save_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("posetransfer.weights.file.save_file", full)
    with pytest.raises(OutputError, match="No space left"):
        save_weights(tmp_path / "w", CONFIG, tensors(), "")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        save_weights(tmp_path / "file" / "w", CONFIG, tensors(), "")


def test_numbers_that_are_not_finite_are_not_saved(tmp_path):
    for value, pattern in ((np.nan, "decoder.2.weight holds"), (1e6, "in fp16: decoder.2.weight")):
        state = tensors()
        state["decoder.2.weight"][0, 0, 0, 0] = value
        with pytest.raises(WeightsError, match=pattern):
            save_weights(tmp_path / "w", CONFIG, state, "", "fp16")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_missing_file_is_named(name, folder):
    (folder / name).unlink()
    refused(load_weights, folder, rf"{name} is missing")
    (folder / "latest_net_netG.pth").write_bytes(b"")
    refused(load_weights, folder, "posetransfer weights import")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_truncated_file_is_named(name, part, folder):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: int(part * len(whole))])
    refused(load_weights, folder, f"{name}: not ")


def test_config_that_disagrees_names_first_key_and_both_shapes(folder):
    def change(**settings):
        about = json.loads((folder / "config.json").read_text())
        about["model"] |= settings
        (folder / "config.json").write_text(json.dumps(about))

    change(width=3)
    refused(load_weights, folder, r"photo_encoder\.0\.0\.weight has shape 2x3x7x7, .*width 3.* ask for 3x3x7x7")
    change(width=2, blocks=3)
    refused(load_weights, folder, r"blocks\.2\.picture\.0\.0\.weight is missing, .* ask for 8x8x3x3")
    change(blocks=1)
    refused(load_weights, folder, r"blocks\.1\.picture\.0\.0\.weight has shape 8x8x3x3, .* know no such tensor")
    change(blocks=2, norm="instance")
    refused(load_weights, folder, r"photo_encoder\.0\.0\.bias is missing, .*instance norm.* ask for 2;")


@pytest.mark.parametrize("write", [lambda state, path: path.write_bytes(pickle.dumps(state)), torch.save])
def test_a_pickle_where_safetensors_belongs_is_not_opened(write, folder):
    write({"a": torch.zeros(2)}, folder / "model.safetensors")
    refused(load_weights, folder, "PyTorch pickle, not safetensors")


@pytest.mark.parametrize(("text", "pattern"), [
    ("[1, 2]", "not the settings of posetransfer weights"),
    ("{}", "not the settings of posetransfer weights"),
    ('{"format": "posetransfer-weights", "version": 2}', "format version 2"),
    ('{"format": "posetransfer-weights", "version": 1}', '"model" should be an object'),
    ('{"format": "posetransfer-weights", "version": 1, "model": {"widht": 3}}', "unknown setting 'widht'"),
    ("\x00\x01", "not readable as JSON"),
    (" " * (2 << 20), "too large"),
])  # fmt: skip
def test_config_that_is_none_is_refused(text, pattern, folder):
    (folder / "config.json").write_text(text)
    refused(load_weights, folder, pattern)


@pytest.mark.parametrize(("name", "value", "wanted"), [
    ("size", [255, 176], "divisible by 4"), ("size", [256], "a list of 2 whole numbers"), ("size", "big", "a list of 2 whole numbers"),
    ("size", [100_000, 8], "two sides of 8 to 4096"), ("width", 0, "from 1 to 1024"), ("width", 6.5, "a whole number"),
    ("width", True, "a whole number"), ("blocks", -1, "from 1 to 100"), ("norm", "layer", "instance or batch"),
    ("dropout", 1, "true or false"), ("sigma", 0, "a positive number"), ("sigma", float("nan"), "a positive number"),
    ("backdrop_colour", [0, 0, 256], "from 0 to 255"), ("heatmaps", None, "gaussian or impulse"),
])  # fmt: skip
def test_settings_out_of_range_are_refused_with_what_they_should_be(name, value, wanted):
    with pytest.raises(WeightsError, match=f"{name} is .*{wanted}"):
        model_config({name: value}, "config.json")


def test_verify_finds_a_flipped_bit_and_a_nan(folder):
    path = folder / "model.safetensors"
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(whole)
    load_weights(folder)  # loading does not read every bit twice
    refused(verify_weights, folder, "SHA-256")
    state = load_file(path)
    state["decoder.2.bias"][0] = np.nan
    save_file(state, path)
    about = json.loads((folder / "config.json").read_text())
    del about["sha256"]
    (folder / "config.json").write_text(json.dumps(about))
    refused(verify_weights, folder, r"decoder\.2\.bias holds numbers that are not finite")


def test_settings_that_could_not_be_read_back_are_not_saved(tmp_path):
    config = ModelConfig(size=(15, 12), width=2, blocks=2, norm="batch")
    with pytest.raises(WeightsError, match=r"size is \[15, 12\]"):
        save_weights(tmp_path / "w", config, tensors(), "")
    assert not list(tmp_path.iterdir())


def test_integer_tensors_are_refused(folder):
    state = load_file(folder / "model.safetensors")
    save_file(state | {"decoder.2.bias": np.zeros(3, np.int32)}, folder / "model.safetensors")
    refused(load_weights, folder, "decoder.2.bias is of type int32")


def test_optional_files_come_back_by_name_and_others_are_a_slip(tmp_path, folder):
    assert load_weights(folder).extras == {} and read_extra(folder, "poses.json") is None
    saved = save_weights(tmp_path / "more", CONFIG, tensors(), "", extras={"poses.json": '{"a": 1}\n'})
    assert load_weights(saved).extras == {"poses.json": '{"a": 1}\n'} and read_extra(saved, "poses.json") == '{"a": 1}\n'
    save_weights(saved, CONFIG, tensors(), "")  # written anew, nothing of the old folder stays
    assert load_weights(saved).extras == {}
    with pytest.raises(ValueError, match="script"):
        save_weights(tmp_path / "bad", CONFIG, tensors(), "", extras={"script.py": ""})
    assert not (tmp_path / "bad").exists()


def test_an_optional_file_that_cannot_be_read_is_a_sentence(folder):
    (folder / "poses.json").write_bytes(b"\xff\xfe")
    refused(load_weights, folder, "poses.json: not readable as text")
    (folder / "poses.json").write_bytes(b" " * ((1 << 20) + 1))
    refused(load_weights, folder, "too large")
