"""One training in a process of its own, that dies as it is told: `python driver.py FOLDER RUN HOW [STEP]`.

HOW: whole, kill (SIGKILL behind a step), torn (SIGKILL in the middle of writing the checkpoint of a step), term (SIGTERM in a step),
peers (what two processes of one job must agree on), widow (the second process dies in its second step).
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from posetransfer.config import PRESETS, Settings
from posetransfer.data.pairs import Pairs
from posetransfer.errors import PoseTransferError
from posetransfer.training import checkpoint
from posetransfer.training.distributed import World, join
from posetransfer.training.loop import _cut, train
from posetransfer.training.step import TrainingStep
from posetransfer.training.tensors import to_device

CPU = torch.device("cpu")


def settings(steps: int = 9, **training) -> Settings:
    """Everything that has a state: batch norm, dropout, pools, running mean, queue of looks, falling rate, random changes of the pairs."""
    s = PRESETS["tiny"]
    chosen = {"batch": 4, "steps": steps, "constant_steps": 4, "epoch_steps": 2, "decay_epochs": 6, "pool": 6, "ema": 0.9}
    return replace(
        s,
        model=replace(s.model, size=(32, 24), width=4, blocks=2, dropout=True),
        discriminator=replace(s.discriminator, width=4, dropout=True),
        loss=replace(s.loss, gan="vanilla", gan_start=2, perceptual_layers=("relu1_2",), contrast_weight=0.5, contrast_queue=6),
        augmentation=replace(s.augmentation, colour=0.1, shift=0.02),
        training=replace(s.training, **(chosen | {"checkpoint_every": 3, "sample_every": 4, "precision": "fp32"} | training)),
    )


def go(folder: Path, run: Path, chosen: Settings, world: World | None = None, **more):
    """Train with scores that come from the pictures' numbers alone."""
    world = world or World()
    pairs = Pairs.of(folder, "train", chosen, rank=world.rank, world=world.size)
    validate = lambda generator, step: {"l1_person": float(np.sin(step))}  # noqa: E731
    return train(chosen, pairs, run, device=CPU, world=world, validate=validate, **more)


def die_behind(step: int):
    return lambda number, terms: os.kill(os.getpid(), signal.SIGKILL) if number == step else None


def tear(step: int) -> None:
    """Let half of the bytes of a step's checkpoint reach the disk, then die."""
    save = torch.save

    def half(state, file):
        save(state, file)
        if state["step"] == step:
            file.flush()
            os.truncate(file.name, file.tell() // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoint.torch.save = half


def peers(folder: Path, out: Path, world: World) -> None:
    """Two steps with everything off that depends on who draws it; terms and gradients go to a file per process."""
    chosen = settings(sync_batch_norm=True, ema=0.0)
    chosen = replace(chosen, model=replace(chosen.model, dropout=False), discriminator=replace(chosen.discriminator, dropout=False))
    pairs = Pairs.of(folder, "train", chosen, rank=world.rank, world=world.size)
    step = TrainingStep(chosen, CPU, world)
    for network in (step.generator, step.perceptual, *(judge.network for judge in step.judges.values())):
        network.double()
    terms = []
    for number, whole in ((2, 4), (3, 3)):  # the second batch in shares of two and one
        batch = to_device(_cut(pairs.batch(number), world.share(whole)), chosen, CPU)
        batch = replace(batch, **{n: getattr(batch, n).double() for n in ("source", "source_maps", "target", "target_maps")})
        terms.append(step(batch, number, whole=whole))
    networks = {"generator": step.generator} | {name: judge.network for name, judge in step.judges.items()}
    gradients = {f"{name}.{n}": p.grad for name, network in networks.items() for n, p in network.named_parameters()}
    buffers = {f"{name}.{n}": b for name, network in networks.items() for n, b in network.named_buffers()}
    pools = {name: torch.stack(judge.pool.kept) for name, judge in step.judges.items()} | {"looks": step.contrast.queue}
    torch.save({"terms": terms, "gradients": gradients, "buffers": buffers, "pools": pools}, out / f"peer-{world.size}-{world.rank}.pt")


def main(folder: Path, run: Path, how: str, step: int = 0) -> None:
    torch.set_num_threads(1)
    chosen = settings()
    with join(CPU) as (world, _):
        if how == "peers":
            run.mkdir(exist_ok=True)
            peers(folder, run, world)
        elif how == "widow":
            go(folder, run, chosen, world, report=die_behind(step) if world.rank == 1 else None)
        elif how == "term":
            go(folder, run, chosen, world, report=lambda n, terms: os.kill(os.getpid(), signal.SIGTERM) if n == step else None)
        else:
            if how == "torn":
                tear(step)
            go(folder, run, chosen, world, report=die_behind(step) if how == "kill" else None)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:]))
    except PoseTransferError as error:
        sys.exit(f"{type(error).__name__}: {error}")
