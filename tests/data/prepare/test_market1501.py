import shutil
from itertools import permutations

import numpy as np
import pytest

from posetransfer.data.annotations import read_annotations, read_pairs
from posetransfer.data.prepare import Options, plan_market1501, prepare
from posetransfer.errors import DataError

ONE = Options(workers=1)


def no_estimator():
    raise AssertionError("all poses are given: no estimator is needed")


def test_original_tree_with_the_authors_annotations(market_raw, tmp_path):
    out = tmp_path / "out"
    folder = prepare(plan_market1501(market_raw), out, ONE, estimator=no_estimator)
    assert folder.size == (128, 64)
    for split in ("train", "test"):
        given = market_raw / "lists" / f"market-annotation-{split}.csv"
        # The same rows in the same order, and the same pictures to the byte.
        assert (out / f"annotation-{split}.csv").read_bytes() == given.read_bytes()
        for name in read_annotations(given)[0]:
            assert (out / "images" / name).read_bytes() == (market_raw / f"bounding_box_{split}" / name).read_bytes()
    assert not (out / "images" / "Thumbs.db").exists()
    assert set(folder.people.values()) == {"0002", "0003", "0004", "0005", "0006", "0000", "-1"}
    assert folder.facts["poses"] == {"given lists": 17}


def test_pairs_follow_the_authors_rule(market_raw, tmp_path):
    folder = prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
    for split in ("train", "test"):
        names, points = read_annotations(market_raw / "lists" / f"market-annotation-{split}.csv")
        groups = {}
        for name, joints in zip(names, points, strict=True):
            if not name.startswith(("-1", "0000")) and not np.isnan(joints[[2, 5, 8, 11]]).any():
                groups.setdefault(name.split("_")[0], []).append(name)
        expected = [pair for members in groups.values() for pair in permutations(members, 2)]
        assert expected
        assert list(zip(*read_pairs(tmp_path / "out" / f"pairs-{split}.csv"), strict=True)) == expected
        assert folder.facts["counts"][split]["pairs"] == len(expected)


def test_renamed_tree_gives_the_same_folder(market_raw, tmp_path, folder_bytes):
    prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
    renamed = tmp_path / "market_data"
    for split in ("train", "test"):
        shutil.copytree(market_raw / f"bounding_box_{split}", renamed / split)
    shutil.copytree(market_raw / "lists", renamed / "annotations")
    prepare(plan_market1501(renamed), tmp_path / "again", ONE)
    assert folder_bytes(tmp_path / "again") == folder_bytes(tmp_path / "out")


def test_the_authors_pair_list_is_taken_as_it_is(market_raw, tmp_path):
    names, _ = read_annotations(market_raw / "lists" / "market-annotation-test.csv")
    listed = market_raw / "lists" / "market-pairs-test.csv"
    listed.write_text(f"from,to\n{names[3]},{names[0]}\n{names[0]},{names[2]}\n")
    prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
    assert (tmp_path / "out" / "pairs-test.csv").read_bytes() == listed.read_bytes()


def test_a_long_test_list_is_drawn(market_raw, tmp_path, monkeypatch):
    monkeypatch.setattr("posetransfer.data.prepare.market1501.MARKET_TEST_PAIRS", 5)
    prepare(plan_market1501(market_raw), tmp_path / "all", ONE)
    folder = prepare(plan_market1501(market_raw), tmp_path / "drawn", ONE)
    every = read_pairs(tmp_path / "all" / "pairs-train.csv")
    assert len(folder.split("test")) == 5
    assert read_pairs(tmp_path / "drawn" / "pairs-train.csv") == every  # all of these are used


def test_a_missing_picture_is_named(market_raw, tmp_path):
    name = read_annotations(market_raw / "lists" / "market-annotation-train.csv")[0][2]
    (market_raw / "bounding_box_train" / name).unlink()
    plan = plan_market1501(market_raw)
    assert not plan.complete and f"train/{name}" in plan.summary()
    with pytest.raises(DataError, match=f"1 pictures of the lists are not there, the first: train/{name}; .*--allow-missing"):
        prepare(plan, tmp_path / "out", ONE)
    assert not (tmp_path / "out").exists()
    folder = prepare(plan, tmp_path / "out", Options(workers=1, allow_missing=True))
    assert len(folder.splits["train"].names) == 8 and folder.facts["missing"] == 1


def test_a_pair_that_names_a_missing_picture_is_found(market_raw):
    names, _ = read_annotations(market_raw / "lists" / "market-annotation-test.csv")
    (market_raw / "lists" / "market-pairs-test.csv").write_text(f"from,to\n{names[0]},0005_c9s9_999999_01.jpg\n")
    assert plan_market1501(market_raw).missing == ("test/0005_c9s9_999999_01.jpg",)


def test_a_missing_split_makes_the_check_fail(market_raw):
    shutil.rmtree(market_raw / "bounding_box_test")
    shutil.rmtree(market_raw / "lists")
    plan = plan_market1501(market_raw)
    assert plan.missing == ("bounding_box_test/",)


def test_the_wrong_folder_is_told_what_was_looked_for_and_what_was_found(fashion_raw):
    with pytest.raises(
        DataError, match=r"neither bounding_box_train nor bounding_box_test .*; found 9 pictures; in the folder lie: Eval, Img"
    ):
        plan_market1501(fashion_raw)


def test_an_archive_that_was_not_extracted_is_named(tmp_path):
    (tmp_path / "Market-1501-v15.09.15.zip").touch()
    with pytest.raises(DataError, match=r"Market-1501-v15\.09\.15\.zip was not extracted"):
        plan_market1501(tmp_path)
    with pytest.raises(DataError, match="an archive that was not extracted"):
        plan_market1501(tmp_path / "Market-1501-v15.09.15.zip")


def test_an_identity_in_both_splits_is_refused(market_raw):
    shutil.rmtree(market_raw / "lists")
    first = min((market_raw / "bounding_box_train").iterdir())
    shutil.copy(first, market_raw / "bounding_box_test")
    with pytest.raises(DataError, match=r"1 identities are in the train and in the test split, the first: 0002"):
        plan_market1501(market_raw)
