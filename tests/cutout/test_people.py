from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from posetransfer.cutout import Cutout, composite
from posetransfer.cutout.people import _reachable, body_core, skeleton_distance
from posetransfer.image import load_photo
from posetransfer.pose.estimator import Estimator
from posetransfer.pose.pose import Pose
from posetransfer.window import cut, whole

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"


@pytest.fixture(scope="module")
def cutout() -> Cutout:
    return Cutout(threads=1)


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator(threads=1)


@pytest.mark.parametrize("name", ["woman_side", "man_standing", "man_balance", "man_arms_out"])
def test_mask_holds_every_limb_and_not_the_corners(cutout, estimator, name):
    photo = load_photo(PHOTOS / f"{name}.jpg")
    pose = estimator(photo)
    mask = cutout.mask(photo, pose)
    assert mask.shape == photo.shape[:2]
    assert mask.dtype == np.float32
    assert (mask.min(), mask.max()) == (0, 1)
    x, y = pose.points[pose.present].round().astype(int).T
    assert (mask[y, x] > 0.5).mean() > 0.9
    assert mask[:20, :20].max() == mask[:20, -20:].max() == 0
    assert 0.05 < mask.mean() < 0.35


def test_second_person_in_the_photo_is_not_cut_out(cutout, estimator):
    photo = load_photo(PHOTOS / "man_balance.jpg")
    front, behind = estimator.all(photo)
    mask = cutout.mask(photo, front)
    x, y = behind.points[behind.present].round().astype(int).T
    assert mask[y, x].max() < 0.1


def test_a_person_whom_the_photo_cuts_is_cut_out_to_the_border(cutout, estimator):
    half = load_photo(PHOTOS / "man_standing.jpg")[:270]
    pose = estimator(half)
    mask = cutout.mask(half, pose)
    middle = round((pose.joint("right_hip")[0] + pose.joint("left_hip")[0]) / 2)
    assert mask[265, middle] > 0.9
    assert mask[265, :60].max() == 0


def test_on_a_plain_background_the_mask_of_the_composite_is_the_mask_again(cutout, estimator):
    photo = load_photo(PHOTOS / "man_arms_out.jpg")
    pose = estimator(photo)
    mask = cutout.mask(photo, pose) > 0.5
    plain = composite(photo, mask.astype(np.float32), (224, 224, 224))
    again = cutout.mask(plain, pose) > 0.5
    assert (mask & again).sum() / (mask | again).sum() > 0.9


def test_resolution_of_the_photo_decides_that_of_the_mask(cutout, estimator):
    photo = load_photo(PHOTOS / "woman_side.jpg")
    pose = estimator(photo)
    large = cut(photo, whole(photo.shape[:2]), (1344, 1008))
    fine = cutout.mask(large, pose.scaled(large.shape[:2]))
    coarse = cut(cutout.mask(photo, pose), whole(photo.shape[:2]), fine.shape)
    assert np.abs(fine - coarse).mean() < 0.01


def test_distance_is_measured_to_the_nearest_limb():
    pose = Pose({"neck": (10, 10), "nose": (10, 2), "left_ankle": (30, 20)}, (40, 50))
    distance = skeleton_distance(pose)
    assert distance[5, 10] == 0
    assert distance[5, 17] == 7
    assert distance[24, 33] == 5
    assert distance[10, 20] == pytest.approx(10)


def test_only_what_hangs_together_with_the_skeleton_is_reachable():
    pose = Pose({"neck": (30, 20), "right_hip": (30, 60), "right_knee": (30, 90)}, (120, 120))
    picture = Image.new("L", (120, 120))
    draw = ImageDraw.Draw(picture)
    draw.rectangle([22, 10, 38, 100], fill=255)  # the person
    draw.rectangle([46, 30, 52, 60], fill=255)  # near, but apart
    draw.rectangle([38, 70, 119, 76], fill=255)  # touches, but leads far away
    mask = np.asarray(picture, np.float32) / 255
    kept = mask * _reachable(mask, skeleton_distance(pose) / 150)
    assert (kept[10:101, 24:37] == 1).all()
    assert kept[:, 46:53][30:60].max() == 0
    assert kept[70:77, 65:].max() == 0


def test_the_core_is_the_middle_of_limbs_and_head_and_only_of_joints_surely_seen():
    points = {"nose": (50, 20), "right_ear": (44, 18), "left_ear": (56, 18), "neck": (50, 40), "right_hip": (45, 80), "left_hip": (55, 80),
              "right_shoulder": (38, 40), "right_elbow": (30, 65), "right_knee": (45, 110), "right_ankle": (45, 140)}  # fmt: skip
    pose = Pose(points, (160, 100))
    core = body_core(pose)
    assert core[18:21, 48:53].all()  # the head
    assert core[52, 34]  # half of the upper arm
    assert core[125, 45]
    assert not core[32, 50]  # the neck is thin: a segmenter's task
    assert not core[8, 50]
    doubtful = Pose(points, (160, 100), pose.score * 0.4)
    assert not body_core(doubtful).any()
