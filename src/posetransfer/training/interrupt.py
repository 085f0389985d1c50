"""SIGTERM and Ctrl-C: the step in hand is finished and saved; a second Ctrl-C leaves at once."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

TIME_UP = 1
"""What `Interrupt.reason` says when the allowed time is over; above it are signal numbers (SIGINT 2, SIGTERM 15)."""


class Interrupt:
    """Notes that the run should stop.

    Args:
        seconds: time that the run may take; None: as long as it needs.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.signal = 0
        self._until = None if seconds is None else time.monotonic() + seconds
        self._before: dict[signal.Signals, Any] = {}

    @property
    def reason(self) -> int:
        """0: go on; `TIME_UP`; or the number of a signal."""
        late = self._until is not None and time.monotonic() > self._until
        return self.signal or (TIME_UP if late else 0)

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal == signal.SIGINT == number:
            raise KeyboardInterrupt("stopped at once; the same command goes on from the last checkpoint.")
        self.signal = number
