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

    The target's mask, (B, 1, H, W) in [0, 1], is there where a loss asks for it.
    """

    source: Tensor
    source_maps: Tensor
    target: Tensor
    target_maps: Tensor
    names: tuple[tuple[str, str], ...] = ()
    target_mask: Tensor | None = None

    def __len__(self) -> int:
        return len(self.source)

    def split(self, parts: int) -> list[TensorBatch]:
        """The batch in at most `parts` pieces of nearly equal size, in order."""
        if parts == 1:
            return [self]
        cut = [tensor.tensor_split(parts) for tensor in (self.source, self.source_maps, self.target, self.target_maps)]
        pieces = [TensorBatch(*tensors) for tensors in zip(*cut, strict=True) if len(tensors[0])]
        begins = [sum(map(len, pieces[:i])) for i in range(len(pieces))]
        ranges = [slice(begin, begin + len(p)) for p, begin in zip(pieces, begins, strict=True)]
        masks = [None if self.target_mask is None else self.target_mask[part] for part in ranges]
        return [replace(p, names=self.names[part], target_mask=mask) for p, part, mask in zip(pieces, ranges, masks, strict=True)]


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

    mask = None
    if settings.loss.wants_masks:
        mask = torch.from_numpy(batch.target_mask).to(device, non_blocking=True).float().unsqueeze(1) / 255
    return TensorBatch(
        picture(batch.source), maps(batch.source_points), picture(batch.target), maps(batch.target_points), batch.names, mask
    )
