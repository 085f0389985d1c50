"""What a user without any of our engines has: the network of the paper in eager PyTorch, float32. And torch's matrix product."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from posetransfer.engines.engine import Array
from posetransfer.networks import make_generator
from posetransfer.weights import Weights


def open_plain(weights: Weights, threads: int) -> Callable[[Array, Array, Array], Array]:
    """The generator as `posetransfer.networks` has it, contiguous; several poses of a photo go through one by one."""
    torch.set_num_threads(threads)
    network = make_generator(weights.config).eval()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.tensors.items()}, strict=False)

    def run(photo: Array, source_pose: Array, target_pose: Array) -> Array:
        with torch.inference_mode():
            if len(photo) == len(target_pose):
                return network(*map(torch.from_numpy, (photo, source_pose, target_pose))).numpy()  # type: ignore[no-any-return]
            one = [torch.from_numpy(array) for array in (photo, source_pose)]
            return np.concatenate([network(*one, torch.from_numpy(target[None])).numpy() for target in target_pose])

    return run


def gemm_rates(threads: int, side: int = 2048, repeats: int = 7) -> dict[str, float]:
    """Multiplications (with addition) a second of a square matrix product, by precision; the best of the repeats and of two routines.

    The routines are torch's matrix product (MKL, which is slow on some processors) and the same product as a 1x1 convolution (oneDNN).
    bf16 is left out where the processor has no instructions for it.
    """
    from posetransfer.engines.pytorch import choose_precision

    torch.set_num_threads(threads)
    kinds = {"fp32": torch.float32}
    if choose_precision("auto", torch.device("cpu")) == "bf16":
        kinds["bf16"] = torch.bfloat16
    rates: dict[str, float] = {}
    for name, kind in kinds.items():
        a, b = (torch.randn(side, side).to(kind) for _ in range(2))
        picture = a.reshape(1, side // 32, 32, side).permute(0, 3, 1, 2)  # side pixels of side channels, channels last
        kernel = b[:, :, None, None].contiguous(memory_format=torch.channels_last)
        for work in (lambda a=a, b=b: a @ b, lambda p=picture, k=kernel: torch.nn.functional.conv2d(p, k)):
            seconds = [_seconds(work) for _ in range(repeats + 1)][1:]
            rates[name] = max(rates.get(name, 0.0), side**3 / min(seconds))
    return rates


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
