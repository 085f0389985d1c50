"""The named protocols: each fixes size, crop, padding, file form, real set and feature network of the papers that use it.

A score is comparable with a published one only under the protocol of that paper; the SSIM of one method moves by a tenth
between two of them. docs/evaluation.md tells where each rule comes from.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from posetransfer.errors import DataError, SettingsError
from posetransfer.evaluation.batch import Batch, Mask, Picture
from posetransfer.evaluation.pictures import Pair, PictureFile, Source, load, load_mask
from posetransfer.pose.pose import Pose

SIDE = 40
"""Columns on each side by which the 256 x 256 pictures of DeepFashion are wider than the 256 x 176 crop."""


@dataclass(frozen=True)
class Protocol:
    """What happens to the pictures before they are scored, and which scores are the protocol's own."""

    name: str
    about: str
    """One sentence."""
    scores: tuple[str, ...]
    """Scores of the pixels."""
    size: tuple[int, int] | None = None
    """(height, width) that is scored; None: as the files are."""
    crop: bool = False
    """Cut 256 x 256 pictures to their middle 176 columns."""
    pad: bool = False
    """Widen 256 x 176 pictures to 256 columns, white."""
    resize_real: bool = False
    """Resize real pictures of another size (Pillow, antialiased bicubic)."""
    as_strips: bool = False
    """The authors scored JPEG strips (quality 75) of truncated values; pictures from other files are given the same loss."""
    white_columns: int = 0
    """White columns on each side of what IS, FID, KID and DS see."""
    inception: Literal["tensorflow", "imagenet"] = "tensorflow"
    """Weights of the Inception network: the original FID and IS graph, or torchvision's ImageNet weights."""
    real_set: Literal["targets", "train"] = "targets"
    """What FID and KID compare with: the distinct target pictures, or all training pictures (to be given)."""
    drop_last: int = 0
    """FID leaves out an incomplete last batch of this many pictures; 0 keeps all."""

    def __call__(self, pairs: Sequence[Pair]) -> Batch:
        """Read pairs and bring them into the protocol's form.

        Raises:
            DataError: a picture of a size that the protocol does not know what to do with.
        """
        fitted = [self._fit(pair) for pair in pairs]
        generated, real, poses, masks = zip(*fitted, strict=True) if fitted else ((), (), (), ())
        backdrops = [None if self.pad else pair.backdrop for pair in pairs]  # white columns are no part of the backdrop
        return Batch([pair.name for pair in pairs], generated, real, poses, masks, backdrops)

    def picture(self, source: Source, name: str, real: bool = True) -> Picture:
        """One picture in the protocol's form, as the real set of FID needs it."""
        return self._formed(load(source), source, name, real)

    def _fit(self, pair: Pair) -> tuple[Picture, Picture, Pose | None, Mask | None]:
        real = load(pair.real)
        return (
            self.picture(pair.generated, pair.name, real=False),
            self._formed(real, pair.real, pair.name, real=True),
            self._fitted_pose(pair.pose, real.shape[:2], pair.name),
            self._fitted_mask(load_mask(pair)),
        )

    def _formed(self, picture: Picture, source: Source, name: str, real: bool) -> Picture:
        return self._stored(self._fitted(picture, name, real), source, real)

    def _change(self, shape: tuple[int, ...]) -> Literal["keep", "crop", "pad", "resize"]:
        """What must happen to a picture of some size; sizes without an answer are to be resized."""
        if self.size is None or shape[:2] == self.size:
            return "keep"
        height, width = self.size
        if self.crop and shape[:2] == (height, width + 2 * SIDE):
            return "crop"
        if self.pad and shape[:2] == (height, width - 2 * SIDE):
            return "pad"
        return "resize"

    def _fitted(self, picture: Picture, name: str, real: bool) -> Picture:
        change = self._change(picture.shape)
        if change == "resize":
            return self._resized(picture, name, real)
        if change == "crop":
            return picture[:, SIDE:-SIDE]
        if change == "pad":
            return np.pad(picture, ((0, 0), (SIDE, SIDE), (0, 0)), constant_values=255)
        return picture

    def _resized(self, picture: Picture, name: str, real: bool) -> Picture:
        assert self.size is not None
        if not (real and self.resize_real):
            (h, w), (height, width) = picture.shape[:2], self.size
            raise DataError(
                f"{name}: the {'real' if real else 'generated'} picture is {h}x{w} (height x width), but protocol {self.name} scores "
                f"{height}x{width}; give pictures of that size, or choose --protocol plain."
            )
        return np.asarray(Image.fromarray(picture).resize(self.size[::-1], Image.Resampling.BICUBIC))

    def _fitted_pose(self, pose: Pose | None, size: tuple[int, ...], name: str) -> Pose | None:
        if pose is None:
            return None
        if pose.size != size[:2]:
            raise DataError(
                f"{name}: the target pose belongs to a picture of {pose.size} (height, width), but the real picture is {size[:2]}."
            )
        change = self._change(size)
        if change == "keep" or self.size is None:
            return pose
        if change == "resize":
            return pose.scaled(self.size)
        return pose.moved(-SIDE if change == "crop" else SIDE, 0, self.size)

    def _fitted_mask(self, mask: Mask | None) -> Mask | None:
        if mask is None:
            return None
        change = self._change(mask.shape)
        if change == "crop":
            return mask[:, SIDE:-SIDE]
        if change == "pad":
            return np.pad(mask, ((0, 0), (SIDE, SIDE)))
        if change == "resize" and self.size is not None:
            return np.asarray(Image.fromarray(mask).resize(self.size[::-1], Image.Resampling.NEAREST))
        return mask

    def _stored(self, picture: Picture, source: Source, real: bool) -> Picture:
        """The loss that the authors' files had, unless the picture comes from such a file."""
        if not self.as_strips or (isinstance(source, PictureFile) and source.panel is not None):
            return picture
        return through_jpeg(TRUNCATED[picture] if real else picture)


def _truncated() -> npt.NDArray[np.uint8]:
    """What the authors' round trip of a uint8 value through [-1, 1] floats leaves: 63 of 256 values lose 1."""
    unit = (np.arange(256, dtype=np.float32) / np.float32(255) - np.float32(0.5)) / np.float32(0.5)
    return ((unit + np.float32(1)) / np.float32(2) * np.float32(255)).astype(np.uint8)


TRUNCATED = _truncated()


def through_jpeg(picture: Picture, quality: int = 75) -> Picture:
    """The picture after it was saved as JPEG with Pillow's default settings and read again."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    with Image.open(stream) as image:
        return np.array(image.convert("RGB"))


_PAPER = ("l1", "psnr", "ssim", "ssim_patn")
_LATER = ("l1", "psnr", "ssim_51", "ssim_patn", "mask_ssim_true")

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("plain", "The files as they are, whatever their size.", (*_PAPER, "ssim_51", "mask_ssim", "mask_ssim_true")),
        Protocol(
            "patn-market",
            "PATN on Market-1501: 128x64, JPEG strips, SSIM with the generated picture's range, joint masks.",
            (*_PAPER, "mask_ssim", "mask_ssim_true"),
            size=(128, 64),
            as_strips=True,
        ),
        Protocol(
            "patn-deepfashion",
            "PATN on DeepFashion: 256x176, JPEG strips, 40 white columns on each side for SSIM, IS and DS.",
            (*_PAPER, "ssim_patn_white", "mask_ssim_true"),
            size=(256, 176),
            crop=True,
            as_strips=True,
            white_columns=SIDE,
        ),
        Protocol(
            "gfla-256",
            "GFLA on DeepFashion: 256x256, SSIM with window 51, FID against all training pictures.",
            _LATER,
            size=(256, 256),
            pad=True,
            inception="imagenet",
            real_set="train",
            drop_last=64,
        ),
        Protocol(
            "nted-256",
            "NTED, PIDM, CFLD on DeepFashion: 256x176, SSIM with window 51, FID against all training pictures.",
            _LATER,
            size=(256, 176),
            resize_real=True,
            inception="imagenet",
            real_set="train",
        ),
        Protocol(
            "nted-512",
            "NTED, PIDM, CFLD on DeepFashion: 512x352, SSIM with window 51, FID against all training pictures.",
            _LATER,
            size=(512, 352),
            resize_real=True,
            inception="imagenet",
            real_set="train",
        ),
    )
}


def find_protocol(name: str) -> Protocol:
    """A protocol by name.

    Raises:
        SettingsError: there is none of that name.
    """
    if name not in PROTOCOLS:
        raise SettingsError(f"unknown protocol {name!r}; choose one of {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]
