import hashlib
import re
import time
from functools import cache

import pytest

from posetransfer.assets import asset_path, network
from posetransfer.errors import PoseTransferError


def listed() -> list[tuple[str, str]]:
    return re.findall(r"^ +([0-9a-f]{64})  (\S+)$", asset_path("README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize(("digest", "name"), listed())
def test_file_is_the_one_the_table_names(digest, name):
    assert hashlib.sha256(asset_path(name).read_bytes()).hexdigest() == digest


def test_no_network_is_shipped_without_a_line_in_the_table():
    folder = asset_path(".")
    shipped = {path.name for path in folder.iterdir() if path.suffix in (".onnx", ".safetensors")}
    assert shipped == {name for _, name in listed()}


def test_missing_file_says_how_to_repair_the_installation():
    with pytest.raises(PoseTransferError, match=r"missing\.onnx.*--force-reinstall"):
        asset_path("missing.onnx")


def test_a_network_that_is_opened_ahead_is_the_one_that_runs(monkeypatch):
    """Whoever asks meanwhile waits for it: it is opened once."""
    opened = []

    def slow(name, threads):
        time.sleep(0.2)
        opened.append(name)
        return len(opened)

    monkeypatch.setattr(network, "_opened", cache(slow))
    network.open_ahead("a.onnx", "b.onnx")
    time.sleep(0.05)
    assert network._open("a.onnx", 0) == 1 and network._open("b.onnx", 0) == 2
    assert opened == ["a.onnx", "b.onnx"]


def test_what_goes_wrong_ahead_is_said_by_the_first_call(monkeypatch):
    def broken(name, threads):
        raise OSError(f"{name} is broken")

    monkeypatch.setattr(network, "_opened", broken)
    network.open_ahead("a.onnx")
    with pytest.raises(OSError, match=r"a\.onnx is broken"):
        network.Network("a.onnx")("out")
