import itertools
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from posetransfer.data.annotations import read_pairs
from posetransfer.data.prepare import Options, plan_folder, prepare
from posetransfer.data.prepare.clips import read_clip
from posetransfer.data.prepare.folder import split_people
from posetransfer.data.prepare.naming import LONGEST, distinct, safe_stem
from posetransfer.errors import DataError, MissingExtra, PhotoError, SettingsError
from posetransfer.image import load_photo
from posetransfer.pose.drawing import draw_pose
from posetransfer.pose.pose import Pose

ONE = Options(workers=1)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, shots):
    """The pictures of `people_raw`, prepared with the real estimator."""
    tmp = tmp_path_factory.mktemp("people")
    raw, names = tmp / "my pictures", itertools.cycle(["Zoë Müller", "bob", "李雷", "dan", "eve"])
    people = dict(zip(sorted({shot.person for shot in shots}), names, strict=False))
    for number, shot in enumerate(shots):
        wide = np.full((330, 300, 3), 200, np.uint8)
        wide[40:296, 60:236] = shot.picture
        folder = raw / people[shot.person]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(wide).save(folder / f"IMG {number % 3}.png")
    (raw / "bob" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    Image.new("RGB", (300, 330), (90, 120, 90)).save(raw / "bob" / "empty street.jpg")
    return prepare(plan_folder(raw, test=0.2), tmp / "out", ONE), {people[shot.person]: shot for shot in shots}


def test_a_sub_folder_is_a_person_and_pairs_stay_within(prepared):
    folder, _ = prepared
    assert set(folder.people.values()) == {"Zoë Müller", "bob", "李雷", "dan", "eve"}
    assert folder.people["Zoë Müller__IMG 1.png"] == "Zoë Müller"
    for split in folder.splits.values():
        for source, target in split.pairs:
            assert folder.people[split.names[source]] == folder.people[split.names[target]]
        assert len(split.pairs) == 6 * len({folder.people[name] for name in split.names})


def test_nobody_is_in_both_splits(prepared):
    folder, _ = prepared
    train, test = ({folder.people[name] for name in folder.splits[split].names} for split in ("train", "test"))
    assert len(train) == 4 and len(test) == 1 and not train & test


def test_unusable_pictures_are_counted_with_their_reason(prepared):
    folder, _ = prepared
    assert folder.facts["unusable"] == 2
    report = (folder.folder / "report.html").read_text()
    assert "bob__broken.png" in report and "not a picture that can be read" in report
    assert "bob__empty street.png" in report and "no person found" in report
    assert not (folder.folder / "images" / "bob__broken.png").exists()


def test_people_stand_in_the_frame_as_in_the_rendered_sets(prepared, shots):
    # The rendered pictures were pasted into larger ones; the frame must find the same scale again.
    folder, _ = prepared
    heights = []
    for split in folder.splits.values():
        for points in split.points:
            heights.append(np.nanmax(points[:, 1]) - np.nanmin(points[:, 1]))
            assert np.nanmin(points) >= -0.5 and (np.nanmax(points, axis=0) < [175.5, 255.5]).all()
    rendered = np.median([np.nanmax(shot.points[:, 1]) - np.nanmin(shot.points[:, 1]) for shot in shots])
    assert abs(np.median(heights) / rendered - 1) < 0.08


def test_the_same_pictures_give_the_same_bytes(people_raw, tmp_path, folder_bytes):
    with_paint = dict(estimator=paint_finder)
    for out in ("one", "two"):
        prepare(plan_folder(people_raw), tmp_path / out, ONE, **with_paint)
    assert folder_bytes(tmp_path / "one") == folder_bytes(tmp_path / "two")


def paint_finder():
    """Stands in for the estimator: the same pose in the middle of every picture."""

    def find(photo, *, name="photo", box=None):
        height, width = photo.shape[:2]
        points = np.stack([np.linspace(0.4, 0.6, 18) * width, np.linspace(0.2, 0.8, 18) * height], axis=1)
        return Pose(points, (height, width))

    return find


def test_openpose_files_are_used_before_the_estimator(people_raw, tmp_path):
    poses = tmp_path / "openpose"
    size, points = (330, 300), np.stack([np.linspace(120, 180, 18), np.linspace(60, 260, 18)], axis=1)
    for picture in people_raw.rglob("*.png"):
        if picture.parent.name == "bob":
            file = poses / "bob" / f"{picture.stem}_keypoints.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            numbers = np.concatenate([points + int(picture.stem[-1]), np.full((18, 1), 0.9)], axis=1).ravel()
            file.write_text('{"version": 1.1, "people": [{"pose_keypoints_2d": ' + str(numbers.tolist()) + "}]}")
    options = Options(workers=1, poses=poses)
    folder = prepare(plan_folder(people_raw, size=size), tmp_path / "out", options, estimator=paint_finder)
    # Everybody has an "IMG 0", but the pose files lie in a folder named bob.
    assert folder.facts["poses"] == {"OpenPose files": 3, "built-in estimator": 12}
    split = next(split for split in folder.splits.values() if "bob__IMG 2.png" in split.names)
    assert np.allclose(split.points[split.names.index("bob__IMG 2.png")], points + 2, atol=0.051)
    with pytest.raises(DataError, match="no pose file such as NAME_keypoints"):
        prepare(plan_folder(people_raw), tmp_path / "other", Options(poses=people_raw))


def test_flat_names_tell_the_person(people_raw, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for number, picture in enumerate(sorted(people_raw.rglob("*.png"))):
        shutil.copy(picture, flat / f"p{number % 4}_{number}.png")
    assert {item.person for item in plan_folder(flat).items} == {"p0", "p1", "p2", "p3"}
    odd_even = plan_folder(flat, person_pattern=r"_\d*(\d)\.png$")
    assert {item.person for item in odd_even.items} == set("0123456789")
    partly = plan_folder(flat, person_pattern="^p([01])_")
    assert {item.person for item in partly.items} == {"0", "1"} and set(partly.refused.values()) == {"no person in the name"}


def test_patterns_and_parts_that_make_no_sense(people_raw, tmp_path):
    with pytest.raises(SettingsError, match="is not a regular expression"):
        plan_folder(people_raw, person_pattern="(")
    with pytest.raises(SettingsError, match="has no group"):
        plan_folder(people_raw, person_pattern="^p")
    with pytest.raises(SettingsError, match=r"--test 1\.5"):
        plan_folder(people_raw, test=1.5)
    shutil.copy(next(people_raw.rglob("*.png")), tmp_path / "a.png")
    with pytest.raises(DataError, match="no file name says who the person is"):
        plan_folder(tmp_path, person_pattern="^(none)_")


def test_an_empty_folder_and_one_with_an_archive(tmp_path):
    with pytest.raises(DataError, match="no picture and no clip; it holds no picture and no list"):
        plan_folder(tmp_path)
    (tmp_path / "photos.zip").touch()
    with pytest.raises(DataError, match=r"photos\.zip was not extracted"):
        plan_folder(tmp_path)


def test_a_clip_is_a_person(tmp_path, shots, folder_bytes):
    frames = [Image.fromarray(shot.picture) for shot in shots[:6]]
    raw = tmp_path / "clips"
    raw.mkdir()
    frames[0].save(raw / "walk.gif", save_all=True, append_images=frames[1:], duration=40)
    (raw / "torn.gif").write_bytes(b"GIF89a torn")
    plan = plan_folder(raw)
    assert any("2 clips" in note for note in plan.notes)
    folder = prepare(plan, tmp_path / "out", Options(workers=1, every=2), estimator=paint_finder)
    assert folder.splits["train"].names + folder.splits["test"].names == ("walk__00000.png", "walk__00002.png", "walk__00004.png")
    assert folder.facts["unusable"] == 1
    second = load_photo(tmp_path / "out" / "images" / "walk__00002.png").astype(int)
    assert np.abs(second - shots[2].picture).mean() < 8  # a GIF has 256 colours
    alone = prepare(plan_folder(raw / "walk.gif"), tmp_path / "alone", Options(workers=1, every=2), estimator=paint_finder)
    assert set(alone.people.values()) == {"walk"}
    with pytest.raises(SettingsError, match="--every 0"):
        prepare(plan_folder(raw), tmp_path / "none", Options(every=0))


def test_a_damaged_clip_says_so(tmp_path):
    (tmp_path / "cut.gif").write_bytes(b"GIF89a half")
    with pytest.raises(DataError, match=r"none of the 1 pictures can be used, the first, cut\.gif: not a GIF that can be read"):
        prepare(plan_folder(tmp_path / "cut.gif"), tmp_path / "out")


def test_settings_are_refused_before_anything_is_written(people_raw, tmp_path):
    with pytest.raises(SettingsError, match="--size 0 10: height and width must be at least 16 pixels"):
        plan_folder(people_raw, (0, 10))
    with pytest.raises(SettingsError, match="--every 0"):
        prepare(plan_folder(people_raw), tmp_path / "out", Options(every=0))
    assert not (tmp_path / "out").exists()


def test_one_person_has_nothing_to_be_tested_on(people_raw, tmp_path):
    plan = plan_folder(people_raw / "bob", person_pattern="(IMG)")
    assert {item.split for item in plan.items} == {"train"} and any("one person only" in note for note in plan.notes)
    folder = prepare(plan, tmp_path / "out", ONE, estimator=paint_finder)
    with pytest.raises(DataError, match=r"no pairs in split 'test'; found: train \(6 pairs\), test \(0 pairs\)"):
        folder.split("test")


def test_more_people_do_not_change_who_the_others_are():
    people = {f"p{i}" for i in range(200)}
    few, many = split_people(people, 0.1, seed=0), split_people(people | {"new"}, 0.1, seed=0)
    assert len(few) == 20 and len(few - many) <= 1
    assert split_people(people, 0.1, seed=1) != few


def test_names_fit_every_system_and_none_is_lost():
    assert safe_stem("a/b: c?.jpg") == "a__b_ c_"
    assert safe_stem("x/\udcff.jpg") == "x__�"  # a name that is not UTF-8
    long = [safe_stem("p/" + "é" * 200 + f"{i}.jpg") for i in range(2)]
    assert max(len(name.encode()) for name in long) <= LONGEST and long[0] != long[1]
    assert distinct(["a", "a", "A"]) == ["a", "a-2", "A-3"]


def test_duplicate_names_become_distinct(people_raw, tmp_path):
    shutil.copy(people_raw / "bob" / "IMG 0.png", people_raw / "bob" / "IMG 0.webp")  # the content decides, not the ending
    shutil.copy(people_raw / "bob" / "IMG 0.png", people_raw / "bob" / "img 0.png")
    folder = prepare(plan_folder(people_raw), tmp_path / "out", ONE, estimator=paint_finder)
    bobs = sorted(name for name, person in folder.people.items() if person == "bob")
    assert bobs == ["bob__IMG 0-2.png", "bob__IMG 0.png", "bob__IMG 1.png", "bob__IMG 2.png", "bob__img 0-3.png"]
    split = next(name for name, split in folder.splits.items() if "bob__IMG 0.png" in split.names)
    sources, targets = read_pairs(tmp_path / "out" / f"pairs-{split}.csv")
    assert sum(source.startswith("bob") for source in sources) == 20 and len(sources) == len(targets)


def test_skeletons_lie_on_the_people(prepared):
    # The drawn skeleton covers pixels of the person, not of the grey ground that the pictures were pasted on.
    folder, _ = prepared
    split = folder.splits["train"]
    for number in range(3):
        photo = load_photo(folder.picture_path(split.names[number]))
        drawn = draw_pose(folder.pose("train", number), over=photo)
        changed = (drawn != photo).any(axis=2)
        ground = (np.abs(photo.astype(int) - [200, 200, 200]).max(axis=2) < 3) & changed
        assert changed.sum() > 500 and ground.mean() < 0.02


def test_a_film_is_read_frame_by_frame_and_upright(tmp_path, shots):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "walk.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 176, 256, "yuv420p", 4_000_000
        for shot in shots[:5]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shot.picture, format="rgb24")))
        container.mux(stream.encode())
    (tmp_path / "torn.mp4").write_bytes((tmp_path / "walk.mp4").read_bytes()[:300])
    pictures = list(read_clip(tmp_path / "walk.mp4"))
    assert [picture.shape for picture in pictures] == [(256, 176, 3)] * 5
    for picture, shot in zip(pictures, shots, strict=False):
        assert np.abs(picture.astype(int) - shot.picture).mean() < 8
    with pytest.raises(PhotoError, match=r"torn\.mp4: not a clip that can be decoded"):
        list(read_clip(tmp_path / "torn.mp4"))


def test_a_film_without_its_reader_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match=r"posetransfer\[video\]"):
        list(read_clip(tmp_path / "walk.mp4"))
