"""Synthetic people: made-up identities in many poses and views, with joints and masks, to train and test on.

    settings              what decides a set
    assets, body          meshes and shapes made by others; measures of one body
    head, wardrobe, accessories -> identity          one person: skin, hair, clothes, shoes, bag, as one `mesh`
    garments, garment_maps, cloth, patterns, prints, relief, colours          what clothes look like
    rotation, motion, gestures, stance               poses
    camera, light, backdrop, street, occluder        what stands around the person
    surface, raster, shadow, shade -> render         the renderer (numba)
    shot -> dataset, sheet                           one picture; a whole set; a look at it

The extra `people` brings numba, OpenCV and SciPy. Lengths are metres, y up; pictures are uint8 RGB.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from posetransfer.errors import MissingExtra
from posetransfer.people.settings import SIZES, Kind, PeopleSettings

__all__ = ["SIZES", "Kind", "PeopleSettings", "render_people", "require_extra"]


def render_people(
    settings: PeopleSettings, folder: str | Path, processes: int | None = None, progress: Callable[[int, int], None] | None = None
) -> None:
    """Render a set into a folder, as a prepared folder that training and evaluation read; goes on where a stopped run was.

    Args:
        settings: what decides the set.
        folder: a new or empty folder, or one that holds a part of the same set.
        processes: that render side by side; by default one per processor. The pictures do not depend on it. With more
            than one, a script that calls this needs the usual `if __name__ == "__main__":`.
        progress: called with (pictures done, pictures in all) whenever a person is finished.

    Raises:
        MissingExtra: numba, OpenCV or SciPy is not installed.
        SettingsError: the folder holds another set.
        OutputError: the folder holds something else, or cannot be written.
    """
    require_extra()
    from posetransfer.people.dataset import render_set

    render_set(settings, Path(folder), processes, progress)


def require_extra() -> None:
    """Check for the packages that the renderer needs.

    Raises:
        MissingExtra: one of them is not installed.
    """
    for module, package in (("numba", "numba"), ("cv2", "opencv-python-headless"), ("scipy", "scipy")):
        if find_spec(module) is None:
            raise MissingExtra(package, "people")
