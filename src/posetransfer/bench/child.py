"""The process of one contender: opens its engine, then answers one word a line from its parent.

`run` computes twice and answers the seconds of the second; `memory` the process's memory; `picture FILE` writes what it paints; `end` ends.
Started by `run.Contender`: python -m posetransfer.bench.child CASE (JSON).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from posetransfer.bench.case import PLAIN, Case, case_inputs, network_weights
from posetransfer.engines import open_engine
from posetransfer.engines.engine import Array
from posetransfer.errors import PoseTransferError
from posetransfer.weights import Weights

Run = Callable[[Array, Array, Array], Array]


def main(words: list[str]) -> None:
    """Answer until told to end; the first answer says what was opened, or why it could not be."""
    answers, sys.stdout = sys.stdout, sys.stderr  # a runtime that prints must not be taken for an answer
    case = Case.of(json.loads(words[0]))
    try:
        start = time.perf_counter()
        weights = network_weights(case.network)
        run, facts = open_contender(case, weights)
        facts["load_seconds"] = time.perf_counter() - start
    except PoseTransferError as error:
        facts = {"error": str(error)}
    print(json.dumps(facts), file=answers, flush=True)
    if "error" in facts:
        return
    inputs = [case_inputs(case, weights.config, seed) for seed in (0, 1)]  # two photos in turn: none is the last one
    for number, line in enumerate(sys.stdin):
        word, _, rest = line.strip().partition(" ")
        if word == "end":
            return
        print(json.dumps(_answer(word, rest, run, inputs, number)), file=answers, flush=True)


def _answer(word: str, rest: str, run: Run, inputs: Sequence[tuple[Array, Array, Array]], number: int) -> Any:
    if word == "picture":
        np.save(rest, run(*inputs[0]))
        return None
    if word == "memory":
        return {"now": memory_now(), "peak": memory_peak()}
    run(*inputs[1 - number % 2])  # others had the caches since the last turn: as one of many calls, not as the first of its day
    start = time.perf_counter()
    run(*inputs[number % 2])
    return time.perf_counter() - start


def open_contender(case: Case, weights: Weights) -> tuple[Run, dict[str, Any]]:
    """The function to measure, and facts about it."""
    if case.engine == PLAIN:
        from posetransfer.bench.plain import open_plain

        return open_plain(weights, case.threads), {"precision": "fp32"}
    engine = open_engine(weights, case.engine, precision=case.precision, threads=case.threads)  # type: ignore[arg-type]
    return engine.run, {"precision": getattr(engine, "precision", "fp32"), "engine": engine.name}


def memory_now() -> float | None:
    """Memory of this process in MB (Linux), or None."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return None


def memory_peak() -> float | None:
    """Most memory that this process had, in MB, or None where the system does not say."""
    try:  # on Linux getrusage counts what the parent had when it began this process
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 / 1e6 for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


if __name__ == "__main__":
    main(sys.argv[1:])
