"""Pictures: every kind that comes in, every refusal, and the pixel-centre convention of `resize`."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from posetransfer.errors import OutputError, PhotoError
from posetransfer.image import contact_sheet, from_unit, load_photo, resize, save_picture, to_unit, whole_file
from posetransfer.pose.pose import Pose

CORNER = (200, 40, 90)


def drawn(height=40, width=30):
    """Smooth colours, so that JPEG and WebP keep them, with a marked top left corner."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack([255 * x / width, 255 * y / height, 128 + 0 * x], axis=2).astype(np.uint8)
    picture[: height // 4, : width // 4] = CORNER
    return picture


def as_bytes(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def huge_png(width, height):
    """A valid header and nothing behind it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\0IDAT"


def huge_jpeg(width, height):
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", 2 + len(frame)) + frame + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"


# -- what comes in ---------------------------------------------------------------------------------------------------


def test_path_bytes_image_and_array_give_the_same_picture(tmp_path):
    picture = drawn()
    path = tmp_path / "person.png"
    Image.fromarray(picture).save(path)
    for source in (path, str(path), path.read_bytes(), Image.fromarray(picture), Image.open(path), picture):
        np.testing.assert_array_equal(load_photo(source), picture)


def test_the_picture_is_a_copy_that_can_be_painted_on():
    picture = drawn()
    loaded = load_photo(picture)
    loaded[:] = 0
    assert picture.any()


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "BMP", "TIFF", "PPM", "TGA", "GIF"])
def test_common_formats(form):
    loaded = load_photo(as_bytes(Image.fromarray(drawn()), form))
    assert loaded.dtype == np.uint8
    assert np.abs(loaded.astype(int) - drawn()).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_undone(orientation):
    upright = drawn()
    # how a camera with this orientation stores the upright scene (EXIF 2.3, tag 0x0112)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(np.ascontiguousarray(stored))
    np.testing.assert_array_equal(load_photo(as_bytes(image, "PNG", exif=exif)), upright)
    assert np.abs(load_photo(as_bytes(image, "JPEG", exif=exif, quality=95)).astype(int) - upright).mean() < 6


def test_broken_exif_does_not_cost_the_photo():
    broken = as_bytes(Image.fromarray(drawn()), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\0\x03garbage")
    assert load_photo(broken).shape == (40, 30, 3)


def test_grey_palette_and_one_bit():
    grey = drawn()[:, :, 0]
    np.testing.assert_array_equal(load_photo(as_bytes(Image.fromarray(grey), "PNG")), np.repeat(grey[:, :, None], 3, axis=2))
    palette = Image.fromarray(drawn()).quantize(16)
    np.testing.assert_array_equal(load_photo(as_bytes(palette, "PNG")), np.array(palette.convert("RGB")))
    ink = Image.fromarray(grey > 100)
    assert set(np.unique(load_photo(as_bytes(ink, "PNG")))) == {0, 255}


def test_cmyk():
    picture = load_photo(as_bytes(Image.fromarray(drawn()).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(picture.astype(int) - drawn()).mean() < 8


def test_transparency_lies_over_white():
    rgba = np.dstack([drawn(), np.full((40, 30), 255, np.uint8)])
    rgba[:20, :, 3] = 0
    rgba[20:30, :, 3] = 51  # one fifth
    picture = load_photo(as_bytes(Image.fromarray(rgba), "PNG"))
    assert (picture[:20] == 255).all()
    np.testing.assert_allclose(picture[20:30], 0.8 * 255 + 0.2 * rgba[20:30, :, :3], atol=1)
    np.testing.assert_array_equal(picture[30:], rgba[30:, :, :3])
    np.testing.assert_array_equal(load_photo(rgba), picture)


def test_grey_with_alpha_and_palette_with_a_clear_colour():
    clear = np.zeros((4, 4, 2), np.uint8)
    assert (load_photo(as_bytes(Image.fromarray(clear), "PNG")) == 255).all()
    palette = Image.new("P", (4, 4), 3)
    palette.putpalette([0, 0, 0] * 4)
    assert (load_photo(as_bytes(palette, "PNG", transparency=3)) == 255).all()


def test_sixteen_bits():
    values = np.linspace(0, 65535, 1200).reshape(40, 30).astype(np.uint16)
    expected = np.repeat(np.rint(values / 257).astype(np.uint8)[:, :, None], 3, axis=2)
    for form in ("PNG", "TIFF"):
        np.testing.assert_allclose(load_photo(as_bytes(Image.fromarray(values), form)), expected, atol=1)
    np.testing.assert_array_equal(load_photo(values), expected)


def test_sixteen_bit_colour_png():
    rows = b"".join(b"\0" + struct.pack(">6H", 65535, 0, 257 * 40, 0, 65535, 0) for _ in range(3))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    file = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 3, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    np.testing.assert_array_equal(load_photo(file)[1], [[255, 0, 40], [0, 255, 0]])


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(form):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "lime")]
    picture = load_photo(as_bytes(frames[0], form, save_all=True, append_images=frames[1:]))
    assert np.abs(picture.astype(int) - [255, 0, 0]).max() < 12


def test_float_and_bool_arrays():
    np.testing.assert_array_equal(load_photo(np.array([[[0.0, 0.5, 1.0]]])), [[[0, 128, 255]]])
    np.testing.assert_array_equal(load_photo(np.array([[True, False]])), [[[255] * 3, [0] * 3]])


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "array",
    [np.zeros((3, 4, 5), np.uint8), np.zeros(7, np.uint8), np.zeros((0, 4, 3), np.uint8), np.full((4, 4), -1), np.full((4, 4), np.nan)],
)
def test_arrays_that_are_no_pictures(array):
    with pytest.raises(PhotoError, match="given array"):
        load_photo(array)


@pytest.mark.parametrize("header", [huge_png, huge_jpeg])
@pytest.mark.parametrize("side", [60_000, 11_000])
def test_a_huge_header_is_refused_before_decoding(tmp_path, header, side):
    path = tmp_path / "huge.img"
    path.write_bytes(header(side, side))
    with pytest.raises(PhotoError, match=rf"huge.img: the picture is too large .*{side * side / 1e6:,.0f} megapixels, at most 100"):
        load_photo(path)


def test_just_under_the_limit_is_not_refused_for_its_size():
    with pytest.raises(PhotoError, match="cut short"):  # nothing behind the header
        load_photo(huge_png(9_990, 10_000))


@pytest.mark.parametrize(
    "content",
    [b"", b"hello, I am a text file", b"%PDF-1.4", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"\x89PNG\r\n\x1a\n", bytes(500)],
)
def test_not_a_picture(tmp_path, content):
    path = tmp_path / "notes.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotoError, match=r"notes\.jpg: "):
        load_photo(path)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_truncated(form, part):
    noise = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    whole = as_bytes(Image.fromarray(noise), form)
    with pytest.raises(PhotoError, match=r"short\.jpg"):
        load_photo(whole[: int(part * len(whole))], name="short.jpg")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "BMP"]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_damaged_bytes_end_in_a_picture_or_a_photo_error(form, damage):
    whole = bytearray(as_bytes(Image.fromarray(drawn()), form))
    for at, value in damage:
        whole[int(at * (len(whole) - 1))] = value
    try:
        assert load_photo(bytes(whole)).ndim == 3
    except PhotoError as error:
        assert "\n" not in str(error)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(PhotoError, match=r"nobody\.png: .*No such file"):
        load_photo(tmp_path / "nobody.png")
    with pytest.raises(PhotoError, match="this is a folder"):
        load_photo(tmp_path)


# -- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "deep/er/a.webp", "a.jpg", "a.jpeg"])
def test_saved_pictures_come_back(tmp_path, name):
    save_picture(drawn(), tmp_path / name)
    difference = np.abs(load_photo(tmp_path / name).astype(int) - drawn())
    assert difference.max() == 0 if name.lower().endswith("png") else difference.mean() < 3
    assert [p.name for p in (tmp_path / name).parent.iterdir()] == [name.rpartition("/")[2]]


@pytest.mark.parametrize("ending", [".png", ".webp"])
def test_alpha_is_kept(tmp_path, ending):
    alpha = np.linspace(0, 1, 40)[:, None].repeat(30, axis=1)
    save_picture(drawn(), tmp_path / f"cut{ending}", alpha)
    stored = np.array(Image.open(tmp_path / f"cut{ending}").convert("RGBA"))[:, :, 3]
    np.testing.assert_allclose(stored / 255, alpha, atol=0.5 / 255 + 1e-9)


@pytest.mark.parametrize("name", ["a.gif", "a", "a.tar.gz", "png"])
def test_unknown_endings_are_refused(tmp_path, name):
    with pytest.raises(OutputError, match=r"use one of \.png"):
        save_picture(drawn(), tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "side"), [("wide.webp", 16_384), ("wide.jpg", 65_501)])
def test_a_side_that_the_format_cannot_hold_is_one_sentence(tmp_path, name, side):
    with pytest.raises(OutputError, match=rf"{name}: .*{side}.*\.png"):
        save_picture(np.zeros((1, side, 3), np.uint8), tmp_path / name)
    assert not list(tmp_path.iterdir())
    save_picture(np.zeros((1, side - 1, 3), np.uint8), tmp_path / name)


def test_a_transparent_jpeg_is_refused(tmp_path):
    with pytest.raises(OutputError, match="JPEG cannot be transparent"):
        save_picture(drawn(), tmp_path / "a.jpg", np.ones((40, 30)))
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("I am a file, not a folder")
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "file" / "a.png", tmp_path / "folder.png"):
        with pytest.raises(OutputError, match="cannot be written"):
            save_picture(drawn(), path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.png"]


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), whole_file(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


# -- changing --------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_pixel_stays_under_its_joint_when_resized(data):
    height, width = data.draw(st.tuples(st.integers(8, 60), st.integers(8, 60)), "size")
    size = data.draw(st.tuples(st.integers(height // 2, 3 * height), st.integers(width // 2, 3 * width)), "new size")
    x, y = data.draw(st.integers(2, width - 3)), data.draw(st.integers(2, height - 3))
    picture = np.zeros((height, width, 3), np.uint8)
    picture[y, x] = 255
    light = resize(picture, size)[:, :, 0].astype(float)
    joint = Pose({"nose": (x, y)}, (height, width)).scaled(size).joint("nose")
    brightest = np.unravel_index(light.argmax(), light.shape)[::-1]
    # The joint lies where the light is: its brightest pixel is the joint's, up to half an old pixel when enlarging
    reach = 0.5 + np.maximum(0, [size[1] / width - 1, size[0] / height - 1]) / 2
    assert (np.abs(np.subtract(brightest, joint)) <= reach + 1e-6).all()
    rows, columns = np.mgrid[: size[0], : size[1]]
    centre = (light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()
    np.testing.assert_allclose(centre, joint, atol=0.5)


def test_resize_to_the_same_size_changes_nothing():
    np.testing.assert_array_equal(resize(drawn(), (40, 30)), drawn())


def test_shrinking_averages_instead_of_picking():
    board = np.indices((64, 64)).sum(axis=0) % 2 * np.uint8(255)
    small = resize(np.repeat(board[:, :, None].astype(np.uint8), 3, axis=2), (16, 16))
    assert np.abs(small[2:-2, 2:-2].astype(int) - 127.5).max() < 10


def test_every_level_survives_the_way_to_floats_and_back():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    unit = to_unit(levels)
    assert unit.shape == (3, 16, 16)
    assert unit.dtype == np.float32
    assert (unit.min(), unit.max()) == (-1, 1)
    np.testing.assert_array_equal(from_unit(unit), levels)
    assert from_unit(np.full((3, 1, 1), 1.7))[0, 0, 0] == 255


def test_contact_sheet_places_every_picture():
    red, blue = np.full((20, 10, 3), (255, 0, 0), np.uint8), np.full((8, 30, 3), (0, 0, 255), np.uint8)
    sheet = contact_sheet([[red, blue], [blue]], gap=4)
    assert sheet.shape == (4 + 20 + 4 + 8 + 4, 4 + 30 + 4 + 30 + 4, 3)
    assert ((sheet == (255, 0, 0)).all(axis=2)).sum() == 200
    assert ((sheet == (0, 0, 255)).all(axis=2)).sum() == 2 * 240
    np.testing.assert_array_equal(sheet[4:24, 14:24], red)  # in the middle of the first column, which is 30 wide
    labelled = contact_sheet([[red, blue], [blue]], labels=["source", "a heading far too long for its column"])
    assert labelled.shape[0] > sheet.shape[0]
    assert labelled.shape[1] == sheet.shape[1]
    assert (labelled[: labelled.shape[0] - sheet.shape[0]] < 200).any()
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])
