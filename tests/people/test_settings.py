import subprocess
import sys

import pytest

import posetransfer.people
from posetransfer.errors import MissingExtra, SettingsError
from posetransfer.people import PeopleSettings, render_people
from posetransfer.people.settings import RENDERER


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kind": "beach"}, ["'beach'", "street, studio"]),
        ({"people": 0}, ["people is 0", "at least 1"]),
        ({"seed": -1}, ["seed is -1"]),
        ({"whole": 1.5}, ["whole is 1.5", "0 to 1"]),
        ({"test": float("nan")}, ["test is nan"]),
        ({"first": 99_999}, ["file names", "100000"]),
        ({"images": 101}, ["101 images", "100 images"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_was_expected(wrong, words):
    with pytest.raises(SettingsError) as caught:
        PeopleSettings(**({"kind": "studio", "people": 2, "images": 2, "seed": 0} | wrong))
    assert all(word in str(caught.value) for word in words)


def test_difference_names_the_first_field_only_and_ignores_what_settings_do_not_hold():
    settings = PeopleSettings("studio", 2, 3, seed=1)
    stored = settings.as_dict() | {"size": [256, 176]}
    assert settings.difference(stored) is None
    assert settings.difference(stored | {"pairs": 5, "seed": 2}) == "seed is 2 there, 1 here"
    assert settings.difference(stored | {"renderer": 1}) == f"renderer is 1 there, {RENDERER} here"
    del stored["whole"]
    assert settings.difference(stored) == "whole is missing there, 0.48 here"


@pytest.mark.parametrize(("module", "package"), [("numba", "numba"), ("cv2", "opencv-python-headless"), ("scipy", "scipy")])
def test_without_a_package_of_the_extra_nothing_is_written_and_the_message_says_what_to_install(monkeypatch, tmp_path, module, package):
    there = posetransfer.people.find_spec
    monkeypatch.setattr(posetransfer.people, "find_spec", lambda name: None if name == module else there(name))
    with pytest.raises(MissingExtra, match=rf"{package} is not installed.*posetransfer\[people\]"):
        render_people(PeopleSettings("studio", 1, 1, seed=0), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_settings_are_readable_with_the_extra_absent():
    code = "import sys; sys.modules.update(numba=None, cv2=None, scipy=None); import posetransfer.people; print(posetransfer.people.SIZES)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}, check=False)
    assert "(256, 176)" in done.stdout, done.stderr
