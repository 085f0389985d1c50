"""What a transfer gives back: the picture, and how it came to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from posetransfer.engines import Explanation
from posetransfer.frame import Frame
from posetransfer.gate import Finding
from posetransfer.image import Picture, save_picture
from posetransfer.pose import Pose

Mask = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Result:
    """A picture and how it came to be."""

    pixels: Picture
    """uint8 (H, W, 3): of the network's size, or of the photo's with `place`."""
    alpha: Mask | None
    """(H, W) opacity in [0, 1] with the background `transparent`, else None."""
    painted: Picture
    """uint8 (h, w, 3): what the network painted, before any background was put behind it."""
    seen: Picture
    """uint8 (h, w, 3): the part of the photo that the network read, the person cut out where the weights want it."""
    source: Picture
    """uint8: the photo, upright."""
    source_pose: Pose
    """In the photo's pixels."""
    target_pose: Pose
    """As it was used, after retargeting, in the photo's pixels."""
    frame: Frame
    """The part of the photo that the network saw; `frame.fit(target_pose)` lies on `painted`."""
    attention: Explanation | None
    """Masks and intermediate pictures of the blocks, if they were asked for."""
    seconds: dict[str, float]
    """Wall time per step."""
    kind: type = field(repr=False)
    findings: tuple[Finding, ...] = ()
    """What the network does not know well about this photo and this pose."""
    backdrop: tuple[int, int, int] | None = None
    """RGB of what `painted` stands before; None: whatever the network painted."""

    @property
    def picture(self) -> npt.NDArray[np.uint8] | bytes | Image.Image:
        """The picture as the photo was given: an array for an array, PNG bytes for bytes, else a Pillow image.

        A path gives a Pillow image too, for a picture in memory has no path; `save` writes one. A transparent background
        adds a fourth channel.
        """
        if issubclass(self.kind, np.ndarray):
            return self.pixels if self.alpha is None else np.dstack([self.pixels, _bytes(self.alpha)])
        return self._png() if issubclass(self.kind, bytes) else self.image

    @property
    def image(self) -> Image.Image:
        """The picture as a Pillow image, RGB or RGBA."""
        image = Image.fromarray(self.pixels)
        if self.alpha is not None:
            image.putalpha(Image.fromarray(_bytes(self.alpha)))
        return image

    def save(self, path: str | Path) -> None:
        """Write the picture; the ending decides between PNG, JPEG and WebP.

        Raises:
            OutputError: unknown ending, or the file cannot be written.
        """
        save_picture(self.pixels, path, self.alpha)

    def _png(self) -> bytes:
        file = BytesIO()
        self.image.save(file, "PNG")
        return file.getvalue()


def _bytes(alpha: Mask) -> npt.NDArray[np.uint8]:
    return np.rint(alpha * 255).astype(np.uint8)
