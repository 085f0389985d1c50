"""The generator: a progressive pose attention transfer network (paper, section 3.1 and figure 2)."""

from __future__ import annotations

from typing import Literal, NamedTuple, overload

import torch
from torch import Tensor, nn

from posetransfer.config import ModelConfig
from posetransfer.networks.blocks import (
    BlockWithoutAddition,
    BlockWithoutConcatenation,
    ConvNorm,
    Norm,
    ReflectConv,
    Tanh,
    TransferBlock,
    UpNorm,
)

KEYPOINT_MAPS = 18


class Progression(NamedTuple):
    """What the blocks did, one entry per block."""

    picture: Tensor
    """(B, 3, H, W) the result, in [-1, 1]."""
    masks: list[Tensor]
    """(B, C, H/4, W/4) attention of each block, in (0, 1)."""
    codes: list[Tensor]
    """(B, C, H/4, W/4) picture code behind each block; `Generator.decode` turns one into a picture."""


def make_encoder(inputs: int, width: int, norm: Norm) -> nn.Sequential:
    """7x7 convolution, then two that halve the size: (B, inputs, H, W) to (B, 4 width, H/4, W/4)."""
    return nn.Sequential(
        ConvNorm(inputs, width, 7, norm),
        ConvNorm(width, 2 * width, 3, norm, stride=2),
        ConvNorm(2 * width, 4 * width, 3, norm, stride=2),
    )


def check_sides(photo: Tensor) -> None:
    """Refuse a height or width that is not divisible by 4 (`ValueError`): two halvings and two doublings must meet."""
    if photo.shape[-2] % 4 or photo.shape[-1] % 4:
        raise ValueError(f"height and width must be divisible by 4, got {tuple(photo.shape[-2:])}")


def make_decoder(width: int, norm: Norm) -> nn.Sequential:
    """Two transposed convolutions that double the size, then a 7x7 convolution: (B, 4 width, h, w) to (B, 3, 4h, 4w) in [-1, 1]."""
    return nn.Sequential(
        UpNorm(4 * width, 2 * width, norm),
        UpNorm(2 * width, width, norm),
        ReflectConv(width, 3, 7),
        Tanh(),
    )


def make_blocks(config: ModelConfig) -> list[TransferBlock]:
    """The transfer blocks, or those of an ablation; every block but the first reads a pose code of twice the channels."""
    kinds = {"attention": TransferBlock, "no_addition": BlockWithoutAddition, "no_concatenation": BlockWithoutConcatenation}
    block, c = kinds[config.transfer], 4 * config.width
    later = c if config.transfer == "no_concatenation" else 2 * c
    return [block(c, c if t == 0 else later, config.norm, config.dropout) for t in range(config.blocks)]


class Generator(nn.Module):
    """Paints the person of a photo in another pose.

    Args:
        config: width, number of blocks, norm and dropout are read here; any height and width divisible by 4 can be run.

    >>> from posetransfer.config import ModelConfig
    >>> sum(p.numel() for p in Generator(ModelConfig(width=64, blocks=9, norm="batch")).parameters())
    41365763
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        n, norm = config.width, config.norm
        self.photo_encoder = make_encoder(3, n, norm)
        self.pose_encoder = make_encoder(2 * KEYPOINT_MAPS, n, norm)
        self.blocks = nn.ModuleList(make_blocks(config))
        self.decoder = make_decoder(n, norm)

    @overload
    def forward(self, photo: Tensor, source_maps: Tensor, target_maps: Tensor, attention: Literal[False] = False) -> Tensor: ...

    @overload
    def forward(self, photo: Tensor, source_maps: Tensor, target_maps: Tensor, attention: Literal[True]) -> Progression: ...

    def forward(self, photo: Tensor, source_maps: Tensor, target_maps: Tensor, attention: bool = False) -> Tensor | Progression:
        """The person of `photo` in the target pose.

        Args:
            photo: (B, 3, H, W) in [-1, 1]; H and W divisible by 4.
            source_maps: (B, 18, H, W) heat maps of the pose in the photo.
            target_maps: (B, 18, H, W) heat maps of the wanted pose.
            attention: also return the masks and picture codes of all blocks.

        Returns:
            (B, 3, H, W) in [-1, 1], or a `Progression`.

        Raises:
            ValueError: a side that is not divisible by 4.
        """
        check_sides(photo)
        picture = self.photo_encoder(photo)  # (B, C, h, w)
        pose = self.pose_encoder(torch.cat([source_maps, target_maps], dim=1))  # (B, C, h, w)
        masks, codes = [], []
        for block in self.blocks:
            picture, pose, mask = block(picture, pose)  # (B, C, h, w), (B, 2C, h, w), (B, C, h, w)
            if attention:
                masks.append(mask)
                codes.append(picture)
        result = self.decode(picture)
        return Progression(result, masks, codes) if attention else result

    def decode(self, code: Tensor) -> Tensor:
        """Picture code (B, C, H/4, W/4) of any block to a picture (B, 3, H, W) in [-1, 1]."""
        picture: Tensor = self.decoder(code)
        return picture
