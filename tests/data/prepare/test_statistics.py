import numpy as np

from posetransfer.data.prepare.statistics import joints_per_picture, pictures_per_joint, yaw, yaw_histogram


def test_counts_of_joints():
    points = np.full((3, 18, 2), np.nan)
    points[0, :4] = points[1, 2] = 1.0
    assert joints_per_picture(points)[[0, 1, 4]].tolist() == [1, 1, 1] and joints_per_picture(points).sum() == 3
    assert pictures_per_joint(points)[:5].tolist() == [1, 1, 2, 1, 0]


def test_a_turning_person_is_followed():
    # Shoulders 0.36 torso lengths either side of the spine, turned about the vertical and seen from afar.
    angles = np.arange(0, 181, 15)
    points = np.full((len(angles), 18, 2), np.nan)
    half = 0.36 * 100 * np.cos(np.radians(angles))
    for joint, x, y in ((2, -half, 0), (5, half, 0), (8, -half / 2, 100), (11, half / 2, 100)):
        points[:, joint] = np.stack([x, np.full_like(x, y, dtype=float)], axis=1)
    assert np.allclose(yaw(points), angles, atol=0.1)
    labels, counts = yaw_histogram(np.concatenate([points, np.full((4, 18, 2), np.nan)]))
    assert labels[0] == "0–30°" and len(labels) == 6 and counts.sum() == len(angles)


def test_rendered_people_without_a_nose_are_seen_from_behind(shots):
    points = np.array([shot.points for shot in shots])
    angles, nose = yaw(points), ~np.isnan(points[:, 0, 0])
    assert angles[~nose].min() > 75 and angles[nose].max() < 125
