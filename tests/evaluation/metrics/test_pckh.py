"""PCKh, to the count, against the authors' rule written out joint by joint."""

import numpy as np
import pytest

from posetransfer.evaluation.metrics.joints import MISSING, GivenJoints
from posetransfer.evaluation.metrics.pckh import JointCount, head_box, pckh, pckh_patn
from posetransfer.pose.pose import Pose

HEAD = [0, 1, 14, 15, 16, 17]


def authors_count(found, target):
    """As the script has it: -1 is missing, the box of the present head joints, both differences below half its sides."""
    f, t = (np.where(np.isnan(points), -1, points) for points in (found, target))
    head = [t[j] for j in HEAD if t[j][0] != -1 and t[j][1] != -1]
    if len(head) < 2:
        return 0, 0
    w = max(x for x, _ in head) - min(x for x, _ in head)
    h = max(y for _, y in head) - min(y for _, y in head)
    right = 0
    for (px, py), (tx, ty) in zip(f, t, strict=True):
        if -1 not in (px, py, tx, ty) and abs(px - tx) < w * 0.5 and abs(py - ty) < h * 0.5:
            right += 1
    return right, sum(1 for _, y in t if y != -1)


@pytest.mark.parametrize("missing", [0.0, 0.3, 0.7, 0.95])
def test_box_rule_counts_as_the_authors_script(missing):
    random = np.random.default_rng(int(missing * 100))
    counts = []
    for _ in range(300):
        target = random.integers(0, 30, (18, 2)).astype(float)
        found = target + random.integers(-12, 13, (18, 2))  # whole numbers: many differences of exactly half a side
        target[random.random(18) < missing] = np.nan
        found[random.random(18) < 0.2] = np.nan
        found[(found == -1).any(axis=1)] = np.nan
        count = pckh_patn(found, target)
        assert (count.right, count.total) == authors_count(found, target)
        counts.append(count.total)
    assert any(counts)


def moved(points, dx, dy):
    return points + np.array([dx, dy])


def person():
    points = np.random.default_rng(0).integers(20, 60, (18, 2)).astype(float)
    points[HEAD] = [(30, 20), (30, 30), (28, 18), (32, 18), (26, 19), (34, 19)]
    return points


def test_the_neck_belongs_to_the_head_box():
    assert head_box(person()) == (8, 12)


def test_half_a_side_is_too_far():
    target = person()
    assert pckh_patn(moved(target, 3.99, 0), target) == JointCount(18, 18)
    assert pckh_patn(moved(target, 4.0, 0), target) == JointCount(0, 18)
    assert pckh_patn(moved(target, 0, 6.0), target) == JointCount(0, 18)


def test_a_head_of_one_joint_leaves_the_picture_out():
    target = person()
    target[HEAD[1:]] = np.nan
    assert pckh_patn(target, target) == pckh(target, target) == JointCount(0, 0)


def test_a_head_box_without_width_makes_all_joints_wrong():
    target = person()
    target[HEAD[2:]] = np.nan  # nose above neck: 0 wide, 10 high
    assert pckh_patn(target, target) == JointCount(0, 14)
    assert pckh(target, target) == JointCount(14, 14)


def test_half_body_counts_only_the_joints_that_were_asked_for():
    target = person()
    target[8:14] = np.nan
    assert pckh_patn(person(), target) == JointCount(12, 12)


def test_plain_pckh_is_a_circle_of_half_the_head_size():
    target = person()
    reach = 0.5 * 0.6 * np.hypot(8, 12)
    assert pckh(moved(target, reach - 0.01, 0), target).right == 18
    assert pckh(moved(target, 0.8 * reach, 0.8 * reach), target).right == 0


def test_given_joints_are_counted_under_the_rules_own_names():
    from posetransfer.evaluation.batch import Batch

    photo = np.zeros((8, 8, 3), np.uint8)
    poses = [Pose(person(), (128, 64)), None, Pose(person(), (128, 64))]
    batch = Batch(["a", "b", "c"], [photo] * 3, [photo] * 3, poses)
    columns = GivenJoints({"a": person(), "b": person(), "c": MISSING})(batch)
    assert columns["pckh_patn_right"].tolist() == [18, 0, 0]
    assert columns["pckh_patn_total"].tolist() == [18, 0, 18]
