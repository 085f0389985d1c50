"""The generator made fast for PyTorch: what the source alone decides, and what every target pose adds to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from posetransfer.engines.torch_layers import Convolution, Form, LastConvolution, Layer, Up, fold_batch_norms, normalise
from posetransfer.errors import WeightsError
from posetransfer.networks import Generator, ResidualBlock, TransferBlock, make_generator
from posetransfer.networks.blocks import BlockWithoutAddition, BlockWithoutConcatenation, Branch
from posetransfer.networks.patn import KEYPOINT_MAPS
from posetransfer.weights import Weights


class Halfway(NamedTuple):
    """What depends on the source alone; a batch of 1 serves every target."""

    code: Tensor
    """float32 (B, 4n, h, w) the photo's code."""
    branch: Tensor
    """(B, 4n, h, w) the first block's picture branch of that code."""
    half: Tensor
    """(B, n, H, W) the pose encoder's first convolution of the source's maps."""


class Progression(NamedTuple):
    """What the blocks did."""

    picture: Tensor
    masks: list[Tensor]
    codes: list[Tensor]


def build_generator(weights: Weights) -> Generator:
    """A generator in eval mode that holds the given weights, in float32 on the CPU.

    Raises:
        WeightsError: the tensors do not fit the network; names the first.
    """
    network = make_generator(weights.config)
    counters = {name: buffer for name, buffer in network.state_dict().items() if name.endswith("num_batches_tracked")}
    try:
        network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.tensors.items()} | counters)
    except RuntimeError as err:  # `load_weights` has checked names and shapes; this is for weights made by hand
        first = str(err).partition("\n\t")[2].partition("\n")[0]
        raise WeightsError(f"{weights.folder}: {first or err}; settings and tensors must come from one network.") from err
    return network.eval()


class FastBlock(nn.Module):
    """A transfer block (`networks.blocks.TransferBlock` and its ablations) that keeps the sum of the blocks in float32.

    Args:
        block: the block, batch norms folded.
        form: how to compute.
    """

    def __init__(self, block: TransferBlock, form: Form) -> None:
        super().__init__()
        self.picture, self.pose = fast_branch(block.picture, form), fast_branch(block.pose, form)
        self.adds = not isinstance(block, BlockWithoutAddition)
        self.joins = not isinstance(block, BlockWithoutConcatenation)

    def forward(self, code: Tensor, pose: Tensor, branch: Tensor | None, last: bool) -> tuple[Tensor, Tensor, Tensor]:
        """One step.

        Args:
            code: float32 (B or 1, C, h, w) picture code.
            pose: (B, C or 2C, h, w) pose code.
            branch: (B or 1, C, h, w) the picture branch of `code`, if it is known.
            last: nobody reads the pose code behind this block.

        Returns:
            float32 picture code (B, C, h, w), pose code (B, C or 2C, h, w), mask (B, C, h, w).
        """
        pose = self.pose(pose)
        mask = torch.sigmoid(pose)
        change = mask * (self.picture(code.to(pose.dtype)) if branch is None else branch)
        code = code + change if self.adds else change.float()
        if self.joins and not last:
            pose = torch.cat([pose, code.to(pose.dtype)], dim=1)
        return code, pose, mask


class FastGenerator(nn.Module):
    """`networks.Generator` for inference.

    Args:
        network: in eval mode; its batch norms are folded here.
        form: how to compute.
    """

    def __init__(self, network: Generator, form: Form) -> None:
        super().__init__()
        fold_batch_norms(network)
        self.dtype = form.dtype
        exact = Form(torch.float32, form.packed)  # all blocks add to this code: in bfloat16 it alone would cost 8 dB
        first, norm = network.pose_encoder[0][0], network.pose_encoder[0][1]  # type: ignore[index]
        self.photo = fast_encoder(network.photo_encoder, exact)
        self.normed = isinstance(norm, nn.InstanceNorm2d)
        self.pose_of_source = Convolution(_of_inputs(first, slice(0, KEYPOINT_MAPS)), form, bias=not self.normed)
        self.pose_of_target = Convolution(_of_inputs(first, slice(KEYPOINT_MAPS, None)), form, bias=False)
        self.pose = fast_encoder(list(network.pose_encoder)[1:], form)
        self.blocks = nn.ModuleList(FastBlock(cast(TransferBlock, block), form) for block in network.blocks)
        self.decoder = fast_decoder(network.decoder, form)

    def source(self, photo: Tensor, source_maps: Tensor) -> Halfway:
        """What the source alone decides, of (B, 3, H, W) and (B, 18, H, W)."""
        code = self.photo(photo.float())
        return Halfway(code, cast(FastBlock, self.blocks[0]).picture(code.to(self.dtype)), self.pose_of_source(source_maps.to(self.dtype)))

    def target(self, halfway: Halfway, target_maps: Tensor) -> Tensor:
        """Picture float32 (B, 3, H, W) in [-1, 1] of the source's part and a target (B, 18, H, W)."""
        for code, _ in self._blocks(halfway, target_maps):
            last = code
        return self.decode(last)

    def explain(self, halfway: Halfway, target_maps: Tensor) -> Progression:
        """As `target`, with each block's mask and code."""
        codes, masks = zip(*self._blocks(halfway, target_maps), strict=True)
        return Progression(self.decode(codes[-1]), list(masks), list(codes))

    def _encode_poses(self, half: Tensor, target_maps: Tensor) -> Tensor:
        """The code (B, C, h, w) of a pair of poses."""
        both = self.pose_of_target(target_maps.to(self.dtype)) + half
        both = normalise(both).relu_() if self.normed else both.relu_()
        return cast(Tensor, self.pose(both))

    def _blocks(self, halfway: Halfway, target_maps: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Code and mask of one block after the other."""
        code, pose = halfway.code, self._encode_poses(halfway.half, target_maps)
        for t, block in enumerate(self.blocks):
            code, pose, mask = block(code, pose, halfway.branch if t == 0 else None, t == len(self.blocks) - 1)
            yield code, mask

    def decode(self, code: Tensor) -> Tensor:
        """Picture code (B, C, h, w) to a picture, float32 (B, 3, H, W) in [-1, 1]."""
        return cast(Tensor, self.decoder(code.to(self.dtype)))


class FastPlainGenerator(nn.Module):
    """`networks.PlainGenerator` for inference: photo and poses are joined at the input, so nothing can be computed beforehand."""

    def __init__(self, network: Generator, form: Form) -> None:
        super().__init__()
        fold_batch_norms(network)
        self.dtype = form.dtype
        self.encoder = fast_encoder(network.photo_encoder, form)
        self.blocks = nn.ModuleList(fast_branch(cast(ResidualBlock, block).branch, form) for block in network.blocks)
        self.decoder = fast_decoder(network.decoder, form)

    def source(self, photo: Tensor, source_maps: Tensor) -> tuple[Tensor, Tensor]:
        """The inputs, for `target`."""
        return photo.to(self.dtype), source_maps.to(self.dtype)

    def target(self, source: tuple[Tensor, Tensor], target_maps: Tensor) -> Tensor:
        """Picture float32 (B, 3, H, W) in [-1, 1]; the source may have a batch of 1."""
        given = [x.expand(len(target_maps), -1, -1, -1) for x in source]
        code = self.encoder(torch.cat([*given, target_maps.to(self.dtype)], dim=1)).float()
        for block in self.blocks:
            code = code + block(code.to(self.dtype))
        return cast(Tensor, self.decoder(code.to(self.dtype)))


def fast_encoder(encoder: Iterable[nn.Module], form: Form) -> nn.Sequential:
    """Layers of `networks.patn.make_encoder`, or some of them."""
    return nn.Sequential(*(Layer(layer[0], layer[1], form) for layer in encoder))  # type: ignore[index]


def fast_branch(branch: Branch, form: Form) -> nn.Sequential:
    """The inside of a block."""
    first = cast(nn.Sequential, branch[0])
    return nn.Sequential(Layer(cast(nn.Conv2d, first[0]), first[1], form), Layer(cast(nn.Conv2d, branch[2]), branch[3], form, relu=False))


def fast_decoder(decoder: nn.Sequential, form: Form) -> nn.Sequential:
    """Layers of `networks.patn.make_decoder`."""
    ups = [Up(cast(nn.Sequential, layer), form) for layer in list(decoder)[:2]]
    return nn.Sequential(*ups, LastConvolution(cast(nn.Conv2d, decoder[2]), form.packed))


def _of_inputs(conv: nn.Conv2d, inputs: slice) -> nn.Conv2d:
    """The part of a convolution that reads some of its inputs; the parts add up to the whole."""
    weight = conv.weight.detach()[:, inputs]
    part = nn.Conv2d(weight.shape[1], weight.shape[0], 7, padding=3, padding_mode="reflect", bias=conv.bias is not None)
    part.weight.data = weight
    if conv.bias is not None:
        part.bias = nn.Parameter(conv.bias.detach())
    return part
