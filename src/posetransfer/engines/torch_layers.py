"""The generator's layers rebuilt for speed: the same functions with fewer steps, in 16 or 32 bits."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

CHANNELS_LAST = torch.channels_last
ACROSS = 4
"""Neighbouring pixels that the last convolution paints at once; every width is divisible by it."""


class Form(NamedTuple):
    """How a network is computed."""

    dtype: torch.dtype
    """Of weights and activations; sums over the blocks, norms and the last layer are float32."""
    packed: bool
    """Give the convolutions to oneDNN directly: weights in its own layout from the start, ReLU in the same step."""


def fold_batch_norms(network: nn.Module) -> None:
    """Multiply each batch norm in eval mode into the convolution before it, in place: fewer steps, the same function."""
    for module in network.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for i in range(len(module) - 1):
            conv, norm = module[i], module[i + 1]
            if isinstance(conv, nn.Conv2d | nn.ConvTranspose2d) and isinstance(norm, nn.BatchNorm2d):
                transposed = isinstance(conv, nn.ConvTranspose2d)
                module[i] = fuse_conv_bn_eval(conv, norm, transpose=transposed)
                module[i + 1] = nn.Identity()


@cache
def can_pack(dtype: torch.dtype) -> bool:
    """Has this build of PyTorch the convolution of oneDNN with packed weights, and does the processor compute it in this type?

    The operators are those that `torch.compile` uses; they are not a documented interface, so a trial decides.
    """
    try:
        conv = nn.Conv2d(16, 16, 3).to(dtype)
        picture = torch.ones(1, 16, 4, 4, dtype=dtype).contiguous(memory_format=CHANNELS_LAST)
        with torch.inference_mode():
            made = Convolution(conv, Form(dtype, packed=True), relu=True)(picture)
            return bool(torch.allclose(made.float(), conv(picture).relu().float(), atol=0.05))
    except (AttributeError, RuntimeError, TypeError):
        return False


class Convolution(nn.Module):
    """A convolution and, in the same step, its ReLU.

    Args:
        conv: weights and bias; a `padding_mode` of "reflect" is kept.
        form: how to compute.
        relu: apply a ReLU.
        bias: False: leave the bias out.
    """

    def __init__(self, conv: nn.Conv2d, form: Form, *, relu: bool = False, bias: bool = True) -> None:
        super().__init__()
        reflect = conv.padding_mode == "reflect"
        self.margin = int(conv.padding[0]) if reflect else 0
        self.padding = (0, 0) if reflect else (int(conv.padding[0]), int(conv.padding[1]))
        self.stride = (conv.stride[0], conv.stride[1])
        self.relu = relu
        weight = conv.weight.detach().to(form.dtype)
        self.bias = None if conv.bias is None or not bias else nn.Parameter(conv.bias.detach().to(form.dtype), False)
        self.packed = torch.ops.mkldnn._reorder_convolution_weight(weight, self.padding, self.stride, (1, 1), 1) if form.packed else None
        self.weight = None if form.packed else nn.Parameter(weight.contiguous(memory_format=CHANNELS_LAST), False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        if self.margin:
            x = F.pad(x, (self.margin,) * 4, mode="reflect")
        if self.packed is not None:
            after = "relu" if self.relu else "none"
            fused: Tensor = torch.ops.mkldnn._convolution_pointwise(
                x, self.packed, self.bias, self.padding, self.stride, (1, 1), 1, after, [], ""
            )
            return fused
        assert self.weight is not None
        out = F.conv2d(x, self.weight, self.bias, self.stride, self.padding)
        return out.relu_() if self.relu else out


class Layer(nn.Module):
    """Convolution, instance norm where the network has it, ReLU where asked for.

    Args:
        conv: the convolution, a batch norm behind it folded in.
        norm: what stands behind it in the network.
        form: how to compute.
        relu: apply a ReLU at the end.
    """

    def __init__(self, conv: nn.Conv2d, norm: nn.Module, form: Form, relu: bool = True) -> None:
        super().__init__()
        self.normed, self.relu = isinstance(norm, nn.InstanceNorm2d), relu
        # an instance norm takes away whatever the bias adds
        self.conv = Convolution(conv, form, relu=relu and not self.normed, bias=not self.normed)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        out: Tensor = self.conv(x)
        if self.normed:
            out = normalise(out)
            return out.relu_() if self.relu else out
        return out


def normalise(x: Tensor) -> Tensor:
    """Instance norm; torch's group norm with a group per channel is the same and knows the channels-last layout."""
    return F.group_norm(x, x.shape[1])


class Up(nn.Module):
    """Transposed convolution that doubles the size, norm, ReLU (`networks.blocks.UpNorm`)."""

    def __init__(self, layers: nn.Sequential, form: Form) -> None:
        super().__init__()
        conv = layers[0]
        assert isinstance(conv, nn.ConvTranspose2d)
        self.normed = isinstance(layers[1], nn.InstanceNorm2d)
        self.weight = nn.Parameter(conv.weight.detach().to(form.dtype).contiguous(memory_format=CHANNELS_LAST), False)
        self.bias = None if conv.bias is None else nn.Parameter(conv.bias.detach().to(form.dtype), False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2C, h, w) to (B, C, 2h, 2w)."""
        out = F.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=1, output_padding=1)
        return normalise(out).relu_() if self.normed else out.relu_()


class LastConvolution(nn.Module):
    """The 7x7 convolution to three colours, and tanh; float32, for 8 bits of a picture are too many for bfloat16.

    Three outputs fill a fifth of a vector register. `ACROSS` neighbouring pixels at once, 12 outputs of a kernel that is
    wider by as many columns of zeros, fill most of it; in the channels-last layout they are the same picture.
    """

    def __init__(self, conv: nn.Conv2d, packed: bool) -> None:
        super().__init__()
        colours, width, side, _ = conv.weight.shape
        weight = conv.weight.detach().new_zeros(ACROSS, colours, width, side, side + ACROSS - 1)
        for x in range(ACROSS):
            weight[x, ..., x : x + side] = conv.weight.detach()
        wide = nn.Conv2d(width, ACROSS * colours, (side, side + ACROSS - 1), stride=(1, ACROSS))
        assert conv.bias is not None and wide.bias is not None
        wide.weight.data, wide.bias.data = weight.flatten(0, 1), conv.bias.detach().repeat(ACROSS)
        self.margin, self.colours = side // 2, colours
        self.conv = Convolution(wide, Form(torch.float32, packed))

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) to float32 (B, 3, H, W) in [-1, 1]."""
        batch, _, height, width = x.shape
        x = F.pad(x, (self.margin,) * 4, mode="reflect").float()
        out: Tensor = self.conv(x)  # (B, 12, H, W / 4)
        pixels = out.permute(0, 2, 3, 1).reshape(batch, height, width, self.colours)
        return pixels.tanh().permute(0, 3, 1, 2)
