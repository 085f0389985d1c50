"""How fast is a training step? Our settings against the straightforward loop (contiguous, float32, eager), measured in turn.

python benchmarks/training.py [--rounds 5] [--compile] [--data FOLDER] [--output benchmarks/results/DATE-training.md]

Pictures are noise: the arithmetic does not care. With --data, the making of batches from that prepared folder is timed as well.
"""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import time
from dataclasses import replace
from pathlib import Path

import torch
import tyro
from torch.profiler import ProfilerActivity, profile

from posetransfer.config import PRESETS, Settings
from posetransfer.data.pairs import Pairs
from posetransfer.engines.pytorch import choose_device
from posetransfer.networks.blocks import HalfDropout
from posetransfer.training.precision import computes_in_bf16
from posetransfer.training.step import TrainingStep
from posetransfer.training.tensors import TensorBatch

PLAIN = {"precision": "fp32", "channels_last": False, "fused_adam": False, "compile": False}
"""The straightforward loop; it has torch's own dropout as well."""
OURS = {"precision": "auto", "channels_last": True, "fused_adam": True, "compile": False}
TIMES_WANTED = {True: 1.8, False: 1.3}
"""Wanted factor, by whether the device computes in bf16."""


def main(
    rounds: int = 5, batches: tuple[int, int] = (4, 16), threads: int = 0, device: str = "auto", compile: bool = False,
    data: Path | None = None, output: Path | None = None,
) -> None:  # fmt: skip
    """Measure, and write the table.

    Args:
        rounds: steps of each kind, in turn, behind two that warm up.
        batches: pairs a step of `market1501` and of `people-64`; their own batches (32) need a GPU or patience.
        threads: of the CPU; 0: all.
        device: where to.
        compile: a third column with torch.compile; it begins with minutes of compiling.
        data: prepared folder to make batches from.
        output: where to; by default benchmarks/results/ with today's date.
    """
    if threads:
        torch.set_num_threads(threads)
    place = choose_device(device)
    lines = [f"# Training, {datetime.date.today()}", "", conditions(place), ""]
    for name, batch in zip(("market1501", "people-64"), batches, strict=True):
        lines += [*measure(name, batch, place, rounds, compile), ""]
    if data is not None:
        lines += [*measure_data(data), ""]
    output = output or Path(__file__).parent / "results" / f"{datetime.date.today()}-training.md"
    output.write_text("\n".join(lines).rstrip() + "\n")
    print("\n".join(lines))


def conditions(device: torch.device) -> str:
    """Machine, versions, and how busy it was."""
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{model or platform.processor()}, {torch.get_num_threads()} threads"
    )
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores when it began (1 is one busy core)"
    return f"{name}; torch {torch.__version__}; bf16 arithmetic: {computes_in_bf16(device.type)}; {load}. Median over interleaved steps."


def settings_for(name: str, batch: int, changes: dict[str, object]) -> Settings:
    """A preset at a batch, with the shipped feature network in place of VGG-19 (same first layers)."""
    s = PRESETS[name]
    return replace(s, loss=replace(s.loss, perceptual="vgg16"), training=replace(s.training, batch=batch, **changes))


def measure(name: str, batch: int, device: torch.device, rounds: int, compile: bool) -> list[str]:
    """The table of one preset."""
    kinds = {"straightforward": PLAIN, "ours": OURS} | ({"ours, compiled": OURS | {"compile": True}} if compile else {})
    steps = {kind: TrainingStep(settings_for(name, batch, changes), device) for kind, changes in kinds.items()}
    use_torch_dropout(steps["straightforward"])
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(rounds + 2):
        for kind, step in steps.items():
            noise = make_batch(step, batch, turn)
            began = time.perf_counter()
            step(noise, turn + 1)
            seconds[kind] += [time.perf_counter() - began] if turn > 1 else []
    base = statistics.median(seconds["straightforward"])
    lines = [f"## {name}, batch {batch}", "", "| loop | s a step | pictures/s | times |", "| --- | --- | --- | --- |"]
    for kind, taken in seconds.items():
        middle = statistics.median(taken)
        lines.append(f"| {kind} | {middle:.3f} ({min(taken):.3f} to {max(taken):.3f}) | {batch / middle:.2f} | {base / middle:.2f} |")
    wanted = TIMES_WANTED[computes_in_bf16(device.type)]
    return [*lines, "", f"Wanted: {wanted} times.", "", *where_it_goes(steps["ours"], batch)]


def use_torch_dropout(step: TrainingStep) -> None:
    """Undo our own dropout."""
    for network in (step.generator, *(judge.network for judge in step.judges.values())):
        for module in network.modules():
            if isinstance(module, HalfDropout):
                module.__class__ = torch.nn.Dropout


def make_batch(step: TrainingStep, batch: int, seed: int) -> TensorBatch:
    """Noise in the memory layout of the step."""
    size, rng = step.settings.model.size, torch.Generator().manual_seed(seed)
    tensors = (torch.rand(batch, channels, *size, generator=rng) for channels in (3, 18, 3, 18))
    return TensorBatch(*(t.to(step.device).contiguous(memory_format=step.layout) for t in tensors))


def where_it_goes(step: TrainingStep, batch: int, rows: int = 8) -> list[str]:
    """The operators that one step spends its time in."""
    noise = make_batch(step, batch, 0)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        step(noise, 9)
    events = sorted(found.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    lines = ["Where the time of one step of ours goes:", "", "| operator | share |", "| --- | --- |"]
    return lines + [f"| `{event.key}` | {event.self_cpu_time_total / total:.1%} |" for event in events[:rows]]


def measure_data(folder: Path, count: int = 10) -> list[str]:
    """Batches a second of one worker, plain and with the changes of `people-64`."""
    lines = ["## Making batches, one worker", "", "| preset | pictures/s |", "| --- | --- |"]
    for name in ("people-street", "people-64", "people-128"):
        pairs = Pairs.of(folder, "train", PRESETS[name])
        pairs.batch(1)
        began = time.perf_counter()
        for step in range(2, 2 + count):
            pairs.batch(step)
        lines.append(f"| {name} | {count * PRESETS[name].training.batch / (time.perf_counter() - began):.0f} |")
    return lines


if __name__ == "__main__":
    tyro.cli(main)
