"""The measures of one body that poses and clothes are aimed with."""

from __future__ import annotations

import numpy as np

from posetransfer.people.arrays import Array
from posetransfer.people.assets import BODY_VERTICES, Assets


class Body:
    """Rest joints of one body, and its girths; metres.

    Attributes:
        heads: (bones, 3) where each bone begins.
        hip_y, shoulder_y, waist_y, chest_y, top_y: heights.
        hip, waist, chest: half width, front and back (x, z, z) of the torso at these heights.
        upper_arm, forearm, thigh, shank: lengths.
    """

    def __init__(self, assets: Assets, base: Array) -> None:
        self.assets = assets
        self.heads: Array = (assets.joint_regressor @ base)[: len(assets.bone_names)]
        skin = base[:BODY_VERTICES]
        self.hip_y = self.joint("upperleg01.L")[1]
        self.shoulder_y = self.joint("upperarm01.L")[1]
        self.waist_y = self.hip_y + 0.42 * (self.shoulder_y - self.hip_y)
        self.chest_y = self.hip_y + 0.72 * (self.shoulder_y - self.hip_y)
        self.top_y = skin[:, 1].max()
        torso = skin[_torso(assets)]
        self.hip_w, self.hip_front, self.hip_back = _girth(torso, self.hip_y + 0.02)
        self.waist_w, self.waist_front, self.waist_back = _girth(torso, self.waist_y)
        self.chest_w, self.chest_front, self.chest_back = _girth(torso, self.chest_y)
        self.upper_arm = self._length("upperarm01.L", "lowerarm01.L")
        self.forearm = self._length("lowerarm01.L", "wrist.L")
        self.thigh = self._length("upperleg01.L", "lowerleg01.L")
        self.shank = self._length("lowerleg01.L", "foot.L")

    def joint(self, bone: str) -> Array:
        """Where a bone begins, (3,) in metres."""
        head: Array = self.heads[self.assets.bone_index[bone]]
        return head

    def _length(self, start: str, end: str) -> np.floating:
        return np.linalg.norm(self.joint(end) - self.joint(start))


def _torso(assets: Assets) -> Array:
    """(BODY_VERTICES,) bool: vertices that the trunk or a thigh carries."""
    names = [name for name in assets.bone_names if name.startswith(("spine", "pelvis", "root", "upperleg"))]
    return np.isin(assets.bones[:BODY_VERTICES, 0], [assets.bone_index[name] for name in names])


def _girth(torso: Array, height: float) -> tuple[float, float, float]:
    """Half width, front and back of the torso in a slice of 6 cm."""
    piece = torso[abs(torso[:, 1] - height) < 0.03]
    return piece[:, 0].max(), piece[:, 2].max(), piece[:, 2].min()
