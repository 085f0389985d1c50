"""`posetransfer people`: results on stdout, refusals in one sentence."""

import pytest

from posetransfer import cli
from posetransfer.image import load_photo


def test_renders_a_set_and_its_sheet_and_prints_both(tmp_path, capsys):
    words = f"people studio --people 2 --images 2 --seed 3 --processes 1 --pairs 2 --sheet {tmp_path / 'sheet.png'} {tmp_path / 'set'}"
    assert cli.main(words.split()) == 0
    captured = capsys.readouterr()
    assert captured.out.split() == [str(tmp_path / "sheet.png"), str(tmp_path / "set")]
    assert captured.err == ""  # no bar where nobody looks
    assert (tmp_path / "set" / "set.json").is_file()
    assert load_photo(tmp_path / "sheet.png").shape == (2 * 260 + 4, 2 * 180 + 4, 3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--whole", "2"], "error: whole is 2.0; expected a share from 0 to 1."),
        (["--processes", "0"], "error: --processes is 0; expected at least 1."),
        (["--sheet", "sheet.tiff"], "sheet.tiff"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_leaves_no_folder(tmp_path, capsys, options, sentence):
    assert cli.main(["people", "studio", str(tmp_path / "set"), *options]) == 1
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_kind_is_a_usage_error(tmp_path, capsys):
    assert cli.main(["people", "beach", str(tmp_path / "set")]) == 2
    assert "street" in capsys.readouterr().err
