"""The networks of the paper: they know tensors only."""

from posetransfer.networks.blocks import ResidualBlock, TransferBlock
from posetransfer.networks.discriminators import Discriminator, make_appearance_discriminator, make_shape_discriminator
from posetransfer.networks.initialise import initialise_generator
from posetransfer.networks.patn import Generator, Progression

__all__ = [
    "Discriminator",
    "Generator",
    "Progression",
    "ResidualBlock",
    "TransferBlock",
    "initialise_generator",
    "make_appearance_discriminator",
    "make_shape_discriminator",
]
