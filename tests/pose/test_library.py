"""The shipped poses: whole figures that do what their names say."""

import os
import subprocess
import sys

import numpy as np
import pytest

from posetransfer.errors import UnknownPose
from posetransfer.pose import Pose, library_names, library_pose, pose_format


def facing(pose: Pose) -> float:
    """> 0: the person looks to the picture's right."""
    return pose.joint("nose")[0] - pose.joint("neck")[0]


@pytest.mark.parametrize("name", library_names())
def test_every_pose_is_a_whole_upright_figure_inside_its_picture(name):
    pose = library_pose(name)
    assert pose.size == (256, 176)
    assert pose.present[1:14].all()
    assert pose.inside[pose.present].all()
    neck, ankle = pose.joint("neck")[1], pose.joint("left_ankle")[1]
    assert ankle - neck > 0.45 * 256


def test_there_are_enough_for_a_first_try():
    assert len(library_names()) >= 12


def test_names_mean_what_they_say():
    for name in ("walking-left", "standing-left"):
        assert facing(library_pose(name)) < -8
    for name in ("walking-right", "standing-right"):
        assert facing(library_pose(name)) > 8
    shoulders = [
        library_pose(n).joint("left_shoulder")[0] - library_pose(n).joint("right_shoulder")[0] for n in ("standing-front", "standing-back")
    ]
    assert shoulders[0] > 20 > -20 > shoulders[1]
    arms_up = library_pose("arms-up")
    assert max(arms_up.joint("left_wrist")[1], arms_up.joint("right_wrist")[1]) < arms_up.joint("nose")[1]
    assert library_pose("pointing-left").points[:, 0][np.r_[4, 7]].min() < library_pose("pointing-left").joint("neck")[0] - 40
    assert library_pose("pointing-right").points[:, 0][np.r_[4, 7]].max() > library_pose("pointing-right").joint("neck")[0] + 40


def test_an_unknown_name_proposes_a_near_one():
    with pytest.raises(UnknownPose, match=r"'standing-frnt' is neither .* did you mean 'standing-front'\?"):
        library_pose("standing-frnt")
    with pytest.raises(UnknownPose, match=r"the names are arms-crossed, .*\.$"):
        library_pose("qqq")


def test_paths_are_no_names():
    with pytest.raises(UnknownPose):
        library_pose("../library/waving")


def test_the_files_are_our_own_format():
    from importlib import resources

    assert pose_format((resources.files("posetransfer.pose.library") / "waving.json").read_text()) == "posetransfer"


def test_reading_and_drawing_poses_needs_neither_torch_nor_a_runtime():
    code = "import sys, posetransfer.pose, posetransfer.image; sys.exit(any(m in sys.modules for m in ('torch', 'onnxruntime', 'cv2')))"
    assert subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}).returncode == 0
