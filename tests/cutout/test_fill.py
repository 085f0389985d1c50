import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetransfer.cutout.fill import _push_pull, fill_behind


def hole(size: tuple[int, int], top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(size, np.float32)
    mask[top : top + height, left : left + width] = 1
    return mask


@settings(max_examples=40)
@given(
    size=st.tuples(st.integers(8, 70), st.integers(8, 70)),
    colour=st.tuples(*[st.integers(0, 255)] * 3),
    where=st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 60), st.integers(1, 60)),
)
def test_a_plain_wall_shows_no_trace_of_the_person(size, colour, where):
    mask = hole(size, *where)
    photo = np.full((*size, 3), colour, np.uint8)
    photo[mask > 0] = 255 - np.array(colour)
    filled = fill_behind(photo, mask)
    if mask.all():
        return
    if (mask == 0).sum() > 0.5 * mask.size:
        assert np.abs(filled.astype(int) - colour).max() <= 1


def test_a_shade_goes_on_through_the_hole():
    y, x = np.mgrid[:80, :120]
    wall = np.stack([x + 50, y + 60, 200 - x], axis=2).astype(np.uint8)
    mask = hole((80, 120), 20, 50, 30, 20)
    photo = wall.copy()
    photo[mask > 0] = (255, 0, 255)
    assert np.abs(fill_behind(photo, mask).astype(int) - wall).max() < 12


def test_grain_of_the_background_goes_on_too():
    rng = np.random.default_rng(0)
    grass = (120 + 25 * rng.standard_normal((120, 160, 3))).clip(0, 255).astype(np.uint8)
    mask = hole((120, 160), 30, 60, 60, 30)
    filled = fill_behind(grass, mask)
    inside = filled[32:88, 62:88].astype(float).std()
    assert 0.5 < inside / grass.std() < 1.5


def test_shadow_and_soft_edge_just_outside_the_mask_go_too():
    photo = np.full((200, 100, 3), 180, np.uint8)
    mask = hole((200, 100), 20, 40, 150, 20)
    photo[18:172, 38:62] = 20  # two pixels wider than the mask says
    assert fill_behind(photo, mask).min() > 175


def test_pixels_far_from_the_person_are_unchanged():
    photo = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    mask = hole((90, 90), 40, 40, 10, 10)
    filled = fill_behind(photo, mask)
    np.testing.assert_array_equal(filled[:30], photo[:30])
    np.testing.assert_array_equal(filled[:, :30], photo[:, :30])


def test_a_large_photo_keeps_its_grain_and_needs_no_floats_of_its_own_size():
    size = (2400, 1800)
    rng = np.random.default_rng(0)
    grass = rng.integers(80, 160, (*size, 3), dtype=np.uint8)
    mask = hole(size, 500, 700, 1400, 300)
    tracemalloc.start()
    filled = fill_behind(grass, mask)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    inside = filled[600:1800, 740:960]
    assert 0.8 < inside.astype(float).std() / grass[:1200].astype(float).std() < 1.2
    neighbours = np.corrcoef(inside[:, 1:, 0].ravel(), inside[:, :-1, 0].ravel())[0, 1]
    assert abs(neighbours) < 0.1  # enlarged grain would be alike from pixel to pixel
    assert peak < 8 * grass.nbytes  # one float copy alone has four times its bytes; colours, means and grain need several


def test_a_large_photo_is_filled_as_a_small_one():
    y, x = np.mgrid[:1400, :1100]
    wall = np.stack([x // 8 + 50, y // 8 + 60, 200 - x // 8], axis=2).astype(np.uint8)
    mask = hole((1400, 1100), 200, 400, 1000, 240)
    photo = wall.copy()
    photo[mask > 0] = (255, 0, 255)
    large, small = fill_behind(photo, mask), fill_behind(photo[::4, ::4], mask[::4, ::4])
    assert np.abs(large[::4, ::4].astype(int) - small).max() <= 6
    assert np.abs(large.astype(int) - wall).max() < 12


def test_what_lies_far_from_the_person_has_no_part_in_the_filling():
    photo = np.full((300, 300, 3), 90, np.uint8)
    mask = hole((300, 300), 100, 100, 60, 20)
    changed = photo.copy()
    changed[220:] = changed[:, 200:] = 250
    np.testing.assert_array_equal(fill_behind(changed, mask)[:200, :180], fill_behind(photo, mask)[:200, :180])


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2), (17, 33)])
def test_nothing_and_everything_are_masks_too(size):
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    np.testing.assert_array_equal(fill_behind(photo, np.zeros(size, np.float32)), photo)
    full = fill_behind(photo, np.ones(size, np.float32))
    np.testing.assert_allclose(full.reshape(-1, 3), np.tile(photo.mean(axis=(0, 1)), (size[0] * size[1], 1)), atol=0.5)


@given(size=st.tuples(st.integers(1, 40), st.integers(1, 40)), seed=st.integers(0, 99))
def test_push_pull_is_exact_where_known_and_never_beyond_the_known(size, seed):
    rng = np.random.default_rng(seed)
    colour = rng.uniform(0, 255, (*size, 3)).astype(np.float32)
    known = (rng.random(size) < 0.3).astype(np.float32)
    known[0, 0] = 1
    found = _push_pull(colour, known)
    np.testing.assert_allclose(found[known == 1], colour[known == 1], rtol=1e-5)
    assert found.min() >= colour[known == 1].min() - 0.1
    assert found.max() <= colour[known == 1].max() + 0.1
