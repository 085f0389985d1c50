"""Poses: 18 keypoints of one person, read from anywhere, moved, drawn, and turned into heat maps.

The estimator is not imported here, as it needs a runtime: `from posetransfer.pose.estimator import Estimator`.
"""

from posetransfer.pose.drawing import draw_pose
from posetransfer.pose.formats import pose_format, read_pose, read_poses, write_pose
from posetransfer.pose.heatmaps import draw_heatmaps, draw_heatmaps_batch, read_heatmaps
from posetransfer.pose.library import library_names, library_pose
from posetransfer.pose.pose import Pose
from posetransfer.pose.retarget import retarget
from posetransfer.pose.skeleton import INDEX, KEYPOINTS, LIMBS, MIRRORED

__all__ = [
    "INDEX",
    "KEYPOINTS",
    "LIMBS",
    "MIRRORED",
    "Pose",
    "draw_heatmaps",
    "draw_heatmaps_batch",
    "draw_pose",
    "library_names",
    "library_pose",
    "pose_format",
    "read_heatmaps",
    "read_pose",
    "read_poses",
    "retarget",
    "write_pose",
]
