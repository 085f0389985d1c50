"""Scoring many pairs: any number of processes, stopped and taken up again, same numbers."""

import numpy as np
import pytest
from PIL import Image

from posetransfer.errors import DataError, PhotoError
from posetransfer.evaluation.chunks import Parts
from posetransfer.evaluation.pictures import MaskFile, Pair, PictureFile, load
from posetransfer.evaluation.scoring import score_pairs, score_pictures
from posetransfer.pose.pose import Pose

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """150 pairs of small pictures in files: three chunks."""
    folder = tmp_path_factory.mktemp("pictures")
    made = []
    for i in range(150):
        generated, real = RANDOM.integers(0, 256, (2, 16, 12, 3)).astype(np.uint8)
        Image.fromarray(generated).save(folder / f"g{i}.png")
        Image.fromarray(real).save(folder / f"r{i}.png")
        Image.fromarray((RANDOM.random((16, 12)) < 0.5).astype(np.uint8) * 255).save(folder / f"m{i}.png")
        pose = Pose(RANDOM.uniform(0, 12, (18, 2)), (16, 12))
        made.append(
            Pair(f"{i:03d}", PictureFile(folder / f"g{i}.png"), PictureFile(folder / f"r{i}.png"), pose, MaskFile(folder / f"m{i}.png"))
        )
    return made


def columns(parts: Parts):
    return {name: parts.column(name) for name in parts.names}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name], equal_nan=True) for name in a)


@pytest.fixture(scope="module")
def expected(pairs):
    return columns(score_pairs(pairs))


def test_two_processes_give_the_same_bits(pairs, expected):
    assert same(columns(score_pairs(pairs, processes=2)), expected)


def test_arrays_give_the_same_as_files(pairs, expected):
    parts = score_pictures(
        [load(p.generated) for p in pairs], [load(p.real) for p in pairs], [p.pose for p in pairs], [p.mask.load() for p in pairs]
    )
    assert same(columns(parts), expected)


def test_a_stopped_run_goes_on_and_a_torn_chunk_is_made_anew(pairs, expected, tmp_path):
    done = []

    def stop_after_one(rows, total):
        done.append((rows, total))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_pairs(pairs, folder=tmp_path, progress=stop_after_one)
    assert done == [(64, 150)]
    score_pairs(pairs, folder=tmp_path)
    torn = sorted(tmp_path.glob("*.npz"))[1]
    torn.write_bytes(torn.read_bytes()[:100])
    rows = []
    parts = score_pairs(pairs, folder=tmp_path, progress=lambda done, total: rows.append(done))
    assert rows == [150]  # one chunk only
    assert same(columns(parts), expected)


def test_processes_of_torchrun_share_the_chunks(pairs, expected, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    score_pairs(pairs, folder=tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 1
    monkeypatch.setenv("RANK", "0")
    assert same(columns(score_pairs(pairs, folder=tmp_path)), expected)


def test_pictures_of_different_sizes_are_refused_by_name():
    with pytest.raises(DataError, match=r"00000000: .*16x12 and the real one 12x16"):
        score_pictures([np.zeros((16, 12, 3), np.uint8)], [np.zeros((12, 16, 3), np.uint8)])


def test_a_broken_picture_in_another_process_is_one_sentence(pairs, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    bad = [*pairs[:100], Pair("bad", PictureFile(tmp_path / "bad.png"), pairs[0].real)]
    with pytest.raises(PhotoError, match=r"bad\.png"):
        score_pairs(bad, processes=2)


def test_real_picture_is_laid_over_the_backdrop_by_its_mask(pairs):
    original, mask = load(pairs[0].real), pairs[0].mask.load()
    picture = PictureFile(pairs[0].real.path, person=pairs[0].mask, backdrop=(224, 10, 7)).load()
    assert np.array_equal(picture[mask], original[mask])
    assert (picture[~mask] == (224, 10, 7)).all()


def test_a_resized_picture_over_a_backdrop_is_what_training_sees(pairs):
    from posetransfer.config import ModelConfig
    from posetransfer.data.augment import Example
    from posetransfer.data.cache import read_mask
    from posetransfer.data.pairs import over_backdrop
    from posetransfer.image import resize

    size, model = (8, 6), ModelConfig(backdrop="plain", backdrop_colour=(224, 10, 7))
    file = PictureFile(pairs[0].real.path, size=size, person=pairs[0].mask, backdrop=(224, 10, 7))
    example = Example(resize(load(pairs[0].real), size), read_mask(pairs[0].mask.path, size), pairs[0].pose)
    assert np.array_equal(file.load(), over_backdrop(example, model))
