import json
import shutil

import numpy as np
import pytest

from posetransfer.data.annotations import write_annotations, write_pairs
from posetransfer.data.manifest import PreparedFolder, split_hash
from posetransfer.errors import DataError
from posetransfer.image import save_picture


@pytest.fixture
def folder(tmp_path, shots):
    """As the renderer writes it: no size in set.json, people in people.jsonl without their pictures."""
    out = tmp_path / "set"
    for split, members in (("train", shots[:6]), ("test", shots[6:9])):
        names = [f"{shot.person}_c1_{i:02}.png" for i, shot in enumerate(members)]
        for name, shot in zip(names, members, strict=True):
            save_picture(shot.picture, out / "images" / name)
        write_annotations(out / f"annotation-{split}.csv", names, np.array([shot.points for shot in members]))
        write_pairs(out / f"pairs-{split}.csv", names, np.array([[0, 1], [1, 2], [2, 0]], np.int32))
    (out / "people.jsonl").write_text("".join(f'{{"pid": {i}, "split": "train"}}\n' for i in range(3)))
    (out / "set.json").write_text('{"kind": "studio", "people": 3}')
    return out


def test_lists_and_size(folder, shots):
    prepared = PreparedFolder.open(folder)
    train = prepared.split("train")
    assert prepared.size == train.size == (256, 176) and len(train) == 3 and len(train.names) == 6
    assert train.points.shape == (6, 18, 2) and train.pairs.tolist() == [[0, 1], [1, 2], [2, 0]]
    assert np.array_equal(prepared.pose("train", 1).points, shots[1].points, equal_nan=True)
    assert prepared.picture_path(train.names[0]).is_file() and not prepared.has_masks
    assert prepared.mask_path("00001_c1_00.jpg") == folder / "masks" / "00001_c1_00.png"
    assert set(prepared.people.values()) == {shots[0].person, shots[3].person, shots[6].person}
    assert prepared.check_pictures() == [] and prepared.check_people() == []


def test_problems_of_pictures_and_people_are_told(folder, truncate, shots):
    prepared = PreparedFolder.open(folder)
    truncate(prepared.picture_path(prepared.split("train").names[0]))
    save_picture(shots[0].picture[:100], prepared.picture_path(prepared.split("test").names[0]))
    first, second = prepared.check_pictures()
    assert "cut short" in first and "is 176 x 100" in second
    one = dict.fromkeys(prepared.people, "ann")
    rows = [{"person": person, "pictures": [name]} for name, person in one.items()]
    (folder / "people.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "1 people are in both splits, the first: ann" in PreparedFolder.open(folder).check_people()[0]


def test_a_missing_picture_is_named(folder):
    name = PreparedFolder.open(folder).split("train").names[3]
    (folder / "images" / name).unlink()
    with pytest.raises(DataError, match=f"1 of 9 pictures of the lists are missing, the first: {name}"):
        PreparedFolder.open(folder)


def test_what_is_no_prepared_folder(folder, tmp_path):
    with pytest.raises(DataError, match="No such file"):
        PreparedFolder.open(tmp_path / "none")
    (tmp_path / "set.zip").touch()
    with pytest.raises(DataError, match="an archive, not a folder"):
        PreparedFolder.open(tmp_path / "set.zip")
    with pytest.raises(DataError, match=r"not a prepared data set \(found: set, set\.zip\)"):
        PreparedFolder.open(tmp_path)
    (folder / "set.json").write_text("{")
    with pytest.raises(DataError, match="not readable as JSON"):
        PreparedFolder.open(folder)


def test_people_that_are_no_objects_are_told(folder):
    (folder / "people.jsonl").write_text('"anna"\n')
    with pytest.raises(DataError, match="not one JSON object a line"):
        PreparedFolder.open(folder).check_people()


def test_a_stopped_preparation_is_no_data_set(folder):
    (folder / "annotation-train.csv").unlink()
    (folder / "annotation-test.csv").unlink()
    with pytest.raises(DataError, match="the preparation was stopped"):
        PreparedFolder.open(folder)


def test_a_split_without_pairs_is_refused_when_asked_for(folder):
    (folder / "pairs-test.csv").write_text("from,to\n")
    prepared = PreparedFolder.open(folder)
    with pytest.raises(DataError, match=r"no pairs in split 'test'; found: train \(3 pairs\), test \(0 pairs\)"):
        prepared.split("test")
    with pytest.raises(DataError, match="no pairs in split 'validation'"):
        prepared.split("validation")


def test_the_hash_of_a_split_tells_who_moved():
    split = {"train": ["a", "b"], "test": ["c"]}
    assert split_hash(split) == split_hash({"test": ["c"], "train": ["b", "a"]})
    assert split_hash(split) != split_hash({"train": ["a"], "test": ["b", "c"]})


def test_a_moved_folder_opens_just_the_same(folder, tmp_path):
    shutil.move(folder, tmp_path / "elsewhere")
    assert len(PreparedFolder.open(tmp_path / "elsewhere").split("test")) == 3
