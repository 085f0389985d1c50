"""SSIM in each variant against scikit-image."""

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from posetransfer.evaluation.metrics.mask_ssim import mask_ssim_true
from posetransfer.evaluation.metrics.ssim import own_range, ssim, ssim_51, ssim_patn

SIZES = [(11, 11), (51, 51), (64, 53), (128, 64), (75, 140), (256, 176)]


def pictures(height, width, seed=0):
    """A smooth picture and a noisy version of it, values not filling 0..255."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    smooth = 110 + 60 * np.sin(rows / 9)[..., None] * np.cos(columns / 7)[..., None] * np.array([1, 0.7, -0.5])
    noisy = smooth + random.normal(0, 25, smooth.shape)
    return np.clip(noisy, 20, 231).astype(np.uint8), np.clip(smooth, 0, 255).astype(np.uint8)


def gaussian(generated, real, **options):
    return structural_similarity(real, generated, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, **options)


@pytest.mark.parametrize("size", SIZES)
def test_gaussian_ssim_is_scikit_image_with_the_full_range(size):
    generated, real = pictures(*size)
    assert ssim(generated, real) == pytest.approx(gaussian(generated, real, data_range=255), abs=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_ssim_patn_takes_the_range_of_the_generated_picture(size):
    generated, real = pictures(*size)
    expected = gaussian(generated, real, data_range=int(generated.max()) - int(generated.min()))
    assert ssim_patn(generated, real) == pytest.approx(expected, abs=1e-12)
    assert ssim_patn(generated, real) != pytest.approx(ssim(generated, real), abs=1e-4)


@pytest.mark.parametrize("size", SIZES[1:])
def test_ssim_51_is_the_later_papers_call_on_pictures_in_0_to_1(size):
    generated, real = pictures(*size)
    expected = structural_similarity(real / 255.0, generated / 255.0, channel_axis=-1, win_size=51, data_range=1)
    assert ssim_51(generated, real) == pytest.approx(expected, abs=1e-12)


def test_mask_ssim_true_is_the_map_averaged_over_the_mask():
    generated, real = pictures(128, 64)
    mask = np.hypot(*(np.mgrid[:128, :64] - np.array([60, 2])[:, None, None])) < 25  # reaches over the left edge
    _, whole = gaussian(generated, real, data_range=255, full=True)
    expected = whole.mean(axis=-1)[5:-5, 5:-5][mask[5:-5, 5:-5]].mean()
    assert mask_ssim_true(generated, real, mask) == pytest.approx(expected, abs=1e-12)


def test_mask_ssim_true_of_an_empty_mask_is_unknown():
    assert np.isnan(mask_ssim_true(*pictures(32, 32), np.zeros((32, 32), bool)))


@pytest.mark.parametrize("value", [0, 100, 255])
def test_constant_pictures_give_a_number(value):
    constant, other = np.full((64, 64, 3), value, np.uint8), pictures(64, 64)[1]
    assert own_range(constant) == 0
    for score in (ssim, ssim_patn, ssim_51):
        assert score(constant, constant) == pytest.approx(1)
        assert -1 <= score(constant, other) < 0.9


def test_a_window_larger_than_the_picture_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        ssim_51(*pictures(50, 60))
