"""Augmentation moves picture, pose and mask together: painted pixels must stay under their joints."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetransfer.config import Augmentation
from posetransfer.data.augment import Example, augment_pair, compress, draw_background, mirror, move, replace_background
from posetransfer.pose.pose import Pose
from posetransfer.pose.skeleton import INDEX, KEYPOINTS, MIRRORED

SIZE = (96, 64)
ALL = Augmentation(
    flip=0.5, colour=0.2, shift=0.1, scale=0.2, blur=1.0, noise=5.0, joint_jitter=0.005, joint_dropout=0.1, half_body=0.3, mask_error=0.5,
    light=0.3, jpeg=0.5, background=0.5, estimator_error=1.0, target_error=1.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def example():
    """A standing figure with a grey disc in picture and mask under every joint."""
    right = {
        "shoulder": (24, 22),
        "elbow": (20, 34),
        "wrist": (18, 46),
        "hip": (27, 48),
        "knee": (26, 64),
        "ankle": (26, 82),
        "eye": (30, 10),
    }
    joints = {"nose": (32, 13), "neck": (32, 20)} | {f"right_{name}": xy for name, xy in right.items()}
    joints |= {f"left_{name}": (63 - x, y + 1) for name, (x, y) in right.items()}
    pose = Pose(joints, SIZE)
    picture, mask = np.full((*SIZE, 3), 60, np.uint8), np.zeros(SIZE, np.uint8)
    for x, y in pose.points[pose.present].astype(int):
        mask[y - 1 : y + 2, x - 1 : x + 2] = 255
        picture[y - 1 : y + 2, x - 1 : x + 2] = 250
    return Example(picture, mask, pose)


def brightness_under_joints(example):
    points = example.pose.points[example.pose.present].round().astype(int)
    return example.picture[points[:, 1], points[:, 0]].mean(axis=1), example.mask[points[:, 1], points[:, 0]]


@pytest.mark.parametrize("seed", range(20))
def test_shift_and_scale_keep_joints_on_their_pixels(example, seed):
    moved = move(example, shift=0.15, scale=0.25, rng=np.random.default_rng(seed))
    assert not np.allclose(moved.pose.points, example.pose.points, equal_nan=True)
    seen, mask = brightness_under_joints(moved)
    assert len(seen) >= 10 and seen.min() > 150 and mask.min() > 120


def test_a_mirrored_joint_changes_its_name_and_stays_on_its_pixel(example):
    flipped = mirror(example)
    assert (flipped.picture == example.picture[:, ::-1]).all() and (flipped.mask == example.mask[:, ::-1]).all()
    x, y = example.pose.joint("right_wrist")
    assert flipped.pose.joint("left_wrist") == (SIZE[1] - 1 - x, y)
    seen, mask = brightness_under_joints(flipped)
    assert seen.min() == 250 and mask.min() == 255
    # The authors' flip keeps the names.
    assert mirror(example, swap_names=False).pose.joint("right_wrist") == (SIZE[1] - 1 - x, y)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_everything_at_once_gives_pictures_masks_and_poses_of_the_same_size(example, seed):
    source, target = augment_pair(example, example, ALL, np.random.default_rng(seed))
    for each in (source, target):
        assert each.picture.shape == (*SIZE, 3) and each.picture.dtype == np.uint8
        assert each.mask.shape == SIZE and each.mask.dtype == np.uint8
        assert each.pose.size == SIZE and not np.isinf(each.pose.points).any() and each.pose.present.sum() >= 5


def test_the_same_seed_gives_the_same_bytes_and_the_given_arrays_stay(example):
    before = example.picture.copy(), example.mask.copy()
    first, second = (augment_pair(example, example, ALL, np.random.default_rng(7)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert (a.picture == b.picture).all() and (a.mask == b.mask).all() and a.pose == b.pose
    assert (example.picture == before[0]).all() and (example.mask == before[1]).all()


def test_nothing_is_changed_by_default(example):
    source, target = augment_pair(example, example, Augmentation(), np.random.default_rng(0))
    assert source is example and target is example


EVERY = {name: value for name, value in vars(ALL).items() if value}


@pytest.mark.parametrize("name", [name for name in EVERY if name != "flip_swaps_names"])
def test_each_setting_changes_something_by_itself(example, name):
    alone = replace(Augmentation(), **{name: 1.0 if name in ("flip", "half_body", "mask_error", "jpeg", "background") else EVERY[name]})
    changed = [augment_pair(example, example, alone, np.random.default_rng(seed)) for seed in range(8)]
    assert any(
        (a.picture != example.picture).any() or (a.mask != example.mask).any() or a.pose != example.pose for pair in changed for a in pair
    )


@pytest.mark.parametrize("name", ["colour", "light", "background"])
def test_what_a_network_could_not_foresee_happens_to_both_pictures(example, name):
    both = replace(Augmentation(), **{name: 1.0 if name == "background" else 0.3})
    for seed in range(5):
        source, target = augment_pair(example, example, both, np.random.default_rng(seed))
        assert (source.picture == target.picture).all() and (source.picture != example.picture).any()


@pytest.mark.parametrize("name", ["blur", "noise", "jpeg", "half_body", "mask_error"])
def test_faults_of_a_camera_are_in_the_source_only(example, name):
    alone = replace(Augmentation(), **{name: 1.0 if name in ("half_body", "jpeg", "mask_error") else 3.0})
    for seed in range(5):
        _, target = augment_pair(example, example, alone, np.random.default_rng(seed))
        assert target is example


def test_a_new_background_leaves_the_person(example):
    source, _ = replace_background(example, example, np.random.default_rng(3))
    person = example.mask == 255
    assert (source.picture[person] == 250).all()
    assert (source.picture[~person] != 60).any(axis=1).mean() > 0.9
    without = replace(example, mask=np.full(SIZE, 255, np.uint8))  # no masks: everything is the person
    assert (replace_background(without, without, np.random.default_rng(3))[0].picture == example.picture).all()


def test_backgrounds_differ_and_fill_the_picture():
    drawn = [draw_background((40, 24), np.random.default_rng(seed)) for seed in range(10)]
    assert all(each.shape == (40, 24, 3) and each.dtype == np.float32 and 0 <= each.min() <= each.max() <= 255 for each in drawn)
    assert len({each.round().tobytes() for each in drawn}) == 10


def test_light_comes_from_one_side():
    flat = Example(np.full((*SIZE, 3), 120, np.uint8), np.zeros(SIZE, np.uint8), Pose({"nose": (5, 5)}, SIZE))
    source, _ = augment_pair(flat, flat, Augmentation(light=0.4), np.random.default_rng(1))
    grey = source.picture.mean(axis=2)
    corners = [grey[0, 0], grey[0, -1], grey[-1, 0], grey[-1, -1]]
    assert max(corners) > 125 and min(corners) < 115 and abs(grey[48, 32] - 120) < 3


def test_lower_quality_means_more_loss(example):
    loss = [np.abs(compress(example, quality).picture.astype(int) - example.picture).mean() for quality in (25, 60, 95)]
    assert loss[0] > loss[1] > loss[2]


def test_half_a_body_ends_between_hips_and_ankles(example):
    source, target = augment_pair(example, example, Augmentation(half_body=1.0), np.random.default_rng(0))
    assert source.pose.joint("right_ankle") is None and source.pose.joint("right_hip") is not None
    assert (source.mask[84:] == 0).all() and target.pose == example.pose


def test_names_of_mirrored_joints_are_an_involution():
    assert [MIRRORED[MIRRORED[i]] for i in range(18)] == list(range(18)) and KEYPOINTS[MIRRORED[INDEX["left_ear"]]] == "right_ear"


@pytest.mark.parametrize("name", ["estimator_error", "target_error"])
def test_an_estimators_errors_are_of_the_pose_they_are_named_for(name, example):
    source, target = augment_pair(example, example, Augmentation(**{name: 1.0}), np.random.default_rng(0))
    touched, spared = (source, target) if name == "estimator_error" else (target, source)
    np.testing.assert_array_equal(spared.pose.points, example.pose.points)
    assert not np.array_equal(touched.pose.points, example.pose.points, equal_nan=True)
