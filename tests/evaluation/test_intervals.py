"""Intervals against formulas of statistics."""

import numpy as np
import pytest

from posetransfer.evaluation.intervals import bootstrap, jackknife, paired_difference

VALUES = np.random.default_rng(0).normal(3, 2, 500)


def test_bootstrap_of_a_mean_is_near_the_normal_interval():
    low, high = bootstrap(VALUES, draws=4000)
    error = 1.96 * VALUES.std() / np.sqrt(500)
    assert low == pytest.approx(VALUES.mean() - error, abs=0.02)
    assert high == pytest.approx(VALUES.mean() + error, abs=0.02)


def test_bootstrap_is_repeatable_and_ignores_unknown_values():
    with_gaps = np.insert(VALUES, 5, np.nan)
    low, high = bootstrap(with_gaps)
    assert (low, high) == bootstrap(with_gaps)
    assert low < VALUES.mean() < high


def test_bootstrap_of_a_ratio_weighs_pairs_by_their_joints():
    right, total = np.array([9.0, 0.0] * 200), np.array([10.0, 2.0] * 200)
    low, high = bootstrap(right, total)
    assert low < 9 / 12 < high
    assert high - low < 0.06


def test_no_value_gives_no_interval_and_one_value_a_point():
    assert np.isnan(bootstrap([])).all()
    assert np.isnan(bootstrap([np.nan])).all()
    assert bootstrap([0.5]) == (0.5, 0.5)


def test_pairing_sees_a_small_difference_that_single_intervals_hide():
    better = VALUES + 0.02 + np.random.default_rng(1).normal(0, 0.05, 500)
    difference = paired_difference(VALUES, better)
    assert difference.beyond_chance
    assert difference.value == pytest.approx((better - VALUES).mean())
    assert bootstrap(better)[0] < bootstrap(VALUES)[1]  # alone, the intervals overlap


def test_the_same_scores_do_not_differ():
    shuffled_noise = VALUES + np.random.default_rng(2).normal(0, 1, 500)
    assert not paired_difference(VALUES, VALUES).beyond_chance
    assert not paired_difference(VALUES, shuffled_noise - (shuffled_noise - VALUES).mean()).beyond_chance


def test_a_pair_without_a_score_in_one_run_is_left_out_of_both():
    difference = paired_difference([1.0, 100.0], [2.0, np.nan])
    assert difference.value == 1.0


def test_jackknife_of_a_mean_is_the_standard_error():
    groups = VALUES.reshape(50, 10)
    error = jackknife(lambda g: np.delete(groups, g, axis=0).mean(), 50)
    assert error == pytest.approx(groups.mean(axis=1).std(ddof=1) / np.sqrt(50))
