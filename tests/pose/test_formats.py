"""Pose files: every form that comes in, every refusal, and the way out and back."""

import json
import logging
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetransfer.errors import OutputError, PoseError
from posetransfer.pose import INDEX, KEYPOINTS, Pose, pose_format, read_pose, read_poses, write_pose
from posetransfer.pose.skeleton import BODY25, COCO17

FRONT = {
    "nose": (90, 32), "neck": (90, 56), "right_shoulder": (70, 57), "left_shoulder": (110, 57),
    "right_elbow": (63, 92), "left_elbow": (117, 92), "right_wrist": (60, 122), "left_wrist": (120, 122),
    "right_hip": (80, 116), "left_hip": (100, 116), "right_knee": (79, 166), "left_knee": (101, 166),
    "right_ankle": (78, 218), "left_ankle": (102, 218),
    "right_eye": (86, 28), "left_eye": (94, 28), "right_ear": (81, 31), "left_ear": (99, 31),
}  # fmt: skip
SIZE = (256, 176)
POSE = Pose(FRONT, SIZE)


def flat(order, pose=POSE, score=1.0):
    """x, y, score, x, y, score, ...; zeros for what is not ours."""
    rows = [(*pose.joint(name), score) if name in INDEX and pose.joint(name) else (0, 0, 0) for name in order]
    return [float(number) for row in rows for number in row]


def openpose(*people, **canvas):
    return {
        "version": 1.3,
        "people": [{"person_id": [-1], "pose_keypoints_2d": numbers, "face_keypoints_2d": []} for numbers in people],
        **canvas,
    }


CANVAS = {"canvas_width": 176, "canvas_height": 256}
WITHOUT_NECK = POSE.without("neck")
ROW = f"a.jpg: {[round(y) for y in POSE.points[:, 1]]}: {[round(x) for x in POSE.points[:, 0]]}"


# -- what comes in ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (openpose(flat(KEYPOINTS), **CANVAS), "openpose-18"),
        (openpose(flat(BODY25), **CANVAS), "openpose-25"),
        ([openpose(flat(KEYPOINTS), **CANVAS)], "openpose-18"),  # ComfyUI's editor
        ({"people": [{"pose_keypoints": flat(KEYPOINTS)}], **CANVAS}, "openpose-18"),  # OpenPose 1.0
        ({"width": 176, "height": 256, "keypoints": [list(FRONT[name]) for name in KEYPOINTS]}, "openpose-18"),  # openpose-editor
        ({"keypoints": flat(COCO17, score=2), "num_keypoints": 17, "image_id": 3, "category_id": 1, **CANVAS}, "coco-17"),
        ([{"image_id": 3, "category_id": 1, "keypoints": flat(COCO17), "score": 0.9}], "coco-17"),
        ([{"keypoints": [list(FRONT[name]) for name in COCO17], "keypoint_scores": [1.0] * 17}], "coco-17"),  # MMPose
        (
            {
                "images": [{"id": 7, "width": 9, "height": 9}, {"id": 3, "width": 176, "height": 256}],
                "annotations": [{"image_id": 3, "keypoints": flat(COCO17, score=2)}],
            },
            "coco-17",
        ),
        ([list(FRONT[name]) for name in COCO17], "coco-17"),
        ([list(FRONT[name]) for name in KEYPOINTS], "openpose-18"),
        (flat(BODY25), "openpose-25"),
        (
            {"format": "posetransfer-pose", "version": 1, "size": [256, 176], "people": [{k: list(v) for k, v in FRONT.items()}]},
            "posetransfer",
        ),
    ],
)
def test_every_json_form(tmp_path, data, form):
    path = tmp_path / "pose.txt"  # the name says nothing
    path.write_text(json.dumps(data, indent=1), encoding="utf-8-sig")
    assert pose_format(path) == form
    for source in (path, str(path), data, json.dumps(data)):
        pose = read_pose(source, size=SIZE)
        expected = Pose(FRONT | {"neck": (90, 57)}, SIZE) if form == "coco-17" else POSE  # the neck: between the shoulders
        assert pose == expected


def test_numpy_arrays_and_files(tmp_path):
    for order, array in ((KEYPOINTS, POSE.points), (COCO17, np.array([FRONT[name] for name in COCO17], dtype=np.float32))):
        with_score = np.column_stack([array, np.full(len(order), 0.5)])
        for content, score in ((array, 1), (with_score, 0.5), (array[None].astype(np.int32), 1)):
            path = tmp_path / "joints.data"
            with path.open("wb") as file:
                np.save(file, content)
            assert pose_format(path) == "numpy"
            for source in (path, content):
                pose = read_pose(source, size=SIZE)
                assert pose.joint("left_wrist") == FRONT["left_wrist"]
                assert pose.present.all()
                assert (pose.score == score).all()


def test_nan_in_an_array_is_a_missing_joint():
    assert read_pose(POSE.without("nose", "left_hip").points, SIZE) == POSE.without("nose", "left_hip")


def test_rows_of_the_paper(tmp_path):
    gap = ROW.replace("a.jpg", "b_c1:2.jpg").replace("[32, ", "[-1, ").replace("[90, ", "[-1, ")
    numpy2 = ROW.replace("a.jpg", "c.jpg").replace("[32,", "[np.int64(32),")
    path = tmp_path / "annotation.csv"
    path.write_text("\n".join(["name:keypoints_y:keypoints_x", ROW, gap, numpy2, ""]))
    assert pose_format(path) == "patn-rows"
    assert read_pose(path) == POSE  # size: the paper's, as everything fits in it
    assert read_pose(path, person="a.jpg") == read_pose(ROW) == read_pose(path, person=2) == read_pose(path, person="2") == POSE
    assert read_pose(path, person="b_c1:2.jpg") == read_pose(path, person=1) == POSE.without("nose")
    assert len(read_poses(path)) == 3
    with pytest.raises(PoseError, match=r"nobody is called 'b_c1:3.jpg'; did you mean 'b_c1:2.jpg'"):
        read_pose(path, person="b_c1:3.jpg")
    market = Pose(POSE.scaled((128, 64)).points.round(), (128, 64))
    write_pose(market, tmp_path / "m.csv", "patn-rows")
    assert read_pose(tmp_path / "m.csv") == market


@pytest.mark.parametrize("name", ["[x].json", "{x}.json", "[1, 2]"])
def test_a_word_that_names_a_file_is_that_file_whatever_it_looks_like(name, tmp_path, monkeypatch):
    write_pose(POSE, tmp_path / "pose.json")
    (tmp_path / "pose.json").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert read_pose(name) == POSE
    (tmp_path / name).unlink()
    with pytest.raises(PoseError, match="the given text"):
        read_pose(name)


def test_the_only_person_is_asked_for_in_plain_words():
    data = openpose(flat(KEYPOINTS), **CANVAS)
    with pytest.raises(PoseError, match=r"there is no person 1; the file has one, who is number 0\.$"):
        read_pose(data, person=1)
    with pytest.raises(PoseError, match=r"nobody is called 'Ann'; give 0 for the only person\.$"):
        read_pose(data, person="Ann")
    with pytest.raises(PoseError, match=r"nobody is called 'Ann'; give a name in the file or 0 for the only person\.$"):
        read_pose(ROW, person="Ann")


def test_several_people(tmp_path):
    nobody = [0.0] * 54
    data = openpose(flat(KEYPOINTS), nobody, flat(KEYPOINTS, POSE.moved(5, 5)), **CANVAS)
    assert read_pose(data, person=2) == POSE.moved(5, 5)
    assert read_poses(data) == [POSE, POSE.moved(5, 5)]
    with pytest.raises(PoseError, match="there is no person 3; the file has 3"):
        read_pose(data, person=3)
    with pytest.raises(PoseError, match="every joint is missing"):
        read_pose(data, person=1)
    assert len(read_poses(np.stack([POSE.points, POSE.points]), SIZE)) == 2
    pairs = [list(FRONT[name]) for name in KEYPOINTS]
    assert read_poses({"width": 176, "height": 256, "keypoints": pairs + pairs}) == [POSE, POSE]


def test_coordinates_as_parts_of_the_canvas():
    relative = Pose(POSE.points / [176, 256], (1, 1))
    pose = read_pose(openpose(flat(KEYPOINTS, relative), **CANVAS))
    np.testing.assert_allclose(pose.points, POSE.points)
    assert pose.size == SIZE
    with pytest.raises(PoseError, match="whose size is not known"):
        read_pose(openpose(flat(KEYPOINTS, relative)))


def test_low_confidence_and_origin_are_missing():
    numbers = flat(KEYPOINTS)
    numbers[2] = 0.0  # the nose
    numbers[3:5] = [0.0, 0.0]  # the neck
    numbers[8] = 0.3
    pose = read_pose(openpose(numbers, **CANVAS))
    assert pose.joint("nose") is None
    assert pose.joint("neck") is None
    assert pose.score[INDEX["right_shoulder"]] == 0.3


def test_a_neck_needs_both_shoulders():
    pose = read_pose({"keypoints": flat(COCO17, POSE.without("left_shoulder")), **CANVAS})
    assert pose == POSE.without("left_shoulder", "neck")
    numbers = flat(COCO17)
    numbers[COCO17.index("left_shoulder") * 3 + 2] = 0.4
    assert read_pose({"keypoints": numbers, **CANVAS}).score[INDEX["neck"]] == 0.4


def test_the_files_own_size_wins_and_a_missing_one_is_guessed():
    assert read_pose(openpose(flat(KEYPOINTS), **CANVAS), size=(999, 999)).size == SIZE
    guessed = read_pose(openpose(flat(KEYPOINTS)))
    assert guessed.inside.all()
    assert guessed.size[0] == pytest.approx(218 + 0.1 * 190, abs=3)


# -- what is refused -------------------------------------------------------------------------------------------------


def refused(source, **options):
    """The sentence; it is one line."""
    with pytest.raises(PoseError) as caught:
        read_pose(source, **options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith((".", "?"))
    return str(caught.value)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_nan_in_a_file(tmp_path, word):
    path = tmp_path / "nan.json"
    path.write_text(json.dumps(openpose(flat(KEYPOINTS), **CANVAS)).replace("32.0", word, 1))
    sentence = refused(path)
    assert sentence.startswith(f"{path}: it contains {word}, which is no coordinate")
    assert f"it contains {word}" in refused(ROW.replace("[32,", f"[{word},"))
    assert "no pixel" in refused(
        openpose(flat(KEYPOINTS), **CANVAS) | {"people": [{"pose_keypoints_2d": [1e300, 5, 1, *flat(KEYPOINTS)[3:]]}]}
    )
    assert "no pixel" in refused(np.where(np.arange(18)[:, None] == 3, np.inf, POSE.points))


@pytest.mark.parametrize(
    "source",
    [
        openpose([0.0] * 54, **CANVAS),
        {"keypoints": [0.0] * 51},
        np.full((18, 2), np.nan),
        f"a.jpg: {[-1] * 18}: {[-1] * 18}",
        {"format": "posetransfer-pose", "version": 1, "size": [9, 9], "people": [{}]},
        [None] * 18,
    ],
)
def test_all_missing(source):
    assert "missing" in refused(source) or "nobody" in refused(source)
    with pytest.raises(PoseError):
        read_poses(source)


SWAPPED = POSE.points[:, ::-1].tolist()
BACK = POSE.mirrored().without("nose", "right_eye", "left_eye")
SIDE = Pose(POSE.points * [0.2, 1] + [70, 0], SIZE)


@pytest.mark.parametrize("pose", [POSE, BACK, SIDE, POSE.without("left_knee", "left_ankle", "right_knee", "right_ankle"), WITHOUT_NECK])
@pytest.mark.parametrize("size", [SIZE, (512, 512), None])
def test_swapped_axes(pose, size):
    assert read_pose(pose.points, size).present.any()
    sentence = refused(pose.points[:, ::-1], size=size)
    assert "x and y seem to be swapped" in sentence


def test_swapped_axes_in_every_form():
    swapped = Pose(SWAPPED, (300, 300))
    for source in (
        openpose(flat(KEYPOINTS, swapped), **CANVAS),
        openpose(flat(BODY25, swapped)),
        {"keypoints": flat(COCO17, swapped)},
        f"a.jpg: {[round(x) for x in POSE.points[:, 0]]}: {[round(y) for y in POSE.points[:, 1]]}",
        SWAPPED,
    ):
        assert "swapped" in refused(source)


def test_people_who_lie_down_are_not_swapped():
    # really turned by a quarter: head to the left, and to the right; a front view
    left = Pose(np.column_stack([POSE.points[:, 1], 175 - POSE.points[:, 0]]), (176, 256))
    right = Pose(np.column_stack([255 - POSE.points[:, 1], POSE.points[:, 0]]), (176, 256))
    for lying in (left, right):
        assert read_pose(openpose(flat(KEYPOINTS, lying), canvas_width=256, canvas_height=176)) == lying


def test_a_lying_figure_that_only_fits_its_picture_lying_is_not_swapped():
    lying = Pose(SWAPPED, (176, 256)).without("nose", "left_eye", "right_eye")  # from behind: the joints alone could be either
    assert "swapped" in refused(openpose(flat(KEYPOINTS, lying), canvas_width=256, canvas_height=256))
    assert read_pose(openpose(flat(KEYPOINTS, lying), canvas_width=256, canvas_height=176)) == lying


def test_our_own_form_is_taken_at_its_word(tmp_path):
    lying = Pose(SWAPPED, (256, 256))
    write_pose(lying, tmp_path / "lying.json")
    assert read_pose(tmp_path / "lying.json") == lying


def test_joints_outside_the_picture_are_a_warning(caplog):
    data = openpose(flat(KEYPOINTS, POSE.moved(70, 0)), **CANVAS)
    with caplog.at_level(logging.WARNING):
        pose = read_pose(data)
    (record,) = caplog.records
    assert "joints lie outside the picture of 176 x 256 pixels (left_shoulder" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert pose.present.all()  # kept as they are
    caplog.clear()
    read_pose(openpose(flat(KEYPOINTS), **CANVAS))
    assert not caplog.records


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "unknown pose format"),
        (b"hello", "unknown pose format"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "neither text nor a NumPy array"),
        (b"PK\x03\x04\x99", "neither text nor a NumPy array|unknown pose format"),
        (b"{}", "unknown pose format"),
        (b"[]", "unknown pose format"),
        (b"[1, 2, 3]", "unknown pose format"),
        (b'{"version": 1, "bones": []}', "its keys are 'version', 'bones'"),
        (b'{"people": []}', "list of people is empty"),
        (b'{"people": 7}', "not a list of people"),
        (b'{"people": [{"hands": 3}]}', "pose_keypoints_2d"),
        (json.dumps(openpose([1.0] * 63)).encode(), "21 joints"),
        (b'{"keypoints": "nose"}', "something else than numbers"),
        (b'{"keypoints": [[1, 2], [3]]}', "unequal length"),
        (b'{"keypoints": [[true, 2]]}', "something else than numbers"),
        (b'{"people": [{"pose_keypoints_2d": [1, 2', "damaged JSON"),
        (b"[" * 100_000, "no pose file|damaged JSON"),
        (b'{"keypoints": [' + b"9" * 5000 + b"]}", "no pose file"),
        (b"name:keypoints_y:keypoints_x\n", "unknown pose format"),
        (b"a.jpg: [1, 2]: [3, 4]", "2 y and 2 x; 18 of each"),
        (ROW.encode() + b"\nb.jpg; broken", "row 2: 'b.jpg; broken' is not name"),
        (b"\x93NUMPY\x01\x00", "damaged NumPy file"),
        (b'{"format": "posetransfer-pose", "people": [{}]}', "needs .size."),
        (b'{"format": "posetransfer-pose", "size": [0, 5], "people": [{}]}', "size is given as"),
        (b'{"format": "posetransfer-pose", "size": [5, 5], "people": [{"knee": [1, 2]}]}', "unknown joint 'knee'"),
        (b'{"format": "posetransfer-pose", "size": [5, 5], "people": [{"nose": [1]}]}', "joint nose is"),
    ],
)
def test_unknown_and_damaged_files(tmp_path, content, words):
    path = tmp_path / "pose.json"
    path.write_bytes(content)
    sentence = refused(path)
    assert sentence.startswith(str(path))
    assert re.search(words, sentence)


def test_arrays_of_other_shapes_and_kinds(tmp_path):
    for array in (np.zeros((21, 2)), np.zeros((18, 4)), np.zeros(36), np.zeros((18, 2), complex), np.array([["x"] * 2] * 18)):
        assert "unknown pose format" in refused(array)
    objects = tmp_path / "objects.npy"
    np.save(objects, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "damaged NumPy file" in refused(objects)  # a pickle is never opened
    whole = tmp_path / "whole.npy"
    np.save(whole, np.zeros((100, 18, 2)))
    whole.write_bytes(whole.read_bytes()[:500])
    assert "damaged NumPy file" in refused(whole)


def test_a_numpy_header_that_promises_too_much(tmp_path):
    path = tmp_path / "huge.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 18, 2)})
    assert "damaged NumPy file" in refused(path)


def test_too_large_a_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(65_000_000)  # a hole: no disk space
    assert "65 MB is too large" in refused(path)


def test_missing_file_and_folder(tmp_path):
    assert "No such file" in refused(tmp_path / "none.json")
    assert "directory" in refused(tmp_path)
    assert "cannot be opened" in refused("a\0b")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-300, 300) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=20)
        | st.dictionaries(
            st.sampled_from(["people", "keypoints", "pose_keypoints_2d", "annotations", "images", "size", "format", "width", "height"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=60,
)


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_any_json_is_a_pose_or_a_pose_error(data):
    for source in (json.dumps({"keypoints": data}), json.dumps({"people": [{"pose_keypoints_2d": data}]}), json.dumps(data)):
        if source[0] in "[{":
            try:
                read_pose(source)
            except PoseError as error:
                assert "\n" not in str(error)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x93NUMPY\x01\x00", b"a:[", b'{"people":']))
def test_any_bytes_are_a_pose_error(tmp_path_factory, content, head):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(head + content)
    with pytest.raises(PoseError):
        read_pose(path)


# -- out and back ----------------------------------------------------------------------------------------------------

FORMATS = ["posetransfer", "openpose-18", "openpose-25", "coco-17", "patn-rows", "numpy"]
jitter = st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=18, max_size=18)
scores = st.lists(st.floats(0.01, 1), min_size=18, max_size=18)


@settings(max_examples=60, deadline=None)
@given(jitter, scores, st.sets(st.integers(0, 17), max_size=15), st.sampled_from(FORMATS))
def test_what_is_written_comes_back(tmp_path_factory, shifts, score, gone, form):
    pose = Pose(POSE.points + np.array(shifts), SIZE, score).without(*(KEYPOINTS[j] for j in gone))
    path = tmp_path_factory.getbasetemp() / "pose.out"
    if form == "coco-17":
        pose = pose.without("neck")
    if not pose.present.any():
        return
    write_pose(pose, path, form)
    assert pose_format(path) == form
    back = read_pose(path, size=SIZE)
    if form == "coco-17":
        back = back.without("neck")
    if form == "patn-rows":
        np.testing.assert_array_equal(back.points, np.rint(pose.points))
        np.testing.assert_array_equal(back.present, pose.present)
    else:
        assert back == pose


@pytest.mark.parametrize("form", FORMATS)
def test_several_people_come_back(tmp_path, form):
    people = [POSE, POSE.moved(5, 3)]
    write_pose(people, tmp_path / "two", form)
    back = read_poses(tmp_path / "two", size=SIZE)
    assert [pose.without("neck") for pose in back] == [pose.without("neck") for pose in people]


def test_our_own_form_keeps_everything(tmp_path):
    pose = Pose({"nose": (0, 0), "neck": (-1.25, 400)}, (10, 20), np.linspace(0, 0.9, 18))
    write_pose(pose, tmp_path / "pose.json")
    assert read_pose(tmp_path / "pose.json") == pose


def test_openpose_25_has_the_middle_of_the_hips(tmp_path):
    write_pose(POSE, tmp_path / "pose.json", "openpose-25")
    numbers = json.loads((tmp_path / "pose.json").read_text())["people"][0]["pose_keypoints_2d"]
    assert numbers[BODY25.index("mid_hip") * 3 :][:3] == [90, 116, 1]


def test_wrong_requests(tmp_path):
    with pytest.raises(ValueError, match="use one of posetransfer"):
        write_pose(POSE, tmp_path / "a", "mediapipe")
    with pytest.raises(ValueError, match="one picture"):
        write_pose([POSE, POSE.scaled((9, 9))], tmp_path / "a")
    with pytest.raises(ValueError, match="one picture"):
        write_pose([], tmp_path / "a")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        write_pose(POSE, tmp_path / "file" / "a.json")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
