import numpy as np
import pytest

from posetransfer.config import ModelConfig
from posetransfer.errors import WeightsError
from posetransfer.weights import expected_shapes, find_weights, save_weights, weights_names

CONFIG = ModelConfig(size=(16, 12), width=1, blocks=1)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setenv("POSETRANSFER_WEIGHTS", str(tmp_path / "store"))
    return save_weights(tmp_path / "store" / "mine", CONFIG, {k: np.zeros(s) for k, s in expected_shapes(CONFIG).items()}, "")


def test_a_name_and_a_path_lead_to_the_folder(mine):
    assert find_weights("mine") == find_weights(mine) == find_weights(str(mine)) == mine
    assert weights_names()["mine"] == mine


def test_a_folder_without_config_and_a_hidden_one_have_no_name(mine):
    (mine.parent / "empty").mkdir()
    mine.rename(mine.parent / ".half-written")
    assert not {"mine", "empty", ".half-written"} & set(weights_names())


def test_unknown_name_lists_the_known(mine):
    with pytest.raises(WeightsError, match=r"minne: no weights of that name and no such folder \(names: .*mine"):
        find_weights("minne")


@pytest.mark.parametrize(("name", "pattern"), [("g.pth", "posetransfer weights import"), ("model.safetensors", "give the folder")])
def test_a_file_is_answered_with_what_to_give(name, pattern, tmp_path):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(WeightsError, match=pattern):
        find_weights(tmp_path / name)


def test_without_a_setting_the_store_is_in_the_users_data_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("POSETRANSFER_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "posetransfer" / "weights" / "w").mkdir(parents=True)
    (tmp_path / "posetransfer" / "weights" / "w" / "config.json").write_text("{}")
    assert weights_names()["w"] == tmp_path / "posetransfer" / "weights" / "w"
