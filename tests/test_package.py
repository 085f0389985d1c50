"""The public face: names, version, metadata."""

import re
import tomllib
from pathlib import Path

import pytest

import posetransfer

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("name", posetransfer.__all__)
def test_every_public_name_can_be_had(name):
    assert getattr(posetransfer, name) is not None
    assert name in dir(posetransfer)


def test_lazy_names_are_exactly_the_public_ones():
    assert set(posetransfer._HOMES) < set(posetransfer.__all__)
    assert sorted(posetransfer.__all__) == sorted(set(posetransfer.__all__))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = posetransfer.no_such_name


def test_changelog_begins_with_this_version():
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first is not None
    assert first[1] == posetransfer.__version__


def test_constraints_pin_every_package_of_the_core_exactly():
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
    wanted = [re.split(r"[>=<\[]", line)[0] for line in PROJECT["dependencies"]]
    assert [name for name in wanted if name not in pinned] == []


def test_package_needs_no_package_that_compiles_or_forbids_products():
    everything = " ".join(PROJECT["dependencies"] + [line for extra in PROJECT["optional-dependencies"].values() for line in extra]).lower()
    assert not [name for name in ("ultralytics", "mmcv", "mmpose", "detectron2", "insightface", "openpose") if name in everything]
    assert not [line for line in PROJECT["dependencies"] if line.startswith(("torchvision", "opencv"))]


def test_every_extra_brings_only_packages_that_the_product_imports():
    imported_as = {"opencv-python-headless": "cv2", "tensorboard": "torch.utils.tensorboard"}
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    extras = {name: lines for name, lines in PROJECT["optional-dependencies"].items() if name not in ("all", "dev")}
    for package in [re.split(r"[>=<\[]", line)[0] for lines in extras.values() for line in lines]:
        module = re.escape(imported_as.get(package, package))
        assert re.search(rf"^ *(import|from) {module}\b", source, re.MULTILINE), package
    assert PROJECT["optional-dependencies"]["all"] == [f"posetransfer[{','.join(extras)}]"]
