"""The parts that generator and discriminators are built from; tensors in, tensors out."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

Norm = Literal["instance", "batch"]
Activation = Literal["relu", "leaky_relu"]


def make_norm(norm: Norm, channels: int) -> nn.Module:
    """Batch norm with scale and shift, or instance norm without (authors' code)."""
    return nn.BatchNorm2d(channels) if norm == "batch" else InstanceNorm(channels)


class FrozenBatchNorm(nn.BatchNorm2d):
    """Batch norm that uses its running statistics while training, too, and leaves them as they are."""

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        return nn.functional.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


def freeze_norms(network: nn.Module) -> None:
    """Freeze the statistics of every batch norm of a network, in place; parameters, buffers and names stay."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = FrozenBatchNorm


class InstanceNorm(nn.InstanceNorm2d):
    """torch's instance norm, but right for one picture in the channels-last layout while training.

    There torch 2.13 on a CPU gives wrong gradients (relative error above 1); the batch norm of one picture is the same function.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        if len(input) == 1 and input.requires_grad:
            return nn.functional.batch_norm(input, None, None, training=True, eps=self.eps)
        return super().forward(input)


def make_activation(activation: Activation) -> nn.Module:
    """ReLU, or LeakyReLU 0.2 as the paper has it in the discriminators."""
    return nn.ReLU(inplace=True) if activation == "relu" else nn.LeakyReLU(0.2, inplace=True)


def has_bias(norm: Norm) -> bool:
    """A convolution in front of a norm has a bias only with instance norm (authors' code)."""
    return norm == "instance"


class HalfDropout(nn.Dropout):
    """Dropout 0.5 while training; on a CPU, where torch's own takes a twelfth of a training step, by `halve`."""

    def __init__(self) -> None:
        super().__init__(0.5)

    def forward(self, input: Tensor) -> Tensor:
        """Any shape to the same shape."""
        return halve(input) if self.training and input.device.type == "cpu" else super().forward(input)


def halve(x: Tensor) -> Tensor:
    """Set each value to zero or to its double, at even odds: 64 decisions of one random number.

    Args:
        x: (B, C, h, w) in either memory layout; the decisions are drawn in the order of the memory.
    """
    numbers = torch.empty(-(-x.numel() // 64), dtype=torch.int64).random_(-(2**63), None)
    bits = (numbers.view(torch.uint8).unsqueeze(1) >> torch.arange(8, dtype=torch.uint8)) & 1
    b, c, h, w = x.shape
    kept = bits.flatten()[: x.numel()]
    last = x.is_contiguous(memory_format=torch.channels_last)
    kept = kept.view(b, h, w, c).permute(0, 3, 1, 2) if last else kept.view(b, c, h, w)
    return x * (kept.to(x.dtype) * 2)


class ReflectConv(nn.Conv2d):
    """Convolution of stride 1 that keeps the size and pads by reflection.

    Autocast on a CPU pads in float32, and turns every value into float32 and back for it; this pads what the convolution will read.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=bias, padding_mode="reflect")
        self.edges = (kernel // 2,) * 4

    def forward(self, input: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, outputs, h, w)."""
        device = input.device.type
        if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
            input = input.to(torch.get_autocast_dtype(device))
            with torch.autocast(device, enabled=False):
                padded = nn.functional.pad(input, self.edges, mode="reflect")
        else:
            padded = nn.functional.pad(input, self.edges, mode="reflect")
        return nn.functional.conv2d(padded, self.weight, self.bias)


class _SteepTanh(torch.autograd.Function):
    """tanh whose slope is taken for at least `least`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, least: float) -> Tensor:
        """Any shape to the same shape."""
        y = torch.tanh(x)
        ctx.save_for_backward(y)
        ctx.least = least
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """The slope of tanh is 1 - y²."""
        (y,) = ctx.saved_tensors
        exact = y if y.dtype == torch.float64 else y.float()  # 1 - y² cancels
        return gradient * (1 - exact.square()).clamp_(min=ctx.least).to(y.dtype), None


class Tanh(nn.Tanh):
    """tanh; a training may ask for a least slope, so that a pixel that is white where it should be black still learns."""

    least_slope = 0.0

    def forward(self, input: Tensor) -> Tensor:
        """Any shape to the same shape, in (-1, 1)."""
        if self.least_slope and input.requires_grad:
            steep: Tensor = _SteepTanh.apply(input, self.least_slope)  # type: ignore[no-untyped-call]
            return steep
        return super().forward(input)


class ConvNorm(nn.Sequential):
    """Convolution, norm, activation.

    A stride of 1 pads by reflection, a stride of 2 with zeros (authors' code).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, norm: Norm, *, stride: int = 1, activation: Activation = "relu") -> None:
        bias = has_bias(norm)
        conv = (
            ReflectConv(inputs, outputs, kernel, bias)
            if stride == 1
            else nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)
        )
        super().__init__(conv, make_norm(norm, outputs), make_activation(activation))


class UpNorm(nn.Sequential):
    """Transposed convolution that doubles the size, norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        conv = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=has_bias(norm))
        super().__init__(conv, make_norm(norm, outputs), nn.ReLU(inplace=True))


class Branch(nn.Sequential):
    """Convolution, norm, activation, dropout, convolution, norm: the inside of every residual and transfer block.

    Args:
        inputs: channels read; the first convolution keeps their number.
        outputs: channels of the second convolution.
        norm: kind of normalisation.
        dropout: dropout 0.5 between the convolutions while training.
        last_norm: normalise the second convolution's output too; the pose stream does not.
    """

    def __init__(
        self, inputs: int, outputs: int, norm: Norm, dropout: bool, *, last_norm: bool = True, activation: Activation = "relu"
    ) -> None:
        super().__init__(
            ConvNorm(inputs, inputs, 3, norm, activation=activation),
            HalfDropout() if dropout else nn.Identity(),
            ReflectConv(inputs, outputs, 3, has_bias(norm)),
            make_norm(norm, outputs) if last_norm else nn.Identity(),
        )


class ResidualBlock(nn.Module):
    """x + branch(x), without an activation behind the sum."""

    def __init__(self, channels: int, norm: Norm, dropout: bool, activation: Activation = "relu") -> None:
        super().__init__()
        self.branch = Branch(channels, channels, norm, dropout, activation=activation)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        out: Tensor = x + self.branch(x)
        return out


class TransferBlock(nn.Module):
    """Pose-attentional transfer block (paper, equations 3 to 6): the pose says where the picture may change.

    Args:
        channels: C, channels of the picture code.
        pose_channels: channels of the pose code that comes in: C in the first block, 2C in the others.
        norm: kind of normalisation.
        dropout: dropout 0.5 inside both branches while training.
    """

    def __init__(self, channels: int, pose_channels: int, norm: Norm, dropout: bool) -> None:
        super().__init__()
        self.picture = Branch(channels, channels, norm, dropout)
        self.pose = Branch(pose_channels, channels, norm, dropout, last_norm=False)

    def forward(self, picture: Tensor, pose: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One step of the transfer.

        Args:
            picture: (B, C, h, w) picture code.
            pose: (B, C or 2C, h, w) pose code.

        Returns:
            new picture code (B, C, h, w), new pose code (B, 2C, h, w), attention mask (B, C, h, w) in (0, 1).
        """
        pose = self.pose(pose)  # (B, C, h, w)
        mask = torch.sigmoid(pose)  # (B, C, h, w)
        picture = picture + mask * self.picture(picture)  # (B, C, h, w)
        return picture, torch.cat([pose, picture], dim=1), mask


class BlockWithoutAddition(TransferBlock):
    """Ablation "w/o add": the new picture code replaces the old one."""

    def forward(self, picture: Tensor, pose: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `TransferBlock.forward`."""
        pose = self.pose(pose)  # (B, C, h, w)
        mask = torch.sigmoid(pose)  # (B, C, h, w)
        picture = mask * self.picture(picture)  # (B, C, h, w)
        return picture, torch.cat([pose, picture], dim=1), mask


class BlockWithoutConcatenation(TransferBlock):
    """Ablation "w/o cat": the pose stream never sees the picture, so its code keeps C channels."""

    def forward(self, picture: Tensor, pose: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `TransferBlock.forward`, but the pose code is (B, C, h, w) before and behind every block."""
        pose = self.pose(pose)  # (B, C, h, w)
        mask = torch.sigmoid(pose)  # (B, C, h, w)
        return picture + mask * self.picture(picture), pose, mask
