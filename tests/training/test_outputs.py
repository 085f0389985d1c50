"""What a run leaves to be looked at: log, TensorBoard, sheets, curves, and the weights with their card."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from tests.training.driver import CPU, go, settings

from posetransfer.data.pairs import Pairs
from posetransfer.errors import TrainingError
from posetransfer.training.card import export_weights
from posetransfer.training.checkpoint import best_path, load_checkpoint
from posetransfer.training.journal import Journal, read_log
from posetransfer.training.report import Scale, draw_chart, draw_report, read_charts
from posetransfer.training.sheet import attention_pictures, draw_sheet
from posetransfer.training.step import TrainingStep
from posetransfer.training.validation import fixed_pairs, paint, validation_scores
from posetransfer.weights import load_weights


def test_log_is_cut_behind_the_step_a_run_goes_on_from(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"step": 50, "l1": 1.0}\n{"step": 100, "l1": 0.5}\n{"step": 150, "l1"')
    with Journal(tmp_path, 50) as journal:
        journal.line({"step": 100, "l1": 1 / 3, "validation": {"ssim": 0.5}})
    assert read_log(tmp_path) == [{"step": 50, "l1": 1.0}, {"step": 100, "l1": 0.333333, "validation": {"ssim": 0.5}}]


def test_tensorboard_gets_the_same_numbers(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Journal(tmp_path, 0) as journal:
        journal.line({"step": 50, "l1": 0.25})
        journal.line({"step": 50, "validation": {"ssim": 0.5}})
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    found = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    assert found == {"l1": [(50, 0.25)], "validation/ssim": [(50, 0.5)]}


def test_only_the_first_process_writes(tmp_path):
    with Journal(tmp_path, 0, writes=False) as journal:
        journal.line({"step": 50})
    assert not list(tmp_path.iterdir())


def test_scores_are_differences_in_all_pixels_and_inside_the_mask(people):
    watched = Pairs(people, "test", settings().model)
    batch = watched.examples([0, 1])
    made = batch.target.copy()
    inside = batch.target_mask > 127
    made[inside] = np.where(made[inside] > 127, made[inside] - 51, made[inside] + 51)  # 0.4 on a scale of 2
    scores = validation_scores(iter([(batch, made)]), {"largest": lambda a, b: float(a.max())})
    assert scores["l1_person"] == pytest.approx(0.4) and scores["l1"] == pytest.approx(0.4 * inside.mean())
    assert scores["largest"] == made.max(axis=(1, 2, 3)).mean()


def test_validation_runs_in_eval_mode_and_leaves_the_training_alone(people):
    """A picture's score does not depend on which others are painted beside it."""
    chosen = settings()
    step = TrainingStep(chosen, CPU)
    watched = Pairs(people, "test", chosen.model)
    before = {n: b.clone() for n, b in step.generator.named_buffers()}
    one = next(paint(step.generator.eval(), watched, np.array([3]), chosen, CPU))[1]
    many = next(paint(step.generator.eval(), watched, np.arange(8), chosen, CPU))[1]
    assert np.abs(one[0].astype(int) - many[3]).max() <= 1
    assert all(torch.equal(b, before[n]) for n, b in step.generator.named_buffers())


def test_sheet_shows_eight_tiles_a_pair_two_pairs_in_a_row(people):
    chosen = settings()
    watched = Pairs(people, "test", chosen.model)
    sheet = draw_sheet(TrainingStep(chosen, CPU).generator.eval(), watched, fixed_pairs(watched, 16), chosen, CPU)
    columns, rows, height, width, gap = 2 * 7, 8, 128, 96, 4  # 5 pictures and the attention of both blocks; 32 x 24 enlarged four times
    assert sheet.shape[1] == columns * (width + gap) + gap
    assert 0 <= sheet.shape[0] - rows * (height + gap) - gap < 40  # the headings


def test_attention_is_stretched_over_the_grey_scale():
    mask = torch.full((1, 3, 4, 4), 0.5)
    mask[0, :, 2, 1] = 0.9
    grey = attention_pictures(mask, (16, 16))
    assert grey.shape == (1, 16, 16, 3) and grey.min() == 0 and grey.max() == 255
    assert grey[0, 9:11, 5:7, 0].min() > 200 and grey[0, :4, :, 0].max() == 0


def test_report_draws_a_curve_where_its_numbers_are(tmp_path):
    lines = [{"step": step, "l1": 1.0 - step / 1000, "rate": 2e-4} for step in range(50, 1001, 50)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = draw_report(tmp_path)
    picture = np.asarray(Image.open(path))
    assert picture.shape == (2 * 260, 960, 3)
    scale = Scale.of([line["l1"] for line in lines], [line["step"] for line in lines])
    blue = (picture[:260] == (31, 119, 180)).all(axis=2)
    for line in lines[1:-1]:
        y, x = round(scale.y(line["l1"])), round(scale.x(line["step"]))
        assert blue[y - 2 : y + 3, x - 2 : x + 3].any(), line
    assert not blue[40:60, -200:].any()  # nothing where no number is: the curve has fallen by then


def test_charts_have_losses_scores_and_speed_apart():
    charts = read_charts(
        [{"step": 50, "l1": 1.0, "d_shape": 0.5, "gradient_generator": 3.0}, {"step": 50, "validation": {"l1": 0.1, "ssim": 0.4}}]
    )
    assert {title: list(curves) for title, curves in charts.items()} == {
        "scores on test pairs: difference": ["l1"], "scores on test pairs: ssim": ["ssim"],
        "losses of the generator": ["l1"], "losses of the discriminators": ["d_shape"], "gradient norms": ["generator"],
    }  # fmt: skip


@pytest.mark.parametrize("values", [[0.0, 0.0], [5.0, 5.0], [1.0, float("nan"), 2.0], [0.01, 0.02, 900.0], [-1.0, 1.0]])
def test_charts_can_be_drawn_of_any_numbers(values):
    chart = draw_chart("a title", {"a": list(enumerate(values, 1))})
    assert chart.shape == (260, 960, 3) and (chart == (31, 119, 180)).all(axis=2).any()


def test_report_of_nothing_is_a_sentence(tmp_path):
    with pytest.raises(TrainingError, match=r"no log\.jsonl in this folder"):
        draw_report(tmp_path)
    (tmp_path / "log.jsonl").touch()
    with pytest.raises(TrainingError, match="nothing was logged yet"):
        draw_report(tmp_path)


@pytest.mark.parametrize("which", ["last", "best"])
def test_weights_are_of_the_state_asked_for_and_the_card_says_how(which, people, tmp_path):
    chosen = settings(weights=which)
    outcome = go(people, tmp_path, chosen)
    weights = load_weights(export_weights(tmp_path, chosen, "eight people", outcome.state.state(), outcome.step))
    state = outcome.state.state() if which == "last" else load_checkpoint(best_path(tmp_path, 4), CPU)[1]
    for name, array in weights.tensors.items():
        np.testing.assert_allclose(array, state["mean_generator"][name].numpy(), rtol=1e-3, atol=1e-5)
    card = (tmp_path / "weights" / "README.md").read_text()
    steps = {"last": "9 (36 pairs)", "best": "4 (16 pairs)"}[which]
    assert f"| steps | {steps} |" in card and "| trained on | eight people |" in card and "- `--model.width 4`" in card
    assert weights.config == chosen.model
