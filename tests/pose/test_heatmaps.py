"""Heat maps against the formula written out, numpy against torch, and back to joints."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posetransfer.pose import KEYPOINTS, Pose, draw_heatmaps, draw_heatmaps_batch, read_heatmaps

coordinate = st.one_of(
    st.just(float("nan")), st.floats(-30, 90), st.integers(-5, 70).map(float), st.integers(-5, 70).map(lambda n: n + 0.5)
)
points = st.lists(st.tuples(coordinate, coordinate), min_size=18, max_size=18)
sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


def formula(pose, sigma):
    """The paper's bump, pixel by pixel, as its words say it."""
    maps = np.zeros((18, *pose.size))
    for j in range(18):
        if pose.present[j]:
            for y in range(pose.size[0]):
                for x in range(pose.size[1]):
                    maps[j, y, x] = np.exp(-((y - pose.points[j, 1]) ** 2 + (x - pose.points[j, 0]) ** 2) / (2 * sigma**2))
    return maps


def test_gaussian_is_the_formula():
    pose = Pose({"nose": (3.3, 2), "neck": (-4, 5), "left_ankle": (8, 30)}, size=(12, 9))
    np.testing.assert_allclose(draw_heatmaps(pose, sigma=6), formula(pose, 6), atol=1e-6)
    np.testing.assert_allclose(draw_heatmaps(pose, sigma=1.5), formula(pose, 1.5), atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(points, sizes, st.sampled_from([0.7, 1.5, 6.0]))
def test_no_value_is_so_small_that_a_processor_slows_down_for_it(xy, size, sigma):
    """Far tails were subnormal floats: the fp32 network took twice its time on them."""
    pose = Pose(xy, size)
    for maps in (draw_heatmaps(pose, sigma), draw_heatmaps_batch(torch.from_numpy(pose.points.copy())[None], size, sigma)[0].numpy()):
        assert maps.dtype == np.float32
        np.testing.assert_allclose(maps, formula(pose, sigma), rtol=0, atol=1e-6)
        assert not ((maps > 0) & (maps < 0.999e-24)).any()


def test_a_joint_outside_draws_its_tail_but_no_impulse():
    pose = Pose({"nose": (-3, 4)}, size=(10, 10))
    assert draw_heatmaps(pose, sigma=6)[0, 4, 0] == pytest.approx(np.exp(-9 / 72))
    assert not draw_heatmaps(pose, kind="impulse").any()


def test_a_missing_joint_has_an_empty_map():
    for kind in ("gaussian", "impulse"):
        maps = draw_heatmaps(Pose({"nose": (1, 1)}, size=(4, 4)), kind=kind)
        assert maps[0].any()
        assert not maps[1:].any()
        assert maps.dtype == np.float32


def test_impulse_is_the_nearest_pixel():
    maps = draw_heatmaps(Pose({"nose": (3.4, 1.6)}, size=(6, 8)), kind="impulse")
    assert np.argwhere(maps).tolist() == [[0, 2, 3]]
    assert maps[0, 2, 3] == 1


@settings(max_examples=80, deadline=None)
@given(points, sizes, st.sampled_from([0.7, 2.0, 6.0]), st.sampled_from(["gaussian", "impulse"]))
def test_torch_draws_the_same_maps(xy, size, sigma, kind):
    pose = Pose(xy, size)
    expected = draw_heatmaps(pose, sigma, kind)
    for dtype in (torch.float64, torch.float32):
        # a coordinate that float32 cannot hold is another coordinate: round first
        given_points = torch.tensor(pose.points.astype(np.float32), dtype=dtype)
        rounded = draw_heatmaps(Pose(pose.points.astype(np.float32), size), sigma, kind)
        batch = draw_heatmaps_batch(torch.stack([given_points, given_points]), size, sigma, kind)
        assert batch.dtype == torch.float32
        assert batch.shape == (2, *expected.shape)
        np.testing.assert_allclose(batch[1].numpy(), rounded, atol=1e-6)


@pytest.mark.parametrize("bad", [{"sigma": 0.0}, {"sigma": -1.0}, {"sigma": float("nan")}, {"kind": "disc"}])
def test_wrong_settings(bad):
    with pytest.raises(ValueError, match=r"sigma|disc"):
        draw_heatmaps(Pose({}, (4, 4)), **bad)
    with pytest.raises(ValueError, match=r"sigma|disc"):
        draw_heatmaps_batch(torch.zeros(1, 18, 2), (4, 4), **bad)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(1, 38), st.floats(1, 28)), min_size=18, max_size=18), st.sets(st.integers(0, 17)))
def test_gaussian_maps_give_the_joints_back(xy, gone):
    pose = Pose(xy, (30, 40)).without(*(KEYPOINTS[j] for j in gone))
    back = read_heatmaps(draw_heatmaps(pose, sigma=3))
    np.testing.assert_array_equal(back.present, pose.present)
    np.testing.assert_allclose(back.points, pose.points, atol=0.01)
    assert back.size == pose.size


def test_impulse_maps_give_the_pixels_back():
    pose = Pose({"nose": (3.4, 1.6), "neck": (0, 0)}, size=(6, 8))
    back = read_heatmaps(draw_heatmaps(pose, kind="impulse"))
    assert back.joint("nose") == (3, 2)
    assert back.joint("neck") == (0, 0)
    assert back.joint("left_hip") is None


def test_mirrored_left_wrist_becomes_a_right_wrist():
    # Mirroring the 18 maps as pictures would leave the wrist in the left-hand channel.
    maps = draw_heatmaps(Pose({"left_wrist": (10, 5)}, size=(64, 32)).mirrored())
    assert maps[KEYPOINTS.index("right_wrist"), 5, 21] == 1
    assert not maps[KEYPOINTS.index("left_wrist")].any()


def test_flat_maps_and_wrong_shapes():
    assert not read_heatmaps(np.full((18, 5, 5), 0.05)).present.any()
    assert read_heatmaps(np.full((18, 5, 5), 0.5)).present.all()
    with pytest.raises(ValueError, match="18 maps"):
        read_heatmaps(np.zeros((17, 5, 5)))
