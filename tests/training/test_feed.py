"""Batches ahead of time, and the wish to stop."""

import signal
import threading

import numpy as np
import pytest
from tests.training.driver import settings

from posetransfer.data.pairs import Pairs
from posetransfer.errors import TrainingError
from posetransfer.training.feed import Feed
from posetransfer.training.interrupt import TIME_UP, Interrupt


def test_batches_come_in_order_and_are_those_of_their_steps(people):
    pairs = Pairs.of(people, "train", settings())
    feed = Feed(pairs, 4, 9)
    found = list(feed)
    assert [step for step, _ in found] == [4, 5, 6, 7, 8, 9]
    assert all(np.array_equal(batch.source, pairs.batch(step).source) for step, batch in found)
    assert 0 <= feed.waited < 10


def test_a_feed_that_is_left_early_stops_its_thread(people):
    before = threading.active_count()
    for _ in Feed(Pairs.of(people, "train", settings()), 1, 1000):
        break
    assert threading.active_count() <= before


def test_nothing_is_made_beyond_the_last_step(people):
    made = []

    class Counting:
        def batch(self, step):
            made.append(step)

    list(Feed(Counting(), 1, 5))
    assert made == [1, 2, 3, 4, 5]


def fails():
    raise SystemExit(3)


def test_workers_that_die_are_a_sentence():
    with pytest.raises(TrainingError, match="a worker process that makes batches was ended"):
        list(Feed(None, 1, 5, workers=1, remake=fails))


def test_a_signal_is_noted_and_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with Interrupt() as interrupt:
        assert interrupt.reason == 0
        signal.raise_signal(signal.SIGTERM)
        assert interrupt.reason == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_ctrl_c_leaves_at_once():
    with Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.reason == signal.SIGINT
        with pytest.raises(KeyboardInterrupt, match="goes on from the last checkpoint"):
            signal.raise_signal(signal.SIGINT)


def test_time_runs_out():
    assert Interrupt(0.0).reason == TIME_UP and Interrupt(1000.0).reason == 0


def test_outside_the_main_thread_signals_are_left_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def look():
        with Interrupt():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]
