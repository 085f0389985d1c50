import hashlib
import re

import pytest

from posetransfer.assets import asset_path
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
