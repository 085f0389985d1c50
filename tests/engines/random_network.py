"""A small random network and its inputs, for tests that hold one engine to another."""

import numpy as np

from posetransfer.config import ModelConfig
from posetransfer.weights import Weights, expected_shapes

rng = np.random.default_rng(0)


def weights(norm="batch", transfer="attention"):
    config = ModelConfig(size=(32, 24), width=4, blocks=2, norm=norm, transfer=transfer)
    tensors = {
        name: (rng.standard_normal(shape) * (2 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else rng.uniform(0.5, 1.5, shape)).astype("f")
        for name, shape in expected_shapes(config).items()
    }
    return Weights(config, tensors, "nowhere", "a test")


def inputs(batch=2, height=32, width=24):
    return [
        rng.uniform(-1, 1, (batch, 3, height, width)).astype("f"),
        *(rng.random((batch, 18, height, width)).astype("f") for _ in range(2)),
    ]
