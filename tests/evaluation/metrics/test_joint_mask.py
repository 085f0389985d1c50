"""The joint mask, pixel by pixel, against the authors' rule written out as loops; mask-SSIM against scikit-image."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import disk
from skimage.metrics import structural_similarity
from skimage.morphology import closing

from posetransfer.evaluation.metrics.joint_mask import joint_mask
from posetransfer.evaluation.metrics.mask_ssim import mask_ssim
from posetransfer.pose.pose import Pose

# The authors' list, counted from 1 as they do.
LIMBS = """2-3 2-6 3-4 4-5 6-7 7-8 2-9 9-10 10-11 2-12 12-13 13-14 2-1 1-15 15-17 1-16 16-18 2-17 2-18 9-12 12-6 9-3 17-18"""


def crosses_odd(corners, row, column):
    """The point-in-polygon rule of scikit-image 0.14, one pixel at a time."""
    inside = False
    j = len(corners) - 1
    for i, (row_i, column_i) in enumerate(corners):
        row_j, column_j = corners[j]
        between = (row_i <= row < row_j) or (row_j <= row < row_i)
        if between and column < (column_j - column_i) * (row - row_i) / (row_j - row_i) + column_i:
            inside = not inside
        j = i
    return inside


def reference(points, size):
    """points: (18, 2) as (x, y) with NaN."""
    mask = np.zeros(size, bool)
    joints = [None if math.isnan(x) else (y, x) for x, y in points]
    for limb in LIMBS.split():
        a, b = (joints[int(number) - 1] for number in limb.split("-"))
        if a is None or b is None or a == b:
            continue
        dy, dx = a[0] - b[0], a[1] - b[1]
        length = math.hypot(dy, dx)
        ny, nx = -4 * dx / length, 4 * dy / length
        corners = [(a[0] + ny, a[1] + nx), (a[0] - ny, a[1] - nx), (b[0] - ny, b[1] - nx), (b[0] + ny, b[1] + nx)]
        for row in range(size[0]):
            for column in range(size[1]):
                mask[row, column] |= crosses_odd(corners, row, column)
    for joint in joints:
        if joint is not None:
            mask[disk(joint, 4, shape=size)] = True
    return closing(mask, np.ones((5, 5)))


joint = st.one_of(st.none(), st.tuples(st.integers(-6, 40), st.integers(-6, 50)))


def pose_of(joints, size=(44, 34)):
    return Pose(np.array([(np.nan, np.nan) if j is None else j for j in joints], float), size)


@settings(max_examples=12, deadline=None)
@given(st.lists(joint, min_size=18, max_size=18))
def test_mask_equals_the_authors_rule_on_random_poses(joints):
    # Joints missing, outside the picture, and on one another.
    pose = pose_of(joints)
    assert np.array_equal(joint_mask(pose), reference(pose.points, pose.size))


def test_mask_of_fractional_joints_equals_the_rule():
    points = np.random.default_rng(1).uniform(0, 30, (18, 2))
    assert np.array_equal(joint_mask(Pose(points, (44, 34))), reference(points, (44, 34)))


def test_an_upright_limb_is_eight_columns_wide():
    # The right edge is not counted: scikit-image 0.14, which the authors used; newer versions would give 9.
    pose = Pose({"neck": (20, 10), "right_shoulder": (20, 40)}, (60, 40))
    assert joint_mask(pose)[25].sum() == 8


def test_no_joint_gives_an_empty_mask():
    assert not joint_mask(Pose({}, (20, 20))).any()


@pytest.mark.parametrize("seed", range(3))
def test_mask_ssim_blackens_the_outside_of_both_pictures(seed):
    random = np.random.default_rng(seed)
    generated, real = random.integers(30, 220, (2, 64, 48, 3)).astype(np.uint8)
    mask = joint_mask(Pose(random.uniform(5, 45, (18, 2)), (64, 48)))
    a, b = generated * mask[..., None], real * mask[..., None]
    expected = structural_similarity(
        b, a, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=int(a.max()) - int(a.min())
    )
    assert mask_ssim(generated, real, mask) == pytest.approx(expected, abs=1e-12)
