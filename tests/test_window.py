import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from posetransfer import window
from posetransfer.window import cut, paste, resized_rows, square, strips, whole

SIZES = st.tuples(st.integers(4, 60), st.integers(4, 60))


def ramp(height: int, width: int) -> np.ndarray:
    """A mask whose value at (x, y) is 3x + 2y: what linear resampling must keep."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return 3 * x + 2 * y


def noise(height: int, width: int) -> np.ndarray:
    """Away from black and white: Pillow rounds and clips between its two passes, whose order depends on the sizes."""
    return np.random.default_rng(0).integers(80, 176, (height, width, 3), dtype=np.uint8)


@given(size=SIZES)
def test_the_whole_box_at_the_same_size_is_the_picture_itself(size):
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    np.testing.assert_array_equal(cut(picture, whole(size), size), picture)


@given(left=st.integers(-9, 25), top=st.integers(-9, 25), height=st.integers(1, 12), width=st.integers(1, 12))
def test_a_box_on_whole_pixels_is_a_slice_of_the_padded_picture(left, top, height, width):
    picture = np.random.default_rng(1).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    padded = np.full((60, 64, 3), (9, 8, 7), np.uint8)
    padded[20:40, 20:44] = picture
    box = (left - 0.5, top - 0.5, left + width - 0.5, top + height - 0.5)
    expected = padded[top + 20 : top + 20 + height, left + 20 : left + 20 + width]
    np.testing.assert_array_equal(cut(picture, box, (height, width), fill=(9, 8, 7)), expected)


@given(
    x=st.floats(10, 20),
    y=st.floats(10, 20),
    extent=st.floats(8, 20),
    size=st.tuples(st.integers(3, 50), st.integers(3, 50)),
)
def test_a_linear_ramp_keeps_its_values_at_fractional_places(x, y, extent, size):
    height, width = size
    found = cut(ramp(50, 60), (x, y, x + extent, y + extent), size)
    xs, ys = x + (np.arange(width) + 0.5) * extent / width, y + (np.arange(height) + 0.5) * extent / height
    # A discrete triangle filter that shrinks by a fraction is up to a tenth of a pixel off a straight line.
    tolerance = 1e-3 if min(size) >= extent else 0.1 * (3 + 2) * max(extent / min(size), 1)
    np.testing.assert_allclose(found, 3 * xs[None] + 2 * ys[:, None], atol=tolerance)


@given(size=SIZES, x=st.floats(-30, 30), y=st.floats(-30, 30), extent=st.floats(2, 50))
def test_what_was_cut_and_pasted_back_is_the_photo_again_where_it_is_smooth(size, x, y, extent):
    photo, box = ramp(*size), (x, y, x + extent, y + extent)
    fine = cut(photo, box, (100, 100), 0.0)
    inside = np.zeros(size, bool)  # three pixels from every border: there neither the filling nor the last row is mixed in
    columns, rows = np.arange(size[1]), np.arange(size[0])
    keep = 3 + extent / 100
    inside |= ((rows > y + keep) & (rows < y + extent - keep) & (rows >= keep) & (rows < size[0] - keep))[:, None] & (
        (columns > x + keep) & (columns < x + extent - keep) & (columns >= keep) & (columns < size[1] - keep)
    )
    back = paste(fine, box, np.full(size, -1, np.float32))
    np.testing.assert_allclose(back[inside], photo[inside], atol=0.1 * (3 + 2))
    outside = (columns < x) | (columns > x + extent)
    assert (back[:, outside] == -1).all()


def test_a_mask_never_leaves_zero_to_one():
    mask = np.zeros((20, 20), np.float32)
    mask[5:15, 7:12] = 1
    found = cut(mask, (-3, -3, 22, 21), (77, 31))
    assert found.min() >= 0
    assert found.max() <= 1


def test_paste_mixes_by_the_mask_and_leaves_the_photo_alone():
    photo = np.full((10, 10, 3), 100, np.uint8)
    mask = np.full((4, 4), 0.25, np.float32)
    result = paste(np.full((4, 4, 3), 200, np.uint8), (1.5, 1.5, 5.5, 5.5), photo, mask)
    assert (result[2:6, 2:6] == 125).all()
    assert (photo == 100).all()
    result[2:6, 2:6] = 100
    assert (result == 100).all()


@pytest.mark.parametrize("box", [(50, 50, 60, 60), (-30, 0, -20, 10)])
def test_a_box_beside_the_photo_is_all_filling_and_pastes_nothing(box):
    photo = np.full((10, 10, 3), 100, np.uint8)
    assert (cut(photo, box, (5, 5), fill=(1, 2, 3)) == (1, 2, 3)).all()
    assert (paste(np.zeros((5, 5, 3), np.uint8), box, photo) == 100).all()


def test_square_keeps_the_centre():
    assert square((0, 0, 10, 20), 1.5) == (-10, -5, 20, 25)


@pytest.mark.parametrize("size", [(13, 9), (70, 31), (20, 14)])
def test_rows_of_a_resized_picture_are_those_of_the_whole(size, monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(window, "STRIP", 7)
    pictures = (rng.random((20, 14), np.float32), Image.Resampling.BILINEAR), (noise(20, 14), Image.Resampling.BICUBIC)
    for picture, method in pictures:
        resized = np.asarray(Image.fromarray(picture).resize(size[::-1], method))
        rows = np.concatenate([resized_rows(picture, size, rows) for rows in strips(size[0])])
        np.testing.assert_allclose(rows.astype(float), resized, atol=2 if picture.dtype == np.uint8 else 1e-5)


@pytest.mark.parametrize("box", [(3.2, -4.1, 28.7, 50.3), (-0.5, -0.5, 39.5, 59.5)])
def test_pasting_in_strips_leaves_no_seams(box, monkeypatch):
    photo, picture, mask = noise(60, 40), noise(24, 18), np.random.default_rng(1).random((24, 18), np.float32)
    at_once = paste(picture, box, photo, mask)
    monkeypatch.setattr(window, "STRIP", 5)
    assert np.abs(paste(picture, box, photo, mask).astype(int) - at_once).max() <= 2
