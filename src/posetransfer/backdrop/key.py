"""Backdrops of a strong colour (green, as in film studios): how much of a pixel is backdrop is read from its hue."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posetransfer.image import Picture

Colour = tuple[int, int, int]
Values = npt.NDArray[np.float32]

NEUTRAL: Colour = (224, 224, 224)
"""What stands in the place of a strong colour where people look at the picture."""

STRONG = 96
"""Levels by which one channel of a key colour exceeds the others at least."""

MOST, LEAST = 0.6, 0.25
"""A person leans to the backdrop's hue by this part of it at most; of a pixel at least this much is taken for the person's,
for what is divided by less is noise."""


def is_key(colour: Colour) -> bool:
    """Is this a colour that hardly any person wears, told from people by its hue?

    >>> is_key((32, 224, 32)), is_key((224, 224, 224))
    (True, False)
    """
    return float(hue(np.array(colour, np.float32), colour)) >= STRONG


def hue(values: Values, colour: Colour) -> Values:
    """How far the backdrop's channel exceeds the other two, in levels: (H, W, 3) -> (H, W)."""
    channel = int(np.argmax(colour))
    others = [values[..., i] for i in range(3) if i != channel]
    return np.asarray(values[..., channel] - np.maximum(*others), np.float32)


def leaning(photo: Picture, mask: npt.NDArray[np.bool_], colour: Colour) -> float:
    """How far a person's own colours (green clothes) lean to the backdrop's hue, in levels.

    Args:
        photo: uint8 (H, W, 3).
        mask: (H, W), where the person is for certain.
        colour: of the backdrop.
    """
    if not mask.any():
        return 0.0
    own = float(np.quantile(hue(photo[mask].astype(np.float32), colour), 0.98))
    return min(max(own, 0.0), MOST * float(hue(np.array(colour, np.float32), colour)))


def part_by_hue(values: Values, colour: Colour, own: float = 0.0) -> Values:
    """The person's part of each pixel as its hue tells it: 0 at the backdrop's, 1 at the person's own leaning.

    Skin and purple lean away from green: they have more than 1, and their edges look more solid than they are. Nothing looks
    thinner than it is.
    """
    whole = float(hue(np.array(colour, np.float32), colour))
    return np.asarray(1 - (hue(values, colour) - own) / (whole - own), np.float32)


def unmixed(values: Values, colour: Colour, own: float = 0.0) -> Values:
    """The person's colours without the backdrop that shines through or is reflected."""
    part = part_by_hue(values, colour, own).clip(LEAST, 1)[..., None]
    backdrop = np.array(colour, np.float32)
    return np.asarray((backdrop + (values - backdrop) / part).clip(0, 255), np.float32)


def over_neutral(picture: Picture, colour: Colour, neutral: Colour = NEUTRAL) -> Picture:
    """A picture painted over a key colour, shown over a neutral one; a picture over any other colour as it is.

    For looking at: no pose is needed, so a person's green clothes are taken for backdrop.
    """
    if not is_key(colour):
        return picture
    values = picture.astype(np.float32)
    behind = 1 - part_by_hue(values, colour).clip(0, 1)[..., None]
    shown = values + behind * (np.array(neutral, np.float32) - np.array(colour, np.float32))
    return np.asarray(np.rint(shown.clip(0, 255)), np.uint8)
