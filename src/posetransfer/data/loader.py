"""Batches made ahead, while the network works: by one thread, or by worker processes. Which, changes nothing but the speed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Literal

from posetransfer.data.pairs import Batch, Pairs
from posetransfer.errors import DataError

Start = Literal["spawn", "fork", "forkserver"]


def batches(pairs: Pairs, first: int, last: int, workers: int = 0, start: Start = "spawn") -> Iterator[tuple[int, Batch]]:
    """The batches of the steps `first` to `last`, in order; a few are made ahead.

    A batch follows from its step alone: a run that goes on begins at any step, with any number of workers.

    Args:
        pairs: where they come from.
        first: step to begin with, counted from 1.
        last: last step.
        workers: processes that make batches; 0 makes them in a thread of this process.
        start: how processes are started. A program that calls this with "spawn" needs the usual `if __name__ == "__main__":`.

    Raises:
        DataError: a picture cannot be read, or a worker process died.
    """
    with _executor(pairs, workers, start) as executor:
        ahead: deque[tuple[int, Future[Batch]]] = deque()
        make = _make if workers else pairs.batch
        coming = iter(range(first, last + 1))
        try:
            for step in coming:
                ahead.append((step, executor.submit(make, step)))
                if len(ahead) > max(1, 2 * workers):
                    break
            while ahead:
                step, future = ahead.popleft()
                batch = future.result()
                if (following := next(coming, None)) is not None:
                    ahead.append((following, executor.submit(make, following)))
                yield step, batch
        except BrokenProcessPool as error:
            raise DataError("a process that loads pictures died, most likely for want of memory; use fewer workers.") from error
        finally:
            executor.shutdown(wait=False, cancel_futures=True)  # nobody waits for batches that nobody wants


def _executor(pairs: Pairs, workers: int, start: Start) -> Executor:
    if not workers:
        return ThreadPoolExecutor(1)
    return ProcessPoolExecutor(workers, get_context(start), _take, (pairs,))


_pairs: Pairs | None = None  # of this worker process


def _take(pairs: Pairs) -> None:
    global _pairs
    _pairs = pairs


def _make(step: int) -> Batch:
    assert _pairs is not None
    return _pairs.batch(step)
