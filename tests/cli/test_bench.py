import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posetransfer.cli import main
from posetransfer.cli.bench import scores
from posetransfer.config import ModelConfig
from posetransfer.weights import expected_shapes, save_weights

CONFIG = ModelConfig(size=(32, 24), width=4, blocks=1)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    tensors = {name: (0.2 * rng.standard_normal(shape)).astype("f") for name, shape in expected_shapes(CONFIG).items()}
    return str(save_weights(tmp_path / "w", CONFIG, tensors, "", "fp32"))


def test_bench_writes_table_json_plot_and_page(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("posetransfer.bench.measure_gemm", lambda threads: {"fp32": 1e10 * threads})
    files = [tmp_path / name for name in ("b.json", "b.png", "b.md")]
    options = ["--json", str(files[0]), "--plot", str(files[1]), "--markdown", str(files[2])]
    words = ["--weights", folder, "--engines", "onnxruntime", "--threads", "1", "--rounds", "2", "--sizes", "32x24", *options]
    assert main(["bench", *words]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[5] for line in out.splitlines()[1:]] == ["plain", "onnxruntime"]
    assert "32x24, batch 1, threads 1: plain, onnxruntime" in err
    facts = json.loads(files[0].read_text())
    assert [row["case"]["size"] for row in facts["rows"]] == [[32, 24]] * 2
    assert facts["gemm"]["1"]["fp32"] == 1e10
    with Image.open(files[1]) as image:
        assert image.width == 900
    assert "| onnxruntime |" in files[2].read_text()


@pytest.mark.parametrize(("words", "pattern"), [
    (["--engines", "tensorflow"], "--engines tensorflow: no such runtime; choose from pytorch"),
    (["--sizes", "large"], "--sizes large: should be height x width"),
    (["--sizes", "30x24"], "size 30x24: .*divisible by 4"),
    (["--rounds", "0"], "--rounds 0: should be 1 or more"),
    (["--threads", "0"], "--threads 0: should be 1 or more"),
    (["--poses", "-1"], "--poses -1: should be 1 or more"),
    (["--weights", "no-such"], "no weights of that name"),
    (["--network", "full-128x64", "--data", "x"], "--data scores pictures"),
])  # fmt: skip
def test_settings_that_make_no_sense_are_refused_before_anything_is_measured(words, pattern, capsys, monkeypatch):
    monkeypatch.setattr("posetransfer.bench.measure", lambda *_: pytest.fail("measured"))
    assert main(["bench", *words]) == 1
    assert re.search(pattern, capsys.readouterr().err)


def test_scores_of_two_engines_are_the_same_to_three_digits():
    data = ROOT / "examples" / "people"
    exact, other = (scores(engine, "default", data, 3, "fp32") for engine in ("plain", "onnxruntime"))
    assert 0 < exact[0] <= 1
    assert 0.3 < exact[1] < 1
    assert other == pytest.approx(exact, abs=5e-4)
