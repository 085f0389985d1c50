"""The pool of earlier fakes."""

import numpy as np
import torch

from posetransfer.training.history import FakePool


def numbered(*numbers):
    return torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1, 1)


def test_pool_of_size_zero_returns_what_comes_in():
    fakes = numbered(1, 2)
    assert FakePool(0).exchange(fakes, np.random.default_rng(0)) is fakes or torch.equal(FakePool(0).exchange(fakes, None), fakes)


def test_a_pool_that_is_not_full_keeps_and_returns_the_new_ones():
    pool = FakePool(3)
    assert pool.exchange(numbered(1, 2, 3), np.random.default_rng(0)).flatten().tolist() == [1, 2, 3]
    assert [float(kept) for kept in pool.kept] == [1, 2, 3]


def test_a_full_pool_returns_an_old_one_half_of_the_time_and_loses_none():
    pool, rng = FakePool(50), np.random.default_rng(0)
    pool.exchange(numbered(*range(50)), rng)
    came = pool.exchange(numbered(*range(50, 4050)), rng).flatten().tolist()
    old = sum(number != 50 + i for i, number in enumerate(came))
    assert 0.47 < old / 4000 < 0.53
    everything = sorted(came + [float(kept) for kept in pool.kept])
    assert everything == list(range(4050))  # each fake is shown once or still kept: 50 + 4000 = 4000 + 50


def test_what_is_kept_does_not_change_with_the_tensor_it_came_from():
    pool, fakes = FakePool(2), numbered(1, 2)
    pool.exchange(fakes, np.random.default_rng(0))
    fakes.zero_()
    assert [float(kept) for kept in pool.kept] == [1, 2]
