import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from posetransfer.config import PRESETS, Augmentation, ModelConfig
from posetransfer.data.annotations import write_annotations, write_pairs
from posetransfer.data.pairing import make_pairs
from posetransfer.data.pairs import Pairs
from posetransfer.errors import DataError, SettingsError
from posetransfer.image import load_photo, save_picture

SMALL = ModelConfig(size=(64, 44))
CHANGES = Augmentation(flip=0.5, colour=0.1, shift=0.05, scale=0.05, noise=3.0, jpeg=0.5, joint_jitter=0.005, estimator_error=1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, shots) -> Path:
    """A prepared folder of fifteen pictures, without masks."""
    out = tmp_path_factory.mktemp("set")
    for split, members in (("train", shots[:9]), ("test", shots[9:])):
        names = [f"{split}_{i}.png" for i in range(len(members))]
        for name, shot in zip(names, members, strict=True):
            save_picture(shot.picture, out / "images" / name)
        write_annotations(out / f"annotation-{split}.csv", names, np.array([shot.points for shot in members]))
        write_pairs(out / f"pairs-{split}.csv", names, make_pairs([shot.person for shot in members], np.ones(len(members), bool)))
    (out / "set.json").write_text("{}")
    return out


def assert_same(a, b):
    assert a.names == b.names
    for field in ("source", "source_points", "target", "target_points", "target_mask"):
        assert np.array_equal(getattr(a, field), getattr(b, field), equal_nan=field.endswith("points")), field


def test_a_batch_holds_pictures_joints_and_names(folder, shots):
    pairs = Pairs(folder, "train", ModelConfig(size=(256, 176)), batch=4)
    assert len(pairs) == 18
    batch = pairs.batch(1)
    assert batch.source.shape == batch.target.shape == (4, 256, 176, 3) and batch.source.dtype == np.uint8
    assert batch.source_points.shape == (4, 18, 2) and batch.source_points.dtype == np.float32
    for i, (source, target) in enumerate(batch.names):
        assert source != target
        shot = shots[int(source.split("_")[1].split(".")[0])]
        assert (batch.source[i] == shot.picture).all() and np.allclose(batch.source_points[i], shot.points, equal_nan=True)
        assert shot.person == shots[int(target.split("_")[1].split(".")[0])].person
    assert (batch.target_mask == 255).all()


def test_joints_follow_the_pictures_to_another_size(folder):
    large, small = (Pairs(folder, "train", ModelConfig(size=size)).examples([0]) for size in ((256, 176), (128, 88)))
    assert small.source.shape == (1, 128, 88, 3)
    assert np.allclose(small.source_points, (large.source_points + 0.5) / 2 - 0.5, equal_nan=True)


def test_a_batch_follows_from_seed_and_step_alone(folder):
    one, two = (Pairs(folder, "train", SMALL, CHANGES, batch=6, seed=3) for _ in range(2))
    two.batch(9)
    assert_same(one.batch(5), two.batch(5))
    assert one.batch(6).names != one.batch(5).names
    assert Pairs(folder, "train", SMALL, CHANGES, batch=6, seed=4).batch(5).names != one.batch(5).names


def test_with_and_without_a_cache_the_pictures_are_the_same(folder, tmp_path):
    cached = Pairs(folder, "train", SMALL, CHANGES, batch=5, cache=tmp_path / "pictures.npy")
    assert (tmp_path / "pictures.npy").stat().st_size > 9 * 64 * 44 * 4
    assert_same(cached.batch(2), Pairs(folder, "train", SMALL, CHANGES, batch=5, cache=False).batch(2))


def test_processes_share_a_batch_without_overlap(folder):
    whole = Pairs(folder, "train", SMALL, CHANGES, batch=5).batch(3)
    parts = [Pairs(folder, "train", SMALL, CHANGES, batch=5, rank=rank, world=2).batch(3) for rank in range(2)]
    assert [len(part.names) for part in parts] == [3, 2]
    for rank, part in enumerate(parts):
        assert part.names == whole.names[rank::2] and (part.source == whole.source[rank::2]).all()


def test_shuffled_takes_every_pair_once_a_pass(folder):
    pairs = Pairs(folder, "train", SMALL, batch=4, sampler="shuffled")
    listed = sorted((pairs.names[a], pairs.names[b]) for a, b in pairs.pairs)
    seen = [name for step in range(1, 10) for name in pairs.batch(step).names]  # 36 pairs: two passes of 18
    assert sorted(seen[:18]) == listed and sorted(seen[18:]) == listed and seen[:18] != seen[18:]


def test_random_draws_with_replacement_from_all_pairs(folder):
    pairs = Pairs(folder, "train", SMALL, batch=18, cache=False)
    chosen = np.concatenate([pairs._choose(step) for step in range(1, 400)])
    counts = np.bincount(chosen, minlength=18)
    assert len(counts) == 18 and np.abs(counts / counts.mean() - 1).max() < 0.25
    assert any(len(set(pairs._choose(step))) < 18 for step in range(1, 5))


@pytest.mark.parametrize(("preset", "steps"), [("market1501", 125), ("deepfashion", 572)])
def test_an_epoch_of_the_paper_is_4000_pairs(folder, preset, steps):
    training = PRESETS[preset].training
    settings = replace(PRESETS[preset], model=SMALL)
    pairs = Pairs.of(folder, "train", settings)
    assert training.epoch_steps == steps
    assert [sum(pairs.batch_size(step) for step in range(1 + e * steps, 1 + (e + 1) * steps)) for e in range(3)] == [4000] * 3
    assert len(pairs.batch(steps).names) == pairs.batch_size(steps) == 4000 - (steps - 1) * training.batch


def test_a_short_last_batch_skips_no_pair(folder):
    pairs = Pairs(folder, "train", SMALL, batch=7, sampler="shuffled", epoch_steps=3, last_batch=4)  # an epoch is the whole list of 18
    seen = [pairs.batch(step).names for step in range(1, 7)]
    assert [len(names) for names in seen] == [7, 7, 4, 7, 7, 4]
    for epoch in (seen[:3], seen[3:]):
        assert len({name for names in epoch for name in names}) == 18


@pytest.mark.parametrize("start", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_of_any_kind_and_number_make_the_same_batches(folder, start):
    pairs = Pairs(folder, "train", SMALL, CHANGES, batch=3)
    steps = range(4, 10)  # a run that goes on begins anywhere
    with ProcessPoolExecutor(2, get_context(start)) as executor:
        for step, batch in zip(steps, executor.map(pairs.batch, steps), strict=True):
            assert_same(batch, pairs.batch(step))


def test_a_picture_that_went_away_is_named(folder, tmp_path):
    pairs = Pairs(folder, "train", SMALL, batch=2, cache=False)
    pairs.pictures = replace(pairs.pictures, pictures=[tmp_path / "gone.png"] * 9)
    with pytest.raises(DataError, match=r"gone\.png: the photo cannot be opened .* prepare the folder again"):
        pairs.batch(1)


def test_pairs_are_small_to_send(folder):
    pairs = Pairs(folder, "train", ModelConfig(size=(256, 176)))
    assert len(pickle.dumps(pairs)) < 20_000  # nine pictures of 256 x 176 are 1.6 million bytes
    assert_same(pickle.loads(pickle.dumps(pairs)).batch(1), pairs.batch(1))


def test_masks_are_asked_for_where_they_are_needed(folder):
    with pytest.raises(SettingsError, match="has no masks, but backdrop plain needs them; prepare it again with --masks"):
        Pairs(folder, "train", replace(SMALL, backdrop="plain"))
    with pytest.raises(SettingsError, match="a new background needs them"):
        Pairs(folder, "train", SMALL, Augmentation(background=0.5))


def test_a_plain_backdrop_shows_the_person_alone(folder, tmp_path, shots):
    import shutil

    masked = tmp_path / "masked"
    shutil.copytree(folder, masked, ignore=shutil.ignore_patterns("cache"))
    half = np.zeros((256, 176, 3), np.uint8)
    half[:, :88] = 255
    for path in (masked / "images").iterdir():
        save_picture(half, masked / "masks" / path.name)
    batch = Pairs(masked, "test", ModelConfig(backdrop="plain", backdrop_colour=(10, 20, 30))).examples([0])
    first = load_photo(masked / "images" / batch.names[0][0])
    assert (batch.source[0, :, :88] == first[:, :88]).all() and (batch.source[0, :, 88:] == [10, 20, 30]).all()
    assert (batch.target_mask[0, :, :88] == 255).all() and (batch.target_mask[0, :, 88:] == 0).all()


def test_batches_of_nothing_are_refused(folder):
    with pytest.raises(SettingsError, match="a batch of 0 pairs"):
        Pairs(folder, "train", SMALL, batch=0)
