"""Pictures about a transfer: the panel of its four sides, and what each block of the network did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from posetransfer.backdrop import over_neutral
from posetransfer.engines import Explanation
from posetransfer.image import Picture, contact_sheet, from_unit, resize
from posetransfer.pose import draw_pose
from posetransfer.result import Result

SMALLEST, TALLEST = 256, 512
"""Heights in pixels between which the pictures of a figure lie; others are resized."""

HEAT = np.array([(20, 20, 60), (40, 60, 160), (0, 150, 150), (110, 200, 70), (250, 220, 50), (220, 50, 30)], np.float32)
"""Colours from the lowest to the highest attention, equal steps between them."""


def panel(result: Result) -> Picture:
    """Source, its pose, target pose and result side by side.

    A picture of the network's size is shown beside the frame that the network saw, a placed one beside the whole photo.
    """
    placed = result.pixels.shape == result.source.shape and result.pixels.shape != result.painted.shape
    if placed:
        source, poses = result.source, [result.source_pose, result.target_pose]
    else:
        height, width = result.frame.size
        finer = max(round(SMALLEST / height), 1)  # the photo and the skeletons need not be as coarse as the network
        frame = replace(result.frame, size=(height * finer, width * finer))
        source = frame.crop(result.source)
        poses = [frame.fit(pose) for pose in (result.source_pose, result.target_pose)]
    pictures = [source, draw_pose(poses[0]), draw_pose(poses[1]), _opaque(result)]
    return contact_sheet([[_handy(picture) for picture in pictures]], ["source", "its pose", "target pose", "result"])


def progression(result: Result) -> Picture:
    """The paper's progression figure: the attention of every block over the picture, and what its code decodes to.

    All blocks share one colour scale, from the least to the greatest attention anywhere, so that they can be compared.

    Raises:
        ValueError: the result was made without `attention`.
    """
    masks, pictures = attention_pictures(result)
    return contact_sheet([[_handy(cell) for cell in row] for row in (masks, pictures)], [f"block {t + 1}" for t in range(len(masks))])


def attention_pictures(result: Result) -> tuple[list[Picture], list[Picture]]:
    """For each block its mask over the painted picture, and the intermediate picture; uint8 (h, w, 3) each."""
    if result.attention is None:
        raise ValueError("this result was made without attention=True")
    return block_pictures(result.attention, backdrop=result.backdrop)


def block_pictures(
    explained: Explanation, which: int = 0, backdrop: tuple[int, int, int] | None = None
) -> tuple[list[Picture], list[Picture]]:
    """As `attention_pictures`, for picture `which` of what an engine explained; a key colour as `backdrop` is shown as a neutral one."""
    masks = explained.masks[:, which]  # (blocks, h/4, w/4)
    low, high = float(masks.min()), float(masks.max())
    spread = (masks - low) / max(high - low, 1e-6)
    painted, *pictures = [_neutral(from_unit(picture[which]), backdrop) for picture in (explained.picture, *explained.pictures)]
    return [_heated(mask, painted) for mask in spread], pictures


def _neutral(picture: Picture, backdrop: tuple[int, int, int] | None) -> Picture:
    return picture if backdrop is None else over_neutral(picture, backdrop)


def _heated(mask: npt.NDArray[np.float32], picture: Picture) -> Picture:
    """A mask in [0, 1] as colours, mixed half and half with the grey picture."""
    mask = np.clip(resize(np.ascontiguousarray(mask), (picture.shape[0], picture.shape[1])), 0, 1)
    steps = np.linspace(0, 1, len(HEAT))
    colours = np.stack([np.interp(mask, steps, HEAT[:, channel]) for channel in range(3)], axis=2)
    grey = picture.mean(axis=2, keepdims=True)
    return np.asarray(np.rint(0.65 * colours + 0.35 * grey), np.uint8)


def _opaque(result: Result) -> Picture:
    """A transparent result over a chequered ground, as picture editors show it."""
    if result.alpha is None:
        return result.pixels
    height, width = result.alpha.shape
    rows, columns = np.ogrid[:height, :width]
    ground = np.where((rows // 8 + columns // 8) % 2, 205, 255)[..., None]
    share = result.alpha[..., None]
    return np.asarray(np.rint(share * result.pixels + (1 - share) * ground), np.uint8)


def _handy(picture: Picture) -> Picture:
    """Neither so small that nothing is seen, nor larger than a screen."""
    height, width = picture.shape[:2]
    wanted = min(max(height, SMALLEST), TALLEST)
    return picture if height == wanted else resize(picture, (wanted, max(round(width * wanted / height), 1)))
