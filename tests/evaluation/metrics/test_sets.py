"""FID, KID and IS against their formulas in float64, written in the simplest way."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from posetransfer.evaluation.metrics.fid import Moments, fid
from posetransfer.evaluation.metrics.inception_score import SplitSums, inception_score
from posetransfer.evaluation.metrics.kid import kid, mmd

RANDOM = np.random.default_rng(0)


def features(count, dimensions, shift=0.0):
    mixing = np.random.default_rng(7).normal(size=(dimensions, dimensions)) / np.sqrt(dimensions)
    return (np.maximum(RANDOM.normal(shift, 1, (count, dimensions)) @ mixing, 0)).astype(np.float32)


def test_fid_is_the_formula_with_scipys_square_root():
    one, other = features(300, 24, 0.3), features(500, 24)
    a, b = one.astype(float), other.astype(float)
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca + cb - 2 * sqrtm(ca @ cb).real)
    assert fid(Moments.of(one), Moments.of(other)) == pytest.approx(expected, rel=1e-9)


def test_fid_of_fewer_pictures_than_dimensions_is_exact_too():
    # tr (C1 C2)^(1/2) is the sum of singular values of the centred features' product: no square root of a singular matrix.
    one, other = features(30, 80, 0.2), features(40, 80)
    a, b = (x.astype(float) - x.astype(float).mean(0) for x in (one, other))
    cross = np.linalg.svd(a @ b.T / np.sqrt(29 * 39), compute_uv=False).sum()
    distance = ((one.astype(float).mean(0) - other.astype(float).mean(0)) ** 2).sum()
    expected = distance + (a**2).sum() / 29 + (b**2).sum() / 39 - 2 * cross
    assert fid(Moments.of(one), Moments.of(other)) == pytest.approx(expected, rel=1e-6)


def test_fid_of_a_set_with_itself_is_zero():
    one = features(200, 16)
    assert fid(Moments.of(one), Moments.of(one)) == pytest.approx(0, abs=1e-8)


def test_moments_do_not_depend_on_batches_and_can_be_taken_apart():
    one = features(257, 16)
    streamed = Moments.empty(16)
    for start in range(0, 257, 10):
        streamed.add(one[start : start + 10])
    assert np.allclose(streamed.covariance, np.cov(one.astype(float), rowvar=False), rtol=1e-10, atol=1e-12)
    rest = streamed - Moments.of(one[:57])
    assert np.allclose(rest.covariance, np.cov(one[57:].astype(float), rowvar=False), rtol=1e-9, atol=1e-12)


def slow_mmd(x, y):
    def kernel(a, b):
        return (np.dot(a, b) / len(a) + 1) ** 3

    n, m = len(x), len(y)
    within_x = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2 * sum(kernel(a, b) for a in x for b in y) / (n * m)


def test_kid_of_small_sets_is_the_unbiased_estimate():
    one, other = features(23, 8, 0.5), features(17, 8)
    expected = slow_mmd(one.astype(float), other.astype(float))
    assert mmd(one, other) == pytest.approx(expected, rel=1e-9)
    assert kid(one, other)[0] == pytest.approx(expected, rel=1e-9)


def test_kid_of_large_sets_draws_torch_fidelitys_subsets():
    one, other = features(60, 8, 0.5), features(50, 8)
    random = np.random.RandomState(2020)
    values = []
    for _ in range(5):
        x = one[random.choice(60, 20, replace=False)].astype(float)
        values.append(slow_mmd(x, other[random.choice(50, 20, replace=False)].astype(float)))
    mean, deviation = kid(one, other, subsets=5, size=20)
    assert mean == pytest.approx(np.mean(values), rel=1e-9)
    assert deviation == pytest.approx(np.std(values), rel=1e-9)


def slow_inception_score(logits, splits):
    p = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum(axis=1, keepdims=True)
    scores = []
    for i in range(splits):
        part = p[i * len(p) // splits : (i + 1) * len(p) // splits]
        divergence = (part * (np.log(part) - np.log(part.mean(axis=0)))).sum(axis=1)
        scores.append(np.exp(divergence.mean()))
    return np.mean(scores), np.std(scores)


@pytest.mark.parametrize("count", [10, 57, 240])
def test_inception_score_is_the_authors_formula(count):
    logits = (RANDOM.normal(size=(count, 30)) * 3).astype(np.float32)
    mean, deviation = inception_score(logits)
    expected = slow_inception_score(logits, 10)
    assert mean == pytest.approx(expected[0], rel=1e-9)
    assert deviation == pytest.approx(expected[1], rel=1e-6, abs=1e-9)


def test_inception_score_does_not_depend_on_batches_and_can_leave_a_group_out():
    logits = (RANDOM.normal(size=(203, 12)) * 2).astype(np.float32)
    sums = SplitSums(203, 12)
    for start in range(0, 203, 17):
        sums.add(logits[start : start + 17])
    assert sums.scores().mean() == pytest.approx(slow_inception_score(logits, 10)[0], rel=1e-9)
    one_split = SplitSums(203, 12, splits=1)
    one_split.add(logits)
    kept = logits[np.arange(203) % 10 != 3]
    assert one_split.scores(without=3)[0] == pytest.approx(slow_inception_score(kept, 1)[0], rel=1e-9)


def test_single_pictures_are_no_crash():
    assert np.isnan(mmd(features(1, 4), features(5, 4)))
    assert inception_score(np.zeros((1, 5)))[0] == pytest.approx(1)
    assert np.isfinite(fid(Moments.of(features(1, 4)), Moments.of(features(1, 4))))
