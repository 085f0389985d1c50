"""Train a network: `posetransfer train PRESET --data FOLDER --run FOLDER`; the same command again goes on."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from posetransfer.config import PRESETS, Settings

if TYPE_CHECKING:
    import torch

    from posetransfer.data.pairs import Pairs
    from posetransfer.networks import Generator

log = logging.getLogger(__name__)


def _command(preset: str) -> Callable[..., None]:
    """The sub-command of a preset: its settings are the defaults of the flags."""

    def train(
        settings: Annotated[Settings, tyro.conf.arg(name="")] = PRESETS[preset],
        data: Path | None = None,
        run: Path = Path("runs") / preset,
        start: Annotated[Path | None, tyro.conf.arg(name="from")] = None,
        device: str = "auto",
        threads: int | None = None,
        minutes: float | None = None,
        dry_run: bool = False,
    ) -> None:
        """Train, or go on with the run in --run.

        Args:
            settings: what decides the run.
            data: prepared folder; `tiny` renders a few people when it is not given.
            run: folder of checkpoints, logs, sheets and, at the end, `weights/`.
            start: checkpoint or run folder of another run to take the first weights from.
            device: auto, cpu, cuda, cuda:1 or mps.
            threads: threads of the CPU; all by default.
            minutes: save and leave after so many minutes; the same command goes on later.
            dry_run: print the resolved settings and leave.
        """
        _train(settings, data, run, start, device, threads, minutes, dry_run)

    return train


COMMANDS = {name: _command(name) for name in PRESETS}


def _train(
    settings: Settings,
    data: Path | None,
    run: Path,
    start: Path | None,
    device_name: str,
    threads: int | None,
    minutes: float | None,
    dry_run: bool,
) -> None:
    if dry_run:
        _print_settings(settings)
        return
    import torch

    from posetransfer.data.pairs import Pairs
    from posetransfer.engines.pytorch import choose_device
    from posetransfer.training.loop import train

    if threads is not None:
        torch.set_num_threads(threads)
    device = choose_device(device_name)
    folder = data or _render_tiny(run)
    pairs = Pairs.of(folder, "train", settings)
    watched = Pairs(folder, "test", settings.model)
    state = train(
        settings,
        pairs,
        run,
        device=device,
        validate=_watch(watched, settings, device, run),
        report=_progress(settings),
        start=_checkpoint(start) if start else None,
        stop_after=minutes * 60 if minutes else None,
    )
    _export(state.best_generator, settings, folder, run)
    print(run / "weights")


def _print_settings(settings: Settings) -> None:
    import json
    from dataclasses import asdict

    print(json.dumps(asdict(settings), indent=2))
    print(f"{settings.training.steps:,} steps of {settings.training.batch} pairs")


def _checkpoint(start: Path) -> Path:
    from posetransfer.errors import SettingsError
    from posetransfer.training.checkpoint import find_checkpoints

    if start.is_file():
        return start
    found = find_checkpoints(start)
    if not found:
        raise SettingsError(f"{start}: no checkpoint to begin from; give a run folder or a checkpoint-*.pt file with --from.")
    return found[-1]


def _watch(pairs: Pairs, settings: Settings, device: torch.device, run: Path) -> Callable[[Generator, int], dict[str, float]]:
    """Scores of 256 test pairs, and the sheet of 16 of them."""
    from posetransfer.image import contact_sheet, save_picture
    from posetransfer.pose.drawing import draw_pose
    from posetransfer.pose.pose import Pose
    from posetransfer.training.validation import fixed_pairs, paint, validation_scores

    chosen, shown = fixed_pairs(pairs, 256), fixed_pairs(pairs, 16, seed=1)

    def watch(generator: Generator, step: int) -> dict[str, float]:
        rows = []
        for batch, pictures in paint(generator, pairs, shown, settings, device):
            for i, picture in enumerate(pictures):
                poses = [draw_pose(Pose(points[i], settings.model.size)) for points in (batch.source_points, batch.target_points)]
                rows.append([batch.source[i], *poses, picture, batch.target[i]])
        halves = [left + right for left, right in zip(rows[::2], rows[1::2], strict=False)] or rows
        (run / "sheets").mkdir(exist_ok=True)
        save_picture(contact_sheet(halves), run / "sheets" / f"{step:08d}.png")
        return validation_scores(paint(generator, pairs, chosen, settings, device))

    return watch


def _progress(settings: Settings) -> Callable[[int, dict[str, float]], None]:
    """A plain line a minute on stderr."""
    began = last = time.monotonic()
    first: int | None = None

    def report(step: int, terms: dict[str, float]) -> None:
        nonlocal last, first
        first = step if first is None else first
        now = time.monotonic()
        if now - last < 60 and step not in (first, settings.training.steps):
            return
        last = now
        speed = (step - first + 1) / max(now - began, 1e-9)
        left = (settings.training.steps - step) / speed / 60
        losses = " ".join(f"{name} {value:.3f}" for name, value in terms.items())
        pictures = speed * settings.training.batch
        print(
            f"step {step}/{settings.training.steps}  {losses}  {pictures:.1f} pictures/s  {left:.0f} min left", file=sys.stderr, flush=True
        )

    return report


def _export(generator: Generator, settings: Settings, data: Path, run: Path) -> None:
    from posetransfer.weights.file import save_weights

    state = {name: tensor.detach().float().cpu().numpy() for name, tensor in generator.state_dict().items()}
    card = f"# Weights of {run.name}\n\nTrained with `posetransfer train` on {data.name}; settings in `settings.json` of the run.\n"
    save_weights(run / "weights", settings.model, state, card)


def _render_tiny(run: Path) -> Path:
    """Eight rendered people for a first run without any data."""
    from posetransfer.people.dataset import Spec, build

    folder = run / "people"
    build(Spec("studio", people=8, images=4, seed=7, whole=1.0, test=0.25, pairs=12), folder, workers=1)
    return folder
