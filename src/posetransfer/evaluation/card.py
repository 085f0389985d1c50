"""The table of a model card: the weights beside the two trivial answers and the ceiling, every figure with its 95 % interval."""

from __future__ import annotations

from pathlib import Path

from posetransfer.evaluation.results import Results, Score, read

ANSWERS = {"model": "**these weights**", "source": '"return the source"', "mean": '"return the mean training picture"'}
"""Folder of an evaluation -> what the row is called."""
BEFORE = "first"
"""Folder of an evaluation of older weights, which a card may have."""
COLUMNS = {
    "mask_ssim_true": ("SSIM inside the true mask", "1"),
    "mask_ssim": ("mask-SSIM", "1"),
    "st_lpips": ("ST-LPIPS (less is better)", "0"),
    "pckh_patn_movenet": ("PCKh (`pckh_patn`)", "pckh_patn_movenet_real"),
    "pckh_patn_movenet_share": ("PCKh, share of the ceiling", "1"),
    "appearance_nn": ("right person", "appearance_nn_real"),
    "appearance_nn_inner": ("right person, without the outline", "appearance_nn_inner_real"),
    "appearance_nn_own": ("right person, each picture by its own outline", "appearance_nn_own_real"),
}
"""Score -> heading, and what the true pictures get: a figure, or the score that says it."""


def card_table(folder: Path) -> str:
    """Markdown: a row per answer, a column per score; scores that no answer has are left out.

    Args:
        folder: holds `model/`, `source/` and `mean/`, each with the results.json of `posetransfer evaluate` over the same pairs;
            the two last ones with `--baseline`. With `first/`, there is a row for the weights that these replace. A row of fewer
            pairs than the first one's says how many.

    Raises:
        DataError: a results file is missing or unreadable.
    """
    answers = ANSWERS | ({BEFORE: "the first embedded weights"} if (folder / BEFORE).is_dir() else {})
    results = {answer: read(folder / answer) for answer in answers}
    titles = {answer: title + _fewer(results[answer], results["model"]) for answer, title in answers.items()}
    shown = [name for name in COLUMNS if any(_score(known, name) for known in results.values())]
    lines = ["| answer | " + " | ".join(COLUMNS[name][0] for name in shown) + " |", "|" + " --- |" * (len(shown) + 1)]
    lines += [_row(title, [_cell(_score(results[answer], name)) for name in shown]) for answer, title in titles.items()]
    lines.append(_row("the true picture (ceiling)", [_ceiling(results["model"], COLUMNS[name][1]) for name in shown]))
    return "\n".join(lines)


def _fewer(results: Results, most: Results) -> str:
    return f", {results.pairs:,} of the pairs" if results.pairs < most.pairs else ""


def _row(title: str, cells: list[str]) -> str:
    return f"| {title} | " + " | ".join(cells) + " |"


def _ceiling(results: Results, known: str) -> str:
    return _cell(_score(results, known)) if known in {score.name for score in results.scores} else known if known.isdecimal() else "–"


def _score(results: Results, name: str) -> Score | None:
    return next((score for score in results.scores if score.name == name), None)


def _cell(score: Score | None) -> str:
    if score is None or score.value is None:
        return "–"
    return f"{score.value:.3f}" + (f" ({score.low:.3f} to {score.high:.3f})" if score.low is not None and score.high is not None else "")
