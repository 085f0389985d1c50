"""L1, PSNR and the shared computation of one pair's scores."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from posetransfer.evaluation.metrics.joint_mask import joint_mask
from posetransfer.evaluation.metrics.l1 import l1
from posetransfer.evaluation.metrics.mask_ssim import mask_ssim, mask_ssim_true
from posetransfer.evaluation.metrics.pixels import NAMES, PixelMeasure
from posetransfer.evaluation.metrics.psnr import psnr
from posetransfer.evaluation.metrics.ssim import ssim, ssim_51, ssim_patn
from posetransfer.pose.pose import Pose

RANDOM = np.random.default_rng(5)
GENERATED, REAL = RANDOM.integers(10, 240, (2, 64, 56, 3)).astype(np.uint8)
POSE = Pose(RANDOM.uniform(5, 50, (18, 2)), (64, 56))
MASK = RANDOM.random((64, 56)) < 0.4


def test_l1_is_the_authors_formula():
    expected = np.abs(2 * (REAL / 255.0 - 0.5) - 2 * (GENERATED / 255.0 - 0.5)).mean()
    assert l1(GENERATED, REAL) == pytest.approx(expected, rel=1e-12)


def test_psnr_is_scikit_images():
    assert psnr(GENERATED, REAL) == pytest.approx(peak_signal_noise_ratio(REAL, GENERATED), rel=1e-12)
    assert psnr(REAL, REAL) == 100


def test_shared_work_gives_the_same_numbers_as_each_score_alone():
    scores = PixelMeasure().score(GENERATED, REAL, POSE, MASK)
    mask = joint_mask(POSE)
    alone = {
        "l1": l1(GENERATED, REAL),
        "psnr": psnr(GENERATED, REAL),
        "ssim": ssim(GENERATED, REAL),
        "ssim_patn": ssim_patn(GENERATED, REAL),
        "ssim_51": ssim_51(GENERATED, REAL),
        "mask_ssim": mask_ssim(GENERATED, REAL, mask),
        "mask_ssim_true": mask_ssim_true(GENERATED, REAL, MASK),
    }
    assert set(scores) == set(NAMES)
    for name, value in alone.items():
        assert scores[name] == pytest.approx(value, abs=1e-14), name


def test_white_columns_are_added_to_both_and_widen_the_authors_range():
    wide = [
        np.concatenate([np.full((64, 40, 3), 255, np.uint8), p, np.full((64, 40, 3), 255, np.uint8)], axis=1) for p in (REAL, GENERATED)
    ]
    expected = structural_similarity(
        *wide, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255 - int(GENERATED.min())
    )
    assert PixelMeasure(("ssim_patn_white",)).score(GENERATED, REAL)["ssim_patn_white"] == pytest.approx(expected, abs=1e-12)


def test_only_what_was_asked_for_and_what_is_possible_is_scored():
    assert set(PixelMeasure(("l1", "ssim")).score(GENERATED, REAL, POSE, MASK)) == {"l1", "ssim"}
    assert set(PixelMeasure().score(GENERATED[:9], REAL[:9])) == {"l1", "psnr"}
    assert "mask_ssim" not in PixelMeasure().score(GENERATED, REAL, Pose({}, (64, 56)))
