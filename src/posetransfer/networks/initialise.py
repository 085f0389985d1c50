"""Initial weights, as the authors' code draws them."""

from __future__ import annotations

from typing import Literal

from torch import nn


def initialise_generator(network: nn.Module) -> None:
    """Convolution weights N(0, 0.02), batch-norm scales N(1, 0.02), shifts 0; convolution biases stay at torch's default."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


def initialise_discriminator(network: nn.Module, how: Literal["default", "normal", "torch-0.3"]) -> None:
    """Leave torch's defaults (the authors' code never applies its `init_type` here), or draw as `DiscriminatorConfig.initialise` says."""
    if how == "normal":
        initialise_generator(network)
    elif how == "torch-0.3":
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight)
