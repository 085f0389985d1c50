"""The Pose contract, and the one-pixel test: what happens to a painted pixel must happen to the joint on it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetransfer.errors import PoseError
from posetransfer.image import resize
from posetransfer.pose import INDEX, KEYPOINTS, LIMBS, MIRRORED, Pose
from posetransfer.pose.skeleton import BODY25, COCO17

coordinate = st.one_of(st.just(float("nan")), st.floats(-300, 300))
any_points = st.lists(st.tuples(coordinate, coordinate), min_size=18, max_size=18)
sizes = st.tuples(st.integers(4, 70), st.integers(4, 70))


@st.composite
def painted(draw):
    """A picture with one white pixel, and a pose whose joint lies on it; other joints anywhere, or missing."""
    height, width = draw(sizes)
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    name = draw(st.sampled_from(KEYPOINTS))
    points = np.array(draw(any_points))
    points[INDEX[name]] = x, y
    picture = np.zeros((height, width, 3), np.uint8)
    picture[y, x] = 255
    return picture, Pose(points, (height, width)), name


def white(picture):
    """(x, y) of the brightest pixel."""
    y, x = np.unravel_index(picture[:, :, 0].argmax(), picture.shape[:2])
    return float(x), float(y)


# -- the one-pixel test ----------------------------------------------------------------------------------------------


@given(painted())
def test_mirrored(example):
    picture, pose, name = example
    twin = KEYPOINTS[MIRRORED[INDEX[name]]]
    assert pose.mirrored().joint(twin) == white(picture[:, ::-1])
    assert pose.mirrored().size == pose.size
    # back where it was, but for the rounding of fractions
    np.testing.assert_allclose(pose.mirrored().mirrored().points, pose.points, atol=1e-9)


@given(painted(), st.data())
def test_cropped(example, data):
    picture, pose, name = example
    x, y = white(picture)
    left, top = data.draw(st.integers(0, int(x)), "left"), data.draw(st.integers(0, int(y)), "top")
    width = data.draw(st.integers(int(x) - left + 1, picture.shape[1] - left), "width")
    height = data.draw(st.integers(int(y) - top + 1, picture.shape[0] - top), "height")
    cropped = pose.cropped(left, top, (height, width))
    assert cropped.size == (height, width)
    assert cropped.joint(name) == white(picture[top : top + height, left : left + width])
    assert cropped.inside[INDEX[name]]


@given(painted(), st.integers(0, 20), st.integers(0, 20))
def test_moved(example, dx, dy):
    picture, pose, name = example
    larger = np.pad(picture, ((dy, 0), (dx, 0), (0, 0)))  # a border on the left and on top
    assert pose.moved(dx, dy, larger.shape[:2]).joint(name) == white(larger)


@settings(deadline=None)
@given(painted(), st.integers(1, 5), st.integers(1, 5))
def test_scaled_up_the_joint_is_the_middle_of_the_enlarged_pixel(example, down, across):
    picture, pose, name = example
    large = picture.repeat(down, axis=0).repeat(across, axis=1)  # every pixel becomes a block: exact, no library
    y, x = np.nonzero(large[:, :, 0])
    np.testing.assert_allclose(pose.scaled(large.shape[:2]).joint(name), (x.mean(), y.mean()), atol=1e-9)


@settings(deadline=None)
@given(painted(), sizes)
def test_scaled_to_any_size_the_joint_stays_within_half_a_pixel_of_the_light(example, size):
    picture, pose, name = example
    x, y = white(picture)
    if not (2 <= x < picture.shape[1] - 2 and 2 <= y < picture.shape[0] - 2):
        return  # the filter is cut off at the border, and the light's centre with it
    if size[0] < picture.shape[0] / 4 or size[1] < picture.shape[1] / 4:
        return  # one pixel among sixteen is too dark for 8 bits
    light = resize(picture, size)[:, :, 0].astype(float)
    rows, columns = np.mgrid[: size[0], : size[1]]
    centre = (light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()
    scale = max(1, size[0] / picture.shape[0], size[1] / picture.shape[1])
    np.testing.assert_allclose(pose.scaled(size).joint(name), centre, atol=0.5 * scale)


@given(any_points, sizes, sizes)
def test_scaling_there_and_back(points, size, other):
    pose = Pose(points, size)
    back = pose.scaled(other).scaled(size)
    np.testing.assert_allclose(back.points, pose.points, atol=1e-6)
    np.testing.assert_array_equal(back.present, pose.present)


@given(any_points, sizes)
def test_mirroring_commutes_with_scaling(points, size):
    pose, other = Pose(points, size), (size[0] * 2, size[1] * 3)
    np.testing.assert_allclose(pose.mirrored().scaled(other).points, pose.scaled(other).mirrored().points, atol=1e-9)


# -- values ----------------------------------------------------------------------------------------------------------


def test_left_becomes_right_in_the_mirror_with_its_score():
    pose = Pose({"left_wrist": (10, 5), "nose": (3, 4)}, (64, 32), np.linspace(0.1, 1, 18))
    mirrored = pose.mirrored()
    assert mirrored.joint("right_wrist") == (21, 5)
    assert mirrored.joint("left_wrist") is None
    assert mirrored.joint("nose") == (28, 4)
    assert mirrored.score[INDEX["right_wrist"]] == pose.score[INDEX["left_wrist"]]


def test_half_a_joint_is_a_missing_joint():
    points = np.full((18, 2), 5.0)
    points[3, 1] = np.nan
    pose = Pose(points, (10, 10), np.full(18, 0.7))
    assert pose.joint("right_elbow") is None
    assert np.isnan(pose.points[3]).all()
    assert pose.score[3] == 0
    assert pose.score[4] == 0.7


def test_inside_ends_at_the_outer_edges_of_the_border_pixels():
    pose = Pose({"nose": (-0.5, -0.5), "neck": (-0.51, 3), "left_hip": (9.49, 3), "right_hip": (9.5, 3), "left_eye": (3, 7.5)}, (8, 10))
    assert [KEYPOINTS[j] for j in np.flatnonzero(pose.inside)] == ["nose", "left_hip"]


def test_a_pose_cannot_be_changed_and_shares_nothing():
    points = np.ones((18, 2))
    pose = Pose(points, (4, 4))
    points[:] = 3
    assert pose.joint("nose") == (1, 1)
    with pytest.raises(ValueError, match="read-only"):
        pose.points[0] = 2
    with pytest.raises(AttributeError):
        pose.size = (1, 1)


def test_equal_poses_are_one_key():
    one, two = (Pose({"nose": (1, 2)}, (4, 4)) for _ in range(2))
    assert one == two
    assert len({one, two}) == 1
    assert one != Pose({"nose": (1, 2)}, (4, 5))
    assert one != Pose({"nose": (1, 2)}, (4, 4), np.full(18, 0.5))
    assert one != "nose"


def test_box_and_without():
    pose = Pose({"nose": (1, 9), "neck": (5, 2)}, (10, 10))
    assert pose.box() == (1, 2, 5, 9)
    assert pose.without("nose").box() == (5, 2, 5, 2)
    with pytest.raises(PoseError, match="no joint at all"):
        pose.without("nose", "neck").box()


@pytest.mark.parametrize(
    ("points", "size", "score", "words"),
    [
        (np.zeros((17, 2)), (4, 4), None, r"18 points.*\(17, 2\)"),
        (np.full((18, 2), np.inf), (4, 4), None, "nose has an infinite"),
        ({"knee": (1, 2)}, (4, 4), None, "unknown joint 'knee'"),
        (np.zeros((18, 2)), (0, 4), None, "height, width"),
        (np.zeros((18, 2)), (4, 4), np.ones(17), r"18 scores.*\(17,\)"),
    ],
)
def test_what_is_no_pose(points, size, score, words):
    with pytest.raises(PoseError, match=words):
        Pose(points, size, score)


# -- the skeleton ----------------------------------------------------------------------------------------------------


def test_the_order_is_openposes():
    assert len(KEYPOINTS) == len(set(KEYPOINTS)) == 18
    assert [INDEX[name] for name in ("nose", "neck", "right_wrist", "left_wrist", "right_hip", "left_ankle", "right_eye", "left_ear")] == [
        0, 1, 4, 7, 8, 13, 14, 17,
    ]  # fmt: skip


def test_mirroring_twice_is_nothing_and_swaps_all_sides():
    assert [MIRRORED[MIRRORED[i]] for i in range(18)] == list(range(18))
    assert [i for i in range(18) if MIRRORED[i] == i] == [INDEX["nose"], INDEX["neck"]]


def test_limbs_are_a_tree_from_the_neck():
    reached = {INDEX["neck"]}
    for parent, child in LIMBS:
        assert parent in reached
        assert child not in reached
        reached.add(child)
    assert reached == set(range(18))


def test_other_orders_hold_our_names():
    assert set(KEYPOINTS) - set(COCO17) == {"neck"}
    assert len(COCO17) == len(set(COCO17)) == 17
    assert set(KEYPOINTS) <= set(BODY25)
    assert len(BODY25) == len(set(BODY25)) == 25
