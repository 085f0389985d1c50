"""The two discriminators (paper, section 3.2): one network form, two inputs, separate weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from posetransfer.config import DiscriminatorConfig
from posetransfer.networks.blocks import ConvNorm, Norm, ReflectConv, ResidualBlock
from posetransfer.networks.initialise import initialise_discriminator
from posetransfer.networks.patn import KEYPOINT_MAPS


class Discriminator(nn.Module):
    """Scores a picture beside its condition, concatenated on the channels.

    The output is raw (no sigmoid): the loss decides how to read it. With the `features` head it has 4 width channels,
    each of them a score (authors' code); with `patch` a 3x3 convolution makes one.

    Args:
        inputs: channels of picture and condition together.
        config: width, blocks, down-samplings, dropout, activation, head and spectral norm.
        norm: kind of normalisation, as in the generator.
    """

    def __init__(self, inputs: int, config: DiscriminatorConfig, norm: Norm) -> None:
        super().__init__()
        m, act = config.width, config.activation
        layers: list[nn.Module] = [ConvNorm(inputs, m, 7, norm, activation=act)]
        channels = m
        for i in range(config.downsamplings):
            wider = min(2 ** (i + 1), 4) * m  # a third halving keeps the channels
            layers.append(ConvNorm(channels, wider, 3, norm, stride=2, activation=act))
            channels = wider
        layers += [ResidualBlock(channels, norm, config.dropout, act) for _ in range(config.blocks)]
        if config.head == "patch":
            layers.append(ReflectConv(channels, 1, 3))
        self.layers = nn.Sequential(*layers)
        initialise_discriminator(self, config.initialise)
        if config.spectral_norm:
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    spectral_norm(module)

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        """Scores (B, 4 width or 1, H/4, W/4).

        Args:
            picture: (B, 3, H, W) in [-1, 1], real or made.
            condition: (B, K, H, W): the source photo (appearance) or the target's heat maps (shape).
        """
        scores: Tensor = self.layers(torch.cat([picture, condition], dim=1))
        return scores


def make_appearance_discriminator(config: DiscriminatorConfig, norm: Norm) -> Discriminator:
    """D_appearance (`D_PP` in the authors' code): is this the person of the source photo?"""
    return Discriminator(3 + 3, config, norm)


def make_shape_discriminator(config: DiscriminatorConfig, norm: Norm) -> Discriminator:
    """D_shape (`D_PB`): does this picture fit the target pose?"""
    return Discriminator(3 + KEYPOINT_MAPS, config, norm)
