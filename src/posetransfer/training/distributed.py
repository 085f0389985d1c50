"""One process or many: what they add up, and who writes. A job of one process takes the same path without any message.

`torchrun` starts the processes and tells each its number through the environment. Every process holds the whole of the
networks and a part of each batch; gradients are summed, so N processes do what one would do with the whole batch.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from posetransfer.errors import TrainingError
from posetransfer.training.precision import full

BUCKET = 1 << 22
"""Numbers sent at once (16 MB of float32): fewer messages than one per parameter, less memory than one for all."""

PATIENCE = timedelta(hours=1)
"""How long a process waits for the others; the first one validates and decodes pictures while they wait."""


@dataclass(frozen=True)
class World:
    """The processes of a job.

    >>> World().sum(torch.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """

    rank: int = 0
    """Number of this process, counted from 0; number 0 writes and speaks."""
    size: int = 1
    """Number of processes."""

    @property
    def first(self) -> bool:
        """Is this the process that writes?"""
        return self.rank == 0

    def share(self, whole: int) -> int:
        """How many of `whole` places are this process's: `rank`, `rank + size`, `rank + 2 size`, ..."""
        return len(range(self.rank, whole, self.size))

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            with _company():
                dist.all_reduce(values)
        return values

    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Replace each gradient by its sum over all processes."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        for bucket in _buckets(gradients):
            flat = self.sum(torch.cat([gradient.reshape(-1) for gradient in bucket]))
            for gradient, total in zip(bucket, torch.split(flat, [g.numel() for g in bucket]), strict=True):
                gradient.copy_(total.view_as(gradient))

    def largest(self, value: int) -> int:
        """The largest of the processes' values."""
        if self.size == 1:
            return value
        tensor = torch.tensor([value], device=_meeting_place())
        with _company():
            dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
        return int(tensor)

    def gather(self, share: Tensor, whole: int) -> Tensor:
        """Every process's share of a batch of `whole`, in the order of the batch; the same on all."""
        if self.size == 1:
            return share
        most = -(-whole // self.size)
        padded = torch.cat([share, share.new_zeros(most - len(share), *share.shape[1:])]).contiguous()
        shares = [torch.empty_like(padded) for _ in range(self.size)]
        with _company():
            dist.all_gather(shares, padded)
        return torch.stack(shares, dim=1).flatten(0, 1)[:whole]  # place = size * number in the share + rank

    def own(self, batch: Tensor) -> Tensor:
        """This process's share of a batch that all of them have."""
        return batch[self.rank :: self.size]

    def equalise(self, module: torch.nn.Module) -> None:
        """Give all processes the first one's parameters and buffers."""
        if self.size > 1:
            with _company():
                for tensor in module.state_dict().values():
                    dist.broadcast(tensor, 0)

    @torch.no_grad()
    def share_first(self, tensors: Sequence[Tensor]) -> None:
        """Give all processes the first one's values."""
        if self.size == 1:
            return
        for bucket in _buckets(list(tensors)):
            flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
            with _company():
                dist.broadcast(flat, 0)
            for tensor, first in zip(bucket, torch.split(flat, [t.numel() for t in bucket]), strict=True):
                tensor.copy_(first.view_as(tensor))

    def wait(self) -> None:
        """Go on when all processes are here."""
        self.largest(0)


@contextlib.contextmanager
def join(device: torch.device) -> Iterator[tuple[World, torch.device]]:
    """Meet the other processes that `torchrun` started, if it did; gives the world and this process's device."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(), device
        return
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    if device == torch.device("cuda"):  # the one of this process
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    with _company():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield World(rank, size), device
    finally:
        dist.destroy_process_group()


class SyncedBatchNorm(torch.nn.BatchNorm2d):
    """Batch norm over the pictures of all processes while training; on any device, unlike torch's own `SyncBatchNorm`."""

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        if not self.training or not dist.is_initialized():
            return super().forward(input)
        x = full(input)
        totals = _add_up(torch.cat([x.sum((0, 2, 3)), x.new_tensor([x.numel() / x.shape[1]])]))  # (C + 1,)
        count = totals[-1].detach()
        mean = totals[:-1] / count  # (C,)
        centred = x - mean.view(1, -1, 1, 1)
        variance = _add_up(centred.square().sum((0, 2, 3))) / count  # (C,)
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)).to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def synchronise_norms(network: torch.nn.Module) -> None:
    """Make every batch norm of a network a synchronised one, in place; parameters, buffers and names stay."""
    for module in network.modules():
        if type(module) is torch.nn.BatchNorm2d:
            module.__class__ = SyncedBatchNorm


class _Sum(torch.autograd.Function):
    """Sum over the processes, through which gradients flow back to all of them."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:
        total: Tensor = values.clone()
        with _company():
            dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return _Sum.forward(ctx, gradients[0])


def _add_up(values: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return total


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    for tensor in tensors:
        if bucket and sum(t.numel() for t in bucket) + tensor.numel() > BUCKET:
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


def _meeting_place() -> str:
    return "cuda" if dist.get_backend() == "nccl" else "cpu"


@contextlib.contextmanager
def _company() -> Iterator[None]:
    """Say what a broken connection means: another process is gone, and knows why."""
    try:
        yield
    except RuntimeError as error:  # gloo and NCCL raise it, and subclasses, for everything
        reason = str(error).strip().splitlines()[0]
        raise TrainingError(
            f"another process of this job ended or cannot be reached ({reason}); its own message says why: "
            "when that is mended, the same command goes on from the last checkpoint."
        ) from error
