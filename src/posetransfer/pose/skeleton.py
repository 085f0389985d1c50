"""The 18 keypoints of OpenPose's COCO order, and what is known about them: the one place for every list of joints."""

KEYPOINTS = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist",
    "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle",
    "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
"""Names in channel order; right and left are the person's own."""

INDEX = {name: i for i, name in enumerate(KEYPOINTS)}

MIRRORED = tuple(
    INDEX[{"right": "left", "left": "right"}[side] + "_" + rest] if (side := name.partition("_")[0]) in ("right", "left") else i
    for i, name in enumerate(KEYPOINTS)
    for rest in [name.partition("_")[2]]
)
"""MIRRORED[i] is the joint that joint i turns into when a picture is flipped left to right."""

LIMBS = tuple(
    (INDEX[a], INDEX[b])
    for a, b in (
        ("neck", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
        ("neck", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("neck", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
        ("neck", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
        ("neck", "nose"), ("nose", "right_eye"), ("right_eye", "right_ear"),
        ("nose", "left_eye"), ("left_eye", "left_ear"),
    )
)  # fmt: skip
"""Pairs (parent, child), every parent listed as a child before it is used as a parent: a tree rooted at the neck."""

COCO17 = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""The order of COCO's own 17 keypoints (MoveNet, most estimators); it has no neck."""

BODY25 = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
    "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip
"""The order of OpenPose's BODY_25 model; mid_hip and the feet have no place among the 18."""
