"""What can be told before the first step: settings that contradict each other, a folder of another run, a full disk."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from posetransfer.config import LossConfig, Settings
from posetransfer.errors import OutputError, SettingsError
from posetransfer.training.checkpoint import find_checkpoints
from posetransfer.training.distributed import World
from posetransfer.training.precision import resolve_precision

SETTINGS = "settings.json"
OF_FEATURES = ("gram-weight", "moments-weight", "contrast-weight")
"""Terms that compare the features of the perceptual loss."""
Saved = dict[str, dict[str, Any]]


def check_values(settings: Settings, device: torch.device, world: World) -> None:
    """Refuse values that no training can have.

    Raises:
        SettingsError: the first of them.
    """
    model, discriminator, loss, t = settings.model, settings.discriminator, settings.loss, settings.training
    height, width = model.size
    whole = {
        "model.width": model.width, "model.blocks": model.blocks, "discriminator.width": discriminator.width, "training.batch": t.batch,
        "training.accumulate": t.accumulate, "training.steps": t.steps, "training.epoch-steps": t.epoch_steps,
        "training.decay-epochs": t.decay_epochs, "training.discriminator-steps": t.discriminator_steps,
        "training.sample-every": t.sample_every, "training.checkpoint-every": t.checkpoint_every, "training.keep-last": t.keep_last,
        "training.validation-pairs": t.validation_pairs, "loss.contrast-queue": loss.contrast_queue,
    }  # fmt: skip
    for name, value in whole.items():
        if value < 1:
            raise SettingsError(f"--{name} is {value}; it must be a whole number from 1.")
    _refuse(height % 4 or width % 4 or min(height, width) < 8, f"--model.size is {height} {width}; each side must be divisible by 4.")
    _refuse(model.sigma <= 0, f"--model.sigma is {model.sigma}; it must be a positive number of pixels.")
    _refuse(not 0 <= loss.least_slope <= 1, f"--loss.least-slope is {loss.least_slope}; it must be from 0 (off) to 1.")
    _refuse(not 0 <= t.ema < 1, f"--training.ema is {t.ema}; it must be at least 0 (off) and less than 1.")
    _refuse(
        loss.contrast_temperature <= 0,
        f"--loss.contrast-temperature is {loss.contrast_temperature}; it must be a positive squared distance, such as 0.03.",
    )
    for name, weight in _weights(loss).items():
        _refuse(weight < 0, f"--loss.{name} is {weight}; it must be 0 (off) or more.")
        _refuse(
            weight > 0 and name in OF_FEATURES and (loss.perceptual == "none" or loss.perceptual_weight == 0),
            f"--loss.{name} is {weight}, but there is no perceptual loss, whose features it compares; "
            "give --loss.perceptual and --loss.perceptual-weight, or leave it out.",
        )
    _refuse(
        t.freeze_norms and model.norm != "batch",
        f"--training.freeze-norms is for batch norm, and this network has --model.norm {model.norm}; leave it out.",
    )
    _refuse(not 0 <= t.last_batch <= t.batch, f"--training.last-batch is {t.last_batch}; it must be from 0 to the batch of {t.batch}.")
    _refuse(
        t.batch < world.size * t.accumulate,
        f"--training.batch is {t.batch}, fewer than {world.size} processes times {t.accumulate} parts; "
        "raise it, for it is the batch of all processes together.",
    )
    _refuse(
        t.generator_lr < 0 or t.discriminator_lr < 0,
        f"a learning rate is negative ({t.generator_lr}, {t.discriminator_lr}); give one from 0.",
    )
    judged = loss.gan_weight > 0 and (discriminator.appearance or discriminator.shape)
    _refuse(
        loss.l1_weight <= 0 and (loss.perceptual_weight <= 0 or loss.perceptual == "none") and not judged,
        "every term of the loss is switched off; give --loss.l1-weight, --loss.perceptual-weight or --loss.gan-weight.",
    )
    deepest = 2 ** max(2, discriminator.downsamplings)
    _refuse(judged and min(height, width) < 2 * deepest, f"--model.size is {height} {width}, too small for the discriminators; enlarge it.")
    _refuse(
        resolve_precision(t.precision, device) == torch.float16 and device.type == "mps",
        "--training.precision fp16 is not trained on MPS; take fp32.",
    )


def open_run(settings: Settings, run: Path) -> None:
    """Make the run folder and write the settings into it, or compare them with those it was begun with.

    Settings that a newer version has and the folder does not know count as their default there.

    Raises:
        SettingsError: a setting differs; the first one is named.
        OutputError: the folder cannot be made.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        path = run / SETTINGS
        if not path.exists():
            temporary = path.with_suffix(".tmp")
            temporary.write_text(json.dumps(as_json(settings), indent=2) + "\n")
            temporary.replace(path)
            return
    except OSError as error:
        raise OutputError(f"{run}: the run folder cannot be written ({error.strerror or error}); choose another with --run.") from error
    then = saved_settings(run)
    for group, values in as_json(settings).items():
        for name, value in values.items():
            if then[group][name] != value:
                flag = f"--{group}.{name.replace('_', '-')}"
                raise SettingsError(
                    f"{run} was begun with {flag} {_words(then[group][name])}, now it is {_words(value)}; "
                    "give the old value to go on, or a new folder with --run."
                )


def saved_settings(run: Path) -> Saved:
    """The settings a run was begun with, with today's defaults for those it does not know.

    Raises:
        SettingsError: there are none, or they cannot be read.
    """
    path = run / SETTINGS
    try:
        then = json.loads(path.read_text())
        return {group: values | then[group] for group, values in as_json(Settings()).items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{path}: not the settings of a run ({error}); give the folder of a run of posetransfer train.") from error


def as_json(settings: Settings) -> Saved:
    """Settings as JSON holds them: tuples are lists."""
    saved: Saved = json.loads(json.dumps(dataclasses.asdict(settings)))
    return saved


def check_space(run: Path, state_bytes: int, keep: int) -> None:
    """Refuse to begin where the checkpoints will not fit.

    Args:
        run: the run folder.
        state_bytes: size of one checkpoint.
        keep: checkpoints that are kept; one more is being written.

    Raises:
        OutputError: too little room, with the numbers.
    """
    has = sum(path.stat().st_size for path in [*find_checkpoints(run), *run.glob("best-*.pt")])
    needed, free = state_bytes * (keep + 1) - has, shutil.disk_usage(run).free
    if needed > free:
        raise OutputError(
            f"{run}: the disk has {free / 1e9:.1f} GB free, the checkpoints of this run need {needed / 1e9:.1f} GB "
            f"({keep + 1} of {state_bytes / 1e9:.2f} GB); make room, or choose another disk with --run."
        )


def state_bytes(state: dict[str, Any], settings: Settings) -> int:
    """Bytes of a checkpoint once the optimiser has its moments and the pools are full; Muon's one moment is counted as Adam's two."""
    height, width = settings.model.size
    networks = [state["generator"], *(state[name]["network"] for name in ("appearance", "shape") if name in state)]
    total = sum(3 * _bytes(network) for network in networks)  # weights and Adam's two moments
    total += _bytes(state.get("mean_generator", {}))
    channels = sum(count for name, count in (("appearance", 3 + 3), ("shape", 3 + 18)) if name in state)
    looks = 0
    if settings.loss.contrast_weight:
        lengths = [128 * 2 ** min(int(layer[4]) - 1, 3) for layer in settings.loss.perceptual_layers]  # "relu3_3": 256 channels
        looks = settings.loss.contrast_queue * (sum(lengths) + 1) * 4
    return total + settings.training.pool * channels * height * width * 4 + looks


def machine() -> str:
    """Name of this machine, for the list of starts."""
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def _weights(loss: LossConfig) -> dict[str, float]:
    """The weights of a loss by the names of their flags."""
    names = [field.name for field in dataclasses.fields(loss) if field.name.endswith("_weight")]
    return {name.replace("_", "-"): getattr(loss, name) for name in names}


def _bytes(tensors: dict[str, torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def _refuse(wrong: object, sentence: str) -> None:
    if wrong:
        raise SettingsError(sentence)


def _words(value: Any) -> str:
    """A value as it is given on the command line."""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
