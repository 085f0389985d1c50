"""The networks of the paper: they know tensors only."""

from posetransfer.networks.blocks import ResidualBlock, TransferBlock
from posetransfer.networks.discriminators import Discriminator, make_appearance_discriminator, make_shape_discriminator
from posetransfer.networks.initialise import initialise_discriminator, initialise_generator
from posetransfer.networks.patn import Generator, Progression
from posetransfer.networks.plain import PlainGenerator, make_generator

__all__ = [
    "Discriminator",
    "Generator",
    "PlainGenerator",
    "Progression",
    "ResidualBlock",
    "TransferBlock",
    "initialise_discriminator",
    "initialise_generator",
    "make_appearance_discriminator",
    "make_generator",
    "make_shape_discriminator",
]
