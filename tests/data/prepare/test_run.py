import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import posetransfer
from posetransfer.data.prepare import Options, plan_deepfashion, plan_folder, plan_market1501, prepare
from posetransfer.data.prepare import run as run_module
from posetransfer.data.prepare.picture import Outcome
from posetransfer.errors import DataError, OutputError
from posetransfer.image import load_photo
from posetransfer.pose.pose import Pose

ONE = Options(workers=1)


def bent_line():
    """Stands in for the estimator: a pose that depends on the picture."""

    def find(photo, *, name="photo", box=None):
        height, width = photo.shape[:2]
        shift = (int(photo.sum()) % 7) / 100
        return Pose(np.stack([np.linspace(0.4 + shift, 0.6, 18) * width, np.linspace(0.2, 0.8, 18) * height], axis=1), (height, width))

    return find


class Halves:
    """Stands in for the segmenter: the left half of the picture is the person."""

    def mask(self, photo, pose):
        mask = np.zeros(photo.shape[:2], np.float32)
        mask[:, : photo.shape[1] // 2] = 0.6
        return mask


def test_prepared_twice_gives_the_same_bytes(market_raw, tmp_path, folder_bytes):
    for out in ("one", "two"):
        prepare(plan_market1501(market_raw), tmp_path / out, ONE)
    assert folder_bytes(tmp_path / "one") == folder_bytes(tmp_path / "two")
    lists = {f"{kind}-{split}.csv" for kind in ("annotation", "pairs") for split in ("train", "test")}
    assert set(os.listdir(tmp_path / "one")) == lists | {"images", "people.jsonl", "set.json", "report.html"}


def test_the_number_of_workers_does_not_matter(market_raw, tmp_path, folder_bytes):
    for number in range(30):  # enough for two workers
        shutil.copy(
            market_raw / "bounding_box_test" / "0000_c1s1_000151_01.jpg", market_raw / "bounding_box_test" / f"0000_c1s1_{number:06}_09.jpg"
        )
    shutil.rmtree(market_raw / "lists")
    poses = market_raw.parent / "openpose"
    poses.mkdir()
    numbers = [v for i in range(18) for v in (20 + i, 10 + 6 * i, 0.8)]
    for path in market_raw.rglob("*.jpg"):
        (poses / f"{path.stem}_keypoints.json").write_text(json.dumps({"people": [{"pose_keypoints_2d": numbers}]}))
    for workers in (1, 2):
        prepare(plan_market1501(market_raw), tmp_path / str(workers), Options(workers=workers, poses=poses))
    assert folder_bytes(tmp_path / "1") == folder_bytes(tmp_path / "2")


def test_stopped_anywhere_it_goes_on_to_the_same_bytes(people_raw, tmp_path, folder_bytes):
    plan, options = plan_folder(people_raw), Options(workers=1, masks=True)
    prepare(plan, tmp_path / "whole", options, estimator=bent_line, segmenter=Halves)
    seen = []

    def stop(done, total):
        seen.append(done)
        if done in (4, 9):
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            prepare(plan, tmp_path / "parts", options, estimator=bent_line, segmenter=Halves, progress=stop)
        # As a process that is killed leaves it: half a line in the journal, half a picture.
        journal = next((tmp_path / "parts" / ".prepare").glob("journal-*.jsonl"))
        with journal.open("a") as file:
            file.write('{"name": "bob__I')
        (tmp_path / "parts" / "images" / ".dan__IMG 1.png.4711.part").write_bytes(b"half")
    prepare(plan, tmp_path / "parts", options, estimator=bent_line, segmenter=Halves, progress=stop)
    assert seen == list(range(1, 16))  # no picture was done twice
    assert folder_bytes(tmp_path / "parts") == folder_bytes(tmp_path / "whole")


KILLED = """
import os, sys
sys.path.insert(0, sys.argv[3])
from posetransfer.data.prepare import Options, plan_market1501, prepare
prepare(plan_market1501(sys.argv[1]), sys.argv[2], Options(workers=1), progress=lambda done, total: done == 7 and os.kill(os.getpid(), 9))
"""


def test_killed_and_run_again_gives_the_same_bytes(market_raw, tmp_path, folder_bytes):
    source = str(Path(posetransfer.__file__).parents[1])
    killed = subprocess.run([sys.executable, "-c", KILLED, market_raw, tmp_path / "killed", source], check=False)
    assert killed.returncode == -9 and not (tmp_path / "killed" / "set.json").exists()
    for out in ("killed", "whole"):
        prepare(plan_market1501(market_raw), tmp_path / out, ONE)
    assert folder_bytes(tmp_path / "killed") == folder_bytes(tmp_path / "whole")


def test_killed_while_the_lists_are_written_leaves_nothing_behind(market_raw, tmp_path, monkeypatch, folder_bytes):
    class Killed(BaseException):
        pass

    def kill(*_):
        for folder in ("out", "out/images"):
            (tmp_path / folder / ".half.csv.123.part").touch()
        raise Killed

    for name in ("write_report", "_tidy"):  # before set.json, and after it
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(run_module, name, kill)
            prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
        prepare(plan_market1501(market_raw), tmp_path / "whole", ONE)
    prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
    assert folder_bytes(tmp_path / "out") == folder_bytes(tmp_path / "whole")


def test_a_complete_folder_is_only_opened(market_raw, tmp_path):
    first = prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
    again = prepare(plan_market1501(market_raw), tmp_path / "out", ONE, progress=lambda done, total: pytest.fail("work was done again"))
    assert again.facts == first.facts


def test_a_folder_with_something_else_is_left_alone(market_raw, people_raw, tmp_path, folder_bytes):
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.tex").write_text("Thanks")
    with pytest.raises(OutputError, match=r"not empty \(it holds chapter\.tex\); choose a new folder"):
        prepare(plan_market1501(market_raw), other, ONE)
    assert folder_bytes(other) == {"chapter.tex": b"Thanks"}
    prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
    with pytest.raises(OutputError, match="holds another prepared data set"):
        prepare(plan_folder(people_raw), tmp_path / "out", ONE)
    begun = tmp_path / "begun"
    with pytest.raises(KeyboardInterrupt):
        prepare(plan_market1501(market_raw), begun, ONE, progress=_interrupt)
    with pytest.raises(OutputError, match="holds the beginnings of another preparation"):
        prepare(plan_folder(people_raw), begun, ONE)


def _interrupt(done, total):
    raise KeyboardInterrupt


def test_a_truncated_picture_is_skipped_and_counted(market_raw, tmp_path, truncate):
    broken = sorted((market_raw / "bounding_box_train").iterdir())[1]
    truncate(broken)
    folder = prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
    assert folder.facts["unusable"] == 1 and broken.name not in folder.splits["train"].names
    assert not folder.picture_path(broken.name).exists()
    report = (tmp_path / "out" / "report.html").read_text()
    assert broken.name in report and "damaged or cut short" in report
    assert len(folder.splits["train"].names) == 8


def test_nothing_usable_is_an_error_and_not_an_empty_folder(market_raw, tmp_path, truncate):
    for picture in market_raw.rglob("*.jpg"):
        truncate(picture)
    with pytest.raises(DataError, match=r"none of the 17 pictures can be used, the first, .*cut short"):
        prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
    assert not (tmp_path / "out" / "set.json").exists()


def test_masks_are_grey_pictures_beside_the_others(people_raw, tmp_path):
    folder = prepare(plan_folder(people_raw), tmp_path / "out", Options(workers=1, masks=True), estimator=bent_line, segmenter=Halves)
    assert folder.has_masks
    for split in folder.splits.values():
        for name in split.names:
            mask = load_photo(folder.mask_path(name))
            assert mask.shape[:2] == folder.size
            assert (mask[:, :88] == round(0.6 * 255)).all() and (mask[:, 88:] == 0).all()


def test_a_place_that_cannot_be_written(market_raw, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"the folder cannot be written \(Not a directory\)"):
        prepare(plan_market1501(market_raw), tmp_path / "file" / "out", ONE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(market_raw, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="the folder cannot be written"):
        prepare(plan_market1501(market_raw), tmp_path / "locked" / "out", ONE)


def test_a_disk_that_is_too_small_is_noticed_before_the_work(market_raw, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(run_module.shutil, "disk_usage", lambda path: usage._replace(free=10_000))
    for _ in range(2):  # the first refusal must not let the second run pass
        with pytest.raises(OutputError, match=r"about 0\.1 MB are needed, but 0\.0 MB are free"):
            prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
        assert not (tmp_path / "out").exists()


def test_a_disk_that_fills_up_stops_the_work_and_it_can_go_on(market_raw, tmp_path, monkeypatch, folder_bytes):
    count, real = 0, Path.replace

    def full(self, target):
        nonlocal count
        count += 1
        if count == 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(
        OutputError, match=r"could not be written \(No space left on device\); make room there .* it goes on where it stopped"
    ):
        prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
    assert not list((tmp_path / "out" / "images").glob(".*"))
    prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
    prepare(plan_market1501(market_raw), tmp_path / "whole", ONE)
    assert folder_bytes(tmp_path / "out") == folder_bytes(tmp_path / "whole")


def test_a_list_that_cannot_be_written_is_told_the_same_way(market_raw, tmp_path, monkeypatch):
    def full(self, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(run_module, "_prepare_pictures", lambda recipe, tasks, *rest: {task.name: whole(task) for task in tasks})
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match=r"out: a file could not be written \(No space left on device\); make room there"):
        prepare(plan_market1501(market_raw), tmp_path / "out", ONE)


def whole(task):
    return Outcome(task.name, [[1.0, 2.0]] * 18)


@pytest.mark.parametrize("content", ['{"a', "[1]", '{"fingerprint": "another"}'])
def test_a_set_json_that_is_not_ours_is_left_alone(market_raw, tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "set.json").write_text(content)
    with pytest.raises(OutputError, match="holds another prepared data set"):
        prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
    assert (tmp_path / "out" / "set.json").read_text() == content


def test_the_same_command_again_goes_on_with_out_inside_raw(people_raw, fashion_raw, fashion_lists):
    for plan, raw in ((lambda: plan_folder(people_raw), people_raw), (lambda: plan_deepfashion(fashion_raw, fashion_lists), fashion_raw)):
        prepare(plan(), raw / "out", ONE, estimator=bent_line)
        before = (raw / "out" / "set.json").stat().st_mtime_ns
        prepare(plan(), raw / "out", ONE, estimator=bent_line)
        assert (raw / "out" / "set.json").stat().st_mtime_ns == before


def test_two_pictures_of_one_name_are_refused(market_raw, tmp_path):
    shutil.rmtree(market_raw / "lists")
    name = "0000_c1s1_000151_01.jpg"  # a passer-by: the identities of the splits stay apart
    shutil.copy(market_raw / "bounding_box_test" / name, market_raw / "bounding_box_train" / name)
    with pytest.raises(DataError, match=rf"2 pictures share their name with another, the first: {name}"):
        prepare(plan_market1501(market_raw), tmp_path / "out", ONE)


def test_the_report_stands_alone(market_raw, tmp_path):
    prepare(plan_market1501(market_raw), tmp_path / "out", ONE)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "src='data:image/jpeg;base64," in page and "http" not in page.replace("http://www.w3.org", "")
    facts = json.loads((tmp_path / "out" / "set.json").read_text())
    for shown in (facts["split_hash"], "academic research only", "right wrist", "Turned away from the camera"):
        assert shown in page
