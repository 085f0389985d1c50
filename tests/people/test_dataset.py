import csv
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from posetransfer.data.manifest import PreparedFolder
from posetransfer.errors import DataError, OutputError, SettingsError
from posetransfer.image import load_photo
from posetransfer.people import SIZES, render_people
from posetransfer.people.sheet import people_sheet

from .conftest import STUDIO


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("kind", ["studio", "street"])
def test_a_set_is_a_prepared_folder_with_masks(kind, request):
    folder = PreparedFolder.open(request.getfixturevalue(kind))
    assert folder.size == SIZES[kind]
    assert folder.check_pictures() == []
    assert folder.has_masks and all(folder.mask_path(name).exists() for split in folder.splits.values() for name in split.names)
    people = {name: {folder.people[picture] for picture in split.names} for name, split in folder.splits.items()}
    assert not people["train"] & people["test"]
    for split in folder.splits.values():
        for source, target in split.pairs:
            names = split.names[source], split.names[target]
            assert names[0] != names[1] and folder.people[names[0]] == folder.people[names[1]]


def test_people_are_described_and_counted_as_the_settings_say(studio):
    people = [json.loads(line) for line in (studio / "people.jsonl").read_text().splitlines()]
    assert [person["pid"] for person in people] == [0, 1, 2]
    assert [person["split"] for person in people].count("test") == 1
    assert all(1.4 < person["height"] < 2.1 and person["wear"] and person["shoes"] for person in people)
    with (studio / "pairs-train.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2 * STUDIO.pairs
    assert len(list((studio / "images").iterdir())) == 9


def test_two_processes_render_the_same_bytes_as_one(studio, tmp_path):
    seen: list[tuple[int, int]] = []
    render_people(STUDIO, tmp_path / "set", processes=2, progress=lambda done, total: seen.append((done, total)))
    assert tree(tmp_path / "set") == tree(studio)
    assert seen == [(0, 9), (3, 9), (6, 9), (9, 9)]


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path):
    settings = replace(STUDIO, people=8, images=2)
    render_people(settings, tmp_path / "whole", processes=1)
    code = f"""
from pathlib import Path
from posetransfer.people import PeopleSettings, render_people
render_people({settings!r}, Path({str(tmp_path / "killed")!r}), processes=1)
"""
    run = subprocess.Popen([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)})
    waited = time.monotonic() + 60
    while not (tmp_path / "killed" / "parts" / "00001.json").exists() and time.monotonic() < waited:
        time.sleep(0.002)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert not (tmp_path / "killed" / "set.json").exists()
    with pytest.raises(DataError, match="not a prepared data set"):
        PreparedFolder.open(tmp_path / "killed")
    (tmp_path / "killed" / "parts" / ".00007.json.1.part").write_text("{")  # what a kill in the middle of a write leaves
    first: list[int] = []
    render_people(settings, tmp_path / "killed", processes=1, progress=lambda done, _: first.append(done))
    assert 4 <= first[0] < 16  # what was there was not rendered again
    assert tree(tmp_path / "killed") == tree(tmp_path / "whole")


def test_a_finished_set_is_left_alone(studio):
    before = tree(studio)
    calls: list[int] = []
    render_people(STUDIO, studio, processes=1, progress=lambda done, _: calls.append(done))
    assert calls == [9] and tree(studio) == before


def test_a_folder_with_another_set_is_refused_with_the_first_difference(studio):
    before = tree(studio)
    with pytest.raises(SettingsError, match=r"studio: this folder holds another set: seed is 1 there, 2 here;"):
        render_people(replace(STUDIO, seed=2, pairs=9), studio)
    assert tree(studio) == before


def test_a_set_that_is_only_begun_is_refused_too(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "settings.json").write_text(json.dumps(replace(STUDIO, images=5).as_dict()))
    with pytest.raises(SettingsError, match="images is 5 there, 3 here"):
        render_people(STUDIO, tmp_path)


def test_a_folder_with_other_files_or_a_file_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty and holds no rendered set"):
        render_people(STUDIO, tmp_path)
    with pytest.raises(OutputError, match="cannot be written"):
        render_people(STUDIO, tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_another_first_number_continues_the_same_population(studio, tmp_path):
    render_people(replace(STUDIO, people=1, first=2), tmp_path / "third", processes=1)
    for name in ("00002_c1_00.jpg", "00002_c1_02.jpg"):
        assert (tmp_path / "third" / "images" / name).read_bytes() == (studio / "images" / name).read_bytes()


def test_the_sheet_shows_people_in_rows_with_a_skeleton_on_every_second_picture(studio):
    plain, drawn = people_sheet(studio, skeletons=False), people_sheet(studio)
    assert plain.shape == (3 * 260 + 4, 3 * 180 + 4, 3)
    changed = (plain != drawn).any(axis=(0, 2))
    assert not changed[4:180].any() and changed[184:360].any() and not changed[364:540].any()
    assert (plain[4:260, 4:180] == load_photo(studio / "images" / "00000_c1_00.jpg")).all()


def test_a_sheet_of_nothing_is_refused(tmp_path):
    with pytest.raises(DataError, match="no rendered pictures"):
        people_sheet(tmp_path)
