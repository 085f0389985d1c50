"""Carry out a plan: pictures in worker processes, a journal to go on from, the lists at the end.

`set.json` is written last: a folder that has it is complete. Nothing in the result depends on the number of workers, on
the time, or on how often the preparation was stopped.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from posetransfer.data.annotations import PairIndex, Points, write_annotations, write_pairs
from posetransfer.data.manifest import SPLITS, PreparedFolder, split_hash
from posetransfer.data.pairing import DISTRACTORS, draw_pairs, make_pairs, usable
from posetransfer.data.prepare.folder import with_frames
from posetransfer.data.prepare.openpose import PoseFiles
from posetransfer.data.prepare.picture import FindMask, FindPose, Outcome, Recipe, Task
from posetransfer.data.prepare.plan import Item, Plan, missing_sentence
from posetransfer.data.prepare.report import write_report
from posetransfer.errors import DataError, OutputError, SettingsError
from posetransfer.image import whole_file

WORK = ".prepare"
FORMAT = 1
_CHUNK = 16  # pictures a worker takes at once
_BYTES = {"resize": 4_000, "fashion": 20_000, "person": 100_000}  # a prepared picture on disk, roughly

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """How a plan is carried out."""

    poses: Path | None = None
    """Folder with OpenPose files, for the pictures without a given pose."""
    masks: bool = False
    """Also find the person's mask in every picture."""
    every: int = 10
    """Of clips, every how many pictures one is taken."""
    allow_missing: bool = False
    """Go on without the pictures that the lists name and that are not there."""
    workers: int = 0
    """Processes; 0 takes one per core."""


def default_estimator() -> FindPose:
    """The estimator of this package, on one thread: the cores are for the workers."""
    from posetransfer.pose.estimator import Estimator

    return Estimator(threads=1)


def default_segmenter() -> FindMask:
    """The segmenter of this package, on one thread."""
    from posetransfer.cutout import Cutout

    return Cutout(threads=1)


def prepare(
    plan: Plan,
    out: str | Path,
    options: Options | None = None,
    *,
    estimator: Callable[[], FindPose] = default_estimator,
    segmenter: Callable[[], FindMask] = default_segmenter,
    progress: Callable[[int, int], None] | None = None,
) -> PreparedFolder:
    """Write the prepared folder of a plan.

    A preparation that was stopped goes on where it was; one that is complete is only opened.

    Args:
        plan: from `plan_market1501`, `plan_deepfashion` or `plan_folder`.
        out: new or empty folder, or the beginnings of the same preparation.
        options: see `Options`.
        estimator: makes the pose estimator, in each worker that needs it.
        segmenter: makes the segmenter, likewise.
        progress: called with (pictures done, pictures in all).

    Raises:
        DataError: pictures are missing, two have one name, or none can be used.
        SettingsError: `every` is not positive.
        OutputError: `out` holds something else, or cannot be written.
    """
    out, options = Path(out), options or Options()
    if options.every < 1:
        raise SettingsError(f"--every {options.every}: every how many pictures of a clip one is taken, at least 1.")
    if plan.missing and not options.allow_missing:
        raise DataError(f"{missing_sentence(plan.missing)}; complete the download, or go on without them with --allow-missing.")
    files = PoseFiles(options.poses, [item.path for item in plan.items]) if options.poses else None
    fingerprint = plan.fingerprint(options.masks, options.every, bool(files))
    if _begin(out, plan, fingerprint):
        if (out / WORK).exists():  # killed after the last file
            _tidy(out)
        return PreparedFolder.open(out)
    with _writing(out):
        plan = with_frames(plan, out / WORK / "frames", options.every)
    _refuse_twins(plan.items)
    recipe = Recipe(out, plan.size, plan.framing, options.masks, estimator, segmenter)
    tasks = [
        Task(item.name, item.path, plan.annotated.get(item.name), _pose_file(files, item) if item.name not in plan.annotated else None)
        for item in plan.items
    ]
    outcomes = _prepare_pictures(recipe, tasks, out / WORK / f"journal-{fingerprint}.jsonl", options.workers, progress)
    with _writing(out):
        _write_lists(plan, out, outcomes, _pose_origins(plan, tasks, outcomes), fingerprint)
    _tidy(out)
    return PreparedFolder.open(out)


def _begin(out: Path, plan: Plan, fingerprint: str) -> bool:
    """Make the folder, or make sure that it holds the same preparation; True if that is complete."""
    try:
        present = set(os.listdir(out)) if out.is_dir() else set()
    except OSError as error:
        raise OutputError(f"{out}: the folder cannot be opened ({error.strerror or error}); choose another place.") from error
    if "set.json" in present:
        if _fingerprint_of(out / "set.json") == fingerprint:
            return True
        raise OutputError(f"{out}: holds another prepared data set (or one from other files or settings); choose a new folder.")
    begun = [name for name in present if name == WORK]
    if present and not begun:
        raise OutputError(f"{out}: the folder is not empty (it holds {', '.join(sorted(present)[:5])}); choose a new folder.")
    journals = list((out / WORK).glob("journal-*.jsonl"))
    if journals and not (out / WORK / f"journal-{fingerprint}.jsonl").exists():
        raise OutputError(f"{out}: holds the beginnings of another preparation; choose a new folder, or delete this one.")
    needed = len(plan.items) * _BYTES[plan.framing]
    try:
        free = shutil.disk_usage(next(place for place in (out, *out.absolute().parents) if place.exists())).free
        if free < needed and not journals:
            sizes = f"about {needed / 1e6:,.1f} MB are needed, but {free / 1e6:,.1f} MB are free"
            raise OutputError(f"{out}: {sizes}; choose another disk.")
        (out / WORK).mkdir(parents=True, exist_ok=True)
        (out / WORK / f"journal-{fingerprint}.jsonl").touch()
    except OSError as error:
        raise OutputError(f"{out}: the folder cannot be written ({error.strerror or error}); choose another place.") from error
    return False


def _tidy(out: Path) -> None:
    """Remove what a complete folder does not need, and unfinished files of a process that was killed."""
    for folder in (out, out / "images", out / "masks"):
        for left_over in folder.glob(".*.part"):
            left_over.unlink()
    shutil.rmtree(out / WORK)


def _fingerprint_of(facts: Path) -> object:
    """What the preparation that wrote this set.json was made from; None if it is not one of ours."""
    try:
        found = json.loads(facts.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found.get("fingerprint") if isinstance(found, dict) else None


def _refuse_twins(items: Sequence[Item]) -> None:
    """Two pictures of one name would overwrite each other; of one stem, their masks."""
    stems = [Path(item.name).stem.casefold() for item in items]
    twice = {stem for stem, count in Counter(stems).items() if count > 1}
    if twice:
        names = [item.name for item, stem in zip(items, stems, strict=True) if stem in twice]
        raise DataError(f"{len(names):,} pictures share their name with another, the first: {', '.join(names[:10])}; rename one of each.")


def _pose_file(files: PoseFiles | None, item: Item) -> Path | None:
    return files.find(item.path, item.name) if files else None


def _prepare_pictures(
    recipe: Recipe, tasks: Sequence[Task], journal: Path, workers: int, progress: Callable[[int, int], None] | None
) -> dict[str, Outcome]:
    """Outcome of every picture, by name; those of the journal are not done again."""
    outcomes = _read_journal(journal)
    todo = [task for task in tasks if task.name not in outcomes]
    try:
        with journal.open("a", encoding="utf-8") as file:
            for outcome in _map(recipe, todo, workers):
                if outcome.fatal:
                    raise OutputError(_stopped(recipe.out, outcome.fatal))
                if outcome.problem:  # nobody in a picture is common, a broken file is not
                    log.log(logging.DEBUG if outcome.points else logging.WARNING, "%s: %s", outcome.name, outcome.problem)
                file.write(json.dumps(asdict(outcome)) + "\n")
                file.flush()
                outcomes[outcome.name] = outcome
                if progress is not None:
                    progress(len(outcomes), len(tasks))
    except OSError as error:
        raise OutputError(_stopped(recipe.out, error.strerror or str(error))) from error
    return {task.name: outcomes[task.name] for task in tasks}


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """A file that cannot be written stops the preparation, with the advice that fits a folder."""
    try:
        yield
    except OutputError as error:
        raise OutputError(_stopped(out, getattr(error.__cause__, "strerror", None) or str(error))) from error


def _stopped(out: Path, reason: str) -> str:
    return f"{out}: a file could not be written ({reason}); make room there and run the same command again, it goes on where it stopped."


def _read_journal(path: Path) -> dict[str, Outcome]:
    """Outcomes so far. A last line that was cut off is removed from the file: its picture is done again."""
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        os.truncate(path, len(whole))
    return {outcome.name: outcome for outcome in (Outcome(**json.loads(line)) for line in whole.splitlines())}


def _map(recipe: Recipe, tasks: Sequence[Task], workers: int) -> Iterator[Outcome]:
    """The outcomes in the order of the tasks, from worker processes if there is enough to do."""
    workers = min(workers or os.cpu_count() or 1, -(-len(tasks) // _CHUNK))
    if workers < 2:
        yield from map(recipe.prepare, tasks)
        return
    # spawn: a forked process would inherit the threads of an inference session in a broken state.
    with get_context("spawn").Pool(workers, _take_recipe, (recipe,)) as pool:
        yield from pool.imap(_prepare_task, tasks, chunksize=_CHUNK)


_recipe: Recipe | None = None  # of this worker process


def _take_recipe(recipe: Recipe) -> None:
    global _recipe
    _recipe = recipe


def _prepare_task(task: Task) -> Outcome:
    assert _recipe is not None
    return _recipe.prepare(task)


def _pose_origins(plan: Plan, tasks: Iterable[Task], outcomes: dict[str, Outcome]) -> dict[str, int]:
    """How many usable pictures have their pose from where."""
    origins = {"given lists": 0, "OpenPose files": 0, "built-in estimator": 0}
    for task in tasks:
        if outcomes[task.name].points is not None:
            origin = "given lists" if task.given is not None else "OpenPose files" if task.pose_file else "built-in estimator"
            origins[origin] += 1
    return {origin: count for origin, count in origins.items() if count}


def _write_lists(plan: Plan, out: Path, outcomes: dict[str, Outcome], origins: dict[str, int], fingerprint: str) -> None:
    """Annotations, pairs, people, report, and the facts last."""
    kept = tuple(item for item in plan.items if outcomes[item.name].points is not None)
    if not kept:
        unusable = {**{name: outcome.problem for name, outcome in outcomes.items()}, **plan.refused}
        reason = next((f", the first, {name}: {problem}" for name, problem in unusable.items()), "")
        raise DataError(f"{out}: none of the {len(unusable):,} pictures can be used{reason}")
    plan = replace(plan, items=kept)
    counts = {split: _write_split(plan, out, split, outcomes) for split in SPLITS}
    for split, (sources, _) in plan.pairs.items():
        counts[split]["given_pairs"] = len(sources)
    _write_people(out / "people.jsonl", kept)
    problems = {name: outcome.problem for name, outcome in outcomes.items() if outcome.problem}
    facts = {
        "format": FORMAT,
        "kind": plan.kind,
        "size": list(plan.size),
        "split": plan.split_name,
        "split_hash": split_hash({split: [item.name for item in kept if item.split == split] for split in SPLITS}),
        "counts": counts,
        "poses": origins,
        "unusable": sum(outcomes[name].points is None for name in outcomes) + len(plan.refused),
        "without_person": sum(outcomes[name].points is not None for name in problems),
        "missing": len(plan.missing),
        "notes": list(plan.notes),
        "licence": plan.licence,
        "fingerprint": fingerprint,
    }
    write_report(out, facts, problems | plan.refused)
    with whole_file(out / "set.json") as file:
        file.write((json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())


def _write_split(plan: Plan, out: Path, split: str, outcomes: dict[str, Outcome]) -> dict[str, int]:
    items = [item for item in plan.items if item.split == split]
    names = [item.name for item in items]
    points = as_points([outcomes[name].points or [] for name in names])
    if split in plan.pairs:
        pairs = _known(plan.pairs[split], names)
    else:
        strangers = np.array([item.person in DISTRACTORS for item in items], bool) & (plan.kind == "market1501")
        pairs = make_pairs([item.person for item in items], usable(points) & ~strangers)
        pairs = draw_pairs(pairs, plan.draw.get(split, len(pairs)))
    write_annotations(out / f"annotation-{split}.csv", names, points)
    write_pairs(out / f"pairs-{split}.csv", names, pairs)
    used = usable(points)
    return {"pictures": len(names), "people": len({i.person for i in items}), "usable_pictures": int(used.sum()), "pairs": len(pairs)}


def as_points(rows: Sequence[Sequence[Sequence[float | None]]]) -> Points:
    """Points of the journal, None = missing, as float64 (N, 18, 2) with NaN."""
    return np.array(rows, dtype=np.float64).reshape(-1, 18, 2)


def _known(pairs: tuple[list[str], list[str]], names: Sequence[str]) -> PairIndex:
    """The given pairs, without those whose pictures are missing or cannot be used."""
    place = {name: number for number, name in enumerate(names)}
    sides = [np.fromiter(map(place.get, side, repeat(-1)), np.int32, len(side)) for side in pairs]
    index = np.stack(sides, axis=1)
    return index[(index >= 0).all(axis=1)]


def _write_people(path: Path, items: Sequence[Item]) -> None:
    people: dict[tuple[str, str], list[str]] = {}
    for item in items:
        people.setdefault((item.person, item.split), []).append(item.name)
    rows: list[dict[str, Any]] = [
        {"person": person.encode(errors="surrogateescape").decode(errors="replace"), "split": split, "pictures": names}
        for (person, split), names in people.items()
    ]
    with whole_file(path) as file:
        file.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
