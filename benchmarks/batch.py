"""`batch` against a loop of single transfers, the batch sizes, and the memory over a thousand pictures.

    python benchmarks/batch.py                         # the shipped photos in the shipped poses
    python benchmarks/batch.py --memory 1000           # resident memory, noted every 50 pictures; photos of 12 megapixels
    python benchmarks/batch.py --weights FOLDER --rounds 5

Ways take turns, round by round, so that a busy machine is unjust to none; the medians and the ratio to the loop are printed. Each way
runs in a process of its own that has loaded everything and made one picture before the clock starts.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

PHOTOS = Path(__file__).parents[1] / "examples" / "photos"


def main(
    weights: str = "default",
    engine: str = "auto",
    photos: Path = PHOTOS,
    poses: str = "shipped",
    rounds: int = 3,
    sizes: tuple[int, ...] = (1, 2, 4, 8),
    memory: int = 0,
    place: bool = False,
) -> None:
    """Print a table.

    Args:
        weights: name or folder.
        engine: the runtime.
        photos: a folder.
        poses: as the command takes them.
        rounds: of all ways.
        sizes: of batches.
        memory: so many pictures, and the resident memory on the way; nothing else is measured.
        place: put the persons back into their photos.
    """
    common = {"weights": weights, "engine": engine, "photos": str(photos), "poses": poses, "place": place}
    if memory:
        watch_memory(common, memory)
        return
    ways = {"loop of single transfers": {}, "many(), photo by photo": {}, **{f"batch, {size} at once": {"batch": size} for size in sizes}}
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, more in ways.items():
            speeds[way].append(run_apart({"way": way.split(",")[0].split(" ")[0], **common, **more})["speed"])
    base = statistics.median(speeds["loop of single transfers"])
    print("| way | pictures a second | range | to the loop |\n| --- | --- | --- | --- |")
    for way, values in speeds.items():
        median = statistics.median(values)
        print(f"| {way} | {median:.2f} | {min(values):.2f} to {max(values):.2f} | {median / base:.2f} |")


def watch_memory(common: dict, pictures: int) -> None:
    """Ten large photos that differ, so many poses that it makes `pictures`; resident memory is printed as it goes."""
    from posetransfer.pose import library_names

    with tempfile.TemporaryDirectory() as folder:
        originals = sorted(Path(common["photos"]).glob("*.jpg"))
        sources = max(10, pictures // (10 * len(library_names())))
        for number in range(sources):
            image = Image.open(originals[number % len(originals)]).convert("RGB")
            scale = (12_000_000 / (image.width * image.height)) ** 0.5
            image.resize((round(image.width * scale), round(image.height * scale))).save(Path(folder, f"photo{number:03d}.jpg"), quality=90)
        names = [f"{name}" for name in library_names()]
        per_photo = -(-pictures // sources)
        from posetransfer.pose import library_pose, write_pose

        poses = Path(folder, "poses")
        poses.mkdir()
        for number in range(per_photo):  # differ a little, as the pictures of a clip do
            write_pose(library_pose(names[number % len(names)]).moved(0.01 * number, 0), poses / f"{number:04d}.json")
        found = run_apart({"way": "batch", "batch": 0, **common, "photos": folder, "poses": str(poses), "memory": True})
    print("| pictures | resident MB |\n| --- | --- |")
    for count, size in found["memory"]:
        print(f"| {count} | {size:.0f} |")
    print(f"\n{found['speed']:.2f} pictures a second")


def run_apart(job: dict) -> dict:
    done = subprocess.run([sys.executable, __file__, "--child", json.dumps(job)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def child(job: dict) -> dict:
    from posetransfer.batch import Batch, Journal, Options, cross, find_photos, find_poses
    from posetransfer.batch.size import batch_size
    from posetransfer.image import save_picture
    from posetransfer.pipeline import PoseTransfer

    machine = PoseTransfer.from_pretrained(job["weights"], engine=job["engine"])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        photos, poses = find_photos(job["photos"], out), find_poses(job["poses"], out)
        save_picture(machine(photos[0].target, poses[0].target, place=job["place"]).pixels, Path(folder, "warm.png"))
        jobs, noted, began = cross(photos, poses), [], time.perf_counter()
        if job["way"] == "loop":
            for one in jobs:
                machine(one.photo.target, one.pose.target, place=job["place"]).save(out / f"{one.name}.png")
        elif job["way"] == "many()":
            for photo in photos:
                for pose, result in zip(poses, machine.many(photo.target, [p.target for p in poses], place=job["place"]), strict=True):
                    result.save(out / f"{photo.name}___{pose.name}.png")
        else:
            journal, lock = Journal(out, {}, ".png"), threading.Lock()
            size = job["batch"] or batch_size(machine.config.size, machine.config.width, on_gpu=False)

            def note(done: int, total: int) -> None:
                with lock:
                    if done % 50 == 0 or done == total:
                        noted.append((done, resident()))

            Batch(machine, jobs, journal, Options(place=job["place"], batch=size), note if job.get("memory") else None).run()
        return {"speed": len(jobs) / (time.perf_counter() - began), "memory": noted}


def resident() -> float:
    """Megabytes of this process in memory now (Linux); elsewhere the largest so far."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
    except OSError:
        import resource

        return float(np.float64(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1e3)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(child(json.loads(sys.argv[2]))))
    else:
        tyro.cli(main)
