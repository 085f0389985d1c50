"""Frame: the part of a photo that the network sees, always at the scale of a whole figure.

The network has learnt people of one size in the middle of the frame. A photo shows them at any size, and often not down to
the feet: the frame's scale therefore comes from the height that the person would have standing upright, estimated from whatever
limbs are seen, and the frame may reach beyond the photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

import numpy as np

from posetransfer.errors import PoseError
from posetransfer.pose.body import body_box, standing_height
from posetransfer.pose.pose import Points, Pose
from posetransfer.window import Box, Mask, Picture, cut, paste

FILL = 0.89
"""A standing person's height as a part of the frame's height (median of 800 rendered pictures; 90 % lie in 0.84..0.94)."""


STEP, GRID = 1.06, 0.04
"""A shared frame grows in steps of 6 % (0.89 of its height becomes 0.84) and moves in steps of 4 % of its height."""


@dataclass(frozen=True)
class Frame:
    """A box of a photo with the aspect of the network's size, so that pixels stay square.

    Args:
        photo_size: (height, width) of the photo.
        box: (left, top, right, bottom) in the photo's pixels (see `posetransfer.window`); may leave the photo.
        size: (height, width) of the network's pictures.
    """

    photo_size: tuple[int, int]
    box: Box
    size: tuple[int, int]

    @classmethod
    def around(cls, *poses: Pose, size: tuple[int, int]) -> Frame:
        """The frame for one person in one photo: the first pose gives the scale, all poses lie inside.

        Args:
            poses: the person's pose, then any others in the pixels of the same photo (a target pose brought to it).
            size: (height, width) of the network.

        Raises:
            PoseError: no pose, or one without joints.

        >>> frame = Frame.around(Pose({"neck": (50, 40), "right_hip": (48, 68), "left_hip": (52, 68)}, (200, 100)), size=(256, 176))
        >>> float(round((frame.box[3] - frame.box[1]) / 28, 1))  # the torso is 28 pixels long, so the person is 101
        4.1
        """
        if not poses:
            raise PoseError("a frame needs at least one pose; give the pose of the person in the photo.")
        tall = standing_height(poses[0])
        extents = np.array([body_box(pose, tall) for pose in poses])
        left, top = extents[:, :2].min(axis=0)
        right, bottom = extents[:, 2:].max(axis=0)
        # An arm stretched to one side must not push the body to the other: centred on the source where the width allows it.
        height = max(tall / FILL, bottom - top, (right - left) * size[0] / size[1])
        width = height * size[1] / size[0]
        middle = (extents[0, 0] + extents[0, 2]) / 2
        x = float(np.clip(middle, right - width / 2, left + width / 2))
        y = (top + bottom) / 2
        return cls(poses[0].size, (x - width / 2, y - height / 2, x + width / 2, y + height / 2), size)

    @classmethod
    def shared(cls, source: Pose, target: Pose, size: tuple[int, int]) -> Frame:
        """As `around(source, target)`, but out of a few frames per source, so that most poses of one photo share one.

        The first frame is the source's own, and holds most poses. For another pose it moves and grows no more than it must, in
        steps: the person is never more than 6 % smaller than in a frame made for that pose alone. (The default network does not mind:
        over 60 poses of ten rendered test people PCKh was 0.907 in a frame of the pose's own, 0.905 in the shared one, 0.935
        in an own one 6 % larger, 0.921 in one 12 % larger, 0.867 in one half as large again; benchmarks/frames.py.) It depends on these two
        poses only, so that a picture is the same whether it is made alone, in a batch or in another order; and what the
        engine keeps of the source serves every pose of the same frame. For a clip, where the person must not change in size at
        all, `around(source, *poses)` is the one frame for all.

        Args:
            source: the person's pose in the photo.
            target: the wanted pose, in the pixels of the same photo.
            size: (height, width) of the network.

        Raises:
            PoseError: a pose without joints.

        >>> standing = Pose({"neck": (50, 40), "right_hip": (48, 68), "left_hip": (52, 68)}, (200, 100))
        >>> Frame.shared(standing, standing.moved(0, 1), size=(256, 176)) == Frame.around(standing, size=(256, 176))
        True
        """
        tall = standing_height(source)
        own, other = np.array(body_box(source, tall)), np.array(body_box(target, tall))
        low, high = np.minimum(own, other)[:2], np.maximum(own, other)[2:]  # (x, y) each
        shape = np.array([size[1] / size[0], 1.0])
        needed = float(((high - low) / shape).max()) / (tall / FILL)
        extent = tall / FILL * STEP ** max(0, ceil(log(needed) / log(STEP) - 1e-9)) * shape
        home = (own[:2] + own[2:]) / 2
        x, y = (_moved(home[i], high[i] - extent[i] / 2, low[i] + extent[i] / 2, GRID * extent[1]) for i in (0, 1))
        width, height = extent
        return cls(source.size, (x - width / 2, y - height / 2, x + width / 2, y + height / 2), size)

    @property
    def scale(self) -> float:
        """Pixels of the frame per pixel of the photo."""
        return self.size[0] / (self.box[3] - self.box[1])

    def crop(self, photo: Picture, fill: tuple[int, int, int] = (224, 224, 224)) -> Picture:
        """What the network sees: uint8 (height, width, 3); `fill` where the frame leaves the photo."""
        self._check(photo.shape[:2])
        return cut(photo, self.box, self.size, fill)

    def crop_mask(self, mask: Mask) -> Mask:
        """The same part of a float32 (H, W) mask; 0 outside the photo."""
        self._check(mask.shape[:2])
        return cut(mask, self.box, self.size, 0.0)

    def fit(self, pose: Pose) -> Pose:
        """A pose in the photo's pixels -> in the frame's pixels."""
        self._check(pose.size)
        return Pose((pose.points - self.box[:2]) * self._factor() - 0.5, self.size, pose.score)

    def unfit(self, pose: Pose) -> Pose:
        """A pose in the frame's pixels -> in the photo's pixels."""
        return Pose((pose.points + 0.5) / self._factor() + self.box[:2], self.photo_size, pose.score)

    def put_back(self, picture: Picture, photo: Picture, mask: Mask | None = None) -> Picture:
        """The photo with the network's picture in the place of the frame.

        Args:
            picture: uint8 (h, w, 3) of the frame, at any resolution.
            photo: uint8 (H, W, 3); not changed.
            mask: float32 (h, w) in [0, 1], how much of the picture is taken; by default all, fading out towards the border
                where the frame ends inside the photo.
        """
        self._check(photo.shape[:2])
        return paste(picture, self.box, photo, self._faded(picture.shape[:2]) if mask is None else mask)

    def _factor(self) -> Points:
        left, top, right, bottom = self.box
        return np.array([self.size[1] / (right - left), self.size[0] / (bottom - top)])

    def _faded(self, size: tuple[int, int]) -> Mask:
        """1 inside, falling to 0 over the outer 4 % at those sides of the frame that lie inside the photo."""
        mask = np.ones(size, np.float32)
        ramp = np.clip((np.arange(max(size)) + 0.5) / (0.04 * min(size)), 0, 1).astype(np.float32)
        height, width = self.photo_size
        if self.box[0] > -0.5:
            mask *= ramp[: size[1]]
        if self.box[2] < width - 0.5:
            mask *= ramp[: size[1]][::-1]
        if self.box[1] > -0.5:
            mask *= ramp[: size[0], None]
        if self.box[3] < height - 0.5:
            mask *= ramp[: size[0], None][::-1]
        return mask

    def _check(self, size: tuple[int, ...]) -> None:
        if tuple(size) != self.photo_size:
            raise ValueError(f"this frame belongs to a photo of size {self.photo_size}, got one of {tuple(size)}")


def _moved(home: float, least: float, most: float, step: float) -> float:
    """A middle between `least` and `most`: the home if it lies there, else the next one in whole steps from home, if that does.

    >>> [_moved(10.0, least, most, step=2.0) for least, most in ((9.0, 12.0), (10.5, 13.0), (7.0, 8.5), (13.0, 13.5))]
    [10.0, 12.0, 8.0, 13.5]
    """
    if home < least:
        return float(min(home + step * ceil((least - home) / step), most))
    return float(max(home - step * ceil((home - most) / step), least)) if home > most else float(home)
