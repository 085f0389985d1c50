"""Pictures out of clips: GIF by Pillow, everything else by PyAV (extra `video`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from posetransfer.errors import MissingExtra, PhotoError, SettingsError
from posetransfer.image import MAX_PIXELS, Picture, load_photo, save_picture

DONE = "done"


def extract_frames(clip: Path, folder: Path, every: int) -> list[Path]:
    """Write every `every`-th picture of a clip as `00000.png`, `00010.png`, … (numbers count all pictures).

    A folder that is already complete is only listed.

    Raises:
        PhotoError: the clip cannot be decoded.
        SettingsError: `every` is not positive.
        MissingExtra: the clip needs PyAV.
    """
    if every < 1:
        raise SettingsError(f"--every {every}: every how many pictures of a clip one is taken, at least 1.")
    if not (folder / DONE).exists():
        for number, picture in enumerate(read_clip(clip)):
            if number % every == 0:
                save_picture(picture, folder / f"{number:05}.png")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DONE).touch()
    return sorted(folder.glob("*.png"))


def read_clip(clip: Path) -> Iterator[Picture]:
    """All pictures of a clip, upright, one at a time.

    Raises:
        PhotoError: not a clip, or damaged.
        MissingExtra: the clip needs PyAV.
    """
    return _gif(clip) if clip.suffix.lower() == ".gif" else _video(clip)


def _gif(clip: Path) -> Iterator[Picture]:
    try:
        with Image.open(clip, formats=("GIF",)) as image:
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                yield load_photo(image.convert("RGBA"), name=f"{clip}, picture {number}")
    except (OSError, ValueError, EOFError) as error:
        raise PhotoError(f"{clip}: not a GIF that can be read ({error}); get the whole file again.") from error


def _video(clip: Path) -> Iterator[Picture]:
    try:
        import av
    except ImportError as error:
        raise MissingExtra("PyAV", "video") from error
    try:
        with av.open(str(clip)) as container:
            for frame in container.decode(video=0):
                if frame.width * frame.height > MAX_PIXELS:
                    raise PhotoError(f"{clip}: its pictures are too large ({frame.width} x {frame.height}); make the clip smaller first.")
                turned = np.rot90(frame.to_ndarray(format="rgb24"), round(getattr(frame, "rotation", 0) / 90))
                yield np.ascontiguousarray(turned)
    except (av.error.FFmpegError, IndexError) as error:
        raise PhotoError(f"{clip}: not a clip that can be decoded ({error}); convert it to MP4 (H.264) first.") from error
