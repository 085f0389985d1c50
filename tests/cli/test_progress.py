"""How far a training is: plain lines where there is no terminal."""

from dataclasses import replace

from posetransfer.cli import progress
from posetransfer.cli.progress import Progress
from posetransfer.config import PRESETS

TINY = PRESETS["tiny"]
SETTINGS = replace(TINY, training=replace(TINY.training, steps=100, batch=8))


def run(monkeypatch, seconds_a_step, **more):
    """Say all the steps, each so many seconds behind the one before."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Progress(SETTINGS, **more) as show:
        for step in range(1, 101):
            now[0] += seconds_a_step
            show(step, {"l1": 1.0 / step})


def test_a_line_a_minute_and_one_at_the_end(monkeypatch, capsys):
    run(monkeypatch, 2.0)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == ["31", "61", "91", "100"]
    assert lines[0] == "step 31 of 100  l1 0.032  4.0 pictures/s  2 min left"


def test_a_process_that_is_not_shown_says_nothing(monkeypatch, capsys):
    run(monkeypatch, 100.0, shown=False)
    assert capsys.readouterr() == ("", "")
