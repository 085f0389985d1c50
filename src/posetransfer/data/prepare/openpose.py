"""Given poses: a folder with one OpenPose file per picture (`NAME_keypoints.json`)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from posetransfer.errors import DataError
from posetransfer.pose.pose import Pose

ENDINGS = ("_keypoints.json", ".json")


class PoseFiles:
    """Finds the pose file of a picture by its file name.

    Args:
        folder: looked through with everything below it.
        pictures: all pictures of the set. A file name that several of them share (`bob/1.jpg`, `eve/1.jpg`) finds a pose
            file in a folder of the same name only (`bob/1_keypoints.json`).

    Raises:
        DataError: no such folder, or no JSON file in it.
    """

    def __init__(self, folder: str | Path, pictures: Iterable[Path] = ()) -> None:
        self.folder = Path(folder)
        self._pictures = Counter(picture.stem for picture in pictures)
        self._files: dict[str, list[str]] = {}
        for base, _, names in os.walk(self.folder):
            for name in names:
                ending = next((ending for ending in ENDINGS if name.endswith(ending)), None)
                if ending:
                    relative = os.path.relpath(os.path.join(base, name), self.folder)
                    self._files.setdefault(name.removesuffix(ending), []).append(relative)
        if not self._files:
            raise DataError(
                f"{self.folder}: no pose file such as NAME_keypoints.json; give the folder that OpenPose wrote with --write_json."
            )

    def find(self, picture: Path, name: str) -> Path | None:
        """The pose file of a picture, given its path and its name in the prepared folder."""
        named = self._files.get(Path(name).stem, [])
        if len(named) == 1:
            return self.folder / named[0]
        found = sorted(self._files.get(picture.stem, []))
        if len(found) == 1 and self._pictures[picture.stem] <= 1:
            return self.folder / found[0]
        alike = {relative: _common_end(Path(relative).parts[:-1], picture.parts[:-1]) for relative in found}
        best = max(found, key=lambda relative: alike[relative], default=None)
        return self.folder / best if best is not None and alike[best] else None


def _common_end(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    count = 0
    for one, other in zip(reversed(a), reversed(b), strict=False):
        if one != other:
            break
        count += 1
    return count


def read_pose_file(path: Path, size: tuple[int, int]) -> Pose:
    """The pose of the person with the highest scores in an OpenPose file; all joints missing if it names nobody."""
    from posetransfer.pose.formats import read_poses

    poses = read_poses(path, size=size)
    return max(poses, key=lambda pose: float(pose.score.sum())) if poses else Pose({}, size)
