"""What a user may name as PHOTOS and POSES."""

import numpy as np
import pytest
from PIL import Image

from posetransfer.batch import find_photos, find_poses
from posetransfer.errors import DataError, UnknownPose
from posetransfer.pose import library_names


def names(items):
    return [item.name for item in items]


def test_a_folder_gives_its_pictures_and_of_poses_also_its_pose_files(here):
    (here / "photos" / "notes.txt").write_text("hello")
    (here / "photos" / ".hidden.png").touch()
    Image.new("RGB", (8, 8)).save("poses/somebody.jpg")
    assert names(find_photos("photos", here)) == [f"p{number}" for number in range(5)]
    assert names(find_poses("poses", here)) == ["down", "out", "somebody", "up"]


def test_a_file_a_pattern_and_a_prepared_folder(here):
    assert names(find_photos("photos/p3.png", here)) == ["p3"]
    assert names(find_photos("photos/p[1-3].png", here)) == ["p1", "p2", "p3"]
    (here / "set").mkdir()
    (here / "set" / "set.json").touch()
    (here / "photos").rename(here / "set" / "images")
    assert len(find_photos("set", here)) == 5


def test_shipped_poses_by_name_and_all_of_them(here):
    first = library_names()[0]
    assert [(item.name, item.target) for item in find_poses(first, here)] == [(first, first)]
    assert names(find_poses("shipped", here)) == list(library_names())


def test_a_list_names_files_beside_it_patterns_and_shipped_poses(here):
    (here / "poses" / "list.txt").write_text(f"# wanted\nup.json\n\nd*.json\n{library_names()[0]}\n")
    assert names(find_poses("poses/list.txt", here)) == ["up", "down", library_names()[0]]
    (here / "all.txt").write_text("photos/p0.png\nphotos\n")
    assert names(find_photos("all.txt", here)) == [f"p{number}" for number in range(5)]  # p0 once


def test_pictures_of_a_clip_are_named_after_it(here):
    pictures = [Image.fromarray(np.full((20, 16, 3), 40 * number, np.uint8)) for number in range(5)]
    pictures[0].save("dance.gif", save_all=True, append_images=pictures[1:])
    assert names(find_poses("dance.gif", here / "work", every=2)) == ["dance_00000", "dance_00002", "dance_00004"]
    again = find_poses("dance.gif", here / "work", every=1)
    assert len(again) == 5 and len({item.stamp for item in again}) == 1


@pytest.mark.parametrize(("find", "word", "error", "parts"), [
    (find_photos, "nowhere", DataError, ["nowhere", "no such file"]),
    (find_photos, "photos/x*.png", DataError, ["no file has such a name"]),
    (find_photos, "empty", DataError, ["no photo in this folder"]),
    (find_photos, "empty.txt", DataError, ["list is empty"]),
    (find_photos, "wrong.txt", DataError, ["gone.png", "named in wrong.txt"]),
    (find_poses, "arms-upp", UnknownPose, ["arms-up"]),
    (find_photos, "twins", DataError, ["one name", "rename"]),
])  # fmt: skip
def test_what_is_not_there_is_one_sentence(find, word, error, parts, here):
    for folder in ("empty", "twins"):
        (here / folder).mkdir()
    (here / "empty.txt").write_text("# nothing\n")
    (here / "wrong.txt").write_text("gone.png\n")
    for name in ("a.png", "A.jpg"):
        Image.new("RGB", (8, 8)).save(here / "twins" / name)
    with pytest.raises(error) as caught:
        find(word, here)
    assert all(part in str(caught.value) for part in parts), caught.value
