import numpy as np
import pytest

from posetransfer.data.misread import FAR, GHOSTS, LOST, SPREAD, TURNED, misread
from posetransfer.pose.pose import Pose
from posetransfer.pose.skeleton import INDEX, MIRRORED

SIZE = (256, 176)


@pytest.fixture(scope="module")
def front(shots):
    """Eighteen joints, well inside the picture."""
    points = next(shot.points for shot in shots if not np.isnan(shot.points).any()).copy()
    return Pose(points, SIZE)


@pytest.fixture(scope="module")
def misreadings(front):
    return np.array([misread(front, 1.0, np.random.default_rng(seed)).points for seed in range(4000)])


def test_errors_are_as_large_as_measured(front, misreadings):
    # Half of all errors of a joint lie within 1.18 spreads (a Rayleigh distribution); few are far off.
    error = np.linalg.norm(misreadings - front.points, axis=2) / SIZE[0]
    median = np.nanmedian(error, axis=0)
    assert np.allclose(median, 1.1774 * SPREAD, rtol=0.12)
    far = np.nanmean(error > 4 * SPREAD, axis=0)
    assert (np.abs(far - FAR - TURNED) < 0.035).all() and far[INDEX["right_wrist"]] > 0.05


def test_joints_are_lost_as_often_as_measured_and_limbs_from_their_ends(misreadings):
    gone = np.isnan(misreadings[:, :, 0])
    elbow, wrist, hip = (gone[:, INDEX[name]].mean() for name in ("left_elbow", "left_wrist", "left_hip"))
    assert abs(elbow - LOST[INDEX["left_elbow"]]) < 0.006 and hip == 0
    assert abs(wrist - (1 - (1 - 0.010) * (1 - 0.068))) < 0.015
    assert gone[gone[:, INDEX["left_elbow"]], INDEX["left_wrist"]].all()


def test_now_and_then_left_and_right_are_exchanged(front, misreadings):
    turned = np.linalg.norm(misreadings - front.points[list(MIRRORED)], axis=2)[:, [2, 5, 8, 11]].max(axis=1) < 0.08 * 256
    straight = np.linalg.norm(misreadings - front.points, axis=2)[:, [2, 5]].max(axis=1) < 0.06 * 256
    assert 0 < (turned & ~straight).mean() < 4 * TURNED


def test_hidden_joints_of_the_face_are_seen_all_the_same(front):
    hidden = front.without("left_ear", "left_eye")
    found = np.array([misread(hidden, 1.0, np.random.default_rng(seed)).present for seed in range(1000)])
    assert found[:, INDEX["left_ear"]].mean() > 0.97
    assert abs(found[:, INDEX["left_eye"]].mean() - GHOSTS["left_eye"]) < 0.05
    behind = front.without("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    assert not misread(behind, 1.0, np.random.default_rng(0)).present[[0, 14, 15, 16, 17]].any()


def test_no_strength_is_no_error_and_poor_poses_are_left(front):
    assert np.allclose(misread(front, 0.0, np.random.default_rng(0)).points, front.points)
    few = Pose(np.where(np.isin(np.arange(18), [1, 2, 3, 4, 5, 6])[:, None], front.points, np.nan), SIZE)
    kept = [misread(few, 5.0, np.random.default_rng(seed)).present.sum() for seed in range(200)]
    assert min(kept) >= 6
