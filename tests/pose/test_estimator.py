import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from posetransfer.errors import NoPersonFound
from posetransfer.image import load_photo
from posetransfer.pose.estimator import LEAST_JOINTS, VISIBLE, Estimator
from posetransfer.pose.skeleton import INDEX
from posetransfer.window import cut, whole

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"
BODY = slice(INDEX["right_shoulder"], INDEX["left_ankle"] + 1)


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator(threads=1)


@pytest.fixture(scope="module")
def standing() -> np.ndarray:
    return load_photo(PHOTOS / "man_standing.jpg")


def distance(a, b) -> np.ndarray:
    """Pixels between the body joints of two poses."""
    return np.hypot(*(a.points[BODY] - b.points[BODY]).T)


def test_joints_lie_where_a_viewer_put_them(estimator, standing):
    # Placed by hand on the photo enlarged under a grid; the man is 350 pixels high, a few pixels of doubt each.
    by_hand = {
        "nose": (222, 108), "right_shoulder": (180, 148), "right_elbow": (167, 212), "right_wrist": (163, 262),
        "right_knee": (190, 332), "left_knee": (240, 330), "right_ankle": (195, 405), "left_ankle": (240, 405),
    }  # fmt: skip
    pose = estimator(standing)
    for name, (x, y) in by_hand.items():
        assert np.hypot(*(np.array(pose.joint(name)) - (x, y))) < 12, name
    assert pose.size == standing.shape[:2]


def test_right_is_the_persons_right(estimator, standing):
    pose = estimator(standing)  # seen from the front: the person's right is on the picture's left
    for part in ("shoulder", "hip", "knee", "ankle"):
        assert pose.joint(f"right_{part}")[0] < pose.joint(f"left_{part}")[0]


def test_mirrored_photo_gives_the_mirrored_pose(estimator, standing):
    here, there = estimator(standing), estimator(np.ascontiguousarray(standing[:, ::-1])).mirrored()
    torso = np.hypot(*(np.array(here.joint("neck")) - here.joint("right_hip")))
    assert np.nanmax(distance(here, there)) < 0.15 * torso


def test_neck_is_the_middle_of_the_shoulders(estimator, standing):
    pose = estimator(standing)
    middle = (np.array(pose.joint("right_shoulder")) + pose.joint("left_shoulder")) / 2
    np.testing.assert_allclose(pose.joint("neck"), middle)
    assert pose.score[INDEX["neck"]] <= min(pose.score[INDEX["right_shoulder"]], pose.score[INDEX["left_shoulder"]])


def test_pose_follows_the_person_into_a_far_larger_photo(estimator, standing):
    wide = np.full((900, 1600, 3), 128, np.uint8)
    wide[300 : 300 + standing.shape[0], 1000 : 1000 + standing.shape[1]] = standing
    moved = estimator(wide).moved(-1000, -300, standing.shape[:2])
    found = distance(estimator(standing), moved)
    assert np.isfinite(found).sum() >= 10
    assert np.nanmax(found) < 20


def test_size_of_the_photo_does_not_matter(estimator, standing):
    small = cut(standing, whole(standing.shape[:2]), (150, 135))
    assert np.nanmax(distance(estimator(small).scaled(standing.shape[:2]), estimator(standing))) < 20


def test_several_people_largest_first_and_the_nth_by_request(estimator):
    photo = load_photo(PHOTOS / "man_balance.jpg")  # a second person stands behind, small
    people = estimator.all(photo)
    assert len(people) == 2
    heights = [pose.box()[3] - pose.box()[1] for pose in people]
    assert heights[0] > 1.5 * heights[1]
    assert estimator(photo) == people[0] == estimator(photo, person=0)
    assert estimator(photo, person=1) == people[1]
    assert people[1].joint("neck")[0] > people[0].joint("neck")[0]


@pytest.mark.parametrize("person", [2, -1])
def test_a_person_too_many_is_refused_with_the_number_there_is(estimator, person):
    with pytest.raises(NoPersonFound, match=rf"lab: person {person} was asked for .* shows 2; give a number from 0 to 1"):
        estimator(load_photo(PHOTOS / "man_balance.jpg"), person=person, name="lab")


def test_where_one_person_is_a_second_is_refused_without_a_range_of_one(estimator, standing):
    with pytest.raises(NoPersonFound, match=r"lab: person 3 was asked for .* shows only one; give 0 or no number\.$"):
        estimator(standing, person=3, name="lab")


def test_two_people_side_by_side_are_two(estimator):
    man, woman = load_photo(PHOTOS / "man_standing.jpg"), load_photo(PHOTOS / "woman_stride.jpg")
    both = np.concatenate([man, cut(woman, whole(woman.shape[:2]), (445, 334))], axis=1)
    middles = sorted(pose.joint("right_hip")[0] for pose in estimator.all(both))
    assert len(middles) == 2
    assert middles[0] < 400 < middles[1]


def test_a_box_looks_there_only(estimator):
    photo = load_photo(PHOTOS / "man_balance.jpg")
    behind = estimator(photo, person=1)
    assert np.nanmax(distance(estimator(photo, box=behind.box()), behind)) < 15


def test_joints_below_the_threshold_are_missing(estimator):
    half = load_photo(PHOTOS / "man_standing.jpg")[:270]  # down to the hips
    pose = estimator(half)
    assert not pose.present[[INDEX["right_ankle"], INDEX["left_ankle"]]].any()
    assert pose.present[[INDEX["right_shoulder"], INDEX["left_shoulder"]]].all()
    assert (pose.score[pose.present] >= VISIBLE).all()
    assert pose.inside[pose.present].all()


@pytest.mark.parametrize("kind", ["black", "noise", "stripes", "one pixel"])
def test_nobody_is_said_with_the_scores(estimator, kind):
    photo = {
        "black": np.zeros((200, 300, 3), np.uint8),
        "noise": np.random.default_rng(0).integers(0, 256, (200, 150, 3), dtype=np.uint8),
        "stripes": np.tile(np.array([[0], [255]], np.uint8).repeat(8, axis=0)[:, :, None], (12, 180, 3)),
        "one pixel": np.zeros((1, 1, 3), np.uint8),
    }[kind]
    with pytest.raises(
        NoPersonFound, match=rf"^wall\.png: no person found \(\d of 12 body joints .* needed {LEAST_JOINTS}; best score 0\.\d\d"
    ):
        estimator(photo, name="wall.png")
    assert estimator.all(photo) == []


def test_a_head_alone_is_too_few_joints(estimator, standing):
    with pytest.raises(NoPersonFound, match="give the pose as a file"):
        estimator(standing[70:130, 180:250])


def test_networks_are_opened_at_the_first_call_only():
    code = (
        "import sys; from posetransfer.pose.estimator import Estimator; from posetransfer.cutout import Cutout; Estimator(); Cutout();"
        "assert 'onnxruntime' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(Path(__file__).parents[2] / "src")})
