"""Scripts of recipes/ that turn evaluations and trainings into other pictures and tables."""

import functools
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posetransfer.cli import main
from posetransfer.data.manifest import PreparedFolder
from posetransfer.evaluation.generate import PreparedPairs, baseline_pairs
from posetransfer.evaluation.names import Found
from posetransfer.evaluation.run import EvaluationSettings, evaluate
from posetransfer.image import contact_sheet, load_photo

ROOT = Path(__file__).parents[2]


def script(path):
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / "recipes" / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_enlarged_pictures_have_the_size_of_the_set_and_stand_beside_the_truth_over_the_same_colour(people, tmp_path, monkeypatch):
    pairs = PreparedPairs(PreparedFolder.open(people), (32, 24), (224, 0, 224))
    made = tuple(baseline_pairs(pairs, pairs.pairs(tmp_path / "small"), "source", tmp_path / "small"))[:6]
    settings = EvaluationSettings(only=("pixels",), processes=1)
    evaluate(Found(made), settings, tmp_path / "evaluation", origin={"backdrop": [224, 0, 224]})
    words = ["enlarge.py", str(tmp_path / "evaluation"), "--data", str(people), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", words)
    script("people-studio/enlarge.py").main()
    rows = [line.split(",") for line in (tmp_path / "out" / "pairs.csv").read_text().split()]
    assert rows[0] == ["from", "to"]
    assert len(rows) == 7
    assert {load_photo(path).shape for path in (tmp_path / "out" / "generated").iterdir()} == {(64, 48, 3)}
    for _, target in rows[1:]:
        real = np.asarray(Image.open((tmp_path / "out" / "real" / target).with_suffix(".png")), float)
        mask = np.asarray(Image.open(people / "masks" / target), float)[..., None] / 255
        expected = np.asarray(Image.open(people / "images" / target), float) * mask + np.array([224.0, 0, 224]) * (1 - mask)
        assert np.abs(real - expected).max() < 1


def test_trials_are_read_at_the_seconds_of_their_validations(tmp_path):
    lines = [
        {"step": 0, "validation": {"l1_person": 0.5, "ssim": 0.3}},
        {"step": 50, "pictures": 1600, "pictures_per_second": 16.0},
        {"step": 75, "validation": {"l1_person": 0.4, "ssim": 0.5}},
        {"step": 100, "pictures": 3200, "pictures_per_second": 32.0},
        {"step": 120, "validation": {"l1_person": 0.3, "ssim": 0.6}},
    ]
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    trials = script("trials/run.py")
    known = trials.history(tmp_path / "ours")
    # 50 steps in 100 s, 50 more in 50 s; behind the last line as fast as all of it
    assert [entry["seconds"] for entry in known] == pytest.approx([0, 125, 180])
    assert trials.table(tmp_path, ["ours"], 3).splitlines()[-1] == "| ours | 120 | 180 | 21.3 | 0.3000 | 0.6000 |"


def test_the_cells_of_a_sheet_of_training_are_found_again():
    shades = np.arange(128)
    rows = [[np.full((128, 88, 3), shade, np.uint8) for shade in row] for row in shades.reshape(8, 16)]
    pairs = script("trials/run.py").sheet_cells(contact_sheet(rows, ["label"] * 16))
    assert [[int(cell.mean()) for cell in pair] for pair in pairs] == shades.reshape(16, 8).tolist()
    assert all(cell.shape == (128, 88, 3) and cell.std() == 0 for pair in pairs for cell in pair)


STUB = """#!/bin/sh
{ printf '%s' "$(basename "$0")"; for word; do printf '\\t%s' "$word"; done; echo; } >> "$RECORD"
"""


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize(("recipe", "trainings"), [("people-studio", 4), ("people-street", 1)])
def test_every_command_of_a_recipe_is_understood_in_its_order(recipe, trainings, processes, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes", ignore=shutil.ignore_patterns("*.jpg", "*.png", "weights"))
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("posetransfer", "python", "torchrun"):
        (tmp_path / ".venv" / "bin" / name).write_text(STUB)
        (tmp_path / ".venv" / "bin" / name).chmod(0o755)
    environment = os.environ | {"RECORD": str(tmp_path / "record"), "PROCESSES": processes}
    subprocess.run(["bash", tmp_path / "recipes" / recipe / "run.sh"], check=True, env=environment, capture_output=True)
    called = [line.split("\t") for line in (tmp_path / "record").read_text().splitlines()]
    shared = ["torchrun", "--standalone", "--nproc-per-node", "2", "-m", "--", "posetransfer"]
    assert sum(words[: len(shared)] == shared for words in called) == (trainings if processes == "2" else 0)
    called = [words[len(shared) - 1 :] if words[0] == "torchrun" else words for words in called]
    commands = [words[1:] for words in called if words[0] == "posetransfer"]
    assert [words[0] for words in commands] == ["people"] * 2 + ["train"] * trainings + ["evaluate"] * 3
    asked = []
    for module in (importlib.import_module(f"posetransfer.cli.{name}") for name in ("people", "train", "evaluate")):
        for place, name in (
            [(module.COMMANDS, word) for word in module.COMMANDS]
            if hasattr(module, "COMMANDS")
            else [(vars(module), module.__name__.rpartition(".")[2])]
        ):
            monkeypatch.setitem(place, name, functools.wraps(place[name])(lambda *_, **settings: asked.append(settings)))
    for words in commands:
        assert main(words) == 0, words  # 2: a flag or a preset that is not there
    assert len(asked) == len(commands)
    scripts = [words[1] for words in called if words[0] == "python"]
    assert len(scripts) == 2 and all((ROOT / path).is_file() for path in scripts)
