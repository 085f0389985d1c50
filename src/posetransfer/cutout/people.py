"""The mask of one person: two segmenters on ONNX Runtime, held to the person's own skeleton."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posetransfer.assets.network import Network
from posetransfer.cutout.edges import guided
from posetransfer.pose.body import body_box, standing_height
from posetransfer.pose.pose import Pose
from posetransfer.pose.skeleton import INDEX, LIMBS
from posetransfer.window import Box, Mask, Picture, cut, paste, resized_rows, square, strips, whole

_WORK = 448  # longest side at which a mask is refined
_PLAIN = 8.0  # mean distance (0..255) of a background's colours from one even shade; rooms and streets have 15 and more
_NEAR, _FAR = 0.13, 0.20  # parts of the standing height: mask this near to the skeleton stays, this far from it goes
_SURE = 0.5  # joints with a higher score are surely seen
_CORE, _SKULL = 0.02, 0.05  # this near to a surely seen limb, or to the middle of the face, is the person for certain
_COVERED = 0.95  # a mask over less of a limb than this has missed it

_ON_HEAD = np.isin(np.arange(18), [INDEX[name] for name in ("nose", "right_eye", "left_eye", "right_ear", "left_ear")])
_MEAN, _STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


class Cutout:
    """Photo and pose in, the person's mask out; the networks are loaded at the first call.

    BlazePose sees people in cluttered places, but only whole ones; U²-Net (small) sees whatever stands out, best
    before a plain background or where the photo cuts the legs. Where the one that fits misses a limb, the other is asked too.

    Args:
        threads: threads of ONNX Runtime; None takes all cores.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._blazepose = Network("blazepose_lite_seg_256.onnx", threads)
        self._u2net = Network("u2netp_320.onnx", threads)

    def mask(self, photo: Picture, pose: Pose) -> Mask:
        """How much of each pixel is the person.

        Args:
            photo: uint8 (H, W, 3).
            pose: the person's pose in the same pixels.

        Returns:
            float32 (H, W) in [0, 1]; other people and things away from the skeleton are 0.

        Raises:
            PoseError: the pose has too few joints to tell the person's size.
        """
        tall = standing_height(pose)
        box = _inside(_grown(body_box(pose, tall), 0.12 * tall), photo.shape[:2])
        scale = min(1.0, _WORK / max(box[2] - box[0], box[3] - box[1]))
        size = max(2, round((box[3] - box[1]) * scale)), max(2, round((box[2] - box[0]) * scale))
        seen = cut(photo, box, size)
        factor = np.array([size[1] / (box[2] - box[0]), size[0] / (box[3] - box[1])])
        own = Pose((pose.points - box[:2]) * factor - 0.5, size, pose.score)
        distance = skeleton_distance(own) / (tall * factor[1])
        rough = self._rough(seen, own, distance)
        rough = rough * _reachable(rough, distance)
        return _refined(rough, seen, photo, box)

    def _rough(self, seen: Picture, pose: Pose, distance: Mask) -> Mask:
        """The mask of the segmenter that fits; near the skeleton also the other's, if it misses a part."""
        ankles = pose.inside[[INDEX["right_ankle"], INDEX["left_ankle"]]].any()
        segmenters = [self._blazepose_mask, self._u2net_mask]
        if not ankles or _unevenness(seen, distance) < _PLAIN:
            segmenters.reverse()
        first = segmenters[0](seen, pose)
        if _coverage(first, pose) >= _COVERED:
            return first
        second = np.where(distance < 0.6 * _NEAR, segmenters[1](seen, pose), 0)
        return np.asarray(np.maximum(np.maximum(first, second), body_core(pose)), np.float32)

    def _blazepose_mask(self, seen: Picture, pose: Pose) -> Mask:
        window = square(pose.box(), 1.4)
        image = cut(seen, window, (256, 256)).astype(np.float32)[None] / 255
        mask = self._blazepose("mask", image=image)[0, :, :, 0]
        return paste(mask, window, np.zeros(seen.shape[:2], np.float32))

    def _u2net_mask(self, seen: Picture, pose: Pose) -> Mask:
        window = whole(seen.shape[:2])
        image = (cut(seen, window, (320, 320)).astype(np.float32) / 255 - _MEAN) / _STD
        mask = self._u2net("mask", image=image.transpose(2, 0, 1)[None])[0, 0]
        mask = (mask - mask.min()) / max(float(mask.max() - mask.min()), 1e-6)
        return paste(mask, window, np.zeros(seen.shape[:2], np.float32))


def skeleton_distance(pose: Pose) -> Mask:
    """float32 (height, width): pixels from each pixel to the nearest limb (or lone joint) of a pose."""
    height, width = pose.size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    nearest = np.full((height, width), np.inf, np.float32)
    for a, b in [*LIMBS, *((i, i) for i in range(18)), (2, 8), (5, 11), (2, 5), (8, 11)]:  # with the outline of the trunk
        (ax, ay), (bx, by) = pose.points[a], pose.points[b]
        if np.isnan(ax) or np.isnan(bx):
            continue
        along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / max((bx - ax) ** 2 + (by - ay) ** 2, 1e-9)
        along = along.clip(0, 1)
        nearest = np.minimum(nearest, np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)))
    return nearest.astype(np.float32)


def body_core(pose: Pose) -> npt.NDArray[np.bool_]:
    """Pixels that are the person whatever a segmenter says: near the bones of surely seen limbs, and the middle of the head."""
    tall = standing_height(pose)
    sure = pose.score > _SURE
    face = pose.points[sure & _ON_HEAD]
    limbs = Pose(np.where((sure & ~_ON_HEAD & (np.arange(18) != INDEX["neck"]))[:, None], pose.points, np.nan), pose.size)
    core = skeleton_distance(limbs) < _CORE * tall
    if len(face) >= 2:  # the face's joints lie too near to the head's outline to be bones of it
        y, x = np.mgrid[: pose.size[0], : pose.size[1]]
        core |= np.hypot(x - face[:, 0].mean(), y - face[:, 1].mean()) < _SKULL * tall
    return np.asarray(core)


def _reachable(mask: Mask, distance: Mask) -> Mask:
    """1 where the mask hangs together with the skeleton and lies near it; falls to 0 between `_NEAR` and `_FAR`."""
    step = max(1, max(mask.shape) // 128)  # what hangs together is told on a coarse grid: growing is quick there
    allowed = (mask > 0.3)[::step, ::step] & (distance < _FAR)[::step, ::step]
    grown = (distance < 0.03)[::step, ::step] & allowed
    while True:
        wider = _neighbours(grown) & allowed
        if (wider == grown).all():
            break
        grown = wider
    for _ in range(2):  # the soft edge lies outside the firm mask
        grown = _neighbours(grown)
    near = ((_FAR - distance) / (_FAR - _NEAR)).clip(0, 1)
    fine = np.repeat(np.repeat(grown, step, axis=0), step, axis=1)[: mask.shape[0], : mask.shape[1]]
    return np.asarray(near * fine, np.float32)


def _neighbours(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The mask and its eight neighbours."""
    padded = np.pad(mask, 1)
    height, width = mask.shape
    shifted = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.asarray(np.any(shifted, axis=0))


def _refined(rough: Mask, seen: Picture, photo: Picture, box: Box) -> Mask:
    """The mask at the photo's resolution, its edge drawn along the photo's edges."""
    radius = max(2, round(max(rough.shape) / 100))
    slopes, offset = guided(rough, seen, radius, 1e-3)
    y0, x0, y1, x1 = (round(edge + 0.5) for edge in (box[1], box[0], box[3], box[2]))
    size = y1 - y0, x1 - x0
    channels = [np.ascontiguousarray(slopes[:, :, i]) for i in range(3)]
    mask = np.zeros(photo.shape[:2], np.float32)
    for rows in strips(size[0]):
        colour = photo[y0:y1, x0:x1][rows].astype(np.float32) / 255
        fine = resized_rows(offset, size, rows) + sum(resized_rows(slope, size, rows) * colour[..., i] for i, slope in enumerate(channels))
        # The filter leaves a veil inside and outside: what is nearly all or nothing becomes all or nothing.
        fine = ((fine - 0.15) / 0.7).clip(0, 1)
        mask[y0:y1, x0:x1][rows] = fine * fine * (3 - 2 * fine)
    return mask


def _coverage(mask: Mask, pose: Pose) -> float:
    """Share of points along a limb inside the picture that the mask covers, for the limb that is covered least."""
    height, width = mask.shape
    shares = []
    for a, b in LIMBS[:-4]:  # trunk, arms, legs and neck
        if min(pose.score[a], pose.score[b]) <= _SURE:
            continue
        points = pose.points[a] + (pose.points[b] - pose.points[a]) * np.linspace(0.1, 0.9, 9)[:, None]
        x, y = points.round().astype(int).clip(0, [width - 1, height - 1]).T
        shares.append(float((mask[y, x] > 0.5).mean()))
    return min(shares, default=1.0)


def _unevenness(seen: Picture, distance: Mask) -> float:
    """Mean absolute distance of the colours away from the person from the linear shade that fits them best."""
    y, x = np.nonzero(distance > _NEAR)
    if len(y) < 3:
        return float("inf")
    colours = seen[y, x].astype(np.float32)
    shade = np.stack([np.ones_like(x), x, y], axis=1) / np.array([1, *seen.shape[1::-1]], np.float32)
    fit = np.linalg.lstsq(shade, colours, rcond=None)[0]
    return float(np.abs(colours - shade @ fit).mean())


def _grown(box: Box, margin: float) -> Box:
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


def _inside(box: Box, size: tuple[int, ...]) -> Box:
    """The box cut off at the photo's border and widened to whole pixels."""
    height, width = size
    left, right = np.clip([np.floor(box[0]), np.ceil(box[2])], 0, width - 1)
    top, bottom = np.clip([np.floor(box[1]), np.ceil(box[3])], 0, height - 1)
    return float(left - 0.5), float(top - 0.5), float(right + 0.5), float(bottom + 0.5)
