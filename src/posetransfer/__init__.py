"""The person in a photo takes a new pose: progressive pose attention transfer (PATN, CVPR 2019) as a product.

    from posetransfer import PoseTransfer

    transfer = PoseTransfer.from_pretrained("default")
    transfer("me.jpg", "pose.json").save("me-in-that-pose.png")

The names below are loaded at their first use: `import posetransfer` costs nothing and loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from posetransfer.errors import (
    DataError,
    MissingExtra,
    NoPersonFound,
    OutputError,
    PhotoError,
    PoseError,
    PoseTransferError,
    SettingsError,
    TrainingError,
    UnknownPose,
    WeightsError,
)

if TYPE_CHECKING:
    from posetransfer.frame import Frame
    from posetransfer.image import load_photo, save_picture
    from posetransfer.pipeline import PoseTransfer, Result
    from posetransfer.pose import KEYPOINTS, Pose, draw_pose, library_names, library_pose, read_pose, read_poses, write_pose
    from posetransfer.pose.estimator import Estimator

__version__ = "0.1.0"

__all__ = [
    "KEYPOINTS",
    "DataError",
    "Estimator",
    "Frame",
    "MissingExtra",
    "NoPersonFound",
    "OutputError",
    "PhotoError",
    "Pose",
    "PoseError",
    "PoseTransfer",
    "PoseTransferError",
    "Result",
    "SettingsError",
    "TrainingError",
    "UnknownPose",
    "WeightsError",
    "__version__",
    "draw_pose",
    "library_names",
    "library_pose",
    "load_photo",
    "read_pose",
    "read_poses",
    "save_picture",
    "write_pose",
]

_HOMES = {
    "Estimator": "posetransfer.pose.estimator",
    "Frame": "posetransfer.frame",
    "KEYPOINTS": "posetransfer.pose",
    "Pose": "posetransfer.pose",
    "PoseTransfer": "posetransfer.pipeline",
    "Result": "posetransfer.pipeline",
    "draw_pose": "posetransfer.pose",
    "library_names": "posetransfer.pose",
    "library_pose": "posetransfer.pose",
    "load_photo": "posetransfer.image",
    "read_pose": "posetransfer.pose",
    "read_poses": "posetransfer.pose",
    "save_picture": "posetransfer.image",
    "write_pose": "posetransfer.pose",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its room when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'posetransfer' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # the next look-up does not come here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
