"""What a run is judged by: scores on the same test pairs in eval mode, every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch

from posetransfer.config import Settings
from posetransfer.data.pairs import Batch, Pairs
from posetransfer.networks import Generator
from posetransfer.training.precision import autocast
from posetransfer.training.sheet import to_pictures
from posetransfer.training.tensors import to_device

Picture = npt.NDArray[np.uint8]
Score = Callable[[Picture, Picture], float]
"""A number for a made and a real picture."""


def fixed_pairs(pairs: Pairs, count: int, seed: int = 0) -> npt.NDArray[np.intp]:
    """Numbers of `count` pairs, the same for every run on this list."""
    return np.sort(np.random.default_rng(seed).choice(len(pairs), min(count, len(pairs)), replace=False))


@torch.no_grad()
def paint(
    generator: Generator, pairs: Pairs, chosen: npt.NDArray[np.intp], settings: Settings, device: torch.device
) -> Iterator[tuple[Batch, Picture]]:
    """Batches of test pairs, unchanged, each with the generator's pictures for them, uint8 (B, H, W, 3)."""
    for begin in range(0, len(chosen), 32):
        batch = pairs.examples(chosen[begin : begin + 32])
        tensors = to_device(batch, settings, device)
        with autocast(settings.training.precision, device):
            made = generator(tensors.source, tensors.source_maps, tensors.target_maps)
        yield batch, to_pictures(made)


def validation_scores(painted: Iterator[tuple[Batch, Picture]], more: dict[str, Score] | None = None) -> dict[str, float]:
    """`l1`: mean absolute difference on [-1, 1] values; `l1_person`: the same inside the target's mask; and `more`, averaged."""
    differences, inside, area = [], 0.0, 0.0
    others: dict[str, list[float]] = {name: [] for name in more or {}}
    for batch, pictures in painted:
        difference = np.abs(pictures.astype(np.float32) - batch.target).mean(axis=3) / 127.5  # (B, H, W)
        person = batch.target_mask > 127
        differences.append(difference.mean(axis=(1, 2)))
        inside, area = inside + float(difference[person].sum()), area + float(person.sum())
        for name, score in (more or {}).items():
            others[name] += [score(picture, truth) for picture, truth in zip(pictures, batch.target, strict=True)]
    scores = {"l1": float(np.concatenate(differences).mean()), "l1_person": inside / max(area, 1.0)}
    return scores | {name: float(np.mean(values)) for name, values in others.items()}
