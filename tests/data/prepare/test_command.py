import os

from posetransfer.cli import main


def test_check_looks_and_writes_nothing(market_raw, tmp_path, capsys, folder_bytes):
    before = folder_bytes(tmp_path)
    assert main(["prepare", "market1501", str(market_raw), "--check"]) == 0
    answer = capsys.readouterr().out
    assert "train: 9 pictures of 3 people, 9 with given poses" in answer
    assert folder_bytes(tmp_path) == before


def test_check_says_what_is_missing(market_raw, capsys):
    gone = sorted((market_raw / "bounding_box_train").iterdir())[:2]
    for path in gone:
        path.unlink()
    assert main(["prepare", "market1501", str(market_raw), "--check"]) == 1
    answer = capsys.readouterr().out
    assert "MISSING: 2 pictures of the lists are not there" in answer and all(path.name in answer for path in gone)


def test_prepare_and_verify(fashion_raw, fashion_lists, tmp_path, capsys, truncate):
    out = tmp_path / "out"
    assert main(["prepare", "deepfashion", str(fashion_raw), str(out), "--lists", str(fashion_lists), "--workers", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out / "report.html")
    assert main(["prepare", "check", str(out)]) == 0
    assert "train: 6 pictures of 2 people, 12 pairs" in capsys.readouterr().out
    truncate(next((out / "images").iterdir()))
    assert main(["prepare", "check", str(out)]) == 1
    assert "cut short" in capsys.readouterr().out


def test_errors_are_one_sentence(tmp_path, people_raw, capsys):
    assert main(["prepare", "folder", str(people_raw)]) == 1
    assert "the folder to write is missing" in capsys.readouterr().err
    assert main(["prepare", "market1501", str(tmp_path / "none"), str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and "Traceback" not in error
    assert not os.path.exists(tmp_path / "out")
