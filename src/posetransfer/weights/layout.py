"""Names and shapes of a generator's tensors, told from its settings; no framework needed.

This is what makes loading strict for every engine: a weights folder is compared with this list before any network is
built. A test holds it equal to `networks.Generator.state_dict()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from posetransfer.config import ModelConfig

Shape = tuple[int, ...]

KEYPOINT_MAPS = 18
STATISTICS = ("running_mean", "running_var")


def expected_shapes(config: ModelConfig) -> dict[str, Shape]:
    """Shape of every tensor of a generator, in the order of the data flow.

    >>> expected_shapes(ModelConfig(width=8, blocks=1))["blocks.0.pose.2.weight"]
    (32, 32, 3, 3)
    """
    return dict(_tensors(config))


def parameter_count(config: ModelConfig) -> int:
    """Trainable numbers of a generator: all tensors but the running statistics of batch norm.

    >>> parameter_count(ModelConfig(width=64, blocks=9, norm="instance"))
    41358019
    """
    return sum(prod(shape) for name, shape in _tensors(config) if not name.endswith(STATISTICS))


def _tensors(config: ModelConfig) -> Iterator[tuple[str, Shape]]:
    n, c = config.width, 4 * config.width
    plain = config.transfer == "residual"  # photo and poses are joined at the input
    encoders = {"photo_encoder": 3 + 2 * KEYPOINT_MAPS} if plain else {"photo_encoder": 3, "pose_encoder": 2 * KEYPOINT_MAPS}
    for encoder, inputs in encoders.items():
        yield from _conv_norm(config, f"{encoder}.0.0", f"{encoder}.0.1", (n, inputs, 7, 7))
        yield from _conv_norm(config, f"{encoder}.1.0", f"{encoder}.1.1", (2 * n, n, 3, 3))
        yield from _conv_norm(config, f"{encoder}.2.0", f"{encoder}.2.1", (c, 2 * n, 3, 3))
    for t in range(config.blocks):
        k = c if t == 0 or config.transfer == "no_concatenation" else 2 * c  # every block but the first reads pose and picture code
        picture, pose = f"blocks.{t}.{'branch' if plain else 'picture'}", f"blocks.{t}.pose"
        yield from _conv_norm(config, f"{picture}.0.0", f"{picture}.0.1", (c, c, 3, 3))
        yield from _conv_norm(config, f"{picture}.2", f"{picture}.3", (c, c, 3, 3))
        if not plain:
            yield from _conv_norm(config, f"{pose}.0.0", f"{pose}.0.1", (k, k, 3, 3))
            yield from _conv(f"{pose}.2", (c, k, 3, 3), c, bias=config.norm == "instance")  # no norm behind it
    yield from _conv_norm(config, "decoder.0.0", "decoder.0.1", (c, 2 * n, 3, 3), outputs=2 * n)  # transposed: (in, out, h, w)
    yield from _conv_norm(config, "decoder.1.0", "decoder.1.1", (2 * n, n, 3, 3), outputs=n)
    yield from _conv("decoder.2", (3, n, 7, 7), 3, bias=True)


def _conv(name: str, shape: Shape, outputs: int, *, bias: bool) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", shape
    if bias:
        yield f"{name}.bias", (outputs,)


def _conv_norm(config: ModelConfig, conv: str, norm: str, shape: Shape, outputs: int | None = None) -> Iterator[tuple[str, Shape]]:
    outputs = outputs or shape[0]
    yield from _conv(conv, shape, outputs, bias=config.norm == "instance")
    if config.norm == "batch":
        for part in ("weight", "bias", *STATISTICS):
            yield f"{norm}.{part}", (outputs,)
