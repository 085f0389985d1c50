"""The three stages side by side: look at photos and poses, paint, write. Threads, for runtimes and codecs release Python's lock.

    looking (a few photos ahead) ──belt──▶ painting (this thread) ──belt──▶ finishing and writing

Belts are short, so that memory does not grow with the number of pictures. What belongs to one picture fails alone; what would
fail for all (a full disk) stops the run. A stopped run leaves whole files only.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from posetransfer.batch.belt import Belt, Stopped
from posetransfer.batch.inputs import Item
from posetransfer.batch.jobs import Job
from posetransfer.batch.journal import Journal
from posetransfer.errors import OutputError, PoseTransferError
from posetransfer.pipeline import BackgroundLike, Painted, PoseTransfer, Retarget, Source, Task
from posetransfer.pose import Pose

log = logging.getLogger(__name__)

WINDOW = 4
"""Batches of poses of one photo that are sorted by frame; more would keep the painter waiting."""

Progress = Callable[[int, int], None]
"""Called with (pictures done, pictures in all)."""


@dataclass(frozen=True)
class Options:
    """How every picture is made."""

    retarget: Retarget = "limbs"
    place: bool = False
    background: BackgroundLike = "keep"
    shadow: bool = True
    person: int | None = None
    batch: int = 4
    """Pictures per call of the engine; changes no picture."""


@dataclass
class Summary:
    """What became of the pictures of one run."""

    before: int = 0
    """Were finished when it began."""
    written: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """Name of a picture -> why there is none."""
    seconds: float = 0.0
    batch: int = 0
    """Pictures per call of the engine, at the end."""


Looked = tuple[Job, Task]
Done = tuple[Job, Painted]


class Batch:
    """One run over some jobs.

    Args:
        machine: paints.
        jobs: those of one photo behind each other.
        journal: of the output folder; knows what is finished.
        options: see `Options`.
        progress: called after every picture.
    """

    def __init__(
        self, machine: PoseTransfer, jobs: Sequence[Job], journal: Journal, options: Options, progress: Progress | None = None
    ) -> None:
        self.machine, self.journal, self.options, self.progress = machine, journal, options, progress
        self.jobs = [job for job in jobs if not journal.finished(job)]
        self.total = len(jobs)
        self.summary = Summary(before=len(jobs) - len(self.jobs), batch=options.batch)
        self.threads = max(1, min(4, (os.cpu_count() or 1)))
        self._poses: dict[Item, Pose | Exception] = {}
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._fault: BaseException | None = None
        self._looked: Belt[list[Looked]] = Belt(2, self._stop)
        self._painted: Belt[Done] = Belt(self.threads, self._stop)

    def run(self) -> Summary:
        """Make every picture that is not there yet.

        Raises:
            OutputError: the folder cannot be written any more.
            KeyboardInterrupt: the user has stopped it; running it again goes on.
        """
        began = time.perf_counter()
        self.journal.tidy(self.jobs)
        _ = self.machine.estimator, self.machine.cutout  # made once, before threads could make them twice
        threads = [threading.Thread(target=self._guarded, args=(self._look,), name="look", daemon=True)]
        threads += [threading.Thread(target=self._guarded, args=(self._write,), name="write", daemon=True) for _ in range(self.threads)]
        for thread in threads:
            thread.start()
        try:
            self._guarded(self._paint)
            for thread in threads:
                while thread.is_alive():  # with a time, so that Ctrl-C is heard
                    thread.join(0.2)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
        if self._fault is not None:
            raise self._fault
        self.summary.seconds = time.perf_counter() - began
        return self.summary

    def _guarded(self, stage: Callable[[], None]) -> None:
        """A stage that fails stops the others; the first fault is the one to tell."""
        try:
            stage()
        except Stopped:
            pass
        except Exception as fault:
            self._fault = self._fault or fault
            self._stop.set()

    # Looking

    def _look(self) -> None:
        groups = [list(group) for _, group in groupby(self.jobs, key=attrgetter("photo"))]
        with self._looking([group[0].photo for group in groups]) as sources:
            waiting: list[Looked] = []
            for group, source in zip(groups, sources, strict=True):
                window = WINDOW * self.options.batch
                for start in range(0, len(group), window):
                    waiting += self._tasks(group[start : start + window], source)
                    while len(waiting) >= self.options.batch:
                        self._looked.put(waiting[: self.options.batch])
                        del waiting[: self.options.batch]
            if waiting:
                self._looked.put(waiting)
        self._looked.close()

    @contextmanager
    def _looking(self, photos: Sequence[Item]) -> Iterator[Iterator[Source | Exception]]:
        """The photos' sources in order, a few looked at ahead."""
        ahead = min(2, self.threads)
        with ThreadPoolExecutor(ahead, "look") as pool:
            coming: list[Future[Source | Exception]] = []

            def sources() -> Iterator[Source | Exception]:
                for number in range(len(photos)):
                    while len(coming) < ahead and number + len(coming) < len(photos):
                        coming.append(pool.submit(self._source, photos[number + len(coming)]))
                    yield coming.pop(0).result()

            try:
                yield sources()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _source(self, photo: Item) -> Source | Exception:
        try:
            return self.machine.look(photo.target, person=self.options.person)
        except Exception as error:
            return error

    def _tasks(self, jobs: Sequence[Job], source: Source | Exception) -> list[Looked]:
        """The tasks of one photo, those of one frame together; what fails is noted."""
        found = []
        for job in jobs:
            try:
                if isinstance(source, Exception):
                    raise source
                found.append((job, self.machine.task(source, self._pose(job.pose), self.options.retarget)))
            except Exception as error:
                self._fail(job, error)
        return sorted(found, key=lambda one: one[1].frame.box)

    def _pose(self, item: Item) -> Pose:
        """Read once; a pose that cannot be read fails every picture with the same sentence."""
        if item not in self._poses:
            try:
                self._poses[item] = self.machine.read_target(item.target)
            except Exception as error:
                self._poses[item] = error
        pose = self._poses[item]
        if isinstance(pose, Exception):
            raise pose
        return pose

    # Painting

    def _paint(self) -> None:
        for chunk in self._looked:
            for painted in self._in_memory(chunk):
                self._painted.put(painted)
        self._painted.close(self.threads)

    def _in_memory(self, chunk: list[Looked]) -> Iterator[Done]:
        """A chunk painted; where the memory does not hold it, in halves from now on."""
        while chunk:
            part = chunk[: self.summary.batch]
            try:
                made = self.machine.paint([task for _, task in part])
            except (MemoryError, RuntimeError) as error:
                if len(part) == 1 or not (isinstance(error, MemoryError) or "memory" in str(error).lower()):
                    raise
                self.summary.batch = max(1, len(part) // 2)
                log.warning("The memory does not hold %d pictures at once; %d from now on.", len(part), self.summary.batch)
                continue
            yield from zip([job for job, _ in part], made, strict=True)
            chunk = chunk[len(part) :]

    # Writing

    def _write(self) -> None:
        for job, painted in self._painted:
            try:
                result = self.machine.finish(painted, self.options.place, self.options.background, self.options.shadow)
                result.save(self.journal.path(job))
            except OutputError:
                raise
            except Exception as error:
                self._fail(job, error)
                continue
            steps = {step: round(value, 4) for step, value in result.seconds.items()}
            codes = sorted({finding.code for finding in result.findings})
            self.journal.written(job, engine=self.machine.engine.name, seconds=steps, findings=codes)
            with self._lock:
                self.summary.written += 1
                self._count()

    def _fail(self, job: Job, error: Exception) -> None:
        """Note that this picture cannot be made; each reason is told once."""
        known = isinstance(error, PoseTransferError)
        why = str(error) if known else f"{job.name}: unexpected {type(error).__name__}: {error}; please report it."
        if isinstance(error, OutputError):
            raise error
        self.journal.failed(job, why)
        with self._lock:
            new = why not in self._told
            self._told.add(why)
            self.summary.failed[job.name] = why
            self._count()
        if new:
            log.warning("%s", why, exc_info=None if known else error)

    def _count(self) -> None:
        """Tell the number of pictures; inside the lock that counted one, so that no number is left out or told twice."""
        if self.progress is not None:
            self.progress(self.summary.before + self.summary.written + len(self.summary.failed), self.total)
