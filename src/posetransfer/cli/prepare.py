"""Make a data set ready for training: `posetransfer prepare market1501 RAW OUT`; the same command again goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from posetransfer.data.prepare import Options, Plan

Raw = tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="RAW")]]
Out = tyro.conf.Positional[Annotated[Path | None, tyro.conf.arg(metavar="OUT")]]
Folder = Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")]


def market1501(
    raw: Raw,
    out: Out = None,
    lists: Folder = None,
    poses: Folder = None,
    masks: bool = False,
    check: bool = False,
    allow_missing: bool = False,
    follow_links: bool = False,
    workers: int = 0,
) -> int | None:
    """Prepare Market-1501: the original tree (bounding_box_train, bounding_box_test) or the renamed one (train, test).

    Args:
        raw: the folder that holds them, itself or further down.
        out: a new folder, or the beginnings of the same preparation.
        lists: folder with the authors' market-annotation-*.csv and market-pairs-*.csv; looked for in RAW by default.
        poses: folder of OpenPose files, for pictures without a given pose; else the built-in estimator looks.
        masks: also find the person's mask in every picture.
        check: look, write nothing; exit code 1 if something is missing.
        allow_missing: go on without the pictures that the lists name and that are not there.
        follow_links: follow symbolic links that leave RAW.
        workers: processes; 0 takes one per core.
    """
    from posetransfer.data.prepare import Options, plan_market1501

    plan = plan_market1501(raw, lists, follow_links)
    return _run(plan, out, Options(poses, masks, allow_missing=allow_missing, workers=workers), check)


def deepfashion(
    raw: Raw,
    out: Out = None,
    lists: Folder = None,
    poses: Folder = None,
    masks: bool = False,
    check: bool = False,
    allow_missing: bool = False,
    follow_links: bool = False,
    workers: int = 0,
) -> int | None:
    """Prepare DeepFashion (In-shop Clothes Retrieval): any extracted tree; pictures are cropped to 256 x 176 as by the authors.

    Args:
        raw: the extracted download.
        out: a new folder, or the beginnings of the same preparation.
        lists: folder with the authors' train.lst, test.lst, fasion-resize-annotation-*.csv and fasion-resize-pairs-*.csv, or
            with the benchmark's list_eval_partition.txt; looked for in RAW by default.
        poses: folder of OpenPose files, for pictures without a given pose; else the built-in estimator looks.
        masks: also find the person's mask in every picture.
        check: look, write nothing; exit code 1 if something is missing.
        allow_missing: go on without the pictures that the lists name and that are not there.
        follow_links: follow symbolic links that leave RAW.
        workers: processes; 0 takes one per core.
    """
    from posetransfer.data.prepare import Options, plan_deepfashion

    plan = plan_deepfashion(raw, lists, follow_links)
    return _run(plan, out, Options(poses, masks, allow_missing=allow_missing, workers=workers), check)


def folder(
    raw: Raw,
    out: Out = None,
    size: Annotated[tuple[int, int], tyro.conf.arg(metavar="HEIGHT WIDTH")] = (256, 176),
    person_pattern: Annotated[str | None, tyro.conf.arg(metavar="REGEX")] = None,
    test: float = 0.1,
    seed: int = 0,
    every: int = 10,
    poses: Folder = None,
    masks: bool = False,
    check: bool = False,
    follow_links: bool = False,
    workers: int = 0,
) -> int | None:
    """Prepare your own pictures or clips: a sub-folder is a person, or a part of the file name is.

    Args:
        raw: the folder, or one clip.
        out: a new folder, or the beginnings of the same preparation.
        size: of the prepared pictures; each person fills the frame.
        person_pattern: regular expression whose first group, searched in the path below RAW, is the person; by default the
            sub-folder, and in a flat folder the text before the first "_".
        test: part of the people kept for testing.
        seed: decides who.
        every: of clips, every how many pictures one is taken.
        poses: folder of OpenPose files; else the built-in estimator looks.
        masks: also find the person's mask in every picture.
        check: look, write nothing; exit code 1 if nothing can be prepared.
        follow_links: follow symbolic links that leave RAW.
        workers: processes; 0 takes one per core.
    """
    from posetransfer.data.prepare import Options, plan_folder

    plan = plan_folder(raw, size, person_pattern, test, seed, follow_links)
    return _run(plan, out, Options(poses, masks, every, workers=workers), check)


def check(folder: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FOLDER")]]) -> int | None:
    """Verify a prepared folder: lists, pairs, and that every picture can be read. Exit code 1 if something is wrong.

    Args:
        folder: prepared before, or rendered.
    """
    from posetransfer.data.manifest import PreparedFolder

    prepared = PreparedFolder.open(folder)
    for split in prepared.splits.values():
        people = {prepared.people[name] for name in split.names}
        print(f"{split.name}: {len(split.names):,} pictures of {len(people):,} people, {len(split):,} pairs")
    problems = prepared.check_people() + prepared.check_pictures()
    print("\n".join(problems[:10]) if problems else f"{folder}: complete")
    if len(problems) > 10:
        print(f"… and {len(problems) - 10:,} more")
    return 1 if problems else None


COMMANDS = {"market1501": market1501, "deepfashion": deepfashion, "folder": folder, "check": check}


def _run(plan: Plan, out: Path | None, options: Options, check: bool) -> int | None:
    """Answer `--check`, or carry the plan out."""
    print(plan.summary())
    if check:
        return None if plan.complete else 1
    if out is None:
        from posetransfer.errors import SettingsError

        raise SettingsError("the folder to write is missing; name it behind RAW, or add --check to look only.")
    from posetransfer.cli.counter import counted
    from posetransfer.data.prepare import prepare

    with counted("pictures") as report:
        prepared = prepare(plan, out, options, progress=report)
    for split in prepared.splits.values():
        print(f"{split.name}: {len(split.names):,} pictures, {len(split):,} pairs")
    facts = prepared.facts
    if facts["unusable"] or facts["without_person"]:
        print(f"{facts['unusable']:,} pictures cannot be used, {facts['without_person']:,} show nobody: see the report")
    print(out / "report.html")
    return None
