"""The whole job: the steps of a transfer after load, and the command from a cold start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from posetransfer.errors import PoseTransferError
from posetransfer.pipeline import PoseTransfer

POSES = ("waving", "walking-left", "arms-up", "standing-back", "pointing-right")
"""Of the library; a transfer of each in turn."""


def transfer_steps(photo: Path, weights: str = "default", engine: str = "auto", repeats: int = 5) -> dict[str, float]:
    """Seconds of each step of a transfer, medians over the repeats behind one that warms up; `total` is that of the whole call."""
    transfer = PoseTransfer.from_pretrained(weights, engine=engine)
    taken: dict[str, list[float]] = {}
    for number in range(repeats + 1):
        start = time.perf_counter()
        result = transfer(photo, POSES[number % len(POSES)])
        total = time.perf_counter() - start
        if number:
            for step, seconds in (result.seconds | {"total": total}).items():
                taken.setdefault(step, []).append(seconds)
    return {step: median(seconds) for step, seconds in taken.items()}


def cold_start(photo: Path, weights: str = "default", engine: str = "auto", repeats: int = 3) -> float:
    """Median seconds of `posetransfer transfer PHOTO --pose waving` as a process of its own, files in the system's cache.

    Raises:
        PoseTransferError: the command failed; with what it said.
    """
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        words = ["transfer", str(photo), "--pose", "waving", "-o", str(Path(folder) / "made.png"), "--weights", weights, "--engine", engine]
        for _ in range(repeats + 1):
            start = time.perf_counter()
            done = subprocess.run([sys.executable, "-m", "posetransfer", *words], capture_output=True, text=True, env=os.environ)
            seconds.append(time.perf_counter() - start)
            if done.returncode:
                raise PoseTransferError(f"{photo}: the command failed while it was measured ({done.stderr.strip()}); give another photo.")
    return median(seconds[1:])
