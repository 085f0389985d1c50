import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter

from posetransfer.cutout.edges import _mean, composite, foreground, guided


def disc(size: int = 64, radius: float = 20, soft: float = 4) -> np.ndarray:
    """Mask of a disc whose edge falls from 1 to 0 over `soft` pixels."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return ((radius - np.hypot(x, y)) / soft + 0.5).clip(0, 1).astype(np.float32)


def over(near, share, behind) -> np.ndarray:
    share = share[..., None]
    return (np.asarray(near, float) * share + np.asarray(behind, float) * (1 - share)).round().astype(np.uint8)


@pytest.mark.parametrize(("person", "old"), [((30, 40, 60), (250, 250, 250)), ((230, 220, 200), (10, 60, 10))])
def test_edge_keeps_no_rim_of_the_old_background(person, old):
    mask = disc()
    photo = over(person, mask, old)
    found = composite(photo, mask, (120, 120, 120)).astype(float)
    truth = over(person, mask, (120, 120, 120)).astype(float)
    plain = over(photo, mask, (120, 120, 120)).astype(float)  # what mixing the photo itself would give
    assert np.abs(found - truth).max() < 16
    assert np.abs(plain - truth).max() > 40


def test_inside_the_person_the_photo_is_untouched():
    mask = disc()
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    result = composite(photo, mask, (0, 0, 0))
    np.testing.assert_array_equal(result[mask == 1], photo[mask == 1])
    assert (result[mask == 0] == 0).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_mask_of_one_value_takes_one_picture(value):
    photo = np.random.default_rng(0).integers(0, 256, (12, 9, 3), dtype=np.uint8)
    other = np.random.default_rng(1).integers(0, 256, (12, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(composite(photo, np.full((12, 9), value, np.float32), other), photo if value else other)


def test_foreground_is_a_colour():
    photo = np.random.default_rng(2).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    mask = np.random.default_rng(3).random((40, 30), np.float32)
    found = foreground(photo, mask)
    assert found.min() >= 0
    assert found.max() <= 255


@given(height=st.integers(1, 30), width=st.integers(1, 30), radius=st.integers(1, 6))
def test_window_mean_is_scipys_away_from_the_border(height, width, radius):
    values = np.random.default_rng(0).random((height, width, 2), np.float32)
    found = _mean(values, radius)
    expected = uniform_filter(values, size=(2 * radius + 1, 2 * radius + 1, 1), mode="constant")
    counts = uniform_filter(np.ones_like(values, dtype=float), size=(2 * radius + 1, 2 * radius + 1, 1), mode="constant")
    np.testing.assert_allclose(found, expected / counts, atol=1e-5)  # cut-off windows: sums over fewer pixels


def test_guided_filter_moves_a_blurred_edge_onto_the_photos_edge():
    truth = disc(soft=0.01)
    photo = over((200, 60, 60), truth, (40, 80, 90))
    rough = np.roll(_mean(truth, 3), 2, axis=1)  # blurred, and two pixels beside the edge
    slopes, offset = guided(rough, photo, 6, 1e-3)
    fine = (slopes * photo.astype(np.float32) / 255).sum(-1) + offset
    wrong = [((mask > 0.5) != (truth > 0.5)).sum() for mask in (rough, fine)]
    assert wrong[0] > 100
    assert wrong[1] < 10


def test_guided_filter_without_edges_in_the_guide_only_smooths():
    rough = disc()
    slopes, offset = guided(rough, np.full((64, 64, 3), 128, np.uint8), 3, 1e-3)
    np.testing.assert_allclose((slopes * (128 / 255)).sum(-1) + offset, _mean(_mean(rough, 3), 3), atol=1e-3)
