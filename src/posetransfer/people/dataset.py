"""A whole set on disk: pictures, masks and lists. The same bytes for any number of processes, and after any interruption."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from posetransfer.errors import OutputError, PoseTransferError, SettingsError
from posetransfer.image import whole_file
from posetransfer.people.arrays import Array, Rng
from posetransfer.people.assets import Assets, load_assets
from posetransfer.people.identity import Identity, make_identity
from posetransfer.people.settings import SIZES, TEXTURE_SIZES, PeopleSettings
from posetransfer.people.shot import Shot, take_street_shot, take_studio_shot

FOLDERS = ("images", "masks", "parts")
STREAM = {"street": 1, "studio": 2}
"""Second word of every random seed: both kinds of one seed show other people."""

BAGS = {"street": 1.0, "studio": 0.35}
JPEG_QUALITY = {"street": (72, 96), "studio": (90, 98)}
"""Each picture's quality is drawn from this range (upper end excluded)."""

SITTING = 10**6
"""Number of the random stream, beside the pictures', that decides backdrop and light of a whole sitting."""

Progress = Callable[[int, int], None]


def render_set(settings: PeopleSettings, folder: Path, processes: int | None = None, progress: Progress | None = None) -> None:
    """Render what is missing, then write the lists and, last of all, `set.json` (see `posetransfer.people.render_people`)."""
    _open_folder(settings, folder)
    numbers = range(settings.first, settings.first + settings.people)
    missing = [number for number in numbers if not _part_path(folder, number).exists()]
    done, total = (settings.people - len(missing)) * settings.images, settings.people * settings.images
    report = progress or (lambda done, total: None)
    report(done, total)
    for _ in _rendered(settings, folder, missing, processes or os.cpu_count() or 1):
        done += settings.images
        report(done, total)
    write_lists(settings, folder)


def _open_folder(settings: PeopleSettings, folder: Path) -> None:
    """Make the folder, or check that it holds a part of this very set.

    Raises:
        SettingsError: it holds another set. OutputError: something else, or it cannot be written.
    """
    note = folder / "parts" / "settings.json"
    stored = next((path for path in (folder / "set.json", note) if path.is_file()), None)
    if stored is not None:
        difference = settings.difference(_read_json(stored))
        if difference:
            raise SettingsError(
                f"{folder}: this folder holds another set: {difference}; choose another folder, or the same settings to go on."
            )
    elif folder.is_dir() and any(folder.iterdir()):
        raise OutputError(f"{folder}: this folder is not empty and holds no rendered set; choose a new folder.")
    with _writing(folder):
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
    for leftover in (folder / "parts").glob(".*.part"):  # of a run that was killed while it wrote
        leftover.unlink(missing_ok=True)
    _write_text(note, json.dumps(settings.as_dict(), indent=1))


def _rendered(settings: PeopleSettings, folder: Path, numbers: list[int], processes: int) -> Iterator[int]:
    """Render people, in any order; yields the number of each when it is finished."""
    processes = min(processes, len(numbers))
    if processes <= 1:
        for number in numbers:
            yield render_person(settings, folder, number)
        return
    # spawn: a fork of a process with threads (torch, a progress bar) may hang.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    try:
        for future in as_completed([pool.submit(render_person, settings, folder, number) for number in numbers]):
            yield future.result()
    except BrokenProcessPool as error:
        raise PoseTransferError(
            f"{folder}: a process that rendered was ended from outside (out of memory?) while {processes} were expected to work; "
            "run the same command again, with fewer --processes, to go on."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def render_person(settings: PeopleSettings, folder: Path, number: int) -> int:
    """Render all pictures of one person; the part file comes last, so that a broken run can go on.

    Returns:
        the person's number.
    """
    cv2.setNumThreads(1)  # the processes share the processors
    assets = load_assets()
    seed = [settings.seed, STREAM[settings.kind], number]
    rng = np.random.default_rng(seed)
    who = make_identity(assets, rng, TEXTURE_SIZES[settings.kind], BAGS[settings.kind])
    sitting = [*seed, SITTING] if settings.kind == "studio" and rng.random() < settings.same_scene else None
    rows = []
    for i in range(settings.images):
        picture_rng = np.random.default_rng([*seed, i])
        camera = int(picture_rng.integers(settings.cameras)) if settings.kind == "street" else 0
        shot = _take(settings, assets, who, picture_rng, camera, sitting)
        name = f"{number:05d}_c{camera + 1}_{i:02d}"
        quality = int(picture_rng.integers(*JPEG_QUALITY[settings.kind]))
        _write_shot(folder, name, shot, quality)
        rows.append({"name": f"{name}.jpg", "y": shot.joints[:, 0].tolist(), "x": shot.joints[:, 1].tolist(), "pose": shot.pose})
    _write_text(_part_path(folder, number), json.dumps({"pid": number, "label": who.label, "images": rows}))
    return number


def _take(settings: PeopleSettings, assets: Assets, who: Identity, rng: Rng, camera: int, sitting: list[int] | None) -> Shot:
    if settings.kind == "street":
        return take_street_shot(assets, who, rng, camera + 100 * (settings.seed % 50))  # every seed has its own scenes
    return take_studio_shot(assets, who, rng, whole=settings.whole, random_bg=settings.random_bg, sitting=sitting)


def _write_shot(folder: Path, name: str, shot: Shot, quality: int) -> None:
    """Picture and mask, under their own names at once: until the part file is there they count as not made."""
    mask = (shot.mask * 255 + 0.5).astype(np.uint8)
    hard = not ((mask > 0) & (mask < 255)).any()
    with _writing(folder):
        (folder / "images" / f"{name}.jpg").write_bytes(_encode(".jpg", shot.picture[..., ::-1], cv2.IMWRITE_JPEG_QUALITY, quality))
        (folder / "masks" / f"{name}.png").write_bytes(
            _encode(".png", mask, cv2.IMWRITE_PNG_BILEVEL if hard else cv2.IMWRITE_PNG_COMPRESSION, 1 if hard else 9)
        )


def _encode(ending: str, picture: Array, option: int, value: int) -> bytes:
    encoded, data = cv2.imencode(ending, picture, [option, value])
    assert encoded, "OpenCV encodes every uint8 picture"
    return data.tobytes()


def write_lists(settings: PeopleSettings, folder: Path) -> None:
    """Annotations, pairs, people and, last of all, `set.json`: a folder with it is complete."""
    numbers = range(settings.first, settings.first + settings.people)
    parts = [_read_json(_part_path(folder, number)) for number in numbers]
    order = np.random.default_rng([settings.seed, 77]).permutation(len(parts))
    chosen = {int(i) for i in order[: max(1, round(settings.test * len(parts)))]}
    split = ["test" if i in chosen else "train" for i in range(len(parts))]
    people = [json.dumps({"pid": part["pid"], "split": of, **part["label"]}) for part, of in zip(parts, split, strict=True)]
    _write_text(folder / "people.jsonl", "\n".join(people) + "\n")
    rng = np.random.default_rng([settings.seed, 78])
    for name in ("train", "test"):
        members = [part for part, of in zip(parts, split, strict=True) if of == name]
        rows = [f"{row['name']}: {row['y']}: {row['x']}" for part in members for row in part["images"]]
        _write_text(folder / f"annotation-{name}.csv", "\n".join(["name:keypoints_y:keypoints_x", *rows]) + "\n")
        pairs = [pair for part in members for pair in _draw_pairs(rng, [row["name"] for row in part["images"]], settings.pairs)]
        _write_text(folder / f"pairs-{name}.csv", "\r\n".join(["from,to", *pairs]) + "\r\n")
    facts = settings.as_dict() | {"size": SIZES[settings.kind]}
    _write_text(folder / "set.json", json.dumps(facts, indent=1))


def _draw_pairs(rng: Rng, names: list[str], count: int) -> list[str]:
    """Rows "from,to" of different pictures of one person, drawn without repetition, in the order of the names."""
    possible = [(a, b) for a in names for b in names if a != b]
    drawn = sorted(rng.choice(len(possible), min(count, len(possible)), replace=False)) if possible else []
    return [",".join(possible[i]) for i in drawn]


def _part_path(folder: Path, number: int) -> Path:
    return folder / "parts" / f"{number:05d}.json"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
        reason = f"a {type(content).__name__}, not an object"
    except (OSError, ValueError) as error:
        reason = str(error)
    raise OutputError(f"{path}: this file of the set cannot be read ({reason}); delete it and run the same command again.")


def _write_text(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode())


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{folder}: the set cannot be written ({reason}); choose another folder, or make room and run again.") from error
