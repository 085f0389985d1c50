"""What is refused before the first step, each with a sentence."""

from collections import namedtuple
from dataclasses import replace

import pytest
import torch
from tests.training.driver import CPU, go, settings

from posetransfer.config import PRESETS, Settings
from posetransfer.errors import DataError, OutputError, SettingsError
from posetransfer.training import preflight
from posetransfer.training.begin import begin_from, read_start
from posetransfer.training.distributed import World
from posetransfer.training.preflight import check_space, check_values, open_run, saved_settings, state_bytes
from posetransfer.training.step import TrainingStep


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_is_accepted(preset):
    check_values(PRESETS[preset], CPU, World())


@pytest.mark.parametrize(
    ("group", "values", "sentence"),
    [
        ("model", {"size": (130, 64)}, "--model.size is 130 64; each side must be divisible by 4"),
        ("model", {"blocks": 0}, "--model.blocks is 0; it must be a whole number from 1"),
        ("model", {"sigma": 0.0}, "--model.sigma is 0.0"),
        ("loss", {"least_slope": 1.5}, "--loss.least-slope is 1.5; it must be from 0"),
        (
            "loss",
            {"contrast_temperature": 0.0},
            "--loss.contrast-temperature is 0.0; it must be a positive squared",
        ),
        ("loss", {"contrast_queue": 0}, "--loss.contrast-queue is 0; it must be a whole number from 1"),
        ("loss", {"moments_weight": -1.0}, "--loss.moments-weight is -1.0; it must be 0"),
        ("loss", {"contrast_weight": 1.0, "perceptual": "none"}, "--loss.contrast-weight is 1.0, but there is no perceptual loss"),
        ("loss", {"gram_weight": 1.0, "perceptual_weight": 0.0}, "--loss.gram-weight is 1.0, but there is no perceptual loss"),
        (
            "model",
            {"norm": "instance"},
            "--training.freeze-norms is for batch norm, and this network has --model.norm instance; leave it out",
        ),
        ("training", {"batch": 0}, "--training.batch is 0"),
        ("training", {"batch": 4, "accumulate": 5}, "--training.batch is 4, fewer than 1 processes times 5 parts"),
        ("training", {"ema": 1.0}, "--training.ema is 1.0"),
        ("training", {"last_batch": 40}, "--training.last-batch is 40; it must be from 0 to the batch of 32"),
        ("training", {"generator_lr": -1e-4}, "a learning rate is negative"),
        ("loss", {"l1_weight": 0.0, "perceptual_weight": 0.0, "gan_weight": 0.0}, "every term of the loss is switched off"),
    ],
)
def test_values_that_cannot_be_are_sentences(group, values, sentence):
    market = replace(PRESETS["market1501"], training=replace(PRESETS["market1501"].training, freeze_norms=True))
    with pytest.raises(SettingsError, match=sentence):
        check_values(replace(market, **{group: replace(getattr(market, group), **values)}), CPU, World())


def test_every_process_needs_a_pair():
    with pytest.raises(SettingsError, match="fewer than 8 processes times 1 parts"):
        check_values(PRESETS["deepfashion"], CPU, World(0, 8))


def test_settings_survive_the_run_folder(tmp_path):
    open_run(PRESETS["deepfashion"], tmp_path / "run")
    assert saved_settings(tmp_path / "run") == preflight.as_json(PRESETS["deepfashion"])
    open_run(PRESETS["deepfashion"], tmp_path / "run")


def test_the_first_difference_is_named(tmp_path):
    open_run(PRESETS["deepfashion"], tmp_path)
    with pytest.raises(SettingsError, match=r"was begun with --model.size 256 176, now it is 128 64; give the old value to go on"):
        open_run(PRESETS["market1501"], tmp_path)


def test_a_run_folder_that_is_a_file_is_a_sentence(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(OutputError, match="the run folder cannot be written"):
        open_run(Settings(), tmp_path / "run")


def test_a_disk_that_is_too_small_is_refused_before_the_first_step(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(OutputError, match=r"0.0 GB free, the checkpoints of this run need 2.0 GB \(4 of 0.50 GB\)"):
        check_space(tmp_path, 5 * 10**8, 3)


def test_size_of_a_checkpoint_is_foretold(people, tmp_path):
    state = go(people, tmp_path, settings()).state
    foretold = state_bytes(TrainingStep(settings(), CPU).state(), settings())
    assert foretold == pytest.approx(max(p.stat().st_size for p in tmp_path.glob("checkpoint-*.pt")), rel=0.25)
    assert foretold == state_bytes(state.state(), settings())


def test_a_missing_picture_and_an_empty_list_are_sentences(people, tmp_path):
    import shutil

    for name in ("missing", "empty"):
        shutil.copytree(people, tmp_path / name, ignore=shutil.ignore_patterns("cache"))
    (tmp_path / "missing" / "images" / "00003_c1_01.jpg").unlink()
    with pytest.raises(DataError, match=r"missing.*00003_c1_01.jpg"):
        go(tmp_path / "missing", tmp_path / "run", settings())
    (tmp_path / "empty" / "pairs-train.csv").write_text("from,to\n")
    with pytest.raises(DataError, match="pairs"):
        go(tmp_path / "empty", tmp_path / "run", settings())


def test_networks_to_begin_from_are_taken_over(people, tmp_path):
    state = go(people, tmp_path, settings()).state
    new = TrainingStep(settings(generator_lr=1e-5), CPU)
    begin_from(new, read_start(tmp_path, CPU))
    for name, tensor in state.mean_generator.state_dict().items():
        assert torch.equal(new.generator.state_dict()[name], tensor), name
    for name, tensor in state.judges["shape"].network.state_dict().items():
        assert torch.equal(new.judges["shape"].network.state_dict()[name], tensor), name


def test_networks_of_another_form_are_refused_by_the_first_difference(people, tmp_path):
    go(people, tmp_path, settings(), stop_after=0.0)
    other = replace(settings(), model=replace(settings().model, blocks=3))
    with pytest.raises(SettingsError, match=r"has --model.blocks 2, this run has 3; begin with --model.blocks 2"):
        begin_from(TrainingStep(other, CPU), read_start(tmp_path, CPU))


def test_a_folder_without_anything_to_begin_from_is_a_sentence(tmp_path):
    with pytest.raises(SettingsError, match="neither weights nor a run with a checkpoint"):
        read_start(tmp_path, CPU)
