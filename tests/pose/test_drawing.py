"""Drawn skeletons: in the right place, in the right colours, at any size."""

import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetransfer.pose import INDEX, KEYPOINTS, Pose, draw_pose

coordinate = st.one_of(st.just(float("nan")), st.floats(-50, 150), st.sampled_from([1e9, -1e9, 0.0]))


def centre_of_colour(picture):
    weight = picture.astype(float).sum(axis=2)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()


@pytest.mark.parametrize("size", [(16, 16), (64, 44), (256, 176), (1500, 1000)])
@pytest.mark.parametrize("at", [(0.5, 0.5), (0.31, 0.77)])
def test_a_joint_is_drawn_around_its_pixel(size, at):
    x, y = at[0] * size[1], at[1] * size[0]
    picture = draw_pose(Pose({"neck": (x, y)}, size))
    np.testing.assert_allclose(centre_of_colour(picture), (x, y), atol=0.25)


@pytest.mark.parametrize("name", KEYPOINTS)
def test_the_hue_names_the_joint(name):
    picture = draw_pose(Pose({name: (20, 20)}, (41, 41)), thickness=9)
    hue = colorsys.rgb_to_hsv(*(picture[20, 20] / 255))[0]
    assert hue == pytest.approx(INDEX[name] / 18, abs=0.01)


def test_edges_are_smooth():
    picture = draw_pose(Pose({"neck": (10, 10), "right_hip": (90, 60)}, (80, 100)), thickness=6)
    assert len(np.unique(picture[:, :, 1])) > 20


def test_a_limb_needs_both_ends():
    both = draw_pose(Pose({"right_hip": (10, 10), "right_knee": (10, 50)}, (64, 20)))
    apart = draw_pose(Pose({"right_hip": (10, 10), "right_ankle": (10, 50)}, (64, 20)))
    assert both[30, 10].any()
    assert not apart[30, 10].any()


def test_over_a_picture_only_the_skeleton_changes_it():
    photo = np.random.default_rng(0).integers(0, 256, (60, 50, 3), dtype=np.uint8)
    before = photo.copy()
    pose = Pose({"neck": (25, 20), "nose": (25, 10)}, (60, 50))
    picture = draw_pose(pose, photo)
    np.testing.assert_array_equal(photo, before)
    np.testing.assert_array_equal(picture[40:], photo[40:])
    assert (picture[20, 25] != photo[20, 25]).any()
    np.testing.assert_array_equal(draw_pose(pose, photo, opacity=0), photo)
    np.testing.assert_array_equal(draw_pose(Pose({}, (60, 50)), photo), photo)


def test_another_size_is_refused():
    with pytest.raises(ValueError, match="belongs to one of"):
        draw_pose(Pose({}, (60, 50)), np.zeros((50, 60, 3), np.uint8))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(coordinate, coordinate), min_size=18, max_size=18), st.tuples(st.integers(1, 90), st.integers(1, 90)))
def test_any_pose_can_be_drawn(points, size):
    picture = draw_pose(Pose(points, size))
    assert picture.shape == (*size, 3)
    assert picture.dtype == np.uint8
