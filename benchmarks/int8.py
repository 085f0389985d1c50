"""Would 8-bit integers be honest? Static quantisation of the ONNX graph, measured against fp32 on held-out pairs.

The convolutions are quantised per channel (QDQ, activations uint8, weights int8), calibrated on training pairs of a prepared
folder. Each layer is first quantised alone, to know its own error; then the worst ones are left in float, more and more
of them, and each network so made is compared with fp32: PSNR on test pairs, and time in interleaved runs. int8 becomes an engine
only if one of them is above 40 dB and faster; the answer is printed.

python benchmarks/int8.py FOLDER [--weights default | --random-size 256 176] [--output FILE.md]
"""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tyro
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from posetransfer.config import ModelConfig
from posetransfer.data.pairs import Pairs
from posetransfer.engines.graph import build_graph
from posetransfer.image import to_unit
from posetransfer.pose import Pose, draw_heatmaps
from posetransfer.weights import Weights, expected_shapes, find_weights, load_weights

NEEDED = 40.0  # dB against fp32
Feed = dict[str, np.ndarray]


@dataclass
class Row:
    """One network: how many convolutions stay in float, and what that gives."""

    floats: int
    psnr: float
    worst: float
    seconds: float = float("nan")
    ratio: float = float("nan")


class Reader:
    """Calibration data as ONNX Runtime wants them."""

    def __init__(self, feeds: list[Feed]) -> None:
        self.feeds = iter(feeds)

    def get_next(self) -> Feed | None:
        return next(self.feeds, None)


def main(
    folder: tyro.conf.Positional[Path],
    weights: str = "default",
    random_size: tuple[int, int] | None = None,
    calibration: int = 32,
    test: int = 24,
    repeats: int = 15,
    threads: int = 0,
    output: Path | None = None,
) -> None:
    """Measure and print a table.

    Args:
        folder: a prepared folder with the splits train and test.
        weights: name or folder of weights.
        random_size: instead of weights, a random network of the paper's width at this height and width.
        calibration: training pairs that set the ranges.
        test: test pairs that are compared.
        repeats: timed runs of each network, taking turns.
        threads: of ONNX Runtime; 0: every core.
        output: append the table to this file.
    """
    made = random_weights(random_size) if random_size else load_weights(find_weights(weights))
    model = build_graph(made)
    convs = [node.name for node in model.graph.node if node.op_type == "Conv"]
    ranges = calibrate(model, feeds(folder, "train", made, calibration))
    held_out = feeds(folder, "test", made, test)
    exact = session(model, threads)
    expected = [exact.run(None, feed)[0] for feed in held_out]

    errors: dict[str, float] = {}
    for name in convs:
        alone = session(quantised(model, ranges, {name}), threads)
        errors[name] = compare(alone, held_out[: max(1, test // 4)], expected)[0]
    worst_first = sorted(convs, key=lambda name: errors[name])

    rows, sessions = [], {}
    for floats in steps(len(convs)):
        other = session(quantised(model, ranges, set(worst_first[floats:])), threads)
        rows.append(Row(floats, *compare(other, held_out, expected)))
        sessions[floats] = other
    seconds = interleaved({-1: exact} | sessions, held_out[0], repeats)
    for row in rows:
        row.seconds, row.ratio = seconds[row.floats], seconds[-1] / seconds[row.floats]
    text = report(made, rows, seconds[-1], worst_first, errors, threads, calibration, test, repeats, random_size is not None)
    print(text)
    if output:
        with output.open("a", encoding="utf-8") as file:
            file.write(text + "\n")


def steps(count: int) -> list[int]:
    """Numbers of convolutions that stay in float: none, then more and more."""
    return sorted({0, *(min(count - 1, n) for n in (1, 2, 4, 6, 8, 12, 16, 24, 32, count - 4, count - 2))})


def random_weights(size: tuple[int, int]) -> Weights:
    """The paper's network for this size with random tensors: for times, and for the error of a network that nothing trained."""
    config = ModelConfig(size=size, norm="instance" if size[0] > 128 else "batch", sigma=6.0)
    rng = np.random.default_rng(0)
    tensors = {
        name: (rng.standard_normal(shape) * (2 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else np.ones(shape)).astype(np.float32)
        for name, shape in expected_shapes(config).items()
    }
    zeros = {name: np.zeros_like(array) for name, array in tensors.items() if name.endswith(("bias", "running_mean"))}
    return Weights(config, tensors | zeros, Path("random"), "random")


def feeds(folder: Path, split: str, made: Weights, count: int) -> list[Feed]:
    """Inputs of evenly spread pairs of a split."""
    pairs = Pairs(folder, split, made.config, cache=False)
    batch = pairs.examples(np.linspace(0, len(pairs) - 1, count).astype(int))

    def maps(points: np.ndarray) -> np.ndarray:
        return draw_heatmaps(Pose(points, made.config.size), made.config.sigma, made.config.heatmaps)[None]

    return [
        {"photo": to_unit(photo)[None], "source_pose": maps(source), "target_pose": maps(target)}
        for photo, source, target in zip(batch.source, batch.source_points, batch.target_points, strict=True)
    ]


def calibrate(model: onnx.ModelProto, given: list[Feed]) -> Any:
    """The range of every value, over the calibration pairs."""
    with tempfile.TemporaryDirectory() as place:
        onnx.save(model, Path(place) / "model.onnx")
        calibrator = create_calibrator(
            Path(place) / "model.onnx", ["Conv"], str(Path(place) / "augmented.onnx"), CalibrationMethod.MinMax, False
        )
        calibrator.collect_data(Reader(given))
        return calibrator.compute_data()


def quantised(model: onnx.ModelProto, ranges: Any, names: set[str]) -> onnx.ModelProto:
    """The graph with these convolutions between quantise and dequantise nodes."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    quantizer = QDQQuantizer(copy, True, False, QuantType.QInt8, QuantType.QUInt8, ranges, sorted(names), [], ["Conv"], {})
    return quantizer.quantize_model()


def session(model: onnx.ModelProto, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, threads
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def compare(other: Any, given: list[Feed], expected: list[np.ndarray]) -> tuple[float, float]:
    """PSNR over all pixels, and of the worst pair, in dB."""
    squares = [float(np.mean((other.run(None, feed)[0] - picture) ** 2)) for feed, picture in zip(given, expected, strict=False)]
    return psnr(float(np.mean(squares))), psnr(max(squares))


def psnr(square: float) -> float:
    return 10 * np.log10(4 / square) if square else float("inf")


def interleaved(sessions: dict[int, Any], feed: Feed, repeats: int) -> dict[int, float]:
    """Median seconds of each; they take turns, so that a busy minute hits all alike."""
    taken: dict[int, list[float]] = {key: [] for key in sessions}
    for turn in range(repeats + 1):
        for key, one in sessions.items():
            start = time.perf_counter()
            one.run(None, feed)
            if turn:
                taken[key].append(time.perf_counter() - start)
    return {key: statistics.median(values) for key, values in taken.items()}


def report(
    made: Weights, rows: list[Row], exact: float, worst_first: list[str], errors: dict[str, float], threads: int,
    calibration: int, test: int, repeats: int, random: bool,
) -> str:  # fmt: skip
    config, (height, width) = made.config, made.config.size
    what = "random network" if random else f"weights `{made.folder.name}`"
    lines = [
        f"## {what}, width {config.width}, {config.blocks} blocks, {config.norm} norm, {height}x{width}",
        "",
        f"onnxruntime {onnxruntime.__version__}, {threads or os.cpu_count()} threads, {platform.processor() or platform.machine()}; "
        f"{calibration} calibration pairs (MinMax), {test} held-out pairs, median of {repeats} interleaved runs; "
        f"fp32 {exact * 1000:.1f} ms.",
        "",
        "| convolutions in float | of | PSNR, dB | worst pair, dB | ms | times as fast as fp32 |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {row.floats} | {len(worst_first)} | {row.psnr:.1f} | {row.worst:.1f} | {row.seconds * 1000:.1f} | {row.ratio:.2f} |"
            for row in rows
        ),
        "",
        "Worst layers alone: " + ", ".join(f"`{name}` {errors[name]:.1f} dB" for name in worst_first[:6]) + ".",
        "",
    ]
    good = [row for row in rows if row.psnr >= NEEDED and row.ratio > 1]
    best = max(good, key=lambda row: row.ratio, default=None)
    lines.append(
        f"Above {NEEDED:.0f} dB and faster: with {best.floats} in float, {best.psnr:.1f} dB, {best.ratio:.2f} times."
        if best
        else f"None is above {NEEDED:.0f} dB and faster than fp32: int8 does not become an engine."
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    tyro.cli(main)
