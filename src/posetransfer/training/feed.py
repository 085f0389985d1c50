"""Batches ahead of time: made by a thread or by worker processes while the networks work on the one before."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess

from posetransfer.data.pairs import Batch, Pairs
from posetransfer.errors import TrainingError

_pairs: Pairs | None = None  # of a worker process


class Feed:
    """Iterate over (step, batch) of steps first to last, in order.

    A batch is a function of its step, so any number of workers gives the same training.

    Args:
        pairs: where the batches come from.
        first: first step.
        last: last step.
        workers: processes that make batches; 0: one thread of this process.
        remake: opens the same pairs in a worker process; needed with workers, and must be picklable.
    """

    def __init__(self, pairs: Pairs, first: int, last: int, workers: int = 0, remake: Callable[[], Pairs] | None = None) -> None:
        self.pairs, self.steps, self.workers, self.remake = pairs, range(first, last + 1), workers, remake
        self.waited = 0.0
        """Seconds that the training waited for a batch so far."""

    def __iter__(self) -> Iterator[tuple[int, Batch]]:
        executor, make = self._open()
        ahead: deque[Future[Batch]] = deque()
        upcoming = iter(self.steps)
        try:
            for step in self.steps:
                while len(ahead) <= 2 * max(self.workers, 1) and (next_step := next(upcoming, None)) is not None:
                    ahead.append(executor.submit(make, next_step))
                began = time.perf_counter()
                batch = self._result(ahead.popleft())
                self.waited += time.perf_counter() - began
                yield step, batch
        finally:
            executor.shutdown(cancel_futures=True)

    def _open(self) -> tuple[Executor, Callable[[int], Batch]]:
        if self.workers == 0:
            return ThreadPoolExecutor(1, initializer=_on_any_core), self.pairs.batch
        assert self.remake is not None, "workers need a way to open the pairs"
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
        return ProcessPoolExecutor(self.workers, context, _begin_worker, (self.remake,)), _make_batch

    def _result(self, future: Future[Batch]) -> Batch:
        try:
            return future.result()
        except BrokenProcessPool as error:
            raise TrainingError(
                "a worker process that makes batches was ended, most likely for want of memory; "
                "the last checkpoint is kept: run the same command again with fewer --workers."
            ) from error


def _on_any_core() -> None:
    """Undo OMP_PROC_BIND for this thread or process: it binds the main thread to one core, and what is begun later inherits that."""
    if hasattr(os, "sched_setaffinity") and os.environ.get("OMP_PROC_BIND"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


def _begin_worker(remake: Callable[[], Pairs]) -> None:
    """Open the pairs in a worker; leave stopping to the main process, but do not outlive it."""
    global _pairs
    _on_any_core()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _pairs = remake()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _make_batch(step: int) -> Batch:
    assert _pairs is not None
    return _pairs.batch(step)
