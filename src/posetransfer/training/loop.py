"""The training loop: batches in, checkpoints, log lines and validations out."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from posetransfer.config import Settings
from posetransfer.data.pairs import Batch, Pairs
from posetransfer.errors import SettingsError
from posetransfer.networks import Generator
from posetransfer.pose.heatmaps import draw_heatmaps_batch
from posetransfer.training.checkpoint import find_checkpoints, load_checkpoint, save_checkpoint
from posetransfer.training.schedule import rate_factor
from posetransfer.training.step import TensorBatch, TrainingStep

log = logging.getLogger(__name__)

Validate = Callable[[Generator, int], dict[str, float]]
Report = Callable[[int, dict[str, float]], None]


def train(
    settings: Settings,
    pairs: Pairs,
    run: Path,
    *,
    device: torch.device,
    validate: Validate | None = None,
    report: Report | None = None,
    start: Path | None = None,
    stop_after: float | None = None,
) -> TrainingStep:
    """Train, or go on with the run in `run`.

    Args:
        settings: everything that decides the run; a folder that was begun with others is refused.
        pairs: training pairs at the settings' size.
        run: folder of checkpoints, `settings.json` and `log.jsonl`.
        device: where to train.
        validate: called with the generator to use and the step every `sample_every` steps; its scores are logged.
        report: called after every step with its number and its losses.
        start: checkpoint of another run whose networks (not optimisers) are the first weights.
        stop_after: save and leave after so many seconds.

    Returns:
        the last state.
    """
    run.mkdir(parents=True, exist_ok=True)
    check_settings(settings, run)
    state = TrainingStep(settings, device)
    first = _resume(state, run, device, start)
    began, seen = time.monotonic(), 0
    last = first
    with (run / "log.jsonl").open("a") as lines:
        for step, batch in _batches(pairs, first + 1, settings.training.steps):
            terms = state(to_device(batch, settings, device), step)
            seen, last = seen + settings.training.batch, step
            if report is not None:
                report(step, terms)
            late = stop_after is not None and time.monotonic() - began > stop_after
            end = step == settings.training.steps or late
            if step % 50 == 0 or end:
                rate = rate_factor(step, settings.training) * settings.training.generator_lr
                entry = {"step": step, "pictures": step * settings.training.batch, "rate": rate, **terms}
                entry["pictures_per_second"] = seen / (time.monotonic() - began)
                lines.write(json.dumps({k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in entry.items()}) + "\n")
                lines.flush()
            if validate is not None and (step % settings.training.sample_every == 0 or end):
                scores = validate(state.best_generator.eval(), step)
                state.generator.train()
                lines.write(json.dumps({"step": step, "validation": scores}) + "\n")
                lines.flush()
            if step % settings.training.checkpoint_every == 0 or end:
                save_checkpoint(run, step, state.state())
            if late:
                log.info("stopped after %.0f s at step %d; run the same command again to go on", time.monotonic() - began, last)
                break
    return state


def _resume(state: TrainingStep, run: Path, device: torch.device, start: Path | None) -> int:
    found = find_checkpoints(run)
    if found:
        step, saved = load_checkpoint(found[-1], device)
        state.restore(saved)
        log.info("going on from %s", found[-1])
        return step
    if start is not None:
        _, saved = load_checkpoint(start, device)
        begin_from(state, saved)
    return 0


def begin_from(state: TrainingStep, saved: dict[str, Any]) -> None:
    """Take the networks of another run as first weights; optimisers and pools begin anew.

    Raises:
        SettingsError: the networks are of another form.
    """
    try:
        state.generator.load_state_dict(saved.get("mean_generator", saved["generator"]))
        if state.mean_generator is not None:
            state.mean_generator.load_state_dict(state.generator.state_dict())
        for name, judge in state.judges.items():
            if name in saved:
                judge.network.load_state_dict(saved[name]["network"])
    except (RuntimeError, KeyError) as error:
        raise SettingsError(
            f"the networks to begin from have another form ({str(error).splitlines()[-1].strip()}); use the same width, blocks and norm."
        ) from error


def _batches(pairs: Pairs, first: int, last: int) -> Iterator[tuple[int, Batch]]:
    """The batches of steps first to last; the next one is made while the network works on this one."""
    with ThreadPoolExecutor(1) as helper:
        coming = helper.submit(pairs.batch, first)
        for step in range(first, last + 1):
            batch = coming.result()
            if step < last:
                coming = helper.submit(pairs.batch, step + 1)
            yield step, batch


def to_device(batch: Batch, settings: Settings, device: torch.device) -> TensorBatch:
    """Pictures to [-1, 1] and poses to heat maps, on the device, in the wanted memory layout."""
    layout = torch.channels_last if settings.training.channels_last else torch.contiguous_format
    model = settings.model

    def picture(array: Any) -> torch.Tensor:
        tensor = torch.from_numpy(array).to(device, non_blocking=True).permute(0, 3, 1, 2)
        return (tensor.float() / 127.5 - 1).contiguous(memory_format=layout)

    def maps(points: Any) -> torch.Tensor:
        drawn = draw_heatmaps_batch(torch.from_numpy(points).to(device), model.size, model.sigma, model.heatmaps)
        return drawn.contiguous(memory_format=layout)

    return TensorBatch(picture(batch.source), maps(batch.source_points), picture(batch.target), maps(batch.target_points), batch.names)


def check_settings(settings: Settings, run: Path) -> None:
    """Write the settings into a new run folder, or compare them with those it was begun with.

    Raises:
        SettingsError: a setting differs; the first one is named.
    """
    path = run / "settings.json"
    now = json.loads(json.dumps(dataclasses.asdict(settings)))
    if not path.exists():
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(now, indent=2) + "\n")
        temporary.replace(path)
        return
    then = json.loads(path.read_text())
    for group in now:
        for name, value in now[group].items():
            before = then.get(group, {}).get(name)
            if before != value:
                raise SettingsError(
                    f"{run} was begun with --{group}.{name} {before}, now it is {value}; use a new run folder or the old setting."
                )
