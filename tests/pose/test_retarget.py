"""Retargeting: whose limbs, whose angles, and where the figure stands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetransfer.pose import INDEX, KEYPOINTS, LIMBS, Pose
from posetransfer.pose.retarget import retarget  # not from the package: pytest may have put the module of that name there

STANDING = {
    "nose": (50, 12), "neck": (50, 25), "right_shoulder": (40, 26), "left_shoulder": (60, 26),
    "right_elbow": (36, 42), "left_elbow": (64, 42), "right_wrist": (34, 56), "left_wrist": (66, 56),
    "right_hip": (44, 55), "left_hip": (56, 55), "right_knee": (43, 78), "left_knee": (57, 78),
    "right_ankle": (43, 100), "left_ankle": (57, 100),
    "right_eye": (48, 10), "left_eye": (52, 10), "right_ear": (45, 12), "left_ear": (55, 12),
}  # fmt: skip
SOURCE = Pose(STANDING, size=(120, 100))


def arms_up(pose):
    """The same body with both arms raised."""
    points = pose.points.copy()
    for side in ("right", "left"):
        shoulder = points[INDEX[f"{side}_shoulder"]]
        for joint in ("elbow", "wrist"):
            points[INDEX[f"{side}_{joint}"], 1] = 2 * shoulder[1] - points[INDEX[f"{side}_{joint}"], 1]
    return Pose(points, pose.size, pose.score)


def enlarged(pose, factor, limbs=()):
    """Another body: everything `factor` larger, and the limbs that lead to `limbs` twice as long again... or shorter."""
    points = pose.points * factor
    for child, times in limbs:
        for side in ("right", "left"):
            j = INDEX[f"{side}_{child}"]
            parent = next(p for p, c in LIMBS if c == j)
            shift = (times - 1) * (points[j] - points[parent])
            below = {"knee": ("knee", "ankle"), "elbow": ("elbow", "wrist")}.get(child, (child,))
            for name in below:
                points[INDEX[f"{side}_{name}"]] += shift
    return Pose(points, (round(pose.size[0] * factor), round(pose.size[1] * factor)), pose.score)


def limb_vectors(pose):
    return np.array([pose.points[c] - pose.points[p] for p, c in LIMBS])


def test_none_returns_the_target_itself():
    target = enlarged(arms_up(SOURCE), 3)
    assert retarget(target, SOURCE, "none") is target


@pytest.mark.parametrize("mode", ["scale", "limbs"])
def test_a_giant_in_another_corner_comes_back_as_the_source_would_stand(mode):
    target = enlarged(arms_up(SOURCE), 3).moved(200, -40, (700, 900))
    result = retarget(target, SOURCE, mode)
    assert result.size == SOURCE.size
    np.testing.assert_allclose(result.points, arms_up(SOURCE).points, atol=1e-9)


def test_limbs_have_the_sources_lengths_and_the_targets_angles():
    # the target: a giant with short legs and long arms
    target = enlarged(arms_up(SOURCE), 2.5, [("knee", 0.7), ("ankle", 0.8), ("elbow", 1.3), ("wrist", 1.2)])
    result = retarget(target, SOURCE, "limbs")
    lengths, angles = np.hypot(*limb_vectors(result).T), np.arctan2(*limb_vectors(result).T)
    np.testing.assert_allclose(lengths, np.hypot(*limb_vectors(SOURCE).T), rtol=1e-6)
    np.testing.assert_allclose(angles, np.arctan2(*limb_vectors(target).T), atol=1e-6)
    # where `scale` keeps the gorilla
    scaled = retarget(target, SOURCE, "scale")
    assert np.hypot(*limb_vectors(scaled)[2]) > 1.3 * lengths[2]


def test_a_wide_source_keeps_its_shoulders():
    wide = Pose(STANDING | {"right_shoulder": (36, 26), "left_shoulder": (64, 26)}, SOURCE.size)
    result = retarget(arms_up(SOURCE), wide, "limbs")
    assert result.joint("left_shoulder")[0] - result.joint("right_shoulder")[0] == pytest.approx(28)


def test_a_target_seen_from_the_side_keeps_its_narrow_shoulders():
    # Shoulders of a side view are a few pixels apart; the length of the source's would tear the figure apart.
    side = {name: (50 + (x - 50) * 0.15, y) for name, (x, y) in STANDING.items()}
    result = retarget(Pose(side, SOURCE.size), SOURCE, "limbs")
    assert abs(result.joint("left_shoulder")[0] - result.joint("right_shoulder")[0]) < 4


def test_a_limb_that_points_at_the_camera_stays_short():
    target = Pose(STANDING | {"right_elbow": (40, 30), "right_wrist": (40, 33)}, SOURCE.size)
    result = retarget(target, SOURCE, "limbs")
    np.testing.assert_allclose(result.points, target.points, atol=1e-9)


def test_the_sources_mirror_limb_stands_in_for_a_missing_one():
    short_arms = enlarged(SOURCE, 1, [("elbow", 0.6), ("wrist", 0.6)])
    whole = retarget(arms_up(SOURCE), short_arms, "limbs")
    one_armed = retarget(arms_up(SOURCE), short_arms.without("left_elbow", "left_wrist"), "limbs")
    np.testing.assert_allclose(one_armed.points, whole.points, atol=1e-9)


def test_limbs_that_the_source_does_not_show_follow_the_scale_of_the_body():
    bust = enlarged(SOURCE, 2).without(*(f"{s}_{j}" for s in ("right", "left") for j in ("knee", "ankle")))
    result = retarget(arms_up(SOURCE), bust, "limbs")
    np.testing.assert_allclose(result.points, 2 * arms_up(SOURCE).points, atol=1e-9)


def test_feet_stand_on_the_sources_ground_and_hips_over_its_hips():
    crouching = Pose(
        STANDING | {"right_knee": (35, 62), "left_knee": (65, 62), "right_ankle": (43, 80), "left_ankle": (57, 80)}, SOURCE.size
    ).moved(13, -9)
    for mode in ("scale", "limbs"):
        result = retarget(crouching, SOURCE, mode)
        assert max(result.joint("right_ankle")[1], result.joint("left_ankle")[1]) == pytest.approx(100)
        assert (result.joint("right_hip")[0] + result.joint("left_hip")[0]) / 2 == pytest.approx(50)


def test_half_bodies_are_laid_hip_on_hip_then_neck_on_neck():
    no_ankles = arms_up(SOURCE).moved(30, 30).without("right_ankle", "left_ankle")
    result = retarget(no_ankles, SOURCE, "limbs")
    np.testing.assert_allclose(result.points, arms_up(SOURCE).without("right_ankle", "left_ankle").points, atol=1e-9)
    head = [name for name in KEYPOINTS if any(word in name for word in ("nose", "neck", "shoulder", "eye", "ear"))]
    portrait = Pose({name: STANDING[name] for name in head}, SOURCE.size)
    moved = enlarged(portrait, 4).moved(7, 3)
    np.testing.assert_allclose(retarget(moved, portrait, "scale").points, portrait.points, atol=1e-9)
    np.testing.assert_allclose(retarget(moved, SOURCE, "limbs").points[:2], SOURCE.points[:2], atol=1e-9)


joints = st.sets(st.sampled_from(KEYPOINTS))


@settings(max_examples=150, deadline=None)
@given(joints, joints, st.sampled_from(["scale", "limbs"]), st.floats(0.2, 5), st.integers(0, 2**32 - 1))
def test_any_joints_may_be_missing(gone, gone_from_source, mode, size, seed):
    noise = np.random.default_rng(seed).normal(0, 6, (18, 2))
    target = Pose(SOURCE.points * size + noise, (round(120 * size), round(100 * size))).without(*gone)
    source = SOURCE.without(*gone_from_source)
    result = retarget(target, source, mode)
    np.testing.assert_array_equal(result.present, target.present)
    assert result.size == source.size
    np.testing.assert_array_equal(result.score, target.score)


@settings(max_examples=80, deadline=None)
@given(joints, st.sampled_from(["scale", "limbs"]))
def test_a_pose_fits_its_own_body_unchanged(gone, mode):
    pose = SOURCE.without(*gone)
    np.testing.assert_allclose(retarget(pose, pose, mode).points, pose.points, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(joints, joints, st.sampled_from(["scale", "limbs"]), st.floats(0.3, 3), st.tuples(st.floats(-99, 99), st.floats(-99, 99)))
def test_where_and_how_large_the_target_was_does_not_matter(gone, gone_from_source, mode, factor, shift):
    target, source = arms_up(SOURCE).without(*gone), SOURCE.without(*gone_from_source)
    if (target.present & source.present).sum() < 2:  # nothing to compare: the size of the pictures decides
        return
    other = enlarged(target, factor).moved(*shift)
    np.testing.assert_allclose(retarget(other, source, mode).points, retarget(target, source, mode).points, atol=1e-6)


def test_unknown_mode():
    with pytest.raises(ValueError, match="none, scale, limbs"):
        retarget(SOURCE, SOURCE, "bones")
