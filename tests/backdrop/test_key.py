"""A person over a key colour: alpha and colours against the formula of mixing, written out here once more."""

import numpy as np
import pytest

from posetransfer.backdrop import NEUTRAL, is_key, leaning, lift, over_neutral
from posetransfer.pose import Pose

GREEN = (32, 224, 32)
POSE = Pose(
    {
        "neck": (22, 18), "right_shoulder": (15, 18), "left_shoulder": (29, 18), "right_hip": (17, 36), "left_hip": (27, 36),
        "right_knee": (17, 46), "left_knee": (27, 46), "right_ankle": (17, 56), "left_ankle": (27, 56), "nose": (22, 10),
    },
    (64, 44),
)  # fmt: skip


def disc(soft: float = 4.0):
    """(64, 44) share of a disc whose edge is `soft` pixels wide."""
    y, x = np.mgrid[:64, :44]
    return np.clip((16 - np.hypot(y - 32, x - 22)) / soft + 0.5, 0, 1)


def mixed(colour, share):
    share = share[..., None]
    return np.rint(share * np.array(colour) + (1 - share) * np.array(GREEN)).astype(np.uint8)


def test_green_is_a_key_and_greys_and_pale_colours_are_not():
    assert is_key(GREEN) and is_key((20, 40, 230))
    assert not any(map(is_key, [(224, 224, 224), (0, 0, 0), (200, 210, 220), (180, 220, 180)]))


@pytest.mark.parametrize("colour", [(230, 232, 228), (225, 180, 150), (30, 20, 20), (200, 30, 40), (90, 90, 160), (150, 40, 160)])
@pytest.mark.parametrize("soft", [2.0, 3.5])
def test_soft_edge_gives_back_share_and_colour(colour, soft):
    share = disc(soft)
    person, found = lift(mixed(colour, share), GREEN)
    assert np.abs(found - share).mean() < 0.0025 * soft + 0.007  # the wider the edge, the more of it is guessed
    edge = (found > 0.05) & (found < 0.95)
    assert np.abs(person[edge].astype(int) - colour).mean() < 8


def test_white_clothes_over_green_have_no_holes_where_over_grey_they_had():
    share = disc()
    noise = np.random.default_rng(0).normal(0, 6, (64, 44, 3))
    picture = np.clip(mixed((226, 228, 225), share) + noise, 0, 255).astype(np.uint8)
    grey = np.clip(share[..., None] * (226, 228, 225) + (1 - share[..., None]) * 224 + noise, 0, 255).astype(np.uint8)
    assert lift(picture, GREEN)[1][share == 1].min() > 0.9
    assert lift(grey, (224, 224, 224))[1][share == 1].mean() < 0.2


def test_backdrop_that_shines_through_a_grey_shirt_is_taken_out():
    share = disc()
    shine = np.ones((64, 44))
    shine[28:36, 16:28] = 0.7  # deep inside, the network was not sure
    person, found = lift(mixed((120, 120, 120), share * shine), GREEN)
    assert (found[share == 1] == 1).all()
    assert np.abs(person[28:36, 16:28].astype(int) - 120).max() <= 2


def test_green_clothes_stay_green_and_solid_when_the_photo_shows_them():
    shirt = (70, 150, 60)
    share = disc()
    photo, mask = mixed(shirt, np.ones((64, 44))), np.ones((64, 44), bool)
    own = leaning(photo, mask, GREEN)
    assert own == 80  # 150 - 70
    person, found = lift(mixed(shirt, share), GREEN, own=own)
    assert (found[share == 1] == 1).all()
    assert np.abs(person[share == 1].astype(int) - shirt).max() <= 2
    assert np.abs(found - share).mean() < 0.03
    without = lift(mixed(shirt, share), GREEN)[0]  # nobody said that the person wears green
    red, green, blue = without[32, 22].astype(int)
    assert green <= max(red, blue) + 1


def test_leaning_needs_a_part_of_the_person_and_stays_below_the_backdrops():
    photo = np.full((64, 44, 3), 128, np.uint8)
    mask = np.ones((64, 44), bool)
    photo[0, :20] = (0, 255, 0)  # fewer than 2 in 100 pixels
    assert leaning(photo, mask, GREEN) == 0
    photo[:32] = (0, 255, 0)
    assert leaning(photo, mask, GREEN) == pytest.approx(0.6 * 192)
    assert leaning(photo, np.zeros((64, 44), bool), GREEN) == 0


def test_thin_limb_and_pose_leave_the_gap_between_arm_and_hip_open():
    share = np.zeros((64, 44))
    share[14:60, 14:30] = 1
    share[18:44, 34:37] = 1  # an arm, three pixels wide
    found = lift(mixed((200, 160, 140), share), GREEN, POSE)[1]
    assert (found[20:42, 35] == 1).all() and found[20:42, 32].max() < 0.05 and found[:10].max() == 0


def test_gaps_beside_bones_stay_open_and_holes_in_the_trunk_are_painted_over():
    share = np.zeros((64, 44))
    share[14:58, 13:32] = 1
    share[44:56, 21:24] = 0  # between the legs, closed at the ankles, near the bones
    share[24:28, 20:25] = 0  # the network left out a piece of the chest
    person, found = lift(mixed((190, 190, 195), share), GREEN, POSE)
    assert found[46:54, 22].max() < 0.05
    assert found[24:28, 20:25].min() > 0.9
    assert np.abs(person[24:28, 20:25].astype(int) - (190, 190, 195)).max() < 25


def test_over_neutral_swaps_the_backdrop_and_leaves_the_person():
    share = disc()
    shown = over_neutral(mixed((120, 120, 120), share), GREEN).astype(int)
    truth = share[..., None] * 120 + (1 - share[..., None]) * np.array(NEUTRAL)
    assert np.abs(shown - truth).max() <= 2
    grey = np.full((4, 4, 3), 200, np.uint8)
    assert over_neutral(grey, (200, 200, 200)) is grey
