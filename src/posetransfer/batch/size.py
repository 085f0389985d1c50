"""How many pictures go through the network at once: as many as pay and fit."""

from __future__ import annotations

import os
from pathlib import Path

MOST_CPU, MOST_GPU = 4, 16
"""More gain nothing: a CPU's caches are full, a GPU's cores are busy."""

LAYERS = 12
"""Memory of one picture in layers as large as the first: measured with PyTorch on a CPU, 8.6 MB at 128x88 and width 16."""

PART = 0.25
"""Of the free memory."""


def batch_size(size: tuple[int, int], width: int, on_gpu: bool, free: int | None = None) -> int:
    """Pictures per call of the engine.

    Args:
        size: (height, width) of the network.
        width: of its first layer, in channels.
        on_gpu: a GPU computes; its memory is not asked, a batch that does not fit is halved where it happens.
        free: bytes of memory; by default as the system says.

    >>> batch_size((128, 88), 16, on_gpu=False, free=8_000_000_000), batch_size((1024, 704), 64, on_gpu=False, free=8_000_000_000)
    (4, 1)
    """
    if on_gpu:
        return MOST_GPU
    picture = size[0] * size[1] * width * 4 * LAYERS
    return int(min(MOST_CPU, max(1, PART * (free_memory() if free is None else free) // picture)))


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, and of its container."""
    return min(_of_machine(), _of_container())


def _of_machine() -> int:
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):  # not Linux: half of what the machine has
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 if hasattr(os, "sysconf") else 2**31


def _of_container() -> int:
    group = Path("/sys/fs/cgroup")
    try:
        return int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
    except (OSError, ValueError):  # "max", or no such limit
        return 2**62
