"""Cut the person out of a photo, put them over another background, and fill the place where they stood.

`people.py` finds the person's mask, `edges.py` draws its edge along the edges of the photo and takes the old background's
colour out of it, `fill.py` invents what was behind.
"""

from posetransfer.cutout.edges import composite
from posetransfer.cutout.fill import fill_behind
from posetransfer.cutout.people import Cutout

__all__ = ["Cutout", "composite", "fill_behind"]
