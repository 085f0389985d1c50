"""The training loop: batches in, checkpoints, log lines and validations out."""

from __future__ import annotations

import dataclasses
import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from posetransfer.config import Settings
from posetransfer.data.pairs import Batch, Pairs
from posetransfer.errors import SettingsError, TrainingError
from posetransfer.networks import Generator
from posetransfer.training.begin import Start, begin_from
from posetransfer.training.checkpoint import BestKept, find_checkpoints, load_checkpoint, save_checkpoint, tidy
from posetransfer.training.distributed import World
from posetransfer.training.feed import Feed
from posetransfer.training.interrupt import TIME_UP, Interrupt
from posetransfer.training.journal import Journal, note_start, versions
from posetransfer.training.preflight import as_json, check_space, check_values, open_run, state_bytes
from posetransfer.training.schedule import batch_size, pictures_seen, rate_factor
from posetransfer.training.step import NotFinite, TrainingStep
from posetransfer.training.tensors import to_device

log = logging.getLogger(__name__)

LOG_EVERY = 50
"""Steps between two lines of the log."""

Validate = Callable[[Generator, int], dict[str, float]]
Report = Callable[[int, dict[str, float]], None]


@dataclass
class Outcome:
    """Where a call of `train` left the run."""

    state: TrainingStep
    step: int
    """Steps done."""
    stopped: int = 0
    """0: all steps are done; else `interrupt.TIME_UP` or the number of the signal that stopped it."""


@dataclass
class _Run:
    """What the steps of one call of `train` share."""

    settings: Settings
    folder: Path
    state: TrainingStep
    world: World
    journal: Journal
    validate: Validate | None
    device: torch.device
    terms: dict[str, list[float]] = dataclasses.field(default_factory=dict)  # since the last line of the log
    pictures: int = 0  # since then
    since: float = dataclasses.field(default_factory=time.perf_counter)
    waited: float = 0.0  # for batches, until the last line of the log


def train(
    settings: Settings,
    pairs: Pairs,
    run: Path,
    *,
    device: torch.device,
    world: World | None = None,
    validate: Validate | None = None,
    report: Report | None = None,
    start: Start | None = None,
    stop_after: float | None = None,
    workers: int = 0,
    remake: Callable[[], Pairs] | None = None,
) -> Outcome:
    """Train, or go on with the run in `run`.

    Args:
        settings: everything that decides the run; a folder that was begun with others is refused.
        pairs: training pairs at the settings' size; this process's share of them.
        run: folder of checkpoints, `settings.json` and `log.jsonl`.
        device: where to train.
        world: the processes of the job; by default this one alone.
        validate: called in the first process with the generator to use, in eval mode, and the step every `sample_every` steps; its
            scores are logged, and the best checkpoints are kept by them.
        report: called after every step with its number and its losses.
        start: networks (not optimisers) that are the first weights of a new run.
        stop_after: save and leave after so many seconds. SIGTERM and Ctrl-C do the same.
        workers: processes that make batches.
        remake: opens the pairs in a worker.

    Returns:
        the last state, and whether all steps are done.

    Raises:
        PoseTransferError: see `preflight`, `checkpoint`, `step`; what was saved stays.
    """
    world = world or World()
    check_values(settings, device, world)
    if world.first:
        open_run(settings, run)
        tidy(run)
    world.wait()
    state = TrainingStep(settings, device, world)
    first = _resume(state, run, device, start)
    if world.first:
        t = settings.training
        check_space(run, state_bytes(state.state(), settings), t.keep_last + t.keep_best)
        note_start(run, first, device=str(device), processes=world.size)
    with Journal(run, first, world.first) as journal, Interrupt(stop_after) as interrupt:
        this = _Run(settings, run, state, world, journal, validate, device)
        feed = Feed(pairs, first + 1, settings.training.steps, workers, remake)
        return _go(this, feed, first, report, interrupt)


def _go(this: _Run, feed: Feed, first: int, report: Report | None, interrupt: Interrupt) -> Outcome:
    config, world, last = this.settings.training, this.world, first
    for step, made in feed:
        whole = batch_size(step, config)
        whole = whole if whole >= world.size else config.batch  # every process needs a pair
        terms = _step(this, _cut(made, world.share(whole)), step, whole)
        last = step
        if report is not None:
            report(step, terms)
        _add(this, terms, whole)
        stopped = world.largest(interrupt.reason)
        end = step == config.steps or stopped > 0
        if step % LOG_EVERY == 0 or end:
            _write_line(this, step, feed.waited)
        _keep(this, step, end)
        if stopped and step < config.steps:
            _say_why(stopped, step)
            return Outcome(this.state, step, stopped)
    return Outcome(this.state, last)


def _step(this: _Run, batch: Batch, step: int, whole: int) -> dict[str, float]:
    """One step; what can go wrong in it becomes a sentence with the step in it."""
    try:
        return this.state(to_device(batch, this.settings, this.device), step, whole)
    except NotFinite as error:
        this.journal.line({"step": step, "stopped": error.what, "pairs": error.names})
        raise TrainingError(
            f"step {step}: {error}; the checkpoints before it are kept: look at these pictures (the log names all), "
            "or begin a new run with a lower learning rate or --training.precision fp32."
        ) from error
    except (torch.OutOfMemoryError, RuntimeError) as error:
        if not isinstance(error, torch.OutOfMemoryError) and "not enough memory" not in str(error) and "can't allocate" not in str(error):
            raise
        raise TrainingError(
            f"step {step}: {this.device} has too little memory for a batch of {this.settings.training.batch}; "
            "raise --training.accumulate (same gradients, less memory), take --training.precision bf16, or lower --training.batch."
        ) from error


def _cut(batch: Batch, pairs: int) -> Batch:
    """The first pairs of a batch: the last batch of an epoch may be smaller."""
    if pairs == len(batch.names):
        return batch
    return Batch(*(getattr(batch, field.name)[:pairs] for field in dataclasses.fields(batch)))


def _add(this: _Run, terms: dict[str, float], whole: int) -> None:
    for name, value in terms.items():
        this.terms.setdefault(name, []).append(value)
    this.pictures += whole


def _write_line(this: _Run, step: int, waited: float) -> None:
    """A line of the log: means of the losses since the last one, gradients, rate, speed."""
    config, seconds = this.settings.training, max(time.perf_counter() - this.since, 1e-9)
    this.journal.line(
        {"step": step, "pictures": pictures_seen(step, config), "rate": rate_factor(step, config) * config.generator_lr}
        | {name: sum(values) / len(values) for name, values in this.terms.items()}
        | {f"gradient_{name}": value for name, value in this.state.gradient_norms.items()}
        | {"pictures_per_second": this.pictures / seconds, "waiting_for_data": (waited - this.waited) / seconds}
    )
    this.terms, this.pictures, this.waited, this.since = {}, 0, waited, time.perf_counter()


def _keep(this: _Run, step: int, end: bool) -> None:
    """Validate and save where it is time to. Validation comes first: a run that goes on from a checkpoint has its scores."""
    config = this.settings.training
    if not this.world.first:
        return
    began, scores = time.perf_counter(), {}
    if this.validate is not None and (step % config.sample_every == 0 or step == config.steps):
        scores = this.validate(this.state.best_generator.eval(), step)
        this.state.generator.train()
        this.journal.line({"step": step, "validation": scores})
    best = BestKept(this.folder, config.best_score, config.keep_best)
    deserves = config.best_score in scores and best.deserves(step, scores[config.best_score])
    if deserves or end or step % config.checkpoint_every == 0:
        about = {"settings": as_json(this.settings), "versions": versions()}
        path = save_checkpoint(this.folder, step, this.state.state(), config.keep_last, about)
        if deserves:
            best.add(step, scores[config.best_score], path)
    this.since += time.perf_counter() - began  # the speed in the log is that of training


def _say_why(stopped: int, step: int) -> None:
    why = "the time is up" if stopped == TIME_UP else f"{signal.Signals(stopped).name} came"
    log.info("%s: saved at step %d; run the same command again to go on", why, step)


def _resume(state: TrainingStep, run: Path, device: torch.device, start: Start | None) -> int:
    """Go on from the last checkpoint, or begin from the networks of another run; gives the steps done."""
    found = find_checkpoints(run)
    if found:
        step, saved = load_checkpoint(found[-1], device)
        _restore(state, saved, found[-1])
        log.info("going on from %s", found[-1])
        return step
    if start is not None:
        begin_from(state, start)
    elif state.settings.training.freeze_norms:
        raise SettingsError(
            "--training.freeze-norms keeps statistics that new weights do not have; begin from weights with --from, or leave it out."
        )
    return 0


def _restore(state: TrainingStep, saved: dict[str, Any], path: Path) -> None:
    try:
        state.restore(saved)
    except (RuntimeError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise SettingsError(
            f"{path}: the checkpoint is of another network than the settings ({reason}); "
            "take the checkpoints and settings.json of one run, or a new folder with --run."
        ) from error
