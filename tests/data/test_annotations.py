import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import posetransfer
from posetransfer.data.annotations import pairs_to_index, read_annotations, read_pairs, round_points, write_annotations, write_pairs
from posetransfer.errors import DataError, OutputError

Y = [48, 57, 57, 68, 78, 56, -1, -1, 80, 93, 109, 79, -1, -1, 46, 45, 47, -1]
X = [32, 31, 22, 17, 18, 40, -1, -1, 27, 31, 35, 39, -1, -1, 30, 34, 26, -1]
ROW = f"0432_c5s1_105323_05.jpg: {Y}: {X}\n"
HEADER = "name:keypoints_y:keypoints_x\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="annotation.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_y_comes_before_x_and_minus_one_is_missing(write):
    names, points = read_annotations(write(HEADER + ROW))
    assert names == ["0432_c5s1_105323_05.jpg"]
    assert points.shape == (1, 18, 2) and points.dtype == np.float64
    assert points[0, 0].tolist() == [32, 48]
    assert np.isnan(points[0, [6, 7, 12, 13, 17]]).all() and not np.isnan(points[0, [0, 1, 8]]).any()


def test_a_joint_is_missing_if_one_coordinate_is(write):
    row = f"a.jpg: {[5] + [-1] * 17}: {[-1] * 18}\n"
    assert np.isnan(read_annotations(write(HEADER + row))[1]).all()


def test_what_the_authors_wrote_is_written_again_byte_for_byte(write, tmp_path):
    path = write(HEADER + ROW + ROW.replace("05.jpg", "06.jpg"))
    write_annotations(tmp_path / "again.csv", *read_annotations(path))
    assert (tmp_path / "again.csv").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        HEADER + ROW.replace("[48", "[np.int64(48)").replace("[32", "[np.int64(32)"),  # the authors' writer under NumPy 2
        "\ufeff" + (HEADER + ROW).replace("\n", "\r\n"),
        HEADER + "\n" + ROW + "\n",
        HEADER + ROW.replace(" ", ""),
    ],
)
def test_forms_that_are_met_in_the_wild(write, text):
    names, points = read_annotations(write(text))
    assert names == ["0432_c5s1_105323_05.jpg"] and points[0, 0].tolist() == [32, 48]


def test_a_name_may_hold_a_colon_blanks_and_any_letters(write):
    names, _ = read_annotations(write(HEADER + ROW.replace("0432_c5s1_105323_05.jpg", "Zoë Müller: 李雷.jpg")))
    assert names == ["Zoë Müller: 李雷.jpg"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (f"b.jpg: {Y[:17]}: {X}", "17 numbers for y instead of 18"),
        (f"b.jpg: {Y}: {X[:17]}", "17 numbers for x instead of 18"),
        (f"b.jpg: {Y}: {[*X[:17], 'left']}", "not a list of numbers"),
        (f"b.jpg: {Y}", "2 parts between colons"),
        ("b.jpg: see the other file: no", "not a list of numbers"),
        (f"b.jpg: {Y}: {[*X[:17], 1e999]}".replace("inf", "1e999"), "infinite x"),
        (f"b.jpg: {Y},{Y}: {X},{X}", "not a list of numbers"),
    ],
)
def test_a_bad_row_is_named(write, row, says):
    with pytest.raises(DataError, match=r"annotation\.csv, row 3: .*" + says):
        read_annotations(write(HEADER + ROW + row + "\n"))


def test_eighteen_rows_of_seventeen_numbers_are_not_seventeen_of_eighteen(write):
    rows = "".join(f"{i}.jpg: {Y[:17]}: {X[:17]}\n" for i in range(18))
    with pytest.raises(DataError, match="row 2: 17 numbers"):
        read_annotations(write(HEADER + rows))


def test_other_files_are_told_apart(write, tmp_path):
    with pytest.raises(DataError, match=r"first line is 'from,to'.*annotation file"):
        read_annotations(write("from,to\na,b\n"))
    with pytest.raises(DataError, match="UTF-8"):
        read_annotations(write(b"\xff\xfe\x00n"))
    with pytest.raises(DataError, match="No such file"):
        read_annotations(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"names come twice, the first: 0432_c5s1_105323_05\.jpg"):
        read_annotations(write(HEADER + ROW + ROW))


coordinate = st.one_of(st.just(float("nan")), st.floats(-300, 2000))


@given(st.lists(st.tuples(coordinate, coordinate), min_size=18, max_size=18))
def test_reading_gives_back_what_was_written(tmp_path_factory, joints):
    points = np.array([joints])
    path = tmp_path_factory.mktemp("lists") / "annotation.csv"
    write_annotations(path, ["a.jpg"], points)
    _, again = read_annotations(path)
    lost = np.isnan(points).any(axis=2)
    assert np.array_equal(np.isnan(again).all(axis=2), lost)
    assert np.abs(again - points)[~lost].max(initial=0) <= 0.151  # a tenth, and -1 itself is moved to -0.9
    assert np.array_equal(again, round_points(points), equal_nan=True)


def test_pairs_survive_any_name(tmp_path):
    names = ["a, b.jpg", 'c "d".jpg', "Zoë.jpg"]
    pairs = np.array([[0, 1], [2, 0], [1, 2]], np.int32)
    write_pairs(tmp_path / "pairs.csv", names, pairs)
    assert pairs_to_index(read_pairs(tmp_path / "pairs.csv"), names).tolist() == pairs.tolist()


def test_a_pair_needs_two_names(write):
    with pytest.raises(DataError, match=r"row 3: 'a\.jpg' has 1 names"):
        read_pairs(write("from,to\na.jpg,b.jpg\na.jpg\n"))
    with pytest.raises(DataError, match=r"expected 'from,to'"):
        read_pairs(write(HEADER))


def test_a_pair_of_an_unknown_picture_names_it():
    with pytest.raises(DataError, match=r"pairs-test\.csv: 1 pictures are named in pairs .* the first: ghost\.jpg"):
        pairs_to_index((["a", "a"], ["b", "ghost.jpg"]), ["a", "b"], "pairs-test.csv")


def test_names_that_no_list_can_hold_are_refused(tmp_path):
    with pytest.raises(DataError, match="line break"):
        write_annotations(tmp_path / "a.csv", ["a\nb"], np.zeros((1, 18, 2)))
    with pytest.raises(OutputError, match="cannot be written"):
        (tmp_path / "file").touch()
        write_pairs(tmp_path / "file" / "pairs.csv", ["a"], np.zeros((0, 2), np.int32))


MEASURED = """
import sys, time
from posetransfer.data.annotations import read_annotations, write_pairs
from posetransfer.data.pairing import make_pairs, market_person, usable
start = time.perf_counter()
names, points = read_annotations(sys.argv[1])
pairs = make_pairs([market_person(name) for name in names], usable(points))
write_pairs(sys.argv[2], names, pairs)
peak = 0.0  # getrusage would count the memory of the test suite, which this process was begun from
with open("/proc/self/status") as status:
    peak = next(float(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
print(time.perf_counter() - start, peak, len(pairs))
"""


def test_100_000_rows_become_pairs_in_under_ten_seconds_and_a_gigabyte(tmp_path):
    rng = np.random.default_rng(0)
    annotation, listed, people = tmp_path / "annotation.csv", tmp_path / "pairs.csv", 5_000
    lost = rng.random((100_000, 1, 18)) < 0.03
    rows = np.where(lost, -1, rng.integers(0, 128, (100_000, 2, 18))).tolist()
    names = [f"{i % people:04}_c1s1_{i:06}_00.jpg" for i in range(100_000)]
    annotation.write_text(HEADER + "".join(f"{n}: {json.dumps(y)}: {json.dumps(x)}\n" for n, (y, x) in zip(names, rows, strict=True)))
    environment = os.environ | {"PYTHONPATH": str(Path(posetransfer.__file__).parents[1])}
    answer = subprocess.run(
        [sys.executable, "-c", MEASURED, annotation, listed], env=environment, check=True, capture_output=True, text=True
    ).stdout.split()
    seconds, memory, pairs = float(answer[0]), float(answer[1]), int(answer[2])
    assert seconds < 10 and memory < 1e9
    known = ~lost[:, 0, [2, 5, 8, 11]].any(axis=1)
    sizes = np.bincount(np.arange(100_000)[known] % people)
    assert pairs == (sizes * (sizes - 1)).sum() > 1_000_000
    with listed.open() as file:
        assert sum(1 for _ in file) == pairs + 1


@given(st.text(alphabet=st.sampled_from("a1-,.:[]{}\"'\\ \n\r\tNe∞"), max_size=120), st.booleans())
def test_no_text_ends_in_anything_but_a_sentence(tmp_path_factory, text, headed):
    path = tmp_path_factory.mktemp("lists") / "list.csv"
    for header, read in ((HEADER, read_annotations), ("from,to\n", read_pairs)):
        path.write_text((header if headed else "") + text, encoding="utf-8")
        try:
            names, rest = read(path)
        except DataError as error:
            assert str(path) in str(error)
        else:
            assert len(names) == len(rest)
