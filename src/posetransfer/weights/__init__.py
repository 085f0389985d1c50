"""Weights folders: reading, writing, finding, and bringing in those of the paper's authors."""

from posetransfer.weights.file import Weights, load_weights, read_config, read_extra, save_weights, verify_weights
from posetransfer.weights.layout import expected_shapes, parameter_count
from posetransfer.weights.store import find_weights, weights_names

__all__ = [
    "Weights",
    "expected_shapes",
    "find_weights",
    "load_weights",
    "parameter_count",
    "read_config",
    "read_extra",
    "save_weights",
    "verify_weights",
    "weights_names",
]
