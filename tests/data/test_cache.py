import errno
import os
from pathlib import Path

import numpy as np
import pytest

from posetransfer.data.cache import PictureCache, PictureFiles, open_cache
from posetransfer.errors import DataError, OutputError
from posetransfer.image import resize, save_picture

SIZE = (32, 22)


@pytest.fixture
def pictures(tmp_path, shots):
    paths = [tmp_path / "images" / f"{i}.png" for i in range(4)]
    for path, shot in zip(paths, shots, strict=False):
        save_picture(shot.picture, path)
    return paths


def test_decoded_once_then_mapped(pictures, tmp_path, shots):
    path, done = tmp_path / "cache" / "train.npy", []
    cache = open_cache(path, pictures, [None] * 4, SIZE, done.append)
    assert done == [1, 2, 3, 4] and len(cache) == 4 and isinstance(cache.array, np.memmap)
    for i in range(4):
        assert (cache[i][..., :3] == resize(shots[i].picture, SIZE)).all() and (cache[i][..., 3] == 255).all()
        assert (cache[i] == PictureFiles(pictures, [None] * 4, SIZE)[i]).all()
    open_cache(path, pictures, [None] * 4, SIZE, lambda number: pytest.fail("decoded again"))
    with pytest.raises(ValueError, match="read-only"):
        cache.array[0] = 0


def test_a_replaced_picture_makes_the_cache_anew(pictures, tmp_path, shots):
    path = tmp_path / "cache" / "train.npy"
    open_cache(path, pictures, [None] * 4, SIZE)
    os.utime(path, (1, 1))  # as if it were from long ago
    save_picture(shots[9].picture, pictures[2])
    assert (open_cache(path, pictures, [None] * 4, SIZE)[2][..., :3] == resize(shots[9].picture, SIZE)).all()


def test_a_new_list_makes_the_cache_anew(pictures, tmp_path):
    path, lists = tmp_path / "cache" / "train.npy", tmp_path / "annotation-train.csv"
    lists.touch()
    open_cache(path, pictures, [None] * 4, SIZE, lists=lists)
    os.utime(lists, (2**32, 2**32))
    done = []
    open_cache(path, pictures, [None] * 4, SIZE, done.append, lists)
    assert done == [1, 2, 3, 4]


def test_half_a_file_and_another_size_are_made_anew(pictures, tmp_path):
    path = tmp_path / "train.npy"
    open_cache(path, pictures, [None] * 4, SIZE)
    path.write_bytes(path.read_bytes()[:500])
    assert len(open_cache(path, pictures, [None] * 4, SIZE)) == 4
    assert open_cache(path, pictures[:3], [None] * 3, SIZE)[2].shape == (*SIZE, 4)
    with pytest.raises(DataError, match="a cache of other pictures"):
        PictureCache(path, (4, *SIZE, 4))


def test_a_broken_picture_leaves_no_cache(pictures, tmp_path, truncate):
    truncate(pictures[1])
    with pytest.raises(DataError, match=r"1\.png: .*cut short.* prepare the folder again"):
        open_cache(tmp_path / "cache" / "train.npy", pictures, [None] * 4, SIZE)
    assert not list((tmp_path / "cache").iterdir())


def test_a_full_disk_is_told_and_leaves_nothing(pictures, tmp_path, monkeypatch):
    def full(self, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match=r"the cache of 0\.0 GB cannot be written \(No space left on device\)"):
        open_cache(tmp_path / "cache" / "train.npy", pictures, [None] * 4, SIZE)
    assert not list((tmp_path / "cache").iterdir())
