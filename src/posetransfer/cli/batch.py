"""`posetransfer batch`: many photos in many poses; the same command again goes on where it stopped."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from posetransfer.cli.output import check_folder
from posetransfer.errors import OutputError, SettingsError, WeightsError

if TYPE_CHECKING:
    from posetransfer.batch import Job, Summary
    from posetransfer.pipeline import PoseTransfer


WORDS = ("keep", "plain", "transparent")


def batch(
    photos: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="PHOTOS")]],
    poses: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="POSES")]],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="OUT")],
    pairs: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    format: Literal["png", "jpg", "webp"] = "png",
    retarget: Literal["limbs", "scale", "none"] = "limbs",
    place: bool = False,
    background: Annotated[str, tyro.conf.arg(metavar="keep|plain|transparent|FILE")] = "keep",
    no_shadow: bool = False,
    person: Annotated[int | None, tyro.conf.arg(metavar="N")] = None,
    every: Annotated[int, tyro.conf.arg(metavar="N")] = 1,
    weights: Annotated[str, tyro.conf.arg(metavar="NAME|FOLDER")] = "default",
    engine: Annotated[str, tyro.conf.arg(metavar="NAME")] = "auto",
    device: Annotated[str, tyro.conf.arg(metavar="DEVICE")] = "auto",
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto",
    batch: Annotated[int | None, tyro.conf.arg(metavar="N")] = None,
    shard: Annotated[str | None, tyro.conf.arg(metavar="K/N")] = None,
    json: bool = False,
) -> int | None:
    """Many photos in many poses; the same command again goes on where it stopped. Exit code 1 if a picture could not be made.

    Under torchrun every process does its part (and ends with 0 though single pictures failed: the report names them).

    Args:
        photos: a folder, a file, a pattern in quotes, a clip, or a text list of these (one a line).
        poses: the same, of photos or pose files; the name of a shipped pose; or shipped, for all of them.
        output: folder for photo___pose.png, manifest.jsonl and report/.
        pairs: a list (from,to) of the pairs to make; by default every photo takes every pose.
        format: of the pictures.
        retarget: limbs: the pose's angles on this person's body; scale: the pose at this person's size; none: as it is.
        place: put the person back into the whole photo; else the picture has the network's size.
        background: keep the photo's, with the old person filled in; a plain colour; transparent (png, webp); or another picture.
        no_shadow: leave out the soft shadow under feet that stand on the photo's or the other picture's ground.
        person: which of several persons in each photo, counted from 0; the largest by default.
        every: of clips, every how many pictures one is taken.
        weights: name or folder of weights (see posetransfer weights list).
        engine: the runtime that computes the network: auto, pytorch, onnxruntime, or another that is installed.
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: auto computes in 16 bits where the device is made for it.
        batch: pictures that go through the network at once; by default as many as pay and fit into the memory.
        shard: do part K of N only, as one of several machines on the same folder; torchrun says it by itself.
        json: answer in JSON.
    """
    if format == "jpg" and background == "transparent":
        raise OutputError("--format jpg: a JPEG cannot be transparent; use png or webp.")
    if batch is not None and batch < 1:
        raise SettingsError(f"--batch {batch}: how many pictures at once, at least 1, was expected.")
    check_folder(output)
    from posetransfer.batch import Batch, Journal, Options, Summary, refuse_foreign, shard_of_environment, share, write_report
    from posetransfer.batch.jobs import read_shard
    from posetransfer.cli.counter import counted
    from posetransfer.pipeline import PoseTransfer

    part = read_shard(shard) if shard else shard_of_environment() or (0, 1)
    settings: dict[str, Any] = {"format": format, "retarget": retarget, "place": place, "person": person}
    settings |= {
        "background": _stamped(background),
        "shadow": not no_shadow,
        "weights": _identity(weights),
        "engine": engine,
        "precision": precision,
    }
    refuse_foreign(output)
    jobs = _jobs(photos, poses, pairs, output / ".batch", every)
    mine = share(jobs, *part)
    journal = Journal(output, settings, f".{format}", part)
    try:
        summary = Summary(before=len(mine))
        if not all(map(journal.finished, mine)):  # else the weights need not be opened
            machine = PoseTransfer.from_pretrained(weights, _own_device(device, engine), engine, precision)
            options = Options(retarget, place, _loaded(background), not no_shadow, person, batch or _batch_size(machine))
            with counted("pictures") as report, _quiet_gate():
                summary = Batch(machine, mine, journal, options, report).run()
        counts = write_report(journal, jobs, summary, settings)
    finally:
        journal.close()
    _answer(counts, summary, output, part, json)
    return 1 if summary.failed and (shard or shard_of_environment() is None) else None


def _jobs(photos: str, poses: str, pairs: Path | None, work: Path, every: int) -> list[Job]:
    from posetransfer.batch import cross, find_photos, find_poses, listed

    found = find_photos(photos, work, every), find_poses(poses, work, every)
    return listed(pairs, *found) if pairs else cross(*found)


def _identity(weights: str) -> str:
    """The same for the same weights, wherever they lie."""
    from posetransfer.weights import find_weights
    from posetransfer.weights.file import CONFIG

    folder = find_weights(weights)
    try:
        return f"{folder.name}:{sha256((folder / CONFIG).read_bytes()).hexdigest()[:12]}"
    except OSError as error:
        raise WeightsError(f"{folder}: there is no {CONFIG} in this folder; give a folder of weights.") from error


def _stamped(background: str) -> str:
    """The word, or the file as it is now."""
    if background in WORDS:
        return background
    try:
        return f"{background}:{sha256(Path(background).read_bytes()).hexdigest()[:12]}"
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(
            f"--background {background}: one of {', '.join(WORDS)}, or a picture's file, was expected ({reason})."
        ) from error


def _loaded(background: str) -> Any:
    from posetransfer.image import load_photo

    return background if background in WORDS else load_photo(background)  # read once, not for every picture


@contextmanager
def _quiet_gate() -> Iterator[None]:
    """A thousand photos need not be doubted aloud: the report counts and lists the findings."""
    pipeline = logging.getLogger("posetransfer.pipeline")
    before = pipeline.level
    pipeline.setLevel(logging.ERROR)
    try:
        yield
    finally:
        pipeline.setLevel(before)


def _own_device(device: str, engine: str) -> str:
    """Under torchrun the processes of one machine take a GPU each, where there are so many."""
    number = os.environ.get("LOCAL_RANK", "")
    if device != "auto" or engine not in ("auto", "pytorch") or not number.isdecimal():
        return device
    import torch

    return f"cuda:{number}" if int(number) < torch.cuda.device_count() else device


def _batch_size(machine: PoseTransfer) -> int:
    from posetransfer.batch.size import batch_size

    on_gpu = not str(getattr(machine.engine, "device", "cpu")).startswith("cpu")
    return batch_size(machine.config.size, machine.config.width, on_gpu)


def _answer(counts: dict[str, Any], summary: Summary, output: Path, part: tuple[int, int], as_json: bool) -> None:
    speed = summary.written / summary.seconds if summary.seconds else 0.0
    if as_json:
        from json import dumps

        here = {"written": summary.written, "failed": len(summary.failed), "finished_before": summary.before, "batch": summary.batch}
        print(dumps(counts | {"this_run": here | {"seconds": round(summary.seconds, 2), "pictures_per_second": round(speed, 2)}}, indent=2))
        return
    whose = "" if part[1] == 1 else f"part {part[0] + 1} of {part[1]}: "
    before = f", {summary.before:,} were there" if summary.before else ""
    rate = f" in {summary.seconds:.1f} s, {speed:.1f} a second" if summary.written else ""
    print(f"{output}: {whose}{summary.written:,} pictures written{rate}{before}")
    if summary.failed:
        print(f"{len(summary.failed):,} pictures could not be made, for {len(set(summary.failed.values())):,} reasons:")
        for why, count in Counter(summary.failed.values()).most_common(10):
            print(f"  {count:,} x {why}")
    if counts["findings"]:
        print(
            "the network does not know well: " + ", ".join(f"{code} ({number:,} pictures)" for code, number in counts["findings"].items())
        )
    print(output / "report" / "report.json")
