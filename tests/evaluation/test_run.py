"""A whole evaluation: what it writes, what changes no score, what it refuses, and two of them compared."""

import json
from dataclasses import replace

import numpy as np
import pytest

from posetransfer.data.manifest import PreparedFolder
from posetransfer.errors import DataError, SettingsError
from posetransfer.evaluation.compare import compare
from posetransfer.evaluation.generate import PreparedPairs, baseline_pairs, draw_pairs, mean_picture, spread
from posetransfer.evaluation.names import Found
from posetransfer.evaluation.pictures import load
from posetransfer.evaluation.report import write_report
from posetransfer.evaluation.results import read, read_rows
from posetransfer.evaluation.run import Evaluation, EvaluationSettings, evaluate, pose_distance
from posetransfer.evaluation.table import comparison_table, text_table
from posetransfer.image import load_photo

APPEARANCE = tuple(f"appearance_nn{part}" for part in ("", "_real", "_inner", "_inner_real", "_own", "_own_real"))
PIXELS = EvaluationSettings(only=("pixels",), processes=1)
ALL = EvaluationSettings(networks="stand-in", processes=1)


@pytest.fixture(scope="module")
def drawn_set(people):
    return PreparedPairs(PreparedFolder.open(people), (32, 24), (224, 224, 224))


@pytest.fixture(scope="module")
def source_pairs(drawn_set, tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    return tuple(baseline_pairs(drawn_set, drawn_set.pairs(folder), "source", folder))


@pytest.fixture(scope="module")
def whole(source_pairs, tmp_path_factory):
    """Everything, with the stand-ins, of 24 pairs."""
    folder = tmp_path_factory.mktemp("whole")
    settings = replace(ALL, cache=tmp_path_factory.mktemp("cache"))
    return evaluate(Found(source_pairs[::2]), settings, folder, origin={"baseline": "source"}), folder, settings


def values(results):
    return {score.name: score.value for score in results.scores}


def test_every_score_has_value_interval_and_what_it_looks_through(whole):
    results, folder, _ = whole
    scores = values(results)
    expected = {
        "l1",
        "psnr",
        "ssim",
        "ssim_patn",
        "mask_ssim",
        "mask_ssim_true",
        "pckh_patn_movenet",
        "pckh_movenet",
        "st_lpips",
        "ds_nanodet",
    }
    expected |= {"pckh_patn_movenet_real", "pckh_patn_movenet_share", *APPEARANCE}
    expected |= {f"{score}_effnetlite0" for score in ("is", "mask_is", "fid", "kid")} | {"fid_vgg16", "kid_vgg16"}
    assert expected <= scores.keys()
    assert not {"fid", "kid", "is", "lpips", "ds", "pckh", "pckh_patn"} & scores.keys()  # a stand-in never has a standard name
    for score in results.scores:
        assert score.value is not None, score.name
        assert score.low <= score.value <= score.high, score.name
        assert bool(score.sha256) == bool(score.network), score.name
    assert read(folder) == results
    assert results.real_set["pictures"] == 16


def test_means_are_those_of_the_manifest(whole):
    results, folder, _ = whole
    rows = read_rows(folder)
    assert len(rows) == results.pairs == 24
    assert results.score("ssim").value == pytest.approx(np.mean([row["scores"]["ssim"] for row in rows]))
    right, total = (sum(row["scores"][f"pckh_patn_movenet_real_{part}"] for row in rows) for part in ("right", "total"))
    assert results.score("pckh_patn_movenet_real").value == pytest.approx(right / total)


def test_the_share_of_the_ceiling_is_found_joints_over_those_of_the_real_pictures(whole):
    results, folder, _ = whole
    rows = [row["scores"] for row in read_rows(folder)]
    right, best = (sum(row[f"pckh_patn_movenet_{part}right"] for row in rows) for part in ("", "real_"))
    assert results.score("pckh_patn_movenet_share").value == pytest.approx(right / best)


def test_appearance_is_the_mean_of_the_hits_of_the_manifest(whole):
    results, folder, _ = whole
    hits = {name: [row["scores"][name] for row in read_rows(folder)] for name in APPEARANCE}
    for name, values_of in hits.items():
        known = [value for value in values_of if value is not None]
        assert set(known) <= {0.0, 1.0}
        assert results.score(name).value == pytest.approx(np.mean(known))
        assert results.score(name).n == len(known)
    assert results.score("appearance_nn_real").value > 0.5  # four people of four colours; guessing is 0.25


def test_order_and_processes_change_no_score_and_the_real_set_is_seen_once(whole, source_pairs, tmp_path, monkeypatch):
    results, _, settings = whole
    stages = []
    monkeypatch.setattr("posetransfer.evaluation.realset.SetWork.__call__", lambda *_: pytest.fail("features are in the cache"))
    shuffled = sorted(source_pairs[::2], key=lambda pair: pair.name)
    again = evaluate(
        Found(tuple(shuffled)),
        replace(settings, processes=2),
        tmp_path,
        progress=lambda name: (stages.append(name), lambda done, total: None)[1],
    )
    assert values(again) == values(results)
    assert stages[0] == "pairs"


def test_perfect_pictures_get_perfect_scores(source_pairs, tmp_path):
    perfect = tuple(replace(pair, generated=pair.real) for pair in source_pairs)
    results = evaluate(Found(perfect), replace(PIXELS, only=("pixels", "distance"), networks="stand-in"), tmp_path)
    assert values(results) == pytest.approx(
        {"l1": 0, "psnr": 100, "ssim": 1, "ssim_patn": 1, "mask_ssim": 1, "mask_ssim_true": 1, "st_lpips": 0}
    )


def test_a_single_pair_is_scored(source_pairs, tmp_path):
    results = evaluate(Found(source_pairs[:1]), replace(ALL, cache=tmp_path / "cache"), tmp_path)
    assert results.score("ssim").low == results.score("ssim").value == results.score("ssim").high
    assert results.score("fid_vgg16").value is None
    json.loads((tmp_path / "results.json").read_text(), parse_constant=lambda word: pytest.fail(f"{word} in JSON"))


def test_changed_pictures_are_scored_anew(people, tmp_path):
    test = PreparedPairs(PreparedFolder.open(people))
    pairs = test.pairs(tmp_path / "pictures", limit=3)
    first, second = (lambda s, a, b, v=v: [np.full_like(p, v) for p in s] for v in (10, 200))
    draw_pairs(test, pairs, first)
    before = values(evaluate(Found(tuple(pairs)), PIXELS, tmp_path / "out"))
    for pair in pairs:
        pair.generated.path.unlink()
    draw_pairs(test, pairs, second)
    assert values(evaluate(Found(tuple(pairs)), PIXELS, tmp_path / "out"))["l1"] != before["l1"]


def test_missing_pictures_are_listed_and_refused_unless_allowed(source_pairs, tmp_path):
    found = Found(source_pairs[:5], missing=("x___y",))
    with pytest.raises(DataError, match="1 of 6 pairs have no generated picture: x___y"):
        evaluate(found, PIXELS, tmp_path)
    assert not (tmp_path / "results.json").exists()
    results = evaluate(found, replace(PIXELS, allow_missing=True), tmp_path)
    assert results.missing == ("x___y",)


def test_nothing_to_score_and_unknown_groups_are_refused(source_pairs, tmp_path):
    with pytest.raises(DataError, match="nothing to score"):
        evaluate(Found(()), PIXELS, tmp_path)
    with pytest.raises(SettingsError, match="unknown group"):
        Evaluation(Found(source_pairs), replace(PIXELS, only=("pixel",)), tmp_path)


def test_standard_networks_that_are_not_to_be_had_are_a_sentence(source_pairs, tmp_path, monkeypatch):
    monkeypatch.setattr("posetransfer.evaluation.metrics.networks.files._fetch", lambda wanted: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(SettingsError, match="--networks-folder"):
        evaluate(Found(source_pairs), replace(ALL, networks="standard"), tmp_path)


def test_later_protocols_say_that_fid_needs_the_training_pictures(source_pairs, tmp_path, people):
    wide = [load(pair.real) for pair in source_pairs[:2]]
    pairs = tuple(
        replace(pair, generated=np.zeros((256, 176, 3), np.uint8), real=np.resize(picture, (256, 176, 3)), pose=None, mask=None)
        for pair, picture in zip(source_pairs, wide, strict=False)
    )
    results = evaluate(Found(pairs), replace(ALL, protocol="nted-256", only=("features",)), tmp_path)
    assert "fid_effnetlite0" not in values(results)
    assert any("--real-set" in note for note in results.notes)


def test_pictures_are_drawn_once_from_what_the_network_should_see(drawn_set, tmp_path):
    pairs = drawn_set.pairs(tmp_path, limit=5)
    calls = []

    def draw(sources, poses, targets):
        calls.append(len(sources))
        assert all(source.shape == (32, 24, 3) and pose.size == (32, 24) for source, pose in zip(sources, poses, strict=True))
        return [255 - source for source in sources]

    draw_pairs(drawn_set, pairs, draw, batch=2)
    draw_pairs(drawn_set, pairs, draw, batch=2)
    assert calls == [2, 2, 1]
    assert np.array_equal(load_photo(tmp_path / f"{pairs[0].name}.png"), 255 - drawn_set.picture(pairs[0].source).load())


def test_a_set_of_another_shape_is_never_stretched(people, tmp_path):
    # 64x48 pictures in a frame of 32x32: 32x24, four columns of backdrop on each side, which no score sees.
    test = PreparedPairs(PreparedFolder.open(people), (32, 32), (10, 20, 30))
    pairs = test.pairs(tmp_path, limit=3)

    def draw(photos, sources, targets):
        for photo, source, target, pair in zip(photos, sources, targets, pairs, strict=True):
            assert photo.shape == (32, 32, 3)
            assert (photo[:, [0, 1, 2, 3, 28, 29, 30, 31]] == [10, 20, 30]).all()
            assert source.size == target.size == (32, 32)
            for framed, pose in ((target, pair.pose), (source, pair.source_pose)):
                assert np.allclose(framed.points, pose.points + np.array([4, 0]), equal_nan=True)
        return photos

    draw_pairs(test, pairs, draw)
    for pair in pairs:
        assert pair.pose.size == (32, 24)
        assert np.array_equal(load(pair.generated), test.picture(pair.source).load())
        assert load(pair.real).shape == (32, 24, 3)
        assert pair.mask.load().shape == (32, 24)
    assert mean_picture(test).shape == (32, 24, 3)


def test_the_mean_picture_is_the_mean_of_the_training_pictures(drawn_set):
    pictures = [picture.load().astype(float) for picture in drawn_set.training_pictures()]
    assert len(pictures) == 24
    assert np.abs(mean_picture(drawn_set) - np.mean(pictures, axis=0)).max() <= 0.5


def test_a_backdrop_needs_masks(people, tmp_path):
    for name in ("images", "annotation-test.csv", "pairs-test.csv", "set.json"):
        (tmp_path / name).symlink_to(people / name)
    with pytest.raises(DataError, match="no masks"):
        PreparedPairs(PreparedFolder.open(tmp_path), None, (1, 2, 3)).pairs(tmp_path / "out")


def test_limit_spreads_over_all_people(drawn_set, tmp_path):
    assert {pair.source[:2] for pair in drawn_set.pairs(tmp_path, limit=4)} == {"06", "07", "08", "09"}
    assert spread([1, 2], 5) == [1, 2]


def test_pose_distance_ignores_where_the_person_stands(source_pairs):
    pair = source_pairs[0]
    assert pose_distance(replace(pair, source_pose=pair.pose.moved(3, 5))) == pytest.approx(0)
    assert pose_distance(replace(pair, source_pose=pair.pose.mirrored())) > 0.01


def test_comparison_finds_the_better_run_and_no_difference_with_itself(whole, drawn_set, tmp_path):
    _, folder, _ = whole
    pairs = tuple(baseline_pairs(drawn_set, drawn_set.pairs(tmp_path), "mean", tmp_path))
    evaluate(Found(pairs), PIXELS, tmp_path / "mean")
    comparison = compare(folder, tmp_path / "mean" / "results.json")
    assert comparison.pairs == 24
    assert comparison.left_out == len(pairs) - 24
    by_name = {score.name: score for score in comparison.scores}
    truth = {name: np.mean([row["scores"][name] for row in read_rows(tmp_path / "mean")][::2]) for name in ("ssim", "l1")}
    for name, mean in truth.items():
        score = by_name[name]
        assert score.second == pytest.approx(mean)
        if score.difference.beyond_chance:
            assert score.verdict == ("better" if (mean > score.first) == (name == "ssim") else "worse")
    assert "second is" in comparison_table(comparison, "a", "b")
    assert {score.verdict for score in compare(folder, folder).scores} == {"no difference beyond chance"}


def test_results_that_cannot_be_compared_are_refused(whole, tmp_path):
    _, folder, _ = whole
    content = json.loads((folder / "results.json").read_text())

    def changed(**changes):
        (tmp_path / "results.json").write_text(json.dumps(content | changes))
        (tmp_path / "manifest.jsonl").write_text((folder / "manifest.jsonl").read_text())
        return tmp_path

    for changes, text in (
        ({"protocol": "nted-256"}, "cannot be compared"),
        ({"version": 99}, "results of version 99, this program reads version 1"),
        ({"format": "other"}, "not a results file"),
        ({"scores": [{"nome": 1}]}, "malformed"),
    ):
        with pytest.raises(DataError, match=text):
            compare(folder, changed(**changes))
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(DataError, match="not JSON"):
        compare(folder, tmp_path)
    with pytest.raises(DataError, match="cannot be opened"):
        compare(folder, tmp_path / "nowhere.json")


def test_table_shows_published_figures_under_their_own_protocol_only(whole):
    results, _, _ = whole
    assert "PATN 2019" not in text_table(results)
    market = replace(results, protocol="patn-market")
    row = next(line for line in text_table(market).splitlines() if line.startswith("ssim_patn "))
    assert "PATN 2019 0.311" in row
    assert "PATN" not in next(line for line in text_table(market).splitlines() if line.startswith("pckh_patn_movenet "))


def test_report_is_one_file_with_pictures_and_charts(whole):
    _, folder, _ = whole
    page = write_report(folder).read_text()
    assert page.count("<svg") >= 20
    assert page.count("data:image/jpeg;base64,") >= 2 * 9 * 5
    assert "<script" not in page
    assert 'src="http' not in page
