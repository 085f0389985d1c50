"""The network as a program of `torch.export`: a .pt2 file that torch loads and runs without this package.

`torch.export` and not TorchScript, which PyTorch has deprecated.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from posetransfer.config import ModelConfig
from posetransfer.engines.pytorch import build_generator, fold_batch_norms
from posetransfer.networks import Generator
from posetransfer.networks.blocks import InstanceNorm
from posetransfer.pose.heatmaps import draw_heatmaps_batch
from posetransfer.weights import Weights

LARGEST_BATCH, LARGEST_SIDE = 4096, 4096


class FromMaps(nn.Module):
    """Photo and both poses' maps in, picture out: float32, as `Engine.run` has them."""

    def __init__(self, network: Generator) -> None:
        super().__init__()
        self.network = network

    def forward(self, photo: Tensor, source_pose: Tensor, target_pose: Tensor) -> Tensor:
        """(B, 3, H, W), (B, 18, H, W), (B, 18, H, W) to (B, 3, H, W)."""
        picture: Tensor = self.network(photo, source_pose, target_pose)
        return picture


class FromJoints(nn.Module):
    """uint8 photo and joints in pixels in, uint8 picture out."""

    def __init__(self, network: Generator, config: ModelConfig) -> None:
        super().__init__()
        self.network, self.sigma, self.kind = network, config.sigma, config.heatmaps

    def forward(self, photo: Tensor, source_joints: Tensor, target_joints: Tensor) -> Tensor:
        """(B, H, W, 3) uint8, (B, 18, 2), (B, 18, 2) with NaN for a missing joint, to (B, H, W, 3) uint8."""
        size = photo.shape[1], photo.shape[2]
        maps = [draw_heatmaps_batch(joints, size, self.sigma, self.kind) for joints in (source_joints, target_joints)]
        picture = self.network(photo.permute(0, 3, 1, 2).float() / 127.5 - 1, *maps)
        grey: Tensor = ((picture + 1) * 127.5).round().clamp(0, 255)
        return grey.to(torch.uint8).permute(0, 2, 3, 1)


def plain_network(weights: Weights) -> Callable[..., Tensor]:
    """The network of `networks` as it stands: what every file is compared with."""
    network = build_generator(weights)
    return torch.no_grad()(network)


def write_program(weights: Weights, path: Path, joints: bool = False, size: tuple[int, int] | None = None) -> None:
    """Trace the network and save the program; batch, height and width stay free, or only the batch if `size` is given."""
    network = build_generator(weights)
    fold_batch_norms(network)
    _plain_norms(network)
    network.requires_grad_(False)
    module: nn.Module = FromJoints(network, weights.config) if joints else FromMaps(network)
    height, width = size or (32, 24)
    batch = torch.export.Dim("batch", min=1, max=LARGEST_BATCH)
    sides = [4 * torch.export.Dim(f"quarter_of_{name}", min=2, max=LARGEST_SIDE // 4) for name in ("height", "width")]
    if joints:
        example = torch.zeros(2, height, width, 3, dtype=torch.uint8), torch.zeros(2, 18, 2), torch.zeros(2, 18, 2)
        free = {1: sides[0], 2: sides[1]}
        shapes = {0: batch} | ({} if size else free), {0: batch}, {0: batch}
    else:
        example = torch.zeros(2, 3, height, width), torch.zeros(2, 18, height, width), torch.zeros(2, 18, height, width)
        shapes = ({0: batch} | ({} if size else {2: sides[0], 3: sides[1]}),) * 3
    torch.export.save(torch.export.export(module.eval(), example, dynamic_shapes=shapes), path)


def open_program(path: Path) -> Callable[..., Tensor]:
    """The program of a file; tensors in, a tensor out."""
    program: Callable[..., Tensor] = torch.export.load(path).module()
    return program


def _plain_norms(network: nn.Module) -> None:
    """torch's own instance norm in place of ours, whose look at the number of pictures would be frozen by the tracer."""
    for module in network.modules():
        for name, child in list(module.named_children()):
            if isinstance(child, InstanceNorm):
                setattr(module, name, nn.InstanceNorm2d(child.num_features, child.eps))
