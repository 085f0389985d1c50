"""Learning rate and batch sizes by step, against the rule of the authors' code written out in epochs."""

from dataclasses import replace

import pytest

from posetransfer.config import PRESETS
from posetransfer.training.schedule import batch_size, pictures_seen, rate_factor

MARKET, FASHION = PRESETS["market1501"].training, PRESETS["deepfashion"].training


def authors_rate(epoch):
    """paper.md 1.4: niter 500, niter_decay 200, the scheduler's epoch counts from 0 and adds epoch_count_start = 1."""
    return 2e-4 * (1 - max(0, (epoch - 1) + 1 + 1 - 500) / 201)


@pytest.mark.parametrize(
    ("step", "epoch"), [(1, 1), (62_375, 499), (62_376, 500), (62_500, 500), (87_375, 699), (87_376, 700), (87_500, 700)]
)
def test_market1501_has_the_authors_rate(step, epoch):
    assert 2e-4 * rate_factor(step, MARKET) == pytest.approx(authors_rate(epoch), abs=1e-12)


def test_market1501_has_the_rates_that_the_paper_page_names():
    rates = [2e-4 * rate_factor(step, MARKET) for step in (1, 62_375, 62_500, 87_375, 87_500)]
    assert rates == pytest.approx([2e-4, 2e-4, 1.990e-4, 9.95e-7, 0.0], rel=1e-3)
    assert rates[-1] == 0.0


@pytest.mark.parametrize("epoch", [1, 499, 500, 640, 699, 700])
def test_deepfashion_has_the_same_rates_by_epoch(epoch):
    for step in (572 * (epoch - 1) + 1, 572 * epoch):
        assert 2e-4 * rate_factor(step, FASHION) == pytest.approx(authors_rate(epoch), abs=1e-12)


def test_sane_decay_begins_behind_the_constant_epochs_and_ends_above_zero():
    sane = replace(MARKET, constant_steps=62_500)
    assert rate_factor(62_500, sane) == 1 and rate_factor(62_501, sane) < 1 and rate_factor(87_500, sane) == pytest.approx(1 / 201)


def test_an_epoch_of_deepfashion_has_4000_pairs():
    assert sum(batch_size(step, FASHION) for step in range(1, 573)) == 4000
    assert pictures_seen(400_400, FASHION) == 700 * 4000 == pictures_seen(87_500, MARKET)
    assert pictures_seen(1000, FASHION) == sum(batch_size(step, FASHION) for step in range(1, 1001))
