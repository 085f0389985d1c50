"""`posetransfer evaluate`: scores under a named protocol."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import tyro

from posetransfer.cli.output import check_folder
from posetransfer.errors import DataError, SettingsError

if TYPE_CHECKING:
    from posetransfer.evaluation.chunks import Progress
    from posetransfer.evaluation.compare import Comparison
    from posetransfer.evaluation.generate import Draw, PreparedPairs
    from posetransfer.evaluation.names import Found
    from posetransfer.evaluation.realset import RealSet
    from posetransfer.evaluation.results import Results

ProtocolName = Literal["plain", "patn-market", "patn-deepfashion", "gfla-256", "nted-256", "nted-512"]
Group = Literal["pixels", "joints", "features", "distance", "detection", "appearance"]


def evaluate(
    weights: Annotated[str | None, tyro.conf.arg(metavar="NAME|FOLDER")] = None,
    data: Annotated[Path | None, tyro.conf.arg(metavar="SET")] = None,
    generated: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    real: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    pairs: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    annotation: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    masks: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    backdrop: tuple[int, int, int] | None = None,
    protocol: ProtocolName = "plain",
    baseline: Literal["source", "mean"] | None = None,
    compare: Annotated[tuple[Path, Path] | None, tyro.conf.arg(metavar="A B")] = None,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")] = Path("evaluation"),
    split: Literal["train", "test"] = "test",
    limit: Annotated[int | None, tyro.conf.arg(metavar="N")] = None,
    only: Annotated[tuple[Group, ...], tyro.conf.arg(metavar="GROUP...")] = get_args(Group),
    networks: Literal["auto", "standard", "stand-in", "none"] = "auto",
    networks_folder: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    reid: Annotated[Path | None, tyro.conf.arg(metavar="ONNX")] = None,
    joints: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    real_set: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    allow_missing: bool = False,
    processes: Annotated[int, tyro.conf.arg(metavar="N")] = 0,
    seed: int = 0,
    device: Annotated[str, tyro.conf.arg(metavar="DEVICE")] = "auto",
    report: bool = False,
    json: bool = False,
) -> None:
    """Score pictures under a named protocol: two folders in, numbers out; or weights and a data set, and the pictures are made first.

    Args:
        weights: name or folder of the weights that shall draw the pictures (with --data).
        data: a prepared data set: its pairs, poses and masks.
        generated: a folder of generated pictures: source___target.png, source_2_target.png, or the authors' strips.
        real: the folder of real pictures (not needed for strips).
        pairs: a list (from,to) of the pairs to score; by default all.
        annotation: keypoints of the real pictures (name:keypoints_y:keypoints_x), for mask-SSIM and PCKh.
        masks: true masks of the real pictures, for mask_ssim_true.
        backdrop: RGB of the plain colour behind the people in both folders, for appearance_nn_own (which needs true masks, too).
        protocol: fixes size, crop, padding, file form, real set and feature network; see docs/evaluation.md.
        baseline: score a trivial answer instead: the source picture, or the mean training picture; in the size and over the
            backdrop of --weights, if they are given.
        compare: two results.json over the same pairs: is the difference larger than chance?
        output: folder for results.json, manifest.jsonl and the pictures.
        split: pairs of the data set.
        limit: at most so many pairs, spread evenly over the list.
        only: groups of scores: pixels, joints (PCKh), features (FID, KID, IS), distance (LPIPS, re-ID), detection (DS),
            appearance (nearest neighbour among people).
        networks: standard feature networks, the shipped stand-ins, or standard where they are to be had (auto).
        networks_folder: a folder of weight files of standard networks.
        reid: a re-identification network, for reid_similarity.
        joints: joints found in the generated pictures by another estimator (the authors' pckh.csv form).
        real_set: folder of the real pictures that FID compares with; by default what the protocol says.
        allow_missing: score what is there if some pictures of the list are not.
        processes: how many work at once; 0 is one per core.
        seed: of the bootstrap.
        device: where the network draws: auto, cpu, cuda or mps.
        report: also write report.html.
        json: print results.json instead of the table.
    """
    if compare is not None:
        _compare(*compare, seed, json)
        return
    _check_arguments(weights, data, generated, baseline, limit, backdrop)
    check_folder(output)
    from posetransfer.evaluation.run import Evaluation, EvaluationSettings

    train: RealSet | None = None
    if data is not None and generated is None:
        test, found, origin = _from_data(weights, data, split, pairs, limit, baseline, output, device)
        train = _training_set(test)
    elif generated is not None:
        found = _before(_from_folders(generated, real, data, pairs, annotation, masks, protocol, split, limit), backdrop)
        origin = {"generated": str(generated), "real": str(real or data or "strips"), "backdrop": backdrop}
    settings = EvaluationSettings(
        protocol=protocol,
        only=tuple(only),
        networks=networks,
        networks_folder=networks_folder,
        reid=reid,
        joints=_read_joints(joints) if joints else None,
        real_set=_real_set(real_set, protocol, train),
        processes=processes,
        seed=seed,
        allow_missing=allow_missing,
    )
    results = Evaluation(found, settings, output, origin, _report_progress).run()
    if results is None:
        return
    if report:
        from posetransfer.evaluation.report import write_report

        write_report(output)
    print(results.to_json() if json else _table(results, output))


def _check_arguments(
    weights: str | None,
    data: Path | None,
    generated: Path | None,
    baseline: str | None,
    limit: int | None,
    backdrop: tuple[int, int, int] | None,
) -> None:
    if generated is not None and (weights or baseline):
        raise SettingsError("--generated scores pictures that are there, --weights and --baseline make them; give one of the two.")
    if generated is None and not (data and (weights or baseline)):
        raise SettingsError("nothing to score; give --generated DIR --real DIR, or --weights W --data SET, or --compare A B.")
    if backdrop is not None and generated is None:
        raise SettingsError("--backdrop says what is behind the people of --generated and goes with it only; leave it out.")
    if backdrop is not None and not all(0 <= value <= 255 for value in backdrop):
        raise SettingsError(f"--backdrop {' '.join(map(str, backdrop))}: red, green and blue go from 0 to 255; give three such numbers.")
    if limit is not None and limit < 1:
        raise SettingsError(f"--limit {limit}: at least one pair is needed; give a positive number.")


def _from_data(
    weights: str | None,
    data: Path,
    split: str,
    listed: Path | None,
    limit: int | None,
    baseline: Literal["source", "mean"] | None,
    output: Path,
    device: str,
) -> tuple[PreparedPairs, Found, dict[str, Any]]:
    """Make the pictures of a data set's pairs: by a network, or as a trivial answer."""
    from posetransfer.data.manifest import PreparedFolder
    from posetransfer.engines import open_engine
    from posetransfer.evaluation.generate import PreparedPairs, baseline_pairs, draw_pairs
    from posetransfer.evaluation.names import Found
    from posetransfer.weights import find_weights, read_config

    folder = PreparedFolder.open(data)
    place = find_weights(weights) if weights else None
    config = read_config(place) if place else None
    plain = config is not None and config.backdrop == "plain"
    test = PreparedPairs(folder, config.size if config else None, config.backdrop_colour if config and plain else None, split)
    origin: dict[str, Any] = {"data": str(data), "split": split, "backdrop": test.backdrop, "weights": str(place) if place else None}
    if baseline is not None:
        made = baseline_pairs(test, test.pairs(output / "pictures", listed, limit), baseline, output)
        return test, Found(tuple(sorted(made, key=lambda pair: pair.name))), origin | {"baseline": baseline}
    assert place is not None
    fingerprint = _fingerprint(place)
    chosen = test.pairs(output / "pictures" / fingerprint, listed, limit)
    engine = open_engine(str(place), device=device)
    draw_pairs(test, chosen, _draw_with(engine), progress=_report_progress("pictures"))
    return test, Found(tuple(sorted(chosen, key=lambda pair: pair.name))), origin | {"fingerprint": fingerprint, "engine": engine.name}


def _draw_with(engine: Any) -> Draw:
    """Pictures and poses through an engine."""
    import numpy as np

    from posetransfer.image import from_unit, to_unit
    from posetransfer.pose.heatmaps import draw_heatmaps

    config = engine.config

    def draw(photos: Any, sources: Any, targets: Any) -> Any:
        maps = [np.stack([draw_heatmaps(pose, config.sigma, config.heatmaps) for pose in poses]) for poses in (sources, targets)]
        return [from_unit(picture) for picture in engine.run(np.stack([to_unit(photo) for photo in photos]), *maps)]

    return draw


def _fingerprint(weights: Path) -> str:
    """Pictures of other weights must not be taken for those of these."""
    import hashlib

    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors"):
        digest.update((weights / name).read_bytes())
    return digest.hexdigest()[:16]


def _training_set(test: PreparedPairs) -> RealSet:
    from posetransfer.evaluation.realset import RealSet

    return RealSet(tuple(test.training_pictures()), "train")


def _real_set(folder: Path | None, protocol: str, train: RealSet | None) -> RealSet | None:
    from posetransfer.evaluation.protocols import find_protocol
    from posetransfer.evaluation.realset import folder_of

    if folder is not None:
        return folder_of(folder)
    return train if train is not None and train.pictures and find_protocol(protocol).real_set == "train" else None


def _from_folders(
    generated: Path,
    real: Path | None,
    data: Path | None,
    listed: Path | None,
    annotation: Path | None,
    masks: Path | None,
    protocol: str,
    split: str,
    limit: int | None,
) -> Found:
    """Pictures that are there; poses and masks from the files given, or from a prepared set."""
    from posetransfer.data.annotations import read_pairs
    from posetransfer.evaluation.generate import spread
    from posetransfer.evaluation.names import match
    from posetransfer.evaluation.protocols import find_protocol

    if data is not None:
        real, masks = real or data / "images", masks or (data / "masks" if (data / "masks").is_dir() else None)
        annotation = annotation or data / f"annotation-{split}.csv"
        listed = listed or data / f"pairs-{split}.csv"
    wanted = spread(list(zip(*read_pairs(listed), strict=True)), limit) if listed else None
    found = match(generated, real, wanted, find_protocol(protocol).as_strips)
    return _with_people(_with_poses_and_masks(found, annotation, masks), data)


def _before(found: Found, backdrop: tuple[int, int, int] | None) -> Found:
    """The pairs with what is behind their people."""
    from dataclasses import replace

    return replace(found, pairs=tuple(replace(pair, plain=backdrop) for pair in found.pairs))


def _with_people(found: Found, data: Path | None) -> Found:
    """Who is who, where a prepared set says it."""
    from dataclasses import replace

    from posetransfer.data.manifest import PreparedFolder
    from posetransfer.evaluation.names import plain

    if data is None or not (data / "set.json").is_file():
        return found
    people = {plain(name): person for name, person in PreparedFolder.open(data).people.items()}
    return replace(found, pairs=tuple(replace(pair, person=people.get(pair.target, "")) for pair in found.pairs))


def _with_poses_and_masks(found: Found, annotation: Path | None, masks: Path | None) -> Found:
    from dataclasses import replace

    from posetransfer.data.annotations import read_annotations
    from posetransfer.evaluation.names import list_pictures, plain
    from posetransfer.evaluation.pictures import MaskFile, Source, load
    from posetransfer.pose.pose import Pose

    points = {}
    if annotation is not None:
        names, array = read_annotations(annotation)
        points = {plain(name): joints for name, joints in zip(names, array, strict=True)}
    files = list_pictures(masks) if masks is not None else {}
    sizes: dict[str, tuple[int, int]] = {}

    def pose(name: str, picture: Source) -> Pose | None:
        if name not in points:
            return None
        if not sizes:  # all pictures of a set are of one size
            height, width = load(picture).shape[:2]
            sizes["all"] = (height, width)
        return Pose(points[name], sizes["all"])

    made = []
    for pair in found.pairs:
        target, mask = pair.target or pair.name, files.get(pair.target)
        if points and target not in points:
            raise DataError(f"{annotation}: no keypoints of {target}; give the annotation of the real pictures.")
        made.append(
            replace(pair, pose=pose(target, pair.real), source_pose=pose(pair.source, pair.real), mask=MaskFile(mask) if mask else None)
        )
    return replace(found, pairs=tuple(made))


def _read_joints(path: Path) -> dict[str, Any]:
    """Joints of generated pictures by pair name, from a list in the authors' form."""
    from posetransfer.data.annotations import read_annotations
    from posetransfer.evaluation.names import STRIP, pair_name, plain

    names, points = read_annotations(path)
    split = [plain(name).removesuffix(STRIP).partition("___") for name in names]
    return {
        pair_name(source, target) if target else plain(source): joints for (source, _, target), joints in zip(split, points, strict=True)
    }


def _report_progress(stage: str) -> Progress:
    """A bar on a terminal, else a plain line a minute, both on stderr."""
    if sys.stderr.isatty():
        return _bar(stage)
    started = last = time.monotonic()

    def line(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > 60:
            last = time.monotonic()
            left = (last - started) / done * (total - done)
            print(f"{stage}: {done} of {total}, about {left / 60:.1f} min left", file=sys.stderr)

    return line


def _bar(stage: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(stage)
    bar.start()

    def update(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if done >= total:
            bar.stop()

    return update


def _table(results: Results, output: Path) -> str:
    from posetransfer.evaluation.table import text_table

    return f"{text_table(results)}\n{output / 'results.json'}: {results.pairs} pairs in {results.seconds:.0f} s"


def _compare(first: Path, second: Path, seed: int, as_json: bool) -> None:
    from posetransfer.evaluation.compare import compare
    from posetransfer.evaluation.table import comparison_table

    comparison: Comparison = compare(first, second, seed)
    if as_json:
        from dataclasses import asdict
        from json import dumps

        rows = [asdict(score) | {"verdict": score.verdict} for score in comparison.scores]
        print(dumps({"protocol": comparison.first.protocol, "pairs": comparison.pairs, "scores": rows}, indent=2))
    else:
        print(comparison_table(comparison, str(first), str(second)))
