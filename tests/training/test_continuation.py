"""Stopped in every way and gone on with: the same bits as without a stop."""

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.training.driver import CPU, go, settings

from posetransfer.data.pairs import Pairs
from posetransfer.errors import OutputError, SettingsError, TrainingError
from posetransfer.training import checkpoint
from posetransfer.training.checkpoint import BestKept, find_checkpoints, load_checkpoint, save_checkpoint
from posetransfer.training.journal import read_log

DRIVER = Path(__file__).parent / "driver.py"
SOURCE = Path(checkpoint.__file__).parents[2]


def spawn(folder, run, how, step=0, **environment):
    """Start the driver."""
    places = os.pathsep.join([str(SOURCE), str(DRIVER.parents[2])])
    environment = os.environ | {"PYTHONPATH": places, "OMP_NUM_THREADS": "1"} | environment
    words = [sys.executable, str(DRIVER), str(folder), str(run), how, str(step)]
    return subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)


def flat(state, prefix=""):
    """Every tensor and number of a nested state by its path."""
    if isinstance(state, dict):
        items = state.items()
    elif isinstance(state, list | tuple):
        items = enumerate(state)
    else:
        return {prefix: state}
    return {key: value for name, item in items for key, value in flat(item, f"{prefix}/{name}").items()}


def assert_same_bits(run, other):
    (step, a), (step_b, b) = (load_checkpoint(find_checkpoints(folder)[-1], CPU) for folder in (run, other))
    a, b = flat(a), flat(b)
    assert step == step_b and a.keys() == b.keys()
    for name, value in a.items():
        same = torch.equal(value, b[name]) if isinstance(value, torch.Tensor) else value == b[name]
        assert same, name


@pytest.fixture(scope="module")
def whole(people, tmp_path_factory):
    """A run without a stop."""
    run = tmp_path_factory.mktemp("whole")
    torch.set_num_threads(1)
    assert go(people, run, settings()).step == 9
    return run


@pytest.fixture(scope="module")
def stopped(people, whole, tmp_path_factory):
    """Runs that were stopped, by how: (folder, exit code, stderr). They run at the same time."""
    Pairs.of(people, "train", settings())  # decodes the pictures once
    place = tmp_path_factory.mktemp("stopped")
    how = {"kill": 5, "torn": 6, "term": 5}
    started = {name: spawn(people, place / name, name, step) for name, step in how.items()}
    ended = {name: process.communicate(timeout=120)[1] for name, process in started.items()}
    return {name: (place / name, started[name].returncode, ended[name]) for name in how}


@pytest.mark.parametrize(("how", "left"), [("kill", 4), ("torn", 4), ("term", 5)])
def test_a_stopped_run_goes_on_to_the_same_bits(how, left, stopped, whole, people):
    run, code, _ = stopped[how]
    assert code == (0 if how == "term" else -signal.SIGKILL)
    assert load_checkpoint(find_checkpoints(run)[-1], CPU)[0] == left
    assert (how == "torn") == bool(list(run.glob("*.tmp")))
    assert go(people, run, settings()).step == 9
    assert_same_bits(run, whole)
    assert not list(run.glob("*.tmp"))
    assert (run / "best.json").read_text() == (whole / "best.json").read_text()


def test_the_log_of_a_killed_run_has_every_step_once(stopped, whole, people):
    go(people, stopped["kill"][0], settings())
    assert [entry["step"] for entry in read_log(stopped["kill"][0])] == [entry["step"] for entry in read_log(whole)] == [4, 8, 9, 9]
    starts = [json.loads(line) for line in (stopped["kill"][0] / "starts.jsonl").read_text().splitlines()]
    assert [start["step"] for start in starts][:2] == [0, 4] and starts[0]["versions"]["torch"] == torch.__version__


def test_time_that_is_up_saves_and_goes_on(people, whole, tmp_path):
    first = go(people, tmp_path, settings(), stop_after=0.0)
    assert first.stopped and first.step == 1
    assert go(people, tmp_path, settings()).stopped == 0
    assert_same_bits(tmp_path, whole)


def test_worker_processes_change_nothing(people, whole, tmp_path):
    from functools import partial

    go(people, tmp_path, settings(), workers=1, remake=partial(Pairs.of, people, "train", settings()))
    assert_same_bits(tmp_path, whole)


def test_newest_and_best_checkpoints_are_kept(whole):
    assert [path.name for path in find_checkpoints(whole)] == ["checkpoint-00000006.pt", "checkpoint-00000009.pt"]
    assert json.loads((whole / "best.json").read_text()) == {
        "score": "l1_person",
        "kept": [{"step": 4, "value": pytest.approx(-0.7568, abs=1e-4)}],
    }
    assert load_checkpoint(whole / "best-00000004.pt", CPU)[0] == 4


def test_best_n_are_ranked_in_the_direction_of_the_score(tmp_path):
    best = BestKept(tmp_path, "ssim", 2)
    for step, value in ((1, 0.3), (2, 0.5), (3, 0.4), (4, 0.1)):
        if best.deserves(step, value):
            best.add(step, value, save_checkpoint(tmp_path, step, {}, keep=1))
    assert list(best.kept) == [2, 3]
    assert sorted(path.name for path in tmp_path.glob("best-*.pt")) == ["best-00000002.pt", "best-00000003.pt"]


def test_a_full_disk_keeps_the_last_good_checkpoint(tmp_path):
    """The limit on the size of a file stands in for the end of the disk: the write fails half way."""
    resource = pytest.importorskip("resource")
    save_checkpoint(tmp_path, 1, {"weights": torch.ones(10)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"checkpoint-00000002.pt: the checkpoint could not be written .*make room and run the same"):
            save_checkpoint(tmp_path, 2, {"weights": torch.ones(1_000_000)}, keep=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000001.pt"]
    assert torch.equal(load_checkpoint(tmp_path / "checkpoint-00000001.pt", CPU)[1]["weights"], torch.ones(10))


def test_no_space_is_a_sentence_too_when_syncing_finds_it(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        save_checkpoint(tmp_path, 1, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not a checkpoint", None])
def test_a_damaged_checkpoint_is_a_sentence(damage, tmp_path):
    path = save_checkpoint(tmp_path, 1, {"weights": torch.ones(1000)})
    path.write_bytes(path.read_bytes()[:-500] if damage is None else damage)
    with pytest.raises(TrainingError, match=r"cannot be read .*delete it to go on from the one before"):
        load_checkpoint(path, CPU)


def test_a_checkpoint_of_another_version_is_refused(tmp_path):
    torch.save({"format": 99, "step": 1, "state": {}}, tmp_path / "checkpoint-00000001.pt")
    with pytest.raises(TrainingError, match="has format 99, this version reads 1"):
        load_checkpoint(tmp_path / "checkpoint-00000001.pt", CPU)


def test_a_run_of_other_settings_is_refused_with_the_first_difference(people, whole):
    with pytest.raises(SettingsError, match=r"was begun with --training.steps 9, now it is 12; give the old value"):
        go(people, whole, settings(steps=12))


def test_a_checkpoint_of_another_network_is_refused(people, whole, tmp_path):
    other = settings()
    other = replace(other, model=replace(other.model, width=8))
    (tmp_path / "checkpoint-00000003.pt").write_bytes(find_checkpoints(whole)[-1].read_bytes())
    with pytest.raises(SettingsError, match="the checkpoint is of another network than the settings"):
        go(people, tmp_path, other)


def test_settings_of_an_older_version_lack_new_ones(people, whole, tmp_path):
    """A run that was begun before a setting existed goes on with its default."""
    saved = json.loads((whole / "settings.json").read_text())
    del saved["training"]["keep_best"], saved["model"]["transfer"]
    (tmp_path / "settings.json").write_text(json.dumps(saved))
    assert go(people, tmp_path, settings(), stop_after=0.0).step == 1


def test_a_loss_that_is_not_finite_names_step_and_pairs_and_keeps_the_checkpoint(people, tmp_path):
    chosen = settings(generator_lr=1e30, checkpoint_every=1)
    with pytest.raises(TrainingError, match=r"step 2: the .* (loss|network) is (nan|inf).*0000\d_c1_0\d.jpg to 0000\d_c1_0\d.jpg"):
        go(people, tmp_path, chosen)
    assert [path.name for path in find_checkpoints(tmp_path)] == ["checkpoint-00000001.pt"]
    assert len(read_log(tmp_path)[-1]["pairs"]) == 4
