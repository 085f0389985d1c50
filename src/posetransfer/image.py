"""Pictures: a file, bytes, a Pillow image or an array becomes an upright uint8 RGB picture, and back.

Between rooms a picture is uint8 (height, width, 3); [-1, 1] floats exist only inside engines, training and metrics.
A pixel's centre lies at whole numbers (`pose/pose.py`); `resize` keeps to that, so that a joint stays on its pixel.
"""

from __future__ import annotations

import io
import logging
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from posetransfer.errors import OutputError, PhotoError

Picture = npt.NDArray[np.uint8]
"""uint8 (height, width, 3), RGB."""

PhotoSource = str | Path | bytes | Image.Image | npt.NDArray[Any]
"""Everything that `load_photo` reads."""

MAX_PIXELS = 100_000_000

# Named one by one: Pillow would also hand EPS to Ghostscript, and open formats that no camera writes.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "TGA", "ICO", "JPEG2000", "AVIF")
ENDINGS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
LONGEST_SIDE = {"PNG": 2**31 - 1, "JPEG": 65_500, "WEBP": 16_383}
SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95, "method": 4},
}

log = logging.getLogger(__name__)


def load_photo(source: PhotoSource, name: str | None = None) -> Picture:
    """Read a photo of any kind as an upright RGB picture.

    EXIF rotation is applied; grey, palette, CMYK and 16-bit pictures become 8-bit RGB; what is transparent becomes
    white; of an animation the first frame is taken.

    Args:
        source: a path, the bytes of a file, a Pillow image, or an array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of
            uint8, uint16, bool, or float in [0, 1].
        name: what to call the photo in an error message; by default its path.

    Returns:
        uint8 (height, width, 3), a copy of its own.

    Raises:
        PhotoError: no such file, not a picture, truncated, empty, or over 100 megapixels (told from the header, before
            anything is decoded).

    >>> load_photo(np.zeros((4, 6), np.uint8)).shape
    (4, 6, 3)
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, name or "the given array")
    if isinstance(source, Image.Image):
        return _from_image(source, name or "the given image")
    if isinstance(source, bytes):
        return _from_file(io.BytesIO(source), name or "the given bytes")
    path = Path(source)
    name = name or str(path)
    try:
        if path.is_dir():
            raise PhotoError(f"{name}: this is a folder, but one picture was expected; name a file in it.")
        with path.open("rb") as file:
            return _from_file(file, name)
    except OSError as error:
        raise PhotoError(f"{name}: the photo cannot be opened ({error.strerror or error}); check the path.") from error


def is_picture(path: str | Path) -> bool:
    """Whether the first bytes of a file, or at least its ending, are a picture's; a pose file has neither."""
    with warnings.catch_warnings(action="ignore"):
        try:
            with Image.open(path):
                return True
        except Image.DecompressionBombError:
            return True
        except Exception:  # as in `load_photo`: a broken file makes Pillow raise nearly anything
            ending = Path(path).suffix.lower()
            return bool(ending) and ending in Image.registered_extensions()  # which loads all of Pillow's formats


def _from_file(file: BinaryIO, name: str) -> Picture:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns at 89 megapixels, and about broken EXIF: neither is our limit
        try:
            image = _opened(file)
        except Image.DecompressionBombError as error:
            pixels = re.search(r"\d+", str(error))
            raise _too_large(name, int(pixels[0]) if pixels else 2 * MAX_PIXELS) from error
        except Exception as error:  # a broken file makes Pillow raise nearly anything
            expected = "a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF file was expected; open it in a viewer and save it again"
            raise PhotoError(f"{name}: not a picture that can be read; {expected}.") from error
        with image:
            return _from_image(image, name)


def _opened(file: BinaryIO) -> Image.Image:
    Image.preinit()
    try:
        return Image.open(file, formats=[form for form in FORMATS if form in Image.OPEN])
    except UnidentifiedImageError:  # none of the usual five: only now all of Pillow's formats are loaded, a twentieth of a second
        Image.init()
        file.seek(0)
        return Image.open(file, formats=[form for form in FORMATS if form in Image.OPEN])  # AVIF is missing in older Pillows


def _from_image(image: Image.Image, name: str) -> Picture:
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(name, image.width * image.height, f"{image.width} x {image.height}, ")
    if min(image.size) < 1:
        raise PhotoError(f"{name}: the picture is empty ({image.width} x {image.height}); give one with at least one pixel.")
    try:
        image.load()
        return np.array(_eight_bits(_upright(image)), dtype=np.uint8)
    except Exception as error:  # as above: OSError, SyntaxError, zlib.error, struct.error, ...
        reason = str(error).rstrip(".") or type(error).__name__
        raise PhotoError(f"{name}: the picture is damaged or cut short ({reason}); get the whole file again.") from error


def _too_large(name: str, pixels: int, sides: str = "") -> PhotoError:
    limit = MAX_PIXELS // 1_000_000
    return PhotoError(
        f"{name}: the picture is too large ({sides}{pixels / 1e6:,.0f} megapixels, at most {limit} are read); make it smaller first."
    )


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a damaged EXIF block must not cost the user the photo
        log.debug("EXIF data cannot be read; the picture is taken as it is", exc_info=True)
        return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Any mode of Pillow as RGB; transparent parts over white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_grey_to_eight_bits(np.asarray(image))).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _grey_to_eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """16-bit, 32-bit or float grey values; the range is told from the largest one where the type leaves it open."""
    numbers = np.nan_to_num(values.astype(np.float64))
    top = float(numbers.max())
    largest = 65535.0 if values.dtype.kind != "f" else 1.0 if top <= 1 else 255.0 if top <= 255 else 65535.0
    return np.rint(np.clip(numbers / largest, 0, 1) * 255).astype(np.uint8)


def _from_array(array: npt.NDArray[Any], name: str) -> Picture:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise PhotoError(f"{name}: an array of shape {array.shape} is not a picture; give (height, width), or (height, width, 3 or 4).")
    if array.size == 0 or array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise PhotoError(
            f"{name}: an array of shape {array.shape} has no pixels or too many; at most {MAX_PIXELS // 1_000_000} million are read."
        )
    array = _array_to_eight_bits(array, name)
    channels = 1 if array.ndim == 2 else array.shape[2]
    if channels == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    return np.array(_eight_bits(Image.fromarray(np.ascontiguousarray(array))))


def _array_to_eight_bits(array: npt.NDArray[Any], name: str) -> Picture:
    if array.dtype == np.uint8:
        return array.astype(np.uint8, copy=False)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        array = array / np.float64(257 * 255)
    if array.dtype.kind == "f" and 0 <= array.min() <= array.max() <= 1:
        picture: Picture = np.rint(array * 255).astype(np.uint8)
        return picture
    values = f"{array.min():.4g} to {array.max():.4g}"
    raise PhotoError(
        f"{name}: an array of {array.dtype} with values from {values} is not a picture; give uint8, uint16, or floats from 0 to 1."
    )


def picture_format(path: str | Path) -> str:
    """Tell the format ("PNG", "JPEG" or "WEBP") from the ending of a file to be written.

    Raises:
        OutputError: the ending is unknown. Commands call this before the work, so that nothing is lost.

    >>> picture_format("out/person.jpg")
    'JPEG'
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        ending = f"the ending {path.suffix!r}" if path.suffix else "a name without an ending"
        raise OutputError(f"{path}: {ending} does not say how to write a picture; use one of {', '.join(ENDINGS)}.")
    return ENDINGS[path.suffix.lower()]


def save_picture(picture: Picture, path: str | Path, alpha: npt.ArrayLike | None = None) -> None:
    """Write a picture; the ending decides between PNG, JPEG and WebP.

    Missing folders are made. The file appears whole or not at all.

    Args:
        picture: uint8 (height, width, 3).
        path: ends in .png, .jpg, .jpeg or .webp.
        alpha: (height, width) opacity in [0, 1]; PNG and WebP only.

    Raises:
        OutputError: unknown ending, transparency in a JPEG, a side that the format cannot hold, or a place that cannot be written.
    """
    form = picture_format(path)
    height, width = picture.shape[:2]
    if max(height, width) > LONGEST_SIDE[form]:
        raise OutputError(f"{path}: {width} x {height} pixels are too many for {form}, at most {LONGEST_SIDE[form]} a side; use .png.")
    image = Image.fromarray(np.ascontiguousarray(picture))
    if alpha is not None:
        if form == "JPEG":
            raise OutputError(f"{path}: a JPEG cannot be transparent; use .png or .webp.")
        opacity = np.rint(np.clip(np.asarray(alpha, dtype=np.float64), 0, 1) * 255).astype(np.uint8)
        image.putalpha(Image.fromarray(opacity))
    with whole_file(path) as file:
        image.save(file, form, **SAVE_OPTIONS[form])


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing under a temporary name; it takes its own name when the block ends well, else it is removed.

    Raises:
        OutputError: the folder cannot be made, or the file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "a folder has this name")
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: the file cannot be written ({error.strerror or error}); choose another place with -o.") from error
    finally:
        if temporary.is_file():
            temporary.unlink()


def resize(picture: Picture, size: tuple[int, int]) -> Picture:
    """Resize to `size` = (height, width), smoothed when it becomes smaller; joints move as `Pose.scaled` says.

    Args:
        picture: uint8 (H, W, 3) or (H, W), or float32 (H, W).
        size: the new (height, width), at least 1 each.
    """
    height, width = size
    image = Image.fromarray(np.ascontiguousarray(picture))
    shrinks = width < image.width or height < image.height
    # Lanczos rings at hard edges when it enlarges; bicubic rings less.
    method = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    return np.array(image.resize((width, height), method))


def to_unit(picture: Picture) -> npt.NDArray[np.float32]:
    """Turn uint8 (H, W, 3) into float32 (3, H, W) in [-1, 1], as a network reads it.

    >>> to_unit(np.full((1, 1, 3), 255, np.uint8)).ravel()
    array([1., 1., 1.], dtype=float32)
    """
    return np.ascontiguousarray(picture.transpose(2, 0, 1), dtype=np.float32) / np.float32(127.5) - np.float32(1)


def from_unit(array: npt.NDArray[np.floating[Any]]) -> Picture:
    """Turn float (3, H, W) in [-1, 1] back into uint8 (H, W, 3); values are rounded, those outside are clipped.

    >>> from_unit(to_unit(np.array([[[0, 128, 255]]], np.uint8)))
    array([[[  0, 128, 255]]], dtype=uint8)
    """
    values = np.rint((np.asarray(array, dtype=np.float32) + np.float32(1)) * np.float32(127.5))
    return np.ascontiguousarray(np.clip(values, 0, 255).astype(np.uint8).transpose(1, 2, 0))


def contact_sheet(rows: Sequence[Sequence[Picture]], labels: Sequence[str] | None = None, gap: int = 4) -> Picture:
    """Lay pictures out in rows on white, each in the middle of its cell.

    Args:
        rows: pictures of any size; rows may differ in length.
        labels: headings over the columns.
        gap: white pixels between pictures and around the sheet.

    Returns:
        uint8 (height, width, 3).

    Raises:
        ValueError: there is no picture at all.
    """
    columns = max((len(row) for row in rows), default=0)
    if columns == 0:
        raise ValueError("a contact sheet needs at least one picture")
    widths = [max((row[i].shape[1] for row in rows if i < len(row)), default=0) for i in range(columns)]
    heights = [max((picture.shape[0] for picture in row), default=0) for row in rows]
    font = ImageFont.load_default(float(min(max(min(widths) // 10, 11), 28)))
    head = round(font.getbbox("Ag")[3]) + gap + 2 if labels else 0
    lefts = np.cumsum([gap, *(width + gap for width in widths)])
    tops = np.cumsum([gap + head, *(height + gap for height in heights)])
    sheet = Image.new("RGB", (int(lefts[-1]), int(tops[-1])), "white")
    for top, height, row in zip(tops, heights, rows, strict=False):
        for left, width, picture in zip(lefts, widths, row, strict=False):
            spot = (int(left) + (width - picture.shape[1]) // 2, int(top) + (height - picture.shape[0]) // 2)
            sheet.paste(Image.fromarray(np.ascontiguousarray(picture)), spot)
    for left, width, label in zip(lefts, widths, labels or (), strict=False):
        _write_heading(sheet, label, (int(left), gap), width, font)
    return np.array(sheet)


def _write_heading(
    sheet: Image.Image, label: str, corner: tuple[int, int], width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> None:
    """Centred over its column; shortened with dots where the column is too narrow."""
    short = label
    while font.getlength(short) > width and len(short) > 1:
        label = label[:-1]
        short = label.rstrip() + "…"
    ImageDraw.Draw(sheet).text((corner[0] + (width - font.getlength(short)) / 2, corner[1]), short, fill=(60, 60, 60), font=font)
