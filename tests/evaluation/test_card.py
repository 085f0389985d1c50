"""The card's table: figures of three results files, intervals beside, nothing where nothing was measured."""

import pytest

from posetransfer.errors import DataError
from posetransfer.evaluation.card import card_table
from posetransfer.evaluation.results import Results, Score, save


def write(folder, answer, pairs=2, **scores):
    save(Results("plain", pairs, tuple(Score(name, *values) for name, values in scores.items())), [], folder / answer)


def test_rows_are_the_answers_and_the_last_is_the_ceiling(tmp_path):
    joints = {"pckh_patn_movenet_real": (0.96, 0.95, 0.97)}
    write(tmp_path, "model", mask_ssim_true=(0.5, 0.4, 0.6), pckh_patn_movenet=(0.9, 0.8, 0.95), **joints, appearance_nn=(0.7, 0.6, 0.8))
    write(tmp_path, "source", mask_ssim_true=(0.1, 0.05, 0.2), pckh_patn_movenet=(0.3, 0.2, 0.4), **joints)
    write(tmp_path, "mean", mask_ssim_true=(0.15, None, None), pckh_patn_movenet=(None,), **joints)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in card_table(tmp_path).splitlines()]
    assert rows[0] == ["answer", "SSIM inside the true mask", "PCKh (`pckh_patn`)", "right person"]
    assert rows[2] == ["**these weights**", "0.500 (0.400 to 0.600)", "0.900 (0.800 to 0.950)", "0.700 (0.600 to 0.800)"]
    assert rows[3][1:] == ["0.100 (0.050 to 0.200)", "0.300 (0.200 to 0.400)", "–"]
    assert rows[4][1:] == ["0.150", "–", "–"]
    assert rows[5] == ["the true picture (ceiling)", "1", "0.960 (0.950 to 0.970)", "–"]


def test_a_missing_answer_is_a_sentence(tmp_path):
    write(tmp_path, "model", mask_ssim_true=(0.5, 0.4, 0.6))
    with pytest.raises(DataError, match="source"):
        card_table(tmp_path)


def test_older_weights_have_a_row_that_says_of_how_few_pairs(tmp_path):
    for answer, pairs in (("model", 1000), ("source", 1000), ("mean", 1000), ("first", 400)):
        write(tmp_path, answer, pairs, mask_ssim_true=(0.5, 0.4, 0.6))
    rows = [line.strip("| ").split(" | ")[0] for line in card_table(tmp_path).splitlines()]
    assert rows[2:] == [
        "**these weights**", '"return the source"', '"return the mean training picture"', "the first embedded weights, 400 of the pairs",
        "the true picture (ceiling)",
    ]  # fmt: skip
