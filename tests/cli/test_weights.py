"""The command `weights`: import, list, verify."""

import json

import numpy as np
import pytest
import torch
from tests.networks.authors import AuthorsGenerator

from posetransfer.cli import main
from posetransfer.config import ModelConfig
from posetransfer.weights import expected_shapes, load_weights, save_weights

CONFIG = ModelConfig(size=(16, 12), width=1, blocks=1)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("POSETRANSFER_WEIGHTS", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    torch.save(AuthorsGenerator("instance", statistics=True).state_dict(), "latest_net_netG.pth")
    return tmp_path / "store"


def test_import_by_name_can_be_listed_verified_and_says_what_it_dropped(store, capsys):
    assert main(["weights", "import", "latest_net_netG.pth", "--name", "fashion"]) == 0
    out = capsys.readouterr().out
    assert "Dropped 28 running statistics" in out and "heatmaps gaussian" in out and "--weights fashion" in out
    config = load_weights(store / "fashion").config
    assert (config.size, config.backdrop, config.norm, config.width) == ((256, 176), "photo", "instance", 4)
    assert main(["weights", "list"]) == 0
    assert "fashion" in capsys.readouterr().out
    assert main(["weights", "verify", "fashion"]) == 0
    assert "sound (34 tensors" in capsys.readouterr().out
    assert main(["weights", "verify", "fashion", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sound"] is True


def test_import_takes_what_the_file_does_not_hold(store):
    words = ["--size", "64", "32", "--heatmaps", "impulse", "--sigma", "3", "--dtype", "fp16"]
    assert main(["weights", "import", "latest_net_netG.pth", "-o", "out", *words]) == 0
    config = load_weights("out").config
    assert (config.size, config.heatmaps, config.sigma) == ((64, 32), "impulse", 3.0)


def refused(words, capsys, part):
    assert main(words) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("error: ") and captured.err.count("\n") == 1
    assert part in captured.err, captured.err


@pytest.mark.parametrize(("words", "part"), [
    (["latest_net_netG.pth"], "either --output FOLDER or --name NAME"),
    (["latest_net_netG.pth", "--name", "a", "-o", "b"], "either --output FOLDER or --name NAME"),
    (["latest_net_netG.pth", "--name", "../a"], "a name has no slash"),
    (["none.pth", "--name", "a"], "cannot be read"),
    (["latest_net_netG.pth", "-o", "latest_net_netG.pth/w"], "cannot be written"),
    (["latest_net_netG.pth", "-o", "w", "--size", "255", "176"], "divisible by 4"),
])  # fmt: skip
def test_bad_imports_are_one_sentence_and_leave_nothing(words, part, store, capsys):
    refused(["weights", "import", *words], capsys, part)
    assert not store.exists() or not list(store.iterdir())
    assert not (store.parent / "w").exists()


def test_verify_of_a_changed_file_fails(store, capsys):
    folder = save_weights(store / "mine", CONFIG, {name: np.zeros(shape) for name, shape in expected_shapes(CONFIG).items()}, "")
    whole = bytearray((folder / "model.safetensors").read_bytes())
    whole[-1] ^= 1
    (folder / "model.safetensors").write_bytes(whole)
    refused(["weights", "verify", "mine"], capsys, "SHA-256")


def test_list_shows_a_broken_folder_beside_the_sound_ones(store, capsys):
    tensors = {name: np.zeros(shape) for name, shape in expected_shapes(CONFIG).items()}
    save_weights(store / "good", CONFIG, tensors, "")
    (save_weights(store / "bad", CONFIG, tensors, "") / "config.json").write_text("{")
    assert main(["weights", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["good"]["size"] == [16, 12] and "not readable" in rows["bad"]["problem"]
