"""First weights from somewhere else: a weights folder, a run, or a checkpoint file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from posetransfer.config import ModelConfig
from posetransfer.errors import SettingsError
from posetransfer.training.checkpoint import find_checkpoints, load_checkpoint
from posetransfer.training.preflight import SETTINGS, saved_settings
from posetransfer.training.step import TrainingStep
from posetransfer.weights import find_weights, load_weights
from posetransfer.weights.file import CONFIG
from posetransfer.weights.settings import model_config

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Start:
    """Networks to begin from."""

    place: str
    """Where they come from, for sentences."""
    generator: Tensors
    judges: dict[str, Tensors] = field(default_factory=dict)
    """Discriminators by name, where there are any: a weights folder has none."""
    model: ModelConfig | None = None
    """What the generator is, where it is known."""


def read_start(source: Path, device: torch.device) -> Start:
    """Read the networks to begin from.

    Args:
        source: a weights folder or its name, the folder of a run, or a checkpoint.
        device: where the tensors should be.

    Raises:
        PoseTransferError: there is nothing of the kind, or it cannot be read.
    """
    if source.is_file():
        return _from_checkpoint(source, device)
    if source.is_dir() and not (source / CONFIG).exists():
        found = find_checkpoints(source)
        if not found:
            raise SettingsError(f"{source}: neither weights nor a run with a checkpoint; give one of them with --from.")
        return _from_checkpoint(found[-1], device)
    weights = load_weights(find_weights(source))
    tensors = {name: torch.from_numpy(array).to(device) for name, array in weights.tensors.items()}
    return Start(str(weights.folder), tensors, model=weights.config)


def _from_checkpoint(path: Path, device: torch.device) -> Start:
    _, state = load_checkpoint(path, device)
    judges: dict[str, Tensors] = {name: state[name]["network"] for name in ("appearance", "shape") if name in state}
    known = (path.parent / SETTINGS).exists()
    model = model_config(saved_settings(path.parent)["model"], str(path.parent / SETTINGS)) if known else None
    return Start(str(path), state.get("mean_generator", state["generator"]), judges, model)


def begin_from(state: TrainingStep, start: Start) -> None:
    """Take the networks as first weights; optimisers and pools begin anew.

    Raises:
        SettingsError: the networks are of another form; the first difference is named.
    """
    _refuse_other_form(state.settings.model, start)
    counters = {name: buffer for name, buffer in state.generator.state_dict().items() if name.endswith("num_batches_tracked")}
    try:
        state.generator.load_state_dict(counters | start.generator)
        if state.mean_generator is not None:
            state.mean_generator.load_state_dict(state.generator.state_dict())
        for name, judge in state.judges.items():
            if name in start.judges:
                judge.network.load_state_dict(start.judges[name])
    except RuntimeError as error:
        raise SettingsError(
            f"{start.place}: the networks to begin from have another form ({str(error).splitlines()[-1].strip()}); use their settings."
        ) from error


def _refuse_other_form(model: ModelConfig, start: Start) -> None:
    for name in ("width", "blocks", "norm", "transfer"):
        theirs, ours = getattr(start.model, name, None), getattr(model, name)
        if theirs is not None and theirs != ours:
            raise SettingsError(f"{start.place} has --model.{name} {theirs}, this run has {ours}; begin with --model.{name} {theirs}.")
