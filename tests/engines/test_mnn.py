"""The engine on MNN, held to the one on PyTorch."""

import subprocess
import sys

import numpy as np
import pytest
from tests.engines.random_network import inputs, weights

from posetransfer.engines import open_engine, split
from posetransfer.engines.graph import build_graph
from posetransfer.engines.pytorch import PyTorchEngine
from posetransfer.errors import OutputError, SettingsError, WeightsError

pytest.importorskip("MNN")
from posetransfer.engines.mnn import MnnEngine, convert, open_file, quiet


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "posetransfer" / "engines"


@pytest.mark.parametrize(("norm", "transfer"), [("batch", "attention"), ("instance", "no_addition"), ("batch", "residual")])
def test_engine_gives_what_pytorch_gives(norm, transfer, monkeypatch):
    monkeypatch.setattr(split, "PIXELS", 2 * 32 * 24)  # two pictures at once: three go through in two parts
    made, (photo, source, target) = weights(norm, transfer), inputs(3)
    engine, other = MnnEngine(made, "cpu", threads=1), PyTorchEngine(made, "cpu", "fp32")
    for arrays in ((photo, source, target), (photo[:1], source[:1], target), (photo[:1], source, target), inputs(1, 40, 16)):
        expected = other.run(*arrays)
        assert expected.std() > 0.02  # far above the tolerance
        np.testing.assert_allclose(engine.run(*arrays), expected, atol=5e-4)


def test_weights_are_converted_once_and_a_damaged_conversion_is_made_again(cache, monkeypatch):
    made, arrays = weights(), inputs(1)
    before = MnnEngine(made, threads=1).run(*arrays)
    files = sorted(cache.iterdir())
    assert [path.name.split("-")[0] for path in files] == ["source", "target"]
    files[0].write_bytes(files[0].read_bytes()[:1000])
    np.testing.assert_array_equal(MnnEngine(made, threads=1).run(*arrays), before)
    monkeypatch.setattr("posetransfer.engines.mnn.convert", None)  # it is not called again
    np.testing.assert_array_equal(MnnEngine(made, threads=1).run(*arrays), before)
    assert sorted(cache.iterdir()) == files


def test_an_exported_file_runs_and_a_truncated_one_or_another_network_is_refused(tmp_path):
    made, arrays = weights(), inputs(2)
    for part in ("whole", "source"):
        (tmp_path / f"{part}.onnx").write_bytes(build_graph(made, part).SerializeToString())
        convert(tmp_path / f"{part}.onnx", tmp_path / f"{part}.mnn")
    np.testing.assert_allclose(open_file(tmp_path / "whole.mnn", 1)(*arrays), PyTorchEngine(made, "cpu", "fp32").run(*arrays), atol=5e-4)
    (tmp_path / "part.mnn").write_bytes((tmp_path / "whole.mnn").read_bytes()[:5000])
    for name in ("part", "source"):
        with pytest.raises(WeightsError, match=f"{name}.mnn"):
            open_file(tmp_path / f"{name}.mnn")


def test_converter_that_gives_nothing_is_reported(tmp_path):
    (tmp_path / "no.onnx").write_bytes(b"no graph")
    with pytest.raises(OutputError, match="converter gave no file"):
        convert(tmp_path / "no.onnx", tmp_path / "no.mnn")
    assert not (tmp_path / "no.mnn").exists()


def test_what_it_cannot_do_is_said_in_a_sentence():
    with pytest.raises(SettingsError, match=r"'cuda'.*computes on the CPU"):
        open_engine(weights(), "mnn", "cuda")
    with pytest.raises(SettingsError, match=r"'bf16'.*computes in fp32"):
        open_engine(weights(), "mnn", precision="bf16")


def test_compiled_code_is_quiet_for_a_moment(capfd):
    subprocess.run([sys.executable, "-c", "print('before')"], check=True)
    with quiet():
        subprocess.run([sys.executable, "-c", "print('inside')"], check=True)
    subprocess.run([sys.executable, "-c", "print('behind')"], check=True)
    assert capfd.readouterr().out.split() == ["before", "behind"]


def test_its_tools_that_install_and_call_a_telemetry_package_are_never_imported():
    code = (
        "import sys; from posetransfer.engines import open_engine; open_engine('default', 'mnn');"
        "sys.exit(any(name.startswith(('MNN.tools', 'aliyun')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
