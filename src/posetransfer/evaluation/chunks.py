"""Work cut into chunks: several processes, several machines, stopped and taken up again, with the same result.

Rows are cut into chunks of a fixed size whatever the number of processes, so that no score can depend on it. With a folder
every finished chunk becomes a file there: a stopped run goes on behind its last chunk, and the processes of `torchrun`
share the chunks among them and meet in that folder (which they all must see).
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile

import numpy as np

from posetransfer.errors import DataError, OutputError
from posetransfer.evaluation.batch import Columns
from posetransfer.image import whole_file

log = logging.getLogger(__name__)

CHUNK = 64
"""Rows per chunk."""
PATIENCE = 3600.0
"""Seconds that the first process of torchrun waits for the next chunk of the others."""

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""


class Work(Protocol):
    """Something that yields the columns of rows start..stop; it is sent to every process once."""

    def __len__(self) -> int:
        """Rows in all."""
        ...

    def __call__(self, start: int, stop: int) -> Columns:
        """The columns of some rows."""
        ...


@dataclass(frozen=True)
class Parts:
    """The columns of all rows, chunk by chunk, in memory or on disk."""

    chunks: tuple[Columns | Path, ...]

    def blocks(self, *names: str) -> Iterator[Columns]:
        """Some columns, one chunk at a time: what is too large to be held at once."""
        for chunk in self.chunks:
            if isinstance(chunk, Path):
                with np.load(chunk) as stored:
                    yield {name: stored[name] for name in names}
            else:
                yield {name: chunk[name] for name in names}

    def column(self, name: str) -> np.ndarray:
        """One column whole."""
        found = [block[name] for block in self.blocks(name)]
        return np.concatenate(found) if found else np.zeros(0)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that there are."""
        if not self.chunks:
            return ()
        first = self.chunks[0]
        if isinstance(first, Path):
            with np.load(first) as stored:
                return tuple(stored.files)
        return tuple(first)


def run(work: Work, processes: int = 1, folder: Path | None = None, progress: Progress | None = None) -> Parts:
    """Do all chunks and return their columns in order.

    Args:
        work: what to do; it must survive pickling if `processes` is more than 1.
        processes: of this machine; 1 works in this process.
        folder: where finished chunks are kept; needed under torchrun. It must belong to this very work.
        progress: called after every chunk.

    Raises:
        DataError: a row cannot be read.
        OutputError: the folder cannot be written, or another process of torchrun has stopped.
    """
    chunks = [(start, min(start + CHUNK, len(work))) for start in range(0, len(work), CHUNK)]
    rank, world = rank_and_world()
    if folder is None:
        if world > 1:
            raise OutputError("under torchrun the processes share their chunks through a folder; give one with --output.")
        return Parts(tuple(_in_order(work, chunks, processes, progress, 0, len(work))))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: the folder cannot be made ({error.strerror}); choose another with --output.") from error
    files = [folder / f"{start:08d}-{stop:08d}.npz" for start, stop in chunks]
    open_chunks = [i for i in range(len(chunks)) if not _is_whole(files[i])]
    mine = [i for i in open_chunks if i % world == rank]
    done = sum(stop - start for i, (start, stop) in enumerate(chunks) if i not in set(open_chunks))
    for i, columns in zip(mine, _in_order(work, [chunks[i] for i in mine], processes, progress, done, len(work)), strict=True):
        with whole_file(files[i]) as file:
            np.savez(file, **columns)  # type: ignore[arg-type]  # numpy's stub takes the columns for `allow_pickle`
    if rank == 0:
        wait_for([files[i] for i in open_chunks if i % world != rank])
    return Parts(tuple(files))


def rank_and_world() -> tuple[int, int]:
    """This process's number and how many there are, as torchrun says it; (0, 1) without torchrun."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def processors() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_order(
    work: Work, chunks: list[tuple[int, int]], processes: int, progress: Progress | None, done: int, total: int
) -> Iterator[Columns]:
    """The columns of each chunk, in order, however many processes make them."""
    with _pool(work, min(processes, len(chunks))) as results:
        for (start, stop), columns in zip(chunks, results(chunks), strict=True):
            done += stop - start
            if progress:
                progress(done, total)
            yield columns


@contextmanager
def _pool(work: Work, processes: int) -> Iterator[Callable[[list[tuple[int, int]]], Iterator[Columns]]]:
    if processes <= 1:
        yield lambda chunks: (work(*chunk) for chunk in chunks)
        return
    with _worker_environment():
        pool = multiprocessing.get_context("spawn").Pool(processes, _start, (work,))
    try:
        yield lambda chunks: pool.imap(_do, chunks)
    finally:
        pool.terminate()
        pool.join()


# Processes read these at their start. N processes of N threads each only wait for one another; and the C library would
# return and fetch again the memory of every larger array, which takes as long as the sums of SSIM.
WORKER_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "67108864",
}


@contextmanager
def _worker_environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in WORKER_ENVIRONMENT}
    os.environ.update(WORKER_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_work: Work | None = None


def _start(work: Work) -> None:
    global _work
    _work = work


def _do(chunk: tuple[int, int]) -> Columns:
    assert _work is not None
    return _work(*chunk)


def _is_whole(file: Path) -> bool:
    """Whether a chunk's file can be read; a torn one (a full disk, a copied folder) is made anew."""
    if not file.is_file():
        return False
    try:
        with file.open("rb") as opened, np.load(opened) as stored:  # NumPy leaves a torn file open
            return bool(stored.files)
    except (OSError, ValueError, BadZipFile):
        log.warning("%s: not a whole file, this part is computed again", file)
        return False


def wait_for(files: list[Path]) -> None:
    """Wait until the other processes of torchrun have written their files.

    Raises:
        OutputError: nothing came for `PATIENCE` seconds.
    """
    deadline = time.monotonic() + PATIENCE
    for file in files:
        while not file.is_file():
            if time.monotonic() > deadline:
                raise OutputError(f"{file}: the process that should write this part has stopped; start the same command again, it goes on.")
            time.sleep(0.2)
        deadline = time.monotonic() + PATIENCE


def check_rows(rows: int, what: str) -> None:
    """Refuse to score nothing.

    Raises:
        DataError: there is no row.
    """
    if rows == 0:
        raise DataError(f"{what}: nothing to score; at least one pair of pictures is needed.")
