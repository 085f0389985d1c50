"""The parent: starts a process for each contender and tells them in turn to go, round after round."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posetransfer.bench.case import PLAIN, Case
from posetransfer.engines.engine import Array
from posetransfer.errors import PoseTransferError

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """What was seen of one case."""

    case: Case
    error: str | None = None
    """Why it could not run: not installed, not to be had with this device."""
    seconds: tuple[float, ...] = ()
    """Of one call, round by round; the n-th of all cases of a setting stood beside each other in time."""
    load: float = 0.0
    """Seconds until the engine was ready (without Python's own start)."""
    precision: str = "fp32"
    peak: float | None = None
    """Most memory of its process, in MB."""
    difference: float | None = None
    """PSNR in dB of its picture against the plain network's; None without the plain network."""


class Contender:
    """A process that holds one engine; it stands still while others have their turn.

    A runtime's threads go on spinning for a while after a call, some for ever: seen to make others half as fast on two cores. So the
    process is stopped (SIGSTOP) behind every answer, where the system can do that.

    Args:
        case: what it computes.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        threads = str(case.threads)
        environment = os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        command = [sys.executable, "-m", "posetransfer.bench.child", json.dumps(case.as_dict())]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.facts: dict[str, Any] = {}

    def ready(self) -> None:
        """Wait until the engine is open; `facts` then hold what it said of itself."""
        self.facts = self._read()
        self._signal("SIGSTOP")

    def ask(self, word: str) -> Any:
        """Send a word, wait for the answer.

        Raises:
            PoseTransferError: the process has ended; with the last line that it wrote.
        """
        assert self._process.stdin is not None
        self._signal("SIGCONT")
        try:
            self._process.stdin.write(word + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # `_read` says why
        answer = self._read()
        self._signal("SIGSTOP")
        return answer

    def _signal(self, name: str) -> None:
        if hasattr(signal, name) and self._process.poll() is None:
            self._process.send_signal(getattr(signal, name))

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, told = self._process.communicate()
            last = (told.strip().splitlines() or ["it said nothing"])[-1]
            raise PoseTransferError(f"{self.case.engine}: its process ended while it was measured ({last}); leave it out with --engines.")
        return json.loads(line)

    def end(self) -> None:
        """Let the process go."""
        self._signal("SIGCONT")
        self._process.terminate()
        self._process.communicate()


def measure(cases: Sequence[Case], rounds: int = 5, warm_up: int = 2, say: Progress = lambda line: None) -> list[Measured]:
    """Measure cases, setting by setting; the contenders of a setting take turns, one call each a round.

    Args:
        cases: in any order.
        rounds: calls of each that count.
        warm_up: calls before, that do not.
        say: told what is being measured.

    Returns:
        in the order of the cases' settings.
    """
    made: list[Measured] = []
    for setting in dict.fromkeys(case.setting for case in cases):
        group = [case for case in cases if case.setting == setting]
        network, size, batch, threads, poses = setting
        what = f"one photo in {poses} poses" if poses else f"batch {batch}"
        say(f"{network}, {size[0]}x{size[1]}, {what}, threads {threads}: {', '.join(case.engine for case in group)}")
        made += _measure_setting(group, rounds, warm_up)
    return made


def _measure_setting(cases: Sequence[Case], rounds: int, warm_up: int) -> list[Measured]:
    contenders = [Contender(case) for case in cases]
    try:
        failed = {contender.case: error for contender in contenders if (error := _open(contender))}
        running = [contender for contender in contenders if contender.case not in failed]
        seconds: dict[Case, list[float]] = {contender.case: [] for contender in running}
        for number in range(-warm_up, rounds):
            for contender in list(running):
                try:
                    taken = float(contender.ask("run"))
                except PoseTransferError as error:
                    failed[contender.case] = str(error)
                    running.remove(contender)
                    continue
                if number >= 0:
                    seconds[contender.case].append(taken)
        peaks = {contender.case: contender.ask("memory")["peak"] for contender in running}  # before `picture` needs some
        differences = dict(_differences(running))
        return [
            Measured(case, error=failed[case])
            if case in failed
            else Measured(
                case,
                None,
                tuple(seconds[case]),
                contender.facts["load_seconds"],
                contender.facts["precision"],
                peaks[case],
                differences.get(case),
            )
            for case, contender in zip(cases, contenders, strict=True)
        ]
    finally:
        for contender in contenders:
            contender.end()


def _open(contender: Contender) -> str | None:
    """Why it cannot run, or None."""
    try:
        contender.ready()
    except PoseTransferError as error:
        return str(error)
    return contender.facts.get("error")


def _differences(contenders: Sequence[Contender]) -> Iterator[tuple[Case, float]]:
    """PSNR of each contender's first pictures against the plain network's."""
    with tempfile.TemporaryDirectory() as folder:
        pictures = {}
        for number, contender in enumerate(contenders):
            path = Path(folder) / f"{number}.npy"
            contender.ask(f"picture {path}")
            pictures[contender.case] = np.load(path)
        plain = next((picture for case, picture in pictures.items() if case.engine == PLAIN), None)
        if plain is not None:
            yield from ((case, decibels(picture[: len(plain)], plain)) for case, picture in pictures.items() if case.engine != PLAIN)


def decibels(picture: Array, exact: Array) -> float:
    """PSNR of pictures in [-1, 1] (their range is 2); at most 200, which is the same to the last bit.

    >>> round(decibels(np.zeros(4, np.float32), np.full(4, 0.002, np.float32)), 3)
    60.0
    """
    squares = float(np.mean((picture.astype(np.float64) - exact) ** 2))
    return min(200.0, 10 * float(np.log10(4 / squares))) if squares else 200.0


def measure_gemm(threads: int, side: int = 2048) -> dict[str, float]:
    """`plain.gemm_rates` in a process of its own."""
    code = f"import json; from posetransfer.bench.plain import gemm_rates; print(json.dumps(gemm_rates({threads}, {side})))"
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    rates: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return rates
