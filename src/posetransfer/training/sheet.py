"""The sheet of fixed test pairs: what the network makes of them, and where it looked, side by side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.nn import functional as F

from posetransfer.config import Settings
from posetransfer.data.pairs import Pairs
from posetransfer.image import contact_sheet
from posetransfer.networks import Generator
from posetransfer.pose.drawing import draw_pose
from posetransfer.pose.pose import Pose
from posetransfer.training.precision import autocast
from posetransfer.training.tensors import to_device

Picture = npt.NDArray[np.uint8]

PAIRS = 16
SMALLEST = 128
"""Height in pixels that smaller pictures are enlarged to on a sheet."""
TILES = ("source", "its pose", "target pose", "result", "truth")


@torch.no_grad()
def draw_sheet(generator: Generator, pairs: Pairs, chosen: npt.NDArray[np.intp], settings: Settings, device: torch.device) -> Picture:
    """Source, both poses, result, truth and the attention of the first, middle and last block, two pairs in a row.

    Args:
        generator: in eval mode.
        pairs: where the pairs come from.
        chosen: their numbers.
        settings: how the generator reads pictures and poses.
        device: where it lives.
    """
    batch = pairs.examples(chosen)
    tensors = to_device(batch, settings, device)
    with autocast(settings.training.precision, device):
        made = generator(tensors.source, tensors.source_maps, tensors.target_maps, attention=True)
    results = to_pictures(made.picture)
    blocks = sorted({0, (len(made.masks) - 1) // 2, len(made.masks) - 1}) if made.masks else []
    masks = [attention_pictures(made.masks[block], settings.model.size) for block in blocks]
    rows = []
    for i in range(len(chosen)):
        poses = [draw_pose(Pose(points[i], settings.model.size)) for points in (batch.source_points, batch.target_points)]
        row = [batch.source[i], *poses, results[i], batch.target[i], *(mask[i] for mask in masks)]
        rows.append([enlarged(picture) for picture in row])
    labels = [*TILES, *(f"attention {block + 1}" for block in blocks)]
    if len(rows) == 1:
        return contact_sheet(rows, labels)
    rows = [left + right for left, right in zip(rows[::2], [*rows[1::2], []], strict=False)]
    return contact_sheet(rows, labels * 2)


def to_pictures(made: torch.Tensor) -> Picture:
    """(B, 3, H, W) in [-1, 1] to uint8 (B, H, W, 3), rounded."""
    pictures = (made.float().permute(0, 2, 3, 1) + 1) * 127.5
    return pictures.round().clamp(0, 255).to(torch.uint8).cpu().numpy()


def attention_pictures(mask: torch.Tensor, size: tuple[int, int]) -> Picture:
    """A block's mask, averaged over its channels, as grey pictures: black where it is smallest in the picture, white where largest.

    Args:
        mask: (B, C, h, w) in (0, 1).
        size: (height, width) of the pictures.
    """
    mean = F.interpolate(mask.float().mean(dim=1, keepdim=True), size, mode="bilinear", align_corners=False)[:, 0]  # (B, H, W)
    low, high = mean.amin((1, 2), keepdim=True), mean.amax((1, 2), keepdim=True)
    grey = ((mean - low) / (high - low).clamp_min(1e-6) * 255).round().to(torch.uint8).cpu().numpy()
    return np.repeat(grey[..., None], 3, axis=3)


def enlarged(picture: Picture) -> Picture:
    """A small picture by a whole factor, its pixels as they are; others as they are."""
    factor = -(-SMALLEST // picture.shape[0])
    if factor == 1:
        return picture
    image = Image.fromarray(picture)
    return np.asarray(image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST))
