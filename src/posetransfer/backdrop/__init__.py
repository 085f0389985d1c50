"""A person painted over a plain colour: taken off it, or shown over a neutral one.

`lift.py` finds the person's share of each pixel, `key.py` knows backdrops of a strong colour: what of a pixel is their hue.
"""

from posetransfer.backdrop.key import NEUTRAL, is_key, leaning, over_neutral
from posetransfer.backdrop.lift import lift

__all__ = ["NEUTRAL", "is_key", "leaning", "lift", "over_neutral"]
