"""The contrastive loss of looks (InfoNCE: van den Oord et al., 2018): a made picture should look like its own person, not like others.

A look is what `appearance_nn` compares: mean and standard deviation of each channel of the feature maps inside the person's mask, each
layer scaled to unit length. The true pictures of the steps before are kept as the others (the queue of MoCo: He et al., 2020; the feature
network never changes, so they never grow old).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from posetransfer.data.pairing import fashion_item, fashion_person, market_person

PEOPLE = 1 << 24
"""Numbers of people are below it: float32 holds them exactly."""


def look(moments: Sequence[Tensor]) -> Tensor:
    """Moments (B, 2 C) of several layers, each scaled to unit length, side by side (B, D).

    >>> look([torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]])])
    tensor([[0.6000, 0.8000, 0.0000, 1.0000]])
    """
    return torch.cat([F.normalize(layer, dim=1) for layer in moments], dim=1)


def info_nce(made: Tensor, truth: Tensor, people: Tensor, others: Tensor, other_people: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding each made picture's own truth among `others`, by squared distance.

    Args:
        made, truth: (B, D) looks.
        people: (B,) numbers of the people.
        others: (N, D) looks of other pictures.
        other_people: (N,); pictures of a pair's own person are neither right nor wrong for it.
        temperature: squared distance over which the odds change by e.

    Returns:
        () mean over the pairs, in nats; 0 where there are no others.

    >>> a, b = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    >>> round(float(info_nce(a, a, torch.tensor([1.0]), b, torch.tensor([2.0]), 0.5)), 4)  # log(1 + exp(-1 / 0.5))
    0.1269
    """
    right = (made - truth).square().sum(dim=1, keepdim=True)  # (B, 1)
    wrong = (made.unsqueeze(1) - others).square().sum(dim=2)  # (B, N); not by products: no difference of large numbers
    wrong = wrong.masked_fill(people.unsqueeze(1) == other_people, torch.inf)
    odds = -torch.cat([right, wrong], dim=1) / temperature
    return -odds.log_softmax(dim=1)[:, 0].mean()


def person_numbers(names: Sequence[tuple[str, str]], device: torch.device) -> Tensor:
    """(B,) float32, a number for the person of each pair (source, target), by the naming rules of the data sets.

    >>> person_numbers([("7_c1_0.jpg", "7_c1_1.jpg"), ("7_c2_0.jpg", "7_c2_3.jpg")], torch.device("cpu")).unique().numel()
    1
    """
    targets = [target for _, target in names]
    people = [fashion_person(name) if fashion_item(name) else market_person(name) for name in targets]
    return torch.tensor([zlib.crc32(person.encode()) % PEOPLE for person in people], dtype=torch.float32, device=device)


class ContrastiveLoss:
    """InfoNCE against a queue of true looks.

    Args:
        temperature: see `info_nce`.
        size: looks in the queue.
    """

    def __init__(self, temperature: float, size: int) -> None:
        self.temperature, self.size = temperature, size
        self.queue: Tensor | None = None
        """(N, D + 1): looks, the oldest first, and the number of the person behind each; None before the first step."""
        self._new: list[Tensor] = []

    def __call__(self, layers: Sequence[Tensor], names: Sequence[tuple[str, str]]) -> Tensor:
        """() loss of a batch, or of a part of one; its truths are kept for `remember`.

        Args:
            layers: moments (2, B, 2 C) of each layer, made and true.
            names: (source, target) of each pair.
        """
        made, truth = (look([moments[k] for moments in layers]) for k in (0, 1))
        people = person_numbers(names, made.device)
        self._new.append(torch.cat([truth, people.unsqueeze(1)], dim=1).detach())
        others = truth.new_zeros(0, truth.shape[1] + 1) if self.queue is None else self.queue
        return info_nce(made, truth, people, others[:, :-1], others[:, -1], self.temperature)

    def remember(self, gather: Callable[[Tensor], Tensor]) -> None:
        """Put the truths since the last call into the queue, of all processes in one order: `gather` joins their rows."""
        rows = gather(torch.cat(self._new))
        self._new.clear()
        self.queue = (rows if self.queue is None else torch.cat([self.queue, rows]))[-self.size :]
