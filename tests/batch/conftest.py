"""A machine without networks: a painter, a finder that reads the pose out of the photo's green figure, a cutter."""

import numpy as np
import pytest
from PIL import Image

from posetransfer.config import ModelConfig
from posetransfer.errors import NoPersonFound
from posetransfer.image import to_unit
from posetransfer.pipeline import PoseTransfer
from posetransfer.pose import Pose, write_pose

CONFIG = ModelConfig(size=(64, 44), sigma=1.5, backdrop="plain", backdrop_colour=(200, 210, 220))
STANDING = {
    "nose": (60, 30), "neck": (60, 45), "right_shoulder": (50, 45), "right_elbow": (46, 60), "right_wrist": (44, 74),
    "left_shoulder": (70, 45), "left_elbow": (74, 60), "left_wrist": (76, 74), "right_hip": (54, 75), "right_knee": (53, 97),
    "right_ankle": (52, 118), "left_hip": (66, 75), "left_knee": (67, 97), "left_ankle": (68, 118),
}  # fmt: skip
ARMS = {"up": {"left_elbow": (84, 36), "left_wrist": (90, 22)}, "out": {"left_elbow": (100, 45), "left_wrist": (128, 45)}, "down": {}}


class Painter:
    """Paints the photo's mean colour where the target's maps are warm; counts calls and pictures."""

    name = "painter"

    def __init__(self, config=CONFIG):
        self.config, self.calls, self.before = config, [], None

    def run(self, photo, source_pose, target_pose):
        if self.before:
            self.before(target_pose)
        self.calls.append((len(photo), len(target_pose)))
        body = target_pose.max(axis=1, keepdims=True) > 0.2
        ground = to_unit(np.full((1, 1, 3), self.config.backdrop_colour, np.uint8))[None]
        return np.where(body, photo.mean(axis=(2, 3), keepdims=True), ground).astype(np.float32)


class Finder:
    """Black photos show nobody."""

    def __call__(self, photo, person=None, name="photo"):
        if photo.max() == 0:
            raise NoPersonFound(f"{name}: no person found.")
        return Pose(STANDING, photo.shape[:2])


class Cutter:
    def mask(self, photo, pose):
        mask = np.zeros(photo.shape[:2], np.float32)
        mask[22:124, 40:81] = 1
        return mask


@pytest.fixture
def machine():
    return PoseTransfer(Painter(), Finder(), Cutter())


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Folders `photos` (five people) and `poses` (three files), and we are there."""
    monkeypatch.chdir(tmp_path)
    for folder in ("photos", "poses"):
        (tmp_path / folder).mkdir()
    for number in range(5):
        photo = np.full((140, 120, 3), 90 + number, np.uint8)
        photo[22:124, 40:81] = (20, 60 + 30 * number, 160)
        Image.fromarray(photo).save(f"photos/p{number}.png")
    for name, joints in ARMS.items():
        write_pose(Pose(STANDING | joints, (140, 120)), f"poses/{name}.json")
    return tmp_path
