import errno
import os
from pathlib import Path

import pytest

from posetransfer.data.prepare.tree import look
from posetransfer.errors import DataError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_files_are_sorted_by_kind(tmp_path):
    touch(
        tmp_path,
        "b/2.JPG",
        "a/1.png",
        "walk.mp4",
        "lists/x.csv",
        "img.z01",
        "img.zip.001",
        ".hidden/3.png",
        "__MACOSX/4.png",
        "a/Thumbs.db",
    )
    tree = look(tmp_path)
    assert tree.pictures == ("a/1.png", "b/2.JPG")
    assert tree.clips == ("walk.mp4",) and tree.lists == ("lists/x.csv",) and tree.archives == ("img.z01", "img.zip.001")


def test_the_list_nearest_to_the_root_is_taken(tmp_path):
    touch(tmp_path, "a/b/train.lst", "z/train.lst", "other.lst")
    assert look(tmp_path).list_file("none.lst", "train.lst") == tmp_path / "z/train.lst"
    assert look(tmp_path).list_file("test.lst") is None


def test_links_that_leave_the_folder_are_not_followed(tmp_path):
    raw, secret = tmp_path / "raw", tmp_path / "secret"
    touch(secret, "passport.jpg", "album/1.jpg")
    touch(raw, "a/1.jpg")
    os.symlink(secret / "passport.jpg", raw / "a" / "2.jpg")
    os.symlink(secret / "album", raw / "b")
    os.symlink("../a/1.jpg", raw / "a" / "3.jpg")
    os.symlink("nowhere.jpg", raw / "a" / "4.jpg")
    tree = look(raw)
    assert tree.pictures == ("a/1.jpg", "a/3.jpg")
    assert set(tree.refused) == {"a/2.jpg", "b", "a/4.jpg"}
    assert "leaves the folder (--follow-links allows it)" in tree.refused["b"] and "does not exist" in tree.refused["a/4.jpg"]
    assert look(raw, follow_links=True).pictures == ("a/1.jpg", "a/2.jpg", "a/3.jpg", "b/1.jpg")


def test_a_folder_with_a_similar_name_is_outside(tmp_path):
    touch(tmp_path, "raw-more/1.jpg", "raw/2.jpg")
    os.symlink(tmp_path / "raw-more" / "1.jpg", tmp_path / "raw" / "3.jpg")
    assert look(tmp_path / "raw").pictures == ("2.jpg",)


def test_a_link_in_a_circle_ends(tmp_path):
    touch(tmp_path, "a/1.jpg")
    os.symlink(tmp_path, tmp_path / "a" / "again")
    assert look(tmp_path).pictures == ("a/1.jpg",)


def test_a_folder_that_cannot_be_opened_is_noted(tmp_path, monkeypatch):
    touch(tmp_path, "a/1.jpg", "secret/2.jpg")
    real = os.scandir

    def scandir(path):
        if Path(path).name in locked:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    locked = {"secret"}
    assert look(tmp_path).pictures == ("a/1.jpg",)
    assert look(tmp_path).refused == {"secret": "a folder that cannot be opened (Permission denied)"}
    locked = {tmp_path.name}
    with pytest.raises(DataError, match=r"the folder cannot be opened \(Permission denied\); check its permissions"):
        look(tmp_path)


def test_what_a_preparation_wrote_is_not_looked_at(tmp_path):
    touch(tmp_path, "a/1.jpg", "done/set.json", "done/images/1.jpg", "begun/.prepare/journal.jsonl", "begun/images/1.jpg")
    assert look(tmp_path).pictures == ("a/1.jpg",)
    assert look(tmp_path / "done").pictures == ("images/1.jpg",)


def test_what_is_no_folder_is_told(tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        look(tmp_path / "none")
    touch(tmp_path, "a.jpg", "walk.gif")
    with pytest.raises(DataError, match="a folder was expected"):
        look(tmp_path / "a.jpg")
    assert look(tmp_path / "walk.gif").clips == ("walk.gif",)
