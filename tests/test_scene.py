"""Other backgrounds and the contact shadow, on figures drawn by hand."""

import numpy as np
import pytest

from posetransfer.frame import Frame
from posetransfer.pose import Pose
from posetransfer.scene import contact_shadow, covering, darkened, framed, laid_over

STANDING = Pose(
    {
        "nose": (60, 30), "neck": (60, 45), "right_hip": (54, 75), "right_knee": (53, 97), "right_ankle": (52, 118),
        "left_hip": (66, 75), "left_knee": (67, 97), "left_ankle": (68, 118),
    },
    (140, 120),
)  # fmt: skip


def body(*, left_sole=124, right_sole=124):
    mask = np.zeros((140, 120), np.float32)
    mask[22:80, 48:73] = 1
    mask[80:right_sole, 49:56] = mask[80:left_sole, 64:71] = 1
    return mask


def test_covering_takes_the_middle_and_keeps_the_shape_of_things():
    picture = np.zeros((100, 300, 3), np.uint8)
    picture[:, 100:200] = 200  # the middle square
    assert (covering(picture, (50, 50))[:, 2:-2] == 200).all()
    tall = covering(picture.transpose(1, 0, 2), (80, 40))
    assert tall.shape == (80, 40, 3)
    y, x = np.mgrid[:300, :300]
    disc = np.where((np.hypot(y - 150, x - 150) < 60)[..., None], 255, 0).astype(np.uint8).repeat(3, 2)
    seen = covering(disc, (60, 120))[..., 0] > 127
    assert abs(int(seen.any(axis=0).sum()) - int(seen.any(axis=1).sum())) <= 1  # a disc stays round


def test_shadow_lies_under_both_feet_and_is_soft():
    shadow = contact_shadow(body(), STANDING)
    assert 0.3 < shadow[124, 52] < 0.6 and 0.3 < shadow[124, 67] < 0.6
    assert shadow[100, 60] < 0.01 and shadow[124, 110] < 0.02
    assert np.abs(np.diff(shadow, axis=1)).max() < 0.12
    assert shadow.max() < 0.65  # subtle


def test_a_lifted_foot_casts_none():
    both, one = (contact_shadow(body(left_sole=sole), STANDING) for sole in (124, 112))
    moved = contact_shadow(body(left_sole=112), STANDING.without("left_ankle"))
    assert one[124, 52] > 0.3 and one[124, 70] < both[124, 70] / 2
    np.testing.assert_allclose(one, moved)


@pytest.mark.parametrize(
    ("mask", "pose"),
    [
        (body(), STANDING.without("right_ankle", "left_ankle")),  # feet unknown
        (body(left_sole=90, right_sole=90), STANDING),  # not painted
        (body()[:120], STANDING.cropped(0, 0, (120, 120))),  # cut off by the picture
        (body()[::-1].copy(), Pose(STANDING.points * [1, -1] + [0, 139], STANDING.size)),  # on the hands
    ],
)
def test_no_ground_no_shadow(mask, pose):
    assert contact_shadow(mask, pose).max() == 0


def test_no_shadow_where_the_photo_ends_above_the_feet():
    frame = Frame((100, 120), (-0.5, -0.5, 119.5, 139.5), (140, 120))  # the photo's last row is 99
    assert contact_shadow(body(), STANDING, frame).max() == 0
    assert contact_shadow(body(), STANDING, Frame((140, 120), frame.box, frame.size)).max() > 0.3


def test_over_and_under_are_the_formula_of_mixing():
    behind = np.full((2, 2, 3), 100, np.uint8)
    share = np.array([[0, 0.25], [0.5, 1]], np.float32)
    person = np.full((2, 2, 3), 200, np.uint8)
    assert laid_over(person, share, behind)[..., 0].tolist() == [[100, 125], [150, 200]]
    assert darkened(behind, share)[..., 0].tolist() == [[100, 75], [50, 0]]


def test_beyond_the_photo_the_frame_shows_it_mirrored():
    photo = np.arange(40, dtype=np.uint8)[:, None, None].repeat(30, 1).repeat(3, 2) * 6
    frame = Frame((40, 30), (-0.5, -0.5, 29.5, 59.5), (60, 30))
    seen = framed(photo, frame)
    np.testing.assert_array_equal(seen[:40], photo)
    np.testing.assert_array_equal(seen[40:], photo[:19:-1])
