import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from posetransfer.people.rotation import bent, euler, frame, hanging, reach, rotation, unit

angles = st.floats(-180, 180)
places = st.tuples(*[st.floats(-1, 1)] * 3).map(np.array).filter(lambda v: np.linalg.norm(v) > 0.05)


@given(places, angles)
def test_rotation_is_that_of_scipy(axis, degrees):
    expected = Rotation.from_rotvec(axis / np.linalg.norm(axis) * math.radians(degrees)).as_matrix()
    assert np.allclose(rotation(axis, math.radians(degrees)), expected, atol=1e-9)


@given(angles, angles, angles)
def test_euler_turns_by_roll_then_pitch_then_yaw(pitch, yaw, roll):
    assert np.allclose(euler(pitch, yaw, roll), Rotation.from_euler("YXZ", [yaw, pitch, roll], degrees=True).as_matrix(), atol=1e-9)


@given(places, places, st.floats(0.2, 0.5), st.floats(0.2, 0.5), st.floats(0.05, 0.95))
def test_a_target_within_reach_is_touched_with_both_halves_at_their_length(way, pole, upper, lower, share):
    # Between fully bent and fully straight, with the margins that keep an elbow natural.
    distance = abs(upper - lower) + 0.02 + share * ((upper + lower) * 0.999 - abs(upper - lower) - 0.02)
    root, target = np.array([0.1, 1.2, 0.0]), np.array([0.1, 1.2, 0.0]) + unit(way) * distance
    if np.linalg.norm(np.cross(unit(way), unit(pole))) < 1e-3:
        return  # a pole along the way says nothing about the elbow
    first, second = reach(root, target, upper, lower, pole)
    assert np.isclose(np.linalg.norm(first), 1) and np.isclose(np.linalg.norm(second), 1)
    assert np.allclose(root + upper * first + lower * second, target, atol=1e-6)
    assert np.dot(first - np.dot(first, unit(way)) * unit(way), pole) > -1e-9  # the elbow lies on the pole's side


def test_out_of_reach_is_pointed_at():
    first, second = reach(np.zeros(3), np.array([0, 0, 5.0]), 0.3, 0.3, np.array([1.0, 0, 0]))
    assert np.allclose(first, [0, 0, 1], atol=0.05) and np.allclose(second, [0, 0, 1], atol=0.05)


@given(st.sampled_from([1.0, -1.0]), st.floats(0, 80), st.floats(-60, 80), st.floats(0, 120))
def test_a_hanging_limb_points_to_its_side_and_bends_by_its_angle(side, outward, forward, angle):
    upper = hanging(side, outward, forward)
    assert np.isclose(np.linalg.norm(upper), 1)
    assert upper[0] * side >= 0
    lower = bent(upper, angle, (0.3, 0.9, 0.4) if abs(np.dot(upper, unit((0.3, 0.9, 0.4)))) < 0.99 else (1, 0, 0))
    assert np.isclose(np.degrees(np.arccos(np.clip(upper @ lower, -1, 1))), angle, atol=1e-3)


def test_frame_is_orthonormal_and_keeps_its_first_direction():
    columns = frame(np.array([1.0, 2, 3]), np.array([0, 1.0, 0]))
    assert np.allclose(columns.T @ columns, np.eye(3))
    assert np.allclose(columns[:, 0], unit([1, 2, 3]))
