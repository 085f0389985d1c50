"""How far a training is: a bar on a terminal, a plain line a minute elsewhere; both on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from posetransfer.config import Settings

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

SECONDS = 60.0
"""Between two plain lines."""


class Progress:
    """Called after every step with its number and its losses.

    Args:
        settings: of the run.
        shown: whether this process speaks.
    """

    def __init__(self, settings: Settings, shown: bool = True) -> None:
        self.settings, self.shown = settings, shown
        self.began = self.last = time.monotonic()
        self.first: int | None = None
        self.bar: Bar | None = None

    def __enter__(self) -> Progress:
        if self.shown and sys.stderr.isatty():
            self.bar = _open_bar(self.settings.training.steps)
            self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, step: int, terms: dict[str, float]) -> None:
        """Show a step."""
        if not self.shown:
            return
        now = time.monotonic()
        if self.first is None:  # what came before the end of the first step was no training
            self.first, self.began, self.last = step, now, now
        speed = (step - self.first) / max(now - self.began, 1e-9)  # steps a second
        losses = "  ".join(f"{name} {value:.3f}" for name, value in terms.items())
        pictures = f"{speed * self.settings.training.batch:.1f} pictures/s"
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=step, losses=losses, speed=pictures)
        elif now - self.last >= SECONDS or step == self.settings.training.steps:
            self.last = now
            left = (self.settings.training.steps - step) / max(speed, 1e-9) / 60
            say = f"step {step:,} of {self.settings.training.steps:,}  {losses}  {pictures}  {left:.0f} min left"
            print(say, file=sys.stderr, flush=True)


def _open_bar(steps: int) -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    bar = Bar(*columns, console=Console(stderr=True), refresh_per_second=4)
    bar.add_task("training", total=steps, losses="", speed="")
    return bar
