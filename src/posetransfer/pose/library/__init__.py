"""Named poses for a first try: one JSON file each, beside this module (`README.md` says where they come from)."""

from __future__ import annotations

import difflib
from functools import cache
from importlib import resources

from posetransfer.errors import UnknownPose
from posetransfer.pose.formats import read_pose
from posetransfer.pose.pose import Pose


@cache
def library_names() -> tuple[str, ...]:
    """The names of the shipped poses, sorted.

    >>> "standing-front" in library_names()
    True
    """
    return tuple(sorted(file.name.removesuffix(".json") for file in resources.files(__name__).iterdir() if file.name.endswith(".json")))


def library_pose(name: str) -> Pose:
    """A shipped pose by name; a figure in a picture of 256 x 176 pixels.

    Raises:
        UnknownPose: no pose has this name.

    >>> library_pose("arms-up").size
    (256, 176)
    """
    if name not in library_names():
        near = difflib.get_close_matches(name, library_names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the names are {', '.join(library_names())}."
        raise UnknownPose(f"{name!r} is neither a file nor a pose of the library; {hint}")
    return read_pose(resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
