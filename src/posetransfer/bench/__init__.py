"""Measure the runtimes on this machine: every contender in a process of its own, the rounds taken in turn."""

from posetransfer.bench.case import NETWORKS, PLAIN, Case, multiplications, network_weights
from posetransfer.bench.run import Measured, measure, measure_gemm
from posetransfer.bench.table import Row, as_json, make_rows, markdown, text_table

__all__ = [
    "NETWORKS",
    "PLAIN",
    "Case",
    "Measured",
    "Row",
    "as_json",
    "make_rows",
    "markdown",
    "measure",
    "measure_gemm",
    "multiplications",
    "network_weights",
    "text_table",
]
