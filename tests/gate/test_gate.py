"""The gate: what it measures against geometry written out here, and what it says."""

import json

import numpy as np
import pytest

from posetransfer.errors import PoseError, WeightsError
from posetransfer.frame import Frame
from posetransfer.gate import Gate, Limits, Seen
from posetransfer.gate.checks import covered, height_share, joints_missing, outside
from posetransfer.pose import INDEX, KEYPOINTS, Pose

STANDING = {
    "nose": (60, 30), "neck": (60, 45), "right_shoulder": (50, 45), "right_elbow": (46, 60), "right_wrist": (44, 74),
    "left_shoulder": (70, 45), "left_elbow": (74, 60), "left_wrist": (76, 74), "right_hip": (54, 75), "right_knee": (53, 97),
    "right_ankle": (52, 118), "left_hip": (66, 75), "left_knee": (67, 97), "left_ankle": (68, 118),
}  # fmt: skip
SOURCE = Pose(STANDING, (140, 120))


def turned(pose, degrees):
    a = np.radians(degrees)
    middle = np.nanmean(pose.points, axis=0)
    return Pose((pose.points - middle) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + middle, pose.size)


@pytest.fixture(scope="module")
def seen():
    """People who stand and swing their arms: 400 poses."""
    rng = np.random.default_rng(0)
    points = np.stack([SOURCE.points] * 400)
    for side in ("right", "left"):
        for joint, reach in (("elbow", 6), ("wrist", 12)):
            points[:, INDEX[f"{side}_{joint}"]] += rng.uniform(-reach, reach, (400, 2))
    points += rng.normal(0, 0.5, points.shape)
    return Seen.of(points, SOURCE.size)


def codes(findings):
    return [finding.code for finding in findings]


def test_a_pose_like_those_of_training_is_near_and_others_are_farther_the_more_they_differ(seen):
    near = seen.strangeness(Pose(SOURCE.points + 0.3, SOURCE.size))
    rising = [seen.strangeness(turned(SOURCE, degrees)) for degrees in (0, 10, 30, 90, 180)]
    assert near < 1 and rising == sorted(rising) and rising[-1] > 5


def test_size_place_and_mirror_do_not_matter(seen):
    pose = turned(SOURCE, 20)
    value = seen.strangeness(pose)
    assert seen.strangeness(pose.scaled((280, 240))) == pytest.approx(value, rel=0.02)
    assert seen.strangeness(pose.moved(35, -20)) == pytest.approx(value)
    assert seen.strangeness(pose.mirrored()) == pytest.approx(value)


def test_one_training_pose_in_a_hundred_lies_beyond_1(seen):
    rng = np.random.default_rng(7)
    beyond = 0
    for _ in range(300):
        points = SOURCE.points + rng.normal(0, 0.5, (18, 2))
        for joint, reach in ((3, 6), (6, 6), (4, 12), (7, 12)):
            points[joint] += rng.uniform(-reach, reach, 2)
        beyond += seen.strangeness(Pose(points, SOURCE.size)) > 1
    assert beyond <= 15


def test_missing_joints_leave_the_distance_of_the_others(seen):
    assert seen.strangeness(SOURCE.without("right_wrist", "left_wrist", "nose")) < 1
    assert seen.strangeness(Pose({"nose": (3, 3), "right_eye": (2, 2)}, (8, 8))) is None  # no size can be told


def test_description_is_small_and_comes_back_the_same(seen):
    text = seen.to_json()
    assert len(text) < 50_000
    back = Seen.from_json(text)
    np.testing.assert_array_equal(back.poses, seen.poses)
    assert back.strangeness(turned(SOURCE, 40)) == pytest.approx(seen.strangeness(turned(SOURCE, 40)), rel=1e-3)


@pytest.mark.parametrize("change", [
    {"format": "other"}, {"version": 9}, {"poses": []}, {"poses": [[1, 2]]}, {"reach": 0}, {"reach": None},
])  # fmt: skip
def test_a_damaged_description_is_a_sentence(seen, change):
    with pytest.raises(WeightsError, match="remove the file"):
        Seen.from_json(json.dumps(json.loads(seen.to_json()) | change))
    with pytest.raises(WeightsError, match=r"weights/poses\.json"):
        Seen.from_json("{", "weights/poses.json")


def test_too_few_poses_describe_nothing():
    with pytest.raises(PoseError, match="20 were expected"):
        Seen.of(np.stack([SOURCE.points] * 5), SOURCE.size)


def test_joints_that_count_are_the_twelve_of_the_body():
    assert joints_missing(SOURCE) == 0  # eyes and ears are missing here
    assert joints_missing(SOURCE.without("right_knee", "right_ankle", "nose", "neck")) == 2


def test_part_outside_is_that_of_the_whole_body():
    assert outside(SOURCE) == pytest.approx(0, abs=0.01)
    cut = SOURCE.cropped(0, 0, (81, 120))  # cut just below the hips: a little less than half of the body
    cut = Pose(np.where(cut.inside[:, None], cut.points, np.nan), cut.size)
    assert 0.35 < outside(cut) < 0.55
    assert outside(SOURCE.cropped(60, 0, (140, 60))) == pytest.approx(0.5, abs=0.02)


def test_cover_is_the_part_of_the_joints_box():
    left, _, right, _ = SOURCE.box()
    assert covered(SOURCE, []) == 0
    assert covered(SOURCE, [SOURCE.moved(right - left + 1, 0)]) == 0
    assert covered(SOURCE, [SOURCE.moved((right - left) / 4, 0), SOURCE.moved(200, 0)]) == pytest.approx(0.75)


def test_height_share_falls_as_the_frame_grows_for_a_wide_pose():
    wide = Pose(STANDING | {"right_wrist": (-30, 50), "left_wrist": (150, 50)}, (140, 120))
    alone, together = Frame.around(SOURCE, size=(64, 44)), Frame.around(SOURCE, wide, size=(64, 44))
    assert height_share(alone, SOURCE) == pytest.approx(0.89, abs=0.01)
    assert height_share(together, SOURCE) < 0.5


def test_nothing_is_said_of_an_ordinary_photo_and_pose(seen):
    gate = Gate(seen)
    frame = Frame.around(SOURCE, size=(64, 44))
    assert [*gate.source(SOURCE), *gate.target(frame.fit(SOURCE)), *gate.frame(frame, SOURCE)] == []


def test_every_finding_has_a_code_a_sentence_its_value_and_its_threshold(seen):
    gate, limits = Gate(seen), Limits()
    half = SOURCE.without(*(name for name in KEYPOINTS if name.endswith(("hip", "knee", "ankle")))).cropped(0, 0, (70, 120))
    assert codes(gate.source(half)) == ["source_outside"]
    assert codes(gate.target(half)) == ["target_joints_missing"]
    assert codes(gate.source(SOURCE, [SOURCE.moved(8, 0)])) == ["people_overlap"]
    assert codes(gate.target(turned(SOURCE, 180))) == ["target_pose_unusual"]
    assert codes(Gate().target(turned(SOURCE, 180))) == []  # without a description nobody knows
    tiny = Pose(SOURCE.points * 0.1, (14, 12))
    small = gate.frame(Frame.around(tiny, size=(128, 88)), tiny)
    assert codes(small) == ["person_small"]
    assert small[0].value > small[0].threshold == limits.enlarged
    assert "enlarged to the network's 128" in small[0].message
