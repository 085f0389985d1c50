"""Train a network: `posetransfer train PRESET --data FOLDER --run FOLDER`; the same command again goes on.

`posetransfer train --from WEIGHTS --data FOLDER` fine-tunes, `posetransfer train --report RUN` draws a run's curves.
Under `torchrun` the same commands train with all its processes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from posetransfer.config import FINE_TUNING, PRESETS, Settings
from posetransfer.errors import SettingsError

if TYPE_CHECKING:
    import torch

    from posetransfer.data.pairs import Pairs
    from posetransfer.networks import Generator
    from posetransfer.training.begin import Start
    from posetransfer.training.distributed import World
    from posetransfer.training.loop import Validate

log = logging.getLogger(__name__)

MOST_WORKERS = 8
"""Worker processes taken by default for a GPU, if there are that many cores."""


def _command(preset: str) -> Callable[..., int]:
    """The sub-command of a preset: its settings are the defaults of the flags."""

    def train(
        settings: Annotated[Settings, tyro.conf.arg(name="")] = PRESETS[preset],
        data: Path | None = None,
        run: Path = Path("runs") / preset,
        start: Annotated[Path | None, tyro.conf.arg(name="from")] = None,
        device: str = "auto",
        threads: int | None = None,
        workers: int | None = None,
        minutes: float | None = None,
        dry_run: bool = False,
    ) -> int:
        """Train, or go on with the run in --run.

        Args:
            settings: what decides the run.
            data: prepared folder; `tiny` renders a few people when it is not given.
            run: folder of checkpoints, logs, sheets and, at the end, `weights/`.
            start: weights, run folder or checkpoint to take the first weights from.
            device: auto, cpu, cuda, cuda:1 or mps.
            threads: threads of the CPU; all by default.
            workers: processes that make batches; by default none for a CPU, up to 8 for a GPU.
            minutes: save and leave after so many minutes; the same command goes on later.
            dry_run: print the resolved settings and the number of steps, and leave.
        """
        if dry_run:
            return _print_settings(settings)
        if data is None and preset != "tiny":
            raise SettingsError(f"--data is missing; give the prepared folder to train {preset} on (see posetransfer prepare and people).")
        return _train(settings, data, run, start, device, threads, workers, minutes)

    return train


def finetune(
    start: Annotated[Path, tyro.conf.arg(name="from")],
    data: Path,
    settings: Annotated[Settings, tyro.conf.arg(name="")] = FINE_TUNING,
    run: Path = Path("runs/finetune"),
    device: str = "auto",
    threads: int | None = None,
    workers: int | None = None,
    minutes: float | None = None,
    dry_run: bool = False,
) -> int:
    """Fit weights to the people of a small data set of your own; their network and what it reads stay.

    Args:
        start: weights (a folder or a name such as `default`), run folder or checkpoint to begin from.
        data: prepared folder (see `posetransfer prepare folder`).
        settings: what decides the run; those of the network come from the weights.
        run: folder of checkpoints, logs, sheets and, at the end, `weights/`.
        device: auto, cpu, cuda, cuda:1 or mps.
        threads: threads of the CPU; all by default.
        workers: processes that make batches; by default none for a CPU, up to 8 for a GPU.
        minutes: save and leave after so many minutes; the same command goes on later.
        dry_run: print the resolved settings and the number of steps, and leave.
    """
    import torch

    from posetransfer.training.begin import read_start

    if settings.model != FINE_TUNING.model:
        raise SettingsError("--model settings were given, but they come from the weights; train a preset with --from to change them.")
    model = read_start(start, torch.device("cpu")).model
    if model is None:
        raise SettingsError(f"{start}: there is no settings.json beside this checkpoint; give the run folder or weights with --from.")
    settings = replace(settings, model=replace(model, dropout=False))
    if dry_run:
        return _print_settings(settings)
    return _train(settings, data, run, start, device, threads, workers, minutes)


def report(run: tyro.conf.Positional[Path], output: Annotated[Path | None, tyro.conf.arg(aliases=("-o",))] = None) -> None:
    """Draw the curves of a run as a PNG.

    Args:
        run: folder of a run, also of one that is still going on.
        output: the picture; `report.png` in the run folder by default.
    """
    from posetransfer.training.report import draw_report

    print(draw_report(run, output))


COMMANDS: dict[str, Callable[..., int | None]] = {name: _command(name) for name in PRESETS}
COMMANDS |= {"finetune": finetune, "report": report}
ALIASES = {"--from": ["finetune", "--from"], "--report": ["report"]}
"""A first word that stands for others: `train --report RUN` is `train report RUN`."""


def _train(
    settings: Settings,
    data: Path | None,
    run: Path,
    start: Path | None,
    device_name: str,
    threads: int | None,
    workers: int | None,
    minutes: float | None,
) -> int:
    import torch

    from posetransfer.cli.progress import Progress
    from posetransfer.engines.pytorch import choose_device
    from posetransfer.training.begin import read_start
    from posetransfer.training.card import export_weights, poses_seen
    from posetransfer.training.distributed import join
    from posetransfer.training.interrupt import TIME_UP
    from posetransfer.training.loop import train
    from posetransfer.training.preflight import check_values

    if threads is not None:
        torch.set_num_threads(threads)
    with join(choose_device(device_name)) as (world, device):
        if not world.first:
            logging.getLogger("posetransfer").setLevel(logging.WARNING)  # one process speaks for all
        check_values(settings, device, world)
        begin: Start | None = read_start(start, device) if start else None
        folder = data or _render_tiny(run)
        opened = _Opened(folder, settings, world.rank, world.size)
        pairs = _open_in_turn(opened, world)
        validate = _watch(folder, pairs, settings, device, run) if world.first else None
        with Progress(settings, shown=world.first) as progress:
            outcome = train(
                settings, pairs, run, device=device, world=world, validate=validate, report=progress, start=begin,
                stop_after=minutes * 60 if minutes else None, workers=_workers(workers, device, world), remake=opened,
            )  # fmt: skip
        if outcome.stopped > TIME_UP:
            return 128 + outcome.stopped  # as a shell says it
        if world.first:
            print(export_weights(run, settings, folder.resolve().name, outcome.state.state(), outcome.step, poses_seen(folder)))
    return 0


class _Opened:
    """Opens the training pairs; can be sent to a worker process, which the pairs themselves should not be."""

    def __init__(self, folder: Path, settings: Settings, rank: int, size: int) -> None:
        self.folder, self.settings, self.rank, self.size = folder, settings, rank, size

    def __call__(self) -> Pairs:
        from posetransfer.data.pairs import Pairs

        return Pairs.of(self.folder, "train", self.settings, rank=self.rank, world=self.size)


def _open_in_turn(opened: _Opened, world: World) -> Pairs:
    """The pairs, opened by the first process before the others: it decodes the pictures for all of them."""
    pairs = opened() if world.first else None
    world.wait()
    return pairs or opened()


def _workers(asked: int | None, device: torch.device, world: World) -> int:
    if asked is not None:
        return asked
    cores = (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", world.size))
    return 0 if device.type == "cpu" else max(1, min(MOST_WORKERS, cores - 1))


def _print_settings(settings: Settings) -> int:
    import json
    from dataclasses import asdict

    from posetransfer.training.schedule import pictures_seen

    steps = settings.training.steps
    print(json.dumps(asdict(settings), indent=2))
    print(f"{steps:,} steps of {settings.training.batch} pairs: {pictures_seen(steps, settings.training):,} pairs")
    return 0


def _watch(folder: Path, pairs: Pairs, settings: Settings, device: torch.device, run: Path) -> Validate:
    """Scores of the same test pairs, and the sheet of 16 of them."""
    from posetransfer.data.manifest import PreparedFolder
    from posetransfer.data.pairs import Pairs
    from posetransfer.evaluation.metrics.ssim import ssim
    from posetransfer.image import save_picture
    from posetransfer.training.sheet import PAIRS, draw_sheet
    from posetransfer.training.validation import fixed_pairs, paint, validation_scores

    splits = PreparedFolder.open(folder).splits
    if "test" in splits and len(splits["test"]):
        watched = Pairs(folder, "test", settings.model)
    else:
        log.warning("%s has no test pairs: sheets and scores are of training pairs", folder)
        watched = pairs
    scored, shown = fixed_pairs(watched, settings.training.validation_pairs), fixed_pairs(watched, PAIRS, seed=1)

    def watch(generator: Generator, step: int) -> dict[str, float]:
        (run / "sheets").mkdir(exist_ok=True)
        save_picture(draw_sheet(generator, watched, shown, settings, device), run / "sheets" / f"{step:08d}.png")
        return validation_scores(paint(generator, watched, scored, settings, device), {"ssim": ssim})

    return watch


def _render_tiny(run: Path) -> Path:
    """Eight rendered people for a first run without any data."""
    from posetransfer.people.dataset import render_set
    from posetransfer.people.settings import PeopleSettings

    folder = run / "people"
    render_set(PeopleSettings("studio", people=8, images=4, seed=7, whole=1.0, test=0.25, pairs=12), folder, processes=1)
    return folder
