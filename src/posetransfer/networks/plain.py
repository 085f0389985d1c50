"""The baseline of the paper's ablation: a residual generator without attention, and the choice between the two."""

from __future__ import annotations

from typing import Literal, overload

import torch
from torch import Tensor, nn

from posetransfer.config import ModelConfig
from posetransfer.networks.blocks import ResidualBlock
from posetransfer.networks.patn import KEYPOINT_MAPS, Generator, Progression, check_sides, make_decoder, make_encoder


class PlainGenerator(Generator):
    """Photo and both poses joined at the input, one encoder, residual blocks, decoder (paper, section 4.4, "Resnet generator").

    It is called as `Generator` is; it has no masks, so a `Progression` of it has none.

    Args:
        config: width, number of blocks, norm and dropout are read here.
    """

    def __init__(self, config: ModelConfig) -> None:
        nn.Module.__init__(self)
        n, norm = config.width, config.norm
        self.photo_encoder = make_encoder(3 + 2 * KEYPOINT_MAPS, n, norm)
        self.blocks = nn.ModuleList(ResidualBlock(4 * n, norm, config.dropout) for _ in range(config.blocks))
        self.decoder = make_decoder(n, norm)

    @overload
    def forward(self, photo: Tensor, source_maps: Tensor, target_maps: Tensor, attention: Literal[False] = False) -> Tensor: ...

    @overload
    def forward(self, photo: Tensor, source_maps: Tensor, target_maps: Tensor, attention: Literal[True]) -> Progression: ...

    def forward(self, photo: Tensor, source_maps: Tensor, target_maps: Tensor, attention: bool = False) -> Tensor | Progression:
        """See `Generator.forward`."""
        check_sides(photo)
        code = self.photo_encoder(torch.cat([photo, source_maps, target_maps], dim=1))  # (B, C, h, w)
        codes = []
        for block in self.blocks:
            code = block(code)  # (B, C, h, w)
            if attention:
                codes.append(code)
        result = self.decode(code)
        return Progression(result, [], codes) if attention else result


def make_generator(config: ModelConfig) -> Generator:
    """The generator that the settings ask for: the paper's, or one of its ablations.

    >>> type(make_generator(ModelConfig(width=8, blocks=1, transfer="residual"))).__name__
    'PlainGenerator'
    """
    return PlainGenerator(config) if config.transfer == "residual" else Generator(config)
