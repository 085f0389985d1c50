"""Frame: the part of a photo that the network sees, always at the scale of a whole figure.

The network has learnt people of one size in the middle of the frame. A photo shows them at any size, and often not down to
the feet: the frame's scale therefore comes from the height that the person would have standing upright, estimated from whatever
limbs are seen, and the frame may reach beyond the photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from posetransfer.errors import PoseError
from posetransfer.pose.pose import Points, Pose
from posetransfer.pose.skeleton import INDEX
from posetransfer.window import Box, Mask, Picture, cut, paste

FILL = 0.89
"""A standing person's height as a part of the frame's height (median of 800 rendered pictures; 90 % lie in 0.84..0.94)."""

# The height of a standing adult in lengths that joints give. Medians of the same pictures, where limbs are hardly
# foreshortened; shoulders and face from those seen from the front.
_PER_TORSO_AND_LEG, _PER_TORSO, _PER_LEG, _PER_THIGH, _PER_SHOULDERS, _PER_HEAD, _PER_ARM = 1.37, 3.62, 2.20, 4.4, 5.4, 7.8, 6.6
_HEAD, _FACE, _SOLE = 0.195, 0.075, 0.07  # of the height: crown above neck, crown above face, sole below ankle
_MARGIN = 0.025  # of the height: hands and cloth reach beyond the joints at the sides


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


def standing_height(pose: Pose) -> float:
    """Height in pixels, crown to sole, that the person would have standing upright.

    Every length is shortened by perspective at most, so that the largest estimate is taken; lengths that vary much
    from person to person count a little less than torso and leg together.

    Raises:
        PoseError: too few joints for any estimate.
    """
    torso = _distance(pose.points[INDEX["neck"]], _hips(pose))
    thigh, leg = _longer(pose, "hip", "knee"), _longer(pose, "hip", "knee", "ankle")
    both = (torso + leg) * _PER_TORSO_AND_LEG
    tall = _largest(both, 0.93 * torso * _PER_TORSO, 0.93 * leg * _PER_LEG, _upright(pose))
    if np.isnan(both):
        tall = _largest(tall, torso * _PER_TORSO, thigh * _PER_THIGH)
    if np.isnan(tall):
        shoulders, head = _length(pose, "right_shoulder", "left_shoulder"), _length(pose, "neck", "nose")
        tall = _largest(shoulders * _PER_SHOULDERS, head * _PER_HEAD, _longer(pose, "shoulder", "elbow") * _PER_ARM)
    if not tall > 0:
        raise PoseError("the person's size cannot be told from this pose; it needs neck and a hip, or a whole limb, or both shoulders.")
    return tall


def body_box(pose: Pose, tall: float) -> Box:
    """(left, top, right, bottom) of the whole body: the joints, crown and soles, and below the photo what is missing of the legs.

    Args:
        pose: any joints.
        tall: the person's standing height in the same pixels.
    """
    left, top, right, bottom = pose.box()
    neck, hips = pose.points[INDEX["neck"]], _hips(pose)
    face = pose.points[[INDEX[name] for name in ("nose", "right_eye", "left_eye", "right_ear", "left_ear")], 1]
    crown = [neck[1] - _HEAD * tall, *(face - _FACE * tall)]
    ankles = pose.points[[INDEX["right_ankle"], INDEX["left_ankle"]], 1]
    soles = list(ankles + _SOLE * tall)
    if np.isnan(ankles).all():  # legs cut by the photo: they are thought to hang straight down
        knees = pose.points[[INDEX["right_knee"], INDEX["left_knee"]], 1]
        below = [knees + (_SOLE + 0.225) * tall, hips[1:] + (_SOLE + 0.455) * tall, neck[1:] + (1 - _HEAD) * tall]
        soles += next((list(lower) for lower in below if not np.isnan(lower).all()), [])
    side = _MARGIN * tall
    return left - side, float(np.nanmin([top - side, *crown])), right + side, float(np.nanmax([bottom + side, *soles]))


def _upright(pose: Pose) -> float:
    """Height from the vertical distance of neck and ankles, for somebody who stands."""
    ankles = pose.points[[INDEX["right_ankle"], INDEX["left_ankle"]], 1]
    if np.isnan(ankles).all():
        return float("nan")
    return float((np.nanmax(ankles) - pose.points[INDEX["neck"], 1]) / (1 - _HEAD - _SOLE))


def _hips(pose: Pose) -> Points:
    """The middle of the hips, or the one that is known."""
    hips = pose.points[[INDEX["right_hip"], INDEX["left_hip"]]]
    known = hips[~np.isnan(hips[:, 0])]
    return known.mean(axis=0) if len(known) else np.full(2, np.nan)


def _longer(pose: Pose, *chain: str) -> float:
    """Length of a chain of joints on the side where it is longer; NaN if it is complete on neither side."""
    return _largest(*(sum(_length(pose, f"{side}_{a}", f"{side}_{b}") for a, b in pairwise(chain)) for side in ("right", "left")))


def _largest(*lengths: float) -> float:
    """The largest of the known lengths, NaN if none is known (`max` would depend on the order)."""
    return max((length for length in lengths if not np.isnan(length)), default=float("nan"))


def _length(pose: Pose, a: str, b: str) -> float:
    return _distance(pose.points[INDEX[a]], pose.points[INDEX[b]])


def _distance(a: Points, b: Points) -> float:
    return float(np.hypot(*(a - b)))
