"""Which file is which pair: every name form, and what must be refused."""

import numpy as np
import pytest
from PIL import Image

from posetransfer.errors import DataError
from posetransfer.evaluation.names import match


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "g").mkdir()
    (tmp_path / "r").mkdir()
    for name in ("a", "b", "c"):
        save(tmp_path / "r" / f"{name}.jpg")
    return tmp_path / "g", tmp_path / "r"


def save(path, width=10, height=16):
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(path)


@pytest.mark.parametrize("form", ["a___b.png", "a.jpg___b.jpg.png", "a_2_b.png", "a.jpg_2_b.jpg_vis.png", "a___b.jpg"])
def test_every_name_form_is_read(folders, form):
    generated, real = folders
    save(generated / form)
    for pairs in (None, [("a.jpg", "b.jpg")]):
        (pair,) = match(generated, real, pairs).pairs
        assert (pair.name, pair.source, pair.target) == ("a___b", "a", "b")
        assert pair.real.path == real / "b.jpg"
        assert pair.generated.panel is None


def test_a_picture_of_the_targets_own_name_is_its_pair(folders):
    generated, real = folders
    save(generated / "b.png")
    (pair,) = match(generated, real).pairs
    assert (pair.name, pair.target) == ("b", "b")


def test_underscores_in_names_are_told_apart_by_the_real_pictures(folders):
    generated, real = folders
    save(real / "p_2_q.jpg")
    save(generated / "a_2_p_2_q.png")
    (pair,) = match(generated, real).pairs
    assert (pair.source, pair.target) == ("a", "p_2_q")


def test_strips_carry_their_real_picture(folders):
    generated, real = folders
    save(generated / "a.jpg___b.jpg_vis.jpg", width=50)
    (alone,) = match(generated, None).pairs
    assert (alone.generated.panel, alone.real.panel) == (4, 2)
    (with_files,) = match(generated, real).pairs
    assert with_files.real.path == real / "b.jpg"
    (as_authors,) = match(generated, real, strips_first=True).pairs
    assert as_authors.real == alone.real


def test_order_of_the_list_does_not_matter_and_missing_pictures_are_told(folders):
    generated, real = folders
    save(generated / "c___a.png")
    save(generated / "a___c.png")
    wanted = [("c.jpg", "a.jpg"), ("b.jpg", "a.jpg"), ("a.jpg", "c.jpg")]
    found = match(generated, real, wanted)
    assert [pair.name for pair in found.pairs] == ["a___c", "c___a"]
    assert found.missing == ("b___a",)
    assert match(generated, real, wanted[::-1]).missing == found.missing
    assert [pair.name for pair in match(generated, real, wanted[::-1]).pairs] == ["a___c", "c___a"]


def refuse(generated, real, text, pairs=None):
    with pytest.raises(DataError, match=text):
        match(generated, real, pairs)


def test_two_files_of_one_pair_are_refused(folders):
    generated, real = folders
    save(generated / "a___b.png")
    save(generated / "a_2_b.png")
    refuse(generated, real, "comes twice")
    refuse(generated, real, "pictures of one pair", [("a", "b")])


def test_one_name_with_two_endings_is_refused(folders):
    generated, real = folders
    save(generated / "a___b.png")
    save(generated / "a___b.jpg")
    refuse(generated, real, "have one name")


def test_a_pair_that_comes_twice_in_the_list_is_refused(folders):
    generated, real = folders
    save(generated / "a___b.png")
    refuse(generated, real, "comes twice", [("a.jpg", "b.jpg"), ("a", "b")])


def test_a_target_without_a_real_picture_is_refused(folders):
    generated, real = folders
    save(generated / "a___z.png")
    refuse(generated, real, r"a___z\.png: which pair is it")
    refuse(generated, real, "the real picture z of a___z.png is missing", [("a", "z")])
    refuse(generated, None, "not a strip")


def test_empty_and_absent_folders_are_refused(folders, tmp_path):
    generated, real = folders
    refuse(generated, real, "no picture in this folder")
    refuse(tmp_path / "nowhere", real, "no such folder")
