"""The contrastive loss of looks (InfoNCE: van den Oord et al., 2018): a made picture should look like its own person, not like others.

A look is described as for `appearance_nn`: mean and standard deviation of each channel of the feature maps inside the person's mask, each
layer scaled to unit length; here of the layers of the perceptual loss. The true pictures of the steps before are kept as the others (the
queue of MoCo: He et al., 2020; the feature network never changes, so they never grow old).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

NOBODY = -1
"""In the place of a person's number: the mask is empty, so there is no look to compare."""


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
        people: (B,) numbers of the people; `NOBODY` has no loss.
        others: (N, D) looks of other pictures.
        other_people: (N,); pictures of a pair's own person, and of nobody, are neither right nor wrong for it.
        temperature: squared distance over which the odds change by e.

    Returns:
        () mean over the pairs, in nats; 0 where there are no others.

    >>> a, b = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    >>> round(float(info_nce(a, a, torch.tensor([1]), b, torch.tensor([2]), 0.5)), 4)  # log(1 + exp(-1 / 0.5))
    0.1269
    """
    right = (made - truth).square().sum(dim=1, keepdim=True)  # (B, 1)
    wrong = torch.cdist(made, others, compute_mode="donot_use_mm_for_euclid_dist").square()  # (B, N)
    wrong = wrong.masked_fill((people.unsqueeze(1) == other_people) | (other_people == NOBODY), torch.inf)
    odds = -torch.cat([right, wrong], dim=1) / temperature
    return (-odds.log_softmax(dim=1)[:, 0] * (people != NOBODY)).mean()


class ContrastiveLoss:
    """InfoNCE against a queue of true looks.

    Args:
        temperature: see `info_nce`.
        size: looks in the queue.
    """

    def __init__(self, temperature: float, size: int) -> None:
        self.temperature, self.size = temperature, size
        self.queue: Tensor | None = None
        """(N, D + 1): looks, the oldest first, and behind each the number of its person; None before the first step."""
        self._new: list[Tensor] = []

    def __call__(self, layers: Sequence[Tensor], people: Tensor) -> Tensor:
        """() loss of a batch, or of a part of one; its truths wait for `remember`.

        Args:
            layers: moments (2, B, 2 C) of each layer, made and true.
            people: (B,) numbers of the people below 2^24, which float32 holds exactly; or `NOBODY`.
        """
        made, truth = (look([moments[k] for moments in layers]) for k in (0, 1))
        rows = torch.cat([truth, people.unsqueeze(1).to(truth.dtype)], dim=1).detach()
        self._new.append(rows)
        if self.queue is None:
            return made.sum() * 0
        return info_nce(made, truth, people, self.queue[:, :-1], self.queue[:, -1], self.temperature)

    def remember(self, gather: Callable[[Tensor], Tensor]) -> None:
        """Put the truths since the last call into the queue, of all processes in one order: `gather` joins their rows."""
        rows = gather(torch.cat(self._new))
        self._new.clear()
        rows = rows if self.queue is None else torch.cat([self.queue, rows])
        self.queue = rows[-self.size :].clone()  # not a view: a checkpoint would hold what it is a view of
