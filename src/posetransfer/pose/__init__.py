"""Poses: 18 keypoints of one person, read from anywhere, moved, drawn, and turned into heat maps."""

from posetransfer.pose.drawing import draw_pose
from posetransfer.pose.heatmaps import draw_heatmaps, draw_heatmaps_batch, read_heatmaps
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
    "read_heatmaps",
    "retarget",
]
