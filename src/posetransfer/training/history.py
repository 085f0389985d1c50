"""The pool of earlier fakes that the discriminators are shown (Shrivastava et al. 2017; authors' `ImagePool`)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class FakePool:
    """Returns each fake, or an older one in its place.

    While fewer than `size` are kept, a new one is kept and returned. Afterwards, with probability one half, a random
    kept one is returned and the new one takes its place. Size 0 returns what comes in.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.kept: list[Tensor] = []

    def exchange(self, fakes: Tensor, rng: np.random.Generator) -> Tensor:
        """(B, ...) fakes joined with their condition, so that they stay matched; the same shape comes back, detached."""
        fakes = fakes.detach()
        if self.size == 0:
            return fakes
        return torch.stack([self._exchange_one(fake, rng) for fake in fakes])

    def _exchange_one(self, fake: Tensor, rng: np.random.Generator) -> Tensor:
        if len(self.kept) < self.size:
            self.kept.append(fake.clone())
            return fake
        if rng.random() < 0.5:
            return fake
        place = int(rng.integers(self.size))
        older, self.kept[place] = self.kept[place], fake.clone()
        return older

    def state(self) -> list[Tensor]:
        """What a checkpoint keeps."""
        return list(self.kept)

    def restore(self, state: list[Tensor]) -> None:
        """Go on from a checkpoint."""
        self.kept = list(state)
