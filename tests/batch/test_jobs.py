"""Pairs, and the parts of several processes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetransfer.batch import cross, find_photos, find_poses, listed, shard_of_environment, share
from posetransfer.batch.jobs import read_shard
from posetransfer.errors import DataError, SettingsError
from posetransfer.evaluation.names import pair_name


@given(count=st.integers(0, 200), world=st.integers(1, 20))
def test_parts_are_a_partition_of_nearly_equal_size(count, world):
    parts = [list(share(range(count), rank, world)) for rank in range(world)]
    assert [job for part in parts for job in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_every_photo_takes_every_pose_under_the_name_that_evaluate_reads(here):
    jobs = cross(find_photos("photos", here), find_poses("poses", here))
    assert len({job.name for job in jobs}) == 15
    assert jobs[1].name == pair_name("p0.png", "out.json".removesuffix(".json")) == "p0___out"


def test_a_list_of_pairs_in_the_order_of_the_photos_each_once(here):
    (here / "pairs.csv").write_text("from,to\np3.png,up.json\np0,down\np3,up.jpg\np3,down.json\n")
    jobs = listed(here / "pairs.csv", find_photos("photos", here), find_poses("poses", here))
    assert [job.name for job in jobs] == ["p0___down", "p3___up", "p3___down"]


@pytest.mark.parametrize(("text", "part"), [
    ("from,to\np9,up\n", "p9 is not among PHOTOS"),
    ("from,to\np0,jump\n", "jump is not among POSES"),
    ("from,to\n", "no pair"),
    ("a,b\np0,up\n", "from,to"),
])  # fmt: skip
def test_a_list_that_does_not_fit_is_one_sentence(text, part, here):
    (here / "pairs.csv").write_text(text)
    with pytest.raises(DataError, match=part):
        listed(here / "pairs.csv", find_photos("photos", here), find_poses("poses", here))


@pytest.mark.parametrize("text", ["0/8", "9/8", "2", "1/0", "a/b", "-1/3"])
def test_a_shard_that_makes_no_sense_is_refused(text):
    with pytest.raises(SettingsError, match="1/8 to 8/8"):
        read_shard(text)


def test_torchrun_says_the_part_and_nonsense_is_refused(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert shard_of_environment() is None
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert shard_of_environment() == (3, 8)
    monkeypatch.setenv("RANK", "8")
    with pytest.raises(SettingsError, match="torchrun"):
        shard_of_environment()
