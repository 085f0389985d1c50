"""A run: the same pictures however it is cut, stopped and continued."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posetransfer.batch import Batch, Journal, Options, cross, find_photos, find_poses, share, write_report
from posetransfer.errors import OutputError
from posetransfer.image import load_photo
from posetransfer.pose import Pose

STANDING = {
    "nose": (60, 30), "neck": (60, 45), "right_shoulder": (50, 45), "left_shoulder": (70, 45), "right_hip": (54, 75), "left_hip": (66, 75),
    "right_knee": (53, 97), "left_knee": (67, 97), "right_ankle": (52, 118), "left_ankle": (68, 118),
}  # fmt: skip
SETTINGS = {"retarget": "limbs", "person": None}


def run(machine, out, shard=(0, 1), options=None, settings=SETTINGS, progress=None, report=False):
    out = Path(out)
    journal = Journal(out, settings, ".png", shard)
    try:
        jobs = cross(find_photos("photos", out / ".batch"), find_poses("poses", out / ".batch"))
        summary = Batch(machine, share(jobs, *shard), journal, options or Options(), progress).run()
        return (summary, write_report(journal, jobs, summary, settings)) if report else summary
    finally:
        journal.close()


def pictures(out):
    return {path.name: path.read_bytes() for path in sorted(Path(out).glob("*.png"))}


def test_the_pictures_are_those_of_single_transfers(here, machine):
    summary, counts = run(machine, "out", report=True)
    assert (summary.written, summary.before, summary.failed) == (15, 0, {})
    assert counts == {"pictures": 15, "ok": 15, "failed": 0, "pending": 0, "findings": counts["findings"]}
    made = pictures("out")
    assert len(made) == 15
    for name in made:
        photo, pose = name.removesuffix(".png").split("___")
        np.testing.assert_array_equal(load_photo(f"out/{name}"), machine(f"photos/{photo}.png", f"poses/{pose}.json").pixels)


def test_options_reach_every_picture(here, machine):
    run(machine, "out", options=Options(place=True, background="plain"))
    expected = machine("photos/p1.png", "poses/up.json", place=True, background="plain").pixels
    np.testing.assert_array_equal(load_photo("out/p1___up.png"), expected)


def test_what_the_network_does_not_know_well_is_counted_and_listed(here, machine):
    for path in (here / "photos").glob("p[1-4].png"):
        path.unlink()
    small = np.array(Image.open("photos/p0.png"))[::10, ::10]
    Image.fromarray(small).save("photos/small.png")  # 14 pixels: the network would enlarge them more than four times
    machine._estimator = lambda photo, person=None, name="": Pose(STANDING, (140, 120)).scaled(photo.shape[:2])
    machine._cutout.mask = lambda photo, pose: np.ones(photo.shape[:2], np.float32)
    _, counts = run(machine, "out", report=True)
    single = machine("photos/small.png", "poses/up.json")
    codes = sorted({finding.code for finding in single.findings})
    report = {row["name"]: row for row in json.loads(Path("out/report/report.json").read_text())["list"]}
    assert codes and report["small___up"]["findings"] == codes
    assert all(counts["findings"][code] >= 1 for code in codes)


def test_same_bytes_whatever_the_batch_size_and_the_number_of_parts(here, machine):
    run(machine, "whole", options=Options(batch=1))
    expected = pictures("whole")
    assert {size for _, size in machine.engine.calls} == {1}
    run(machine, "wide", options=Options(batch=16))
    assert max(size for _, size in machine.engine.calls) > 1
    for rank in range(4):
        run(machine, "parts", shard=(rank, 4), options=Options(batch=3))
    assert pictures("wide") == pictures("parts") == expected
    assert len(list(Path("parts").glob("manifest-*-of-4.jsonl"))) == 4
    calls = len(machine.engine.calls)
    assert run(machine, "parts").before == 15  # the parts' manifests are read by everybody
    assert len(machine.engine.calls) == calls


def test_parts_do_not_touch_each_others_pictures(here, machine):
    made = [set(run(machine, "out", shard=(rank, 3), report=True) and pictures("out")) for rank in range(3)]
    assert [len(files) for files in made] == [5, 10, 15]


def test_poses_of_one_frame_go_through_the_network_with_one_photo(here, machine):
    run(machine, "out", options=Options(batch=8))
    assert (1, 2) in machine.engine.calls or (1, 3) in machine.engine.calls
    assert sum(size for _, size in machine.engine.calls) == 15


def test_a_bad_photo_and_a_bad_pose_fail_alone_with_their_reason(here, machine, caplog):
    (here / "photos" / "broken.png").write_bytes(b"\x89PNG no")
    Image.new("RGB", (120, 140)).save("photos/nobody.png")
    (here / "poses" / "odd.json").write_text("{}")
    summary, counts = run(machine, "out", report=True)
    assert summary.written == 15 and len(summary.failed) == 7 * 4 - 15
    assert counts["failed"] == 13
    assert "broken.png" in summary.failed["broken___up"] and "no person" in summary.failed["nobody___up"]
    assert "odd.json" in summary.failed["p0___odd"]
    report = {row["name"]: row for row in json.loads(Path("out/report/report.json").read_text())["list"]}
    assert report["p0___up"]["state"] == "ok"
    assert "no person" in report["nobody___down"]["why"]
    assert len([record for record in caplog.records if "nobody.png" in record.message]) == 1  # told once, not for every pose
    assert load_photo("out/report/sheet.png").shape[0] > 5 * 192


def test_a_failed_picture_is_tried_again_and_a_changed_photo_is_done_anew(here, machine):
    good = (here / "photos" / "p2.png").read_bytes()
    Image.new("RGB", (120, 140)).save("photos/p2.png")
    assert len(run(machine, "out").failed) == 3
    (here / "photos" / "p2.png").write_bytes(good)
    summary = run(machine, "out")
    assert (summary.before, summary.written, summary.failed) == (12, 3, {})
    photo = np.array(Image.open("photos/p0.png"))
    Image.fromarray(255 - photo).save("photos/p0.png")
    (here / "out" / "p4___up.png").unlink()
    (here / "out" / "p4___out.png").write_bytes(b"cut short")
    summary = run(machine, "out")
    assert (summary.before, summary.written) == (10, 5)
    np.testing.assert_array_equal(load_photo("out/p0___up.png"), machine("photos/p0.png", "poses/up.json").pixels)


def test_a_photo_that_became_bad_leaves_no_old_picture(here, machine):
    run(machine, "out")
    Image.new("RGB", (120, 140)).save("photos/p2.png")
    run(machine, "out")
    assert len(pictures("out")) == 12


def test_other_settings_and_foreign_folders_are_refused(here, machine):
    run(machine, "out")
    with pytest.raises(OutputError, match="retarget limbs, now it is scale"):
        run(machine, "out", settings=SETTINGS | {"retarget": "scale"})
    with pytest.raises(OutputError, match="not empty"):
        run(machine, "photos")
    (here / "out" / "batch.json").write_text("[]")
    with pytest.raises(OutputError, match="not the settings of a batch"):
        run(machine, "out")


def test_a_torn_row_costs_one_picture(here, machine):
    run(machine, "out")
    manifest = Path("out/manifest.jsonl")
    manifest.write_bytes(manifest.read_bytes()[:-30])
    summary = run(machine, "out")
    assert (summary.before, summary.written) == (14, 1)
    assert len([json.loads(line) for line in manifest.read_text().splitlines()]) == 15


def test_memory_that_does_not_hold_a_batch_makes_it_smaller(here, machine, caplog):
    def full(target_pose):
        if len(target_pose) > 2:
            raise RuntimeError("CUDA out of memory")

    machine.engine.before = full
    (here / "poses" / "up2.json").write_bytes((here / "poses" / "up.json").read_bytes())
    summary = run(machine, "out", options=Options(batch=8))
    assert summary.written == 20 and summary.batch <= 4
    assert "memory does not hold" in caplog.text


def test_a_slip_in_the_network_stops_the_run_and_not_silently(here, machine):
    def broken(target_pose):
        raise ValueError("a slip")

    machine.engine.before = broken
    with pytest.raises(ValueError, match="a slip"):
        run(machine, "out")
    assert not {thread.name for thread in threading.enumerate()} & {"look", "write"} and pictures("out") == {}


def test_a_place_that_cannot_be_written_stops_the_run(here, machine):
    (here / "out").mkdir()
    (here / "out" / "batch.json").write_text(json.dumps({"format": "posetransfer-batch", "settings": SETTINGS}))
    (here / "out" / "p1___up.png").mkdir()
    with pytest.raises(OutputError, match=r"p1___up\.png"):
        run(machine, "out")


def test_progress_tells_every_number_once(here, machine, monkeypatch):
    """Pictures that were written at the same time told the same number, and others were left out."""
    monkeypatch.setattr("os.cpu_count", lambda: 4)  # so many write
    told = []
    written = Journal.written

    def meanwhile(self, job, **about):
        """All four come to the counting at the same moment."""
        written(self, job, **about)
        with suppress(threading.BrokenBarrierError):
            together.wait(0.5)

    together = threading.Barrier(3)
    monkeypatch.setattr(Journal, "written", meanwhile)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        run(machine, "out", options=Options(batch=4), progress=lambda done, total: told.append((done, total)))
    finally:
        sys.setswitchinterval(interval)
    assert told == [(number, 15) for number in range(1, 16)]


def test_the_users_stop_leaves_whole_files_only_and_the_next_run_goes_on(here, machine):
    def stop(done, total):
        if done == 4:
            signal.raise_signal(signal.SIGINT)  # as Ctrl-C: heard by the main thread, wherever it is

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            run(machine, "out", options=Options(batch=1), progress=stop)
    finally:
        signal.signal(signal.SIGINT, before)
    left = pictures("out")
    assert 4 <= len(left) <= 15 and not list(Path("out").glob(".*.part"))
    summary = run(machine, "out", options=Options(batch=1))
    assert summary.written == 15 - summary.before and len(pictures("out")) == 15
    assert {name: pictures("out")[name] for name in left} == left


CHILD = """
import sys, time
sys.path.insert(0, {tests!r})
from conftest import Painter, Finder, Cutter
from test_run import run
from posetransfer.pipeline import PoseTransfer
machine = PoseTransfer(Painter(), Finder(), Cutter())
machine.engine.before = lambda target_pose: time.sleep(0.1)
run(machine, "out")
"""


def test_killed_in_the_middle_it_goes_on_and_ends_with_the_same_bytes(here, machine):
    run(machine, "whole")
    code = CHILD.format(tests=str(Path(__file__).parent))
    child = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    deadline = time.monotonic() + 60
    while len(pictures("out")) < 3 and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert 3 <= len(pictures("out")) < 15
    (here / "out" / ".p4___up.png.123.part").write_bytes(b"half")
    summary = run(machine, "out")
    assert summary.before >= 2 and summary.written == 15 - summary.before
    assert pictures("out") == pictures("whole")
    assert not list(Path("out").glob(".*.part"))


def test_few_photos_are_held_at_once(here, machine):
    """Memory must not grow with the number of photos: sources alive at any time stay below a small number."""
    for number in range(5, 40):
        (here / "photos" / f"p{number}.png").write_bytes((here / "photos" / "p1.png").read_bytes())
    for name in ("out", "down"):
        (here / "poses" / f"{name}.json").unlink()
    import gc

    from posetransfer.pipeline import Source

    def alive():
        return sum(type(thing) is Source for thing in gc.get_objects())

    gc.collect()
    before, most = alive(), 0  # what other tests have left

    def look(done, total):
        nonlocal most
        if done % 8 == 0:
            most = max(most, alive() - before)

    assert run(machine, "many", options=Options(batch=2), progress=look).written == 40
    assert 0 < most <= 24
