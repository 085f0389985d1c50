"""Which number type the arithmetic of a run uses."""

from __future__ import annotations

import functools
from typing import Literal

import torch

Precision = Literal["auto", "fp32", "bf16", "fp16"]


@functools.cache
def computes_in_bf16(device_type: str) -> bool:
    """Does the device multiply in bfloat16 by itself? (On a CPU without it, autocast would be slower than float32.)"""
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device_type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def resolve_precision(precision: Precision, device: torch.device) -> torch.dtype:
    """The autocast type of a setting on a device; float32 means no autocast."""
    if precision == "auto":
        return torch.bfloat16 if computes_in_bf16(device.type) else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def full(tensor: torch.Tensor) -> torch.Tensor:
    """A half-precision tensor in float32, others as they are: losses are summed in full precision."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """The context in which networks and losses run."""
    dtype = resolve_precision(precision, device)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)
