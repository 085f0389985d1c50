"""`auto`: the fastest runtime that is near enough, tried once and remembered."""

import json
import subprocess
import sys

import numpy as np
import pytest

from posetransfer.config import ModelConfig
from posetransfer.engines import calibration, open_engine
from posetransfer.engines.calibration import calibrate, decibels, figure, open_fastest, recorded
from posetransfer.errors import MissingExtra, SettingsError
from posetransfer.weights import Weights, expected_shapes

rng = np.random.default_rng(0)
CONFIG = ModelConfig(size=(32, 24), width=4, blocks=1, norm="batch")
WEIGHTS = Weights(
    CONFIG, {name: rng.uniform(0.5, 1, shape).astype("f") for name, shape in expected_shapes(CONFIG).items()}, "nowhere", "a test"
)


class Clock:
    """Stands for the module `time`: only what runs makes it go on."""

    now = 0.0

    def perf_counter(self):
        return self.now


class Fake:
    """A runtime that takes some time and adds some error."""

    config = CONFIG

    def __init__(self, name, clock, seconds, error=0.0):
        self.name, self.clock, self.seconds, self.error, self.runs = name, clock, seconds, error, 0

    def run(self, photo, source_pose, target_pose):
        self.runs += 1
        self.clock.now += self.seconds
        return photo + np.float32(self.error)


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """An empty cache, no GPU, and four runtimes of known speed; broken ones are exceptions."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("POSETRANSFER_ENGINE", raising=False)
    monkeypatch.setattr(calibration, "has_gpu", lambda: False)
    monkeypatch.setattr(calibration, "_version", lambda name: "1.0")
    clock = Clock()
    monkeypatch.setattr(calibration, "time", clock)
    runtimes = {
        "onnxruntime": Fake("onnxruntime", clock, 0.02),
        "openvino": Fake("openvino", clock, 0.005, 1e-4),
        "mnn": Fake("mnn", clock, 0.01),
        "pytorch": Fake("pytorch", clock, 0.2),
    }

    def opened(weights, name, device="auto", precision="auto", threads=None):
        if isinstance(runtimes[name], Exception):
            raise runtimes[name]
        return runtimes[name]

    monkeypatch.setattr(calibration, "open_engine", opened)
    return runtimes


def kept(tmp_path):
    return list((tmp_path / "posetransfer" / "engines").glob("auto-*.json"))


def test_the_fastest_is_chosen_and_a_clearly_slower_one_is_not_run_again(machine):
    found, engine = calibrate(WEIGHTS)
    assert found.choice == engine.name == "openvino"
    assert found.milliseconds == {"onnxruntime": 20, "openvino": 5, "mnn": 10, "pytorch": 200}
    assert machine["openvino"].runs == 1 + calibration.ROUNDS  # the first is not timed
    assert machine["mnn"].runs == machine["pytorch"].runs == 2


def test_a_runtime_outside_the_tolerance_is_not_chosen_however_fast(machine):
    machine["openvino"].error = 0.01
    found, engine = calibrate(WEIGHTS)
    assert engine.name == "mnn"
    assert "46.0 dB from fp32" in found.skipped["openvino"]
    machine["mnn"].error = np.nan
    assert calibrate(WEIGHTS)[0].choice == "onnxruntime"


@pytest.mark.parametrize("error", [MissingExtra("openvino", "openvino"), SettingsError("too old"), RuntimeError("illegal instruction")])
def test_a_runtime_that_does_not_work_is_passed_over_with_the_reason(machine, error):
    machine["openvino"] = error
    found, engine = calibrate(WEIGHTS)
    assert engine.name == "mnn"
    assert str(error) in found.skipped["openvino"]


def test_all_broken_is_the_error_of_the_last(machine):
    machine.update(dict.fromkeys(machine, SettingsError("no such precision.")))
    with pytest.raises(SettingsError, match="no such precision"):
        open_fastest(WEIGHTS)


def test_time_is_limited(machine, monkeypatch):
    monkeypatch.setattr(calibration, "SECONDS", 0.01)
    found, _ = calibrate(WEIGHTS)
    assert list(found.milliseconds) == ["onnxruntime"]
    assert "not tried" in found.skipped["pytorch"]


def test_a_large_network_is_tried_on_a_smaller_picture_so_that_every_runtime_has_its_turn(machine, monkeypatch):
    for runtime, seconds in zip(machine.values(), (2.0, 0.02, 1.5, 1.8), strict=True):  # of a picture of 256x176
        monkeypatch.setattr(
            runtime,
            "run",
            lambda photo, source, target, runtime=runtime, seconds=seconds: (
                setattr(runtime.clock, "now", runtime.clock.now + seconds * photo[0, 0].size / (256 * 176)), photo,
            )[1],
        )  # fmt: skip
    config = ModelConfig(size=(256, 176), width=4, blocks=1, norm="batch")
    found, _ = calibrate(Weights(config, WEIGHTS.tensors, "nowhere", "a test"))
    assert (found.choice, found.size, set(found.milliseconds)) == ("openvino", (128, 88), set(machine))
    assert machine["mnn"].clock.now < 5


def test_the_answer_is_kept_and_said_and_belongs_to_these_weights_and_settings(machine, tmp_path, caplog):
    assert recorded(WEIGHTS) is None
    with caplog.at_level("INFO"):
        assert open_fastest(WEIGHTS).name == "openvino"
    assert "once" in caplog.messages[0]
    assert recorded(WEIGHTS).choice == "openvino"
    runs = machine["onnxruntime"].runs
    assert open_fastest(WEIGHTS).name == "openvino"
    assert machine["onnxruntime"].runs == runs
    other = Weights(CONFIG, {name: array + 1 for name, array in WEIGHTS.tensors.items()}, "nowhere", "others")
    assert recorded(other) is recorded(WEIGHTS, threads=1) is recorded(WEIGHTS, "fp32") is None
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"facts": {}, "found": {"choice": "openvino"}}', "\x00" * 100])
def test_a_damaged_answer_is_measured_again(machine, tmp_path, text):
    open_fastest(WEIGHTS)
    (path,) = kept(tmp_path)
    whole = path.read_text()
    path.write_text(text)
    assert open_fastest(WEIGHTS).name == "openvino"
    assert json.loads(path.read_text())["facts"] == json.loads(whole)["facts"]


def test_a_new_version_of_a_runtime_is_measured_again(machine, monkeypatch):
    open_fastest(WEIGHTS)
    monkeypatch.setattr(calibration, "_version", lambda name: "2.0")
    assert recorded(WEIGHTS) is None


def test_a_choice_that_cannot_be_opened_any_more_gives_way_to_the_next(machine, caplog):
    open_fastest(WEIGHTS)
    machine["openvino"] = MissingExtra("openvino", "openvino")
    assert open_fastest(WEIGHTS).name == "mnn"
    assert "openvino cannot be used any more" in caplog.text
    assert recorded(WEIGHTS).choice == "mnn"


def test_a_cache_folder_that_cannot_be_written_costs_a_warning_only(machine, tmp_path, caplog):
    (tmp_path / "posetransfer").write_text("a file in the way")
    assert open_fastest(WEIGHTS).name == "openvino"
    assert "could not be kept" in caplog.text


def test_a_gpu_is_taken_without_a_trial(machine, monkeypatch):
    monkeypatch.setattr(calibration, "has_gpu", lambda: True)
    assert open_fastest(WEIGHTS).name == "pytorch"
    assert machine["onnxruntime"].runs == 0
    assert open_fastest(WEIGHTS, "cpu").name == "openvino"


def test_the_environment_names_the_runtime_of_auto(monkeypatch):
    monkeypatch.setenv("POSETRANSFER_ENGINE", "onnxruntime")
    assert open_engine(WEIGHTS, device="cpu").name == "onnxruntime"
    assert open_engine(WEIGHTS, "pytorch", device="cpu").name == "pytorch"
    monkeypatch.setenv("POSETRANSFER_ENGINE", "abacus")
    with pytest.raises(SettingsError, match="abacus"):
        open_engine(WEIGHTS)


def test_the_figure_is_a_picture_and_two_different_poses():
    photo, source, target = figure(ModelConfig(size=(64, 44), sigma=1.5))
    assert photo.shape == (1, 3, 64, 44)
    assert source.shape == target.shape == (1, 18, 64, 44)
    assert photo.dtype == source.dtype == target.dtype == np.float32
    assert np.abs(photo).max() <= 1
    assert photo.std() > 0.2
    assert source.max(axis=(2, 3)).min() > 0.5
    assert np.abs(source - target).max() > 0.5


def test_decibels():
    assert decibels(np.full(4, 0.502, "f"), np.full(4, 0.5, "f")) == pytest.approx(60, abs=0.01)
    assert decibels(np.ones(4, "f"), np.ones(4, "f")) == 1000
    assert decibels(np.full(4, np.nan, "f"), np.ones(4, "f")) < 0


def test_auto_without_torch_and_with_the_real_runtimes(tmp_path):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from posetransfer.engines import open_engine, calibration\n"
        "calibration.has_gpu = lambda: False\n"
        "calibration.SECONDS = 60\n"
        "engine = open_engine('default')\n"
        "assert engine.name in ('onnxruntime', 'openvino', 'mnn'), engine.name\n"
        "found = calibration.recorded(engine._weights)\n"
        "assert found.choice == engine.name and min(found.psnr.values()) > 60 and 'torch' in found.skipped['pytorch'], found\n"
    )
    environment = {"XDG_CACHE_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
