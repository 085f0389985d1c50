"""A belt between threads: holds a few things at most, and can be stopped from either end."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event
from typing import Generic, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """Another thread has failed, or the user has had enough."""


class Belt(Generic[T]):
    """A bounded queue; who waits at it wakes up when `stop` is set.

    Args:
        room: how many things may lie on it.
        stop: shared by all belts of one run.
    """

    def __init__(self, room: int, stop: Event) -> None:
        self._queue: Queue[T | None] = Queue(room)
        self._stop = stop

    def put(self, thing: T) -> None:
        """Lay something down; waits for room.

        Raises:
            Stopped: the run was stopped.
        """
        self._put(thing)

    def close(self, readers: int = 1) -> None:
        """Nothing more will come."""
        for _ in range(readers):
            self._put(None)

    def __iter__(self) -> Iterator[T]:
        """Take things off until the belt is closed.

        Raises:
            Stopped: the run was stopped.
        """
        while (thing := self._get()) is not None:
            yield thing

    def _put(self, thing: T | None) -> None:
        while True:
            if self._stop.is_set():
                raise Stopped
            try:
                return self._queue.put(thing, timeout=0.1)
            except Full:
                continue

    def _get(self) -> T | None:
        while True:
            if self._stop.is_set():
                raise Stopped
            try:
                return self._queue.get(timeout=0.1)
            except Empty:
                continue
