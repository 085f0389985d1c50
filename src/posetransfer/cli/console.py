"""What a command says beside its result: log lines, warnings and errors, each one line on stderr.

Results go to stdout and are printed by the commands themselves.
"""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_PREFIX = {logging.INFO: "", logging.WARNING: "warning: ", logging.ERROR: "error: ", logging.CRITICAL: "error: "}


class OneLine(logging.Handler):
    """Writes each record as one line to whatever `sys.stderr` is at that moment (a progress bar may have replaced it)."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a debug line names its logger."""
        say(_PREFIX.get(record.levelno, f"{record.levelname.lower()} {record.name}: ") + record.getMessage())


def say(text: str) -> None:
    """Write one line to stderr; line breaks inside the text become blanks."""
    print(" ".join(text.split()), file=sys.stderr, flush=True)


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    """Stand-in for `warnings.showwarning`: the sentence only, without the source line that raised it."""
    say(f"warning: {message}")


@contextmanager
def messages(debug: bool = False) -> Iterator[None]:
    """Route logging and warnings to stderr while a command runs, and put back what was there before."""
    handler, root, ours = OneLine(), logging.getLogger(), logging.getLogger("posetransfer")
    levels, show = (root.level, ours.level), warnings.showwarning
    root.addHandler(handler)
    root.setLevel(logging.WARNING)  # other packages: only what they warn of
    ours.setLevel(logging.DEBUG if debug else logging.INFO)
    warnings.showwarning = _show_warning
    try:
        yield
    finally:
        warnings.showwarning = show
        root.removeHandler(handler)
        root.setLevel(levels[0])
        ours.setLevel(levels[1])


def report(error: BaseException, debug: bool) -> None:
    """Say what went wrong: the traceback first if it was asked for, the sentence last."""
    if debug:
        traceback.print_exception(error)
    say(f"error: {error}")


def report_slip(error: Exception, debug: bool) -> None:
    """Say that a mistake of our own came to light, and how to learn more."""
    advice = "please report it with the lines above." if debug else "run the same command with --debug to see where, and report it."
    if debug:
        traceback.print_exception(error)
    say(f"error: unexpected {type(error).__name__}: {error}; {advice}")
