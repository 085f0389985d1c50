"""The command `train`: what it prints, what it leaves, what it refuses."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from posetransfer import cli
from posetransfer.config import PRESETS
from posetransfer.weights import load_weights

PEOPLE = Path(__file__).parents[1] / "training" / "people"
SMALL = ["--model.size", "32", "24", "--model.width", "4", "--model.blocks", "1", "--discriminator.width", "4"]
SHORT = ["--training.steps", "4", "--training.batch", "4", "--training.sample-every", "2", "--training.checkpoint-every", "2"]
NO_FEATURES = ["--loss.perceptual", "none"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set") / "people"
    shutil.copytree(PEOPLE, folder)
    return str(folder)


@pytest.fixture(scope="module")
def finished(people, tmp_path_factory):
    """A short run of `tiny` that is done, and what its command printed last."""
    run = tmp_path_factory.mktemp("finished") / "run"
    words = ["train", "tiny", *SMALL, *SHORT, *NO_FEATURES, "--data", people, "--run", str(run), "--device", "cpu", "--threads", "1"]
    assert cli.main(words) == 0
    return run, words


def test_a_run_leaves_weights_sheets_and_a_log(finished):
    run, _ = finished
    assert load_weights(run / "weights").config.width == 4
    assert [path.name for path in sorted((run / "sheets").iterdir())] == ["00000002.png", "00000004.png"]
    entries = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert set(entries[-1]["validation"]) == {"l1", "l1_person", "ssim"}
    assert (run / "settings.json").exists() and (run / "starts.jsonl").exists()


def test_the_same_command_again_has_nothing_to_do_and_says_where_the_weights_are(finished, capsys):
    run, words = finished
    before = (run / "weights" / "model.safetensors").read_bytes()
    assert cli.main(words) == 0
    assert capsys.readouterr().out == f"{run / 'weights'}\n"
    assert (run / "weights" / "model.safetensors").read_bytes() == before


def test_another_setting_is_refused(finished, capsys):
    assert cli.main([*finished[1], "--training.seed", "3"]) == 1
    assert "was begun with --training.seed 0, now it is 3" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["train", "--report"], ["train", "report"]])
def test_report_prints_where_the_curves_are(words, finished, capsys):
    assert cli.main([*words, str(finished[0])]) == 0
    assert capsys.readouterr().out == f"{finished[0] / 'report.png'}\n"


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_dry_run_prints_the_resolved_settings_and_the_steps(preset, capsys):
    assert cli.main(["train", preset, "--dry-run", "--training.generator-lr", "3e-4"]) == 0
    text, _, last = capsys.readouterr().out.strip().rpartition("\n")
    assert json.loads(text)["training"]["generator_lr"] == 3e-4
    assert last.startswith(f"{PRESETS[preset].training.steps:,} steps of {PRESETS[preset].training.batch} pairs")


def test_weights_and_runs_can_be_fine_tuned(finished, people, tmp_path, capsys):
    run, _ = finished
    words = ["train", "--from", str(run / "weights"), "--data", people, "--run", str(tmp_path / "mine"), *SHORT, *NO_FEATURES]
    assert cli.main(words) == 0
    tuned, begun = load_weights(tmp_path / "mine" / "weights"), load_weights(run / "weights")
    assert tuned.config.size == (32, 24) and tuned.config.width == 4
    changes = [abs(tuned.tensors[n] - begun.tensors[n]).max() for n in tuned.tensors if n.endswith("weight")]
    assert 0 < max(changes) < 0.02  # a few steps of a small rate away from where it began


def test_fine_tuning_takes_the_network_from_the_weights(finished, people, capsys):
    assert cli.main(["train", "--from", str(finished[0]), "--data", people, "--model.width", "8"]) == 1
    assert "--model settings were given, but they come from the weights" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--data", "no-such-folder"], "no-such-folder: the data set cannot be opened"),
        ([], "--data is missing; give the prepared folder to train market1501 on"),
        (["--data", ".", "--model.size", "30", "20"], "--model.size is 30 20; each side must be divisible by 4"),
        (["--data", ".", "--from", "no-such-weights"], "no-such-weights: no weights of that name and no such folder"),
    ],
)
def test_what_cannot_be_trained_is_a_sentence(words, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "market1501", *words]) == 1
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_unknown_setting_is_answered_with_the_nearest(capsys):
    assert cli.main(["train", "tiny", "--training.generator-rl", "1e-4"]) == 2
    assert "--training.generator-lr" in capsys.readouterr().err


def test_an_unknown_preset_is_a_usage_error(capsys):
    assert cli.main(["train", "market-1501"]) == 2


def test_without_test_pairs_the_training_pairs_are_watched(people, tmp_path, capsys):
    folder = tmp_path / "set"
    shutil.copytree(people, folder, ignore=shutil.ignore_patterns("*-test.csv", "cache"))
    words = ["train", "tiny", *SMALL, *SHORT, *NO_FEATURES, "--data", str(folder), "--run", str(tmp_path / "run"), "--device", "cpu"]
    assert cli.main(words) == 0
    assert "has no test pairs: sheets and scores are of training pairs" in capsys.readouterr().err
    assert (tmp_path / "run" / "sheets" / "00000004.png").exists()
