"""A batch of pairs on the device: pictures in [-1, 1] and heat maps, ready for the networks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from posetransfer.config import Settings
from posetransfer.data.pairs import Batch
from posetransfer.pose.heatmaps import draw_heatmaps_batch


@dataclass(frozen=True)
class TensorBatch:
    """A batch on the device: photos and truths (B, 3, H, W) in [-1, 1], maps (B, 18, H, W), names (source, target).

    The target's mask, (B, 1, H, W) in [0, 1], and numbers of the people, (B,), are there where a loss asks for them.
    """

    source: Tensor
    source_maps: Tensor
    target: Tensor
    target_maps: Tensor
    names: tuple[tuple[str, str], ...] = ()
    target_mask: Tensor | None = None
    people: Tensor | None = None

    def __len__(self) -> int:
        return len(self.source)

    def split(self, parts: int) -> list[TensorBatch]:
        """The batch in at most `parts` pieces of nearly equal size, in order."""
        if parts == 1:
            return [self]
        cut = [tensor.tensor_split(parts) for tensor in (self.source, self.source_maps, self.target, self.target_maps)]
        pieces = [TensorBatch(*tensors) for tensors in zip(*cut, strict=True) if len(tensors[0])]
        begins = [sum(map(len, pieces[:i])) for i in range(len(pieces))]
        return [self._with_the_rest(piece, slice(begin, begin + len(piece))) for piece, begin in zip(pieces, begins, strict=True)]

    def _with_the_rest(self, piece: TensorBatch, part: slice) -> TensorBatch:
        mask, people = (None if tensor is None else tensor[part] for tensor in (self.target_mask, self.people))
        return replace(piece, names=self.names[part], target_mask=mask, people=people)


def to_device(batch: Batch, settings: Settings, device: torch.device) -> TensorBatch:
    """Pictures to [-1, 1] and poses to heat maps, on the device, in the wanted memory layout."""
    layout = torch.channels_last if settings.training.channels_last else torch.contiguous_format
    model = settings.model

    def picture(array: Any) -> Tensor:
        tensor = torch.from_numpy(array).to(device, non_blocking=True).permute(0, 3, 1, 2)
        return (tensor.float() / 127.5 - 1).contiguous(memory_format=layout)

    def maps(points: Any) -> Tensor:
        drawn = draw_heatmaps_batch(torch.from_numpy(points).to(device), model.size, model.sigma, model.heatmaps)
        return drawn.contiguous(memory_format=layout)

    mask = people = None
    if settings.loss.wants_masks:
        mask = torch.from_numpy(batch.target_mask).to(device, non_blocking=True).float().unsqueeze(1) / 255
    if settings.loss.contrast_weight:
        people = torch.from_numpy(batch.people).to(device, non_blocking=True)
    pictures = picture(batch.source), maps(batch.source_points), picture(batch.target), maps(batch.target_points)
    return TensorBatch(*pictures, batch.names, mask, people)
