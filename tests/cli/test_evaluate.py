"""`posetransfer evaluate` from its words to its files."""

import json

import numpy as np
import pytest
from PIL import Image

from posetransfer.cli import main
from posetransfer.data.annotations import write_annotations


@pytest.fixture
def folders(tmp_path):
    """Three pairs of pictures in two folders, their keypoints and masks."""
    random = np.random.default_rng(0)
    for name in ("generated", "real", "masks"):
        (tmp_path / name).mkdir()
    names = []
    for i in range(3):
        photo = random.integers(0, 256, (64, 32, 3)).astype(np.uint8)
        names.append(f"b{i}.png")
        Image.fromarray(photo).save(tmp_path / "real" / names[-1])
        Image.fromarray(np.clip(photo + 9.0 * i, 0, 255).astype(np.uint8)).save(tmp_path / "generated" / f"a{i}___b{i}.png")
        Image.fromarray(np.pad(np.full((40, 16), 255, np.uint8), ((12, 12), (8, 8)))).save(tmp_path / "masks" / names[-1])
    write_annotations(tmp_path / "poses.csv", names, random.integers(2, 30, (3, 18, 2)).astype(float))
    return tmp_path


def words(folder, *more):
    return ["evaluate", "--generated", str(folder / "generated"), "--real", str(folder / "real"), "-o", str(folder / "out"), *more]


def scores(folder):
    return {score["name"]: score["value"] for score in json.loads((folder / "out" / "results.json").read_text())["scores"]}


def test_two_folders_in_numbers_out(folders, capsys):
    assert main(words(folders, "--only", "pixels", "--report", "--processes", "1")) == 0
    out = capsys.readouterr().out
    assert "protocol plain, 3 pairs (3 of 64x32)" in out
    assert {"l1", "psnr", "ssim", "ssim_patn"} <= scores(folders).keys()
    assert {path.name for path in (folders / "out").iterdir()} >= {"results.json", "manifest.jsonl", "report.html"}


def test_keypoints_and_masks_bring_their_scores_and_given_joints_pckh(folders):
    more = ["--annotation", str(folders / "poses.csv"), "--masks", str(folders / "masks")]
    found = (folders / "poses.csv").read_text()
    for i in range(3):
        found = found.replace(f"\nb{i}.png:", f"\na{i}.png___b{i}.png:")
    (folders / "pckh.csv").write_text(found)
    arguments = [*more, "--joints", str(folders / "pckh.csv"), "--only", "pixels", "joints", "--processes", "1"]
    assert main(words(folders, *arguments)) == 0
    assert {"mask_ssim", "mask_ssim_true"} <= scores(folders).keys()
    assert scores(folders)["pckh_patn"] == scores(folders)["pckh"] == 1  # found where they were asked for


def test_a_plain_backdrop_that_is_named_lets_each_picture_be_judged_by_its_own_outline(tmp_path):
    """Two people in nearly one cloth, painted eight pixels beside their place over grey: by the true masks each looks half like grey."""
    random = np.random.default_rng(1)
    for name in ("generated", "real", "masks"):
        (tmp_path / name).mkdir()
    for person in ("0001", "0002"):
        cloth = (20 if person == "0001" else 60) + random.integers(0, 40, (40, 16, 3))
        names = [f"{person}_c1s1_00000{i}_00" for i in range(4)]
        for k, name in enumerate(names):
            for folder, place in (("real", slice(8, 24)), ("generated", slice(16, 32))):
                picture = np.full((64, 32, 3), (224, 224, 224), np.uint8)
                picture[12:52, place] = np.roll(cloth, k, axis=0)
                path = f"{names[k - 1]}___{name}" if folder == "generated" else name
                Image.fromarray(picture).save(tmp_path / folder / f"{path}.png")
            Image.fromarray(np.pad(np.full((40, 16), 255, np.uint8), ((12, 12), (8, 8)))).save(tmp_path / "masks" / f"{name}.png")
    more = ["--masks", str(tmp_path / "masks"), "--only", "appearance", "--processes", "1"]
    assert main(words(tmp_path, *more)) == 0
    assert scores(tmp_path)["appearance_nn"] < 1 and "appearance_nn_own" not in scores(tmp_path)
    assert main(words(tmp_path, *more, "--backdrop", "224", "224", "224")) == 0
    assert scores(tmp_path)["appearance_nn_own"] == scores(tmp_path)["appearance_nn_own_real"] == 1


def test_json_is_the_results_file(folders, capsys):
    assert main(words(folders, "--only", "pixels", "--json", "--processes", "1")) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((folders / "out" / "results.json").read_text())


def test_two_results_are_compared(folders, capsys):
    assert main(words(folders, "--only", "pixels", "--processes", "1")) == 0
    capsys.readouterr()
    assert main(["evaluate", "--compare", str(folders / "out"), str(folders / "out" / "results.json")]) == 0
    assert "no difference beyond chance" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "nothing to score"),
        (["--generated", "{f}/generated"], "not a strip"),
        (["--generated", "{f}/none", "--real", "{f}/real"], "no such folder"),
        (["--generated", "{f}/generated", "--real", "{f}/real", "--weights", "default"], "one of the two"),
        (
            ["--generated", "{f}/generated", "--real", "{f}/real", "--pairs", "{f}/list.csv", "--only", "pixels"],
            "have no generated picture: x___b1",
        ),
        (["--generated", "{f}/generated", "--real", "{f}/real", "--protocol", "patn-market", "--only", "pixels"], "scores 128x64"),
        (["--data", "{f}/real", "--baseline", "source"], "not a prepared data set"),
        (["--generated", "{f}/generated", "--real", "{f}/real", "--limit", "0"], "--limit 0"),
        (["--generated", "{f}/generated", "--real", "{f}/real", "--backdrop", "0", "0", "256"], "--backdrop 0 0 256: red"),
        (["--data", "{f}", "--baseline", "source", "--backdrop", "0", "0", "0"], "leave it out"),
        (["--compare", "{f}/real", "{f}/real"], "cannot be opened"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_no_results(folders, capsys, arguments, text):
    (folders / "list.csv").write_text("from,to\na0.png,b0.png\nx.png,b1.png\n")
    line = ["evaluate", *(word.format(f=folders) for word in arguments)]
    if "--compare" not in line:
        line += ["-o", str(folders / "out"), "--processes", "1"]
    assert main(line) == 1
    error = capsys.readouterr().err
    assert text in error
    assert error.strip().count("\n") == 0
    assert not (folders / "out" / "results.json").exists()


def test_weights_draw_the_pictures_of_a_data_set(folders, tmp_path):
    torch = pytest.importorskip("torch")
    from posetransfer.config import ModelConfig
    from posetransfer.networks import Generator
    from posetransfer.weights import save_weights

    torch.manual_seed(0)
    config = ModelConfig(size=(32, 16), width=4, blocks=1, sigma=1.0, backdrop="plain")
    save_weights(tmp_path / "w", config, {name: value.numpy() for name, value in Generator(config).state_dict().items()}, "---\n---\n")
    data = prepared(folders)
    line = [
        "evaluate",
        "--weights",
        str(tmp_path / "w"),
        "--data",
        str(data),
        "--only",
        "pixels",
        "--processes",
        "1",
        "-o",
        str(folders / "out"),
    ]
    assert main(line) == 0
    results = json.loads((folders / "out" / "results.json").read_text())
    assert results["sizes"] == {"32x16": 2}
    assert {"mask_ssim", "mask_ssim_true"} <= scores(folders).keys()
    pictures = sorted((folders / "out" / "pictures").rglob("*.png"))
    assert [path.name for path in pictures] == ["b0___b1.png", "b1___b0.png"]
    drawn = scores(folders)
    assert main([*line, "--baseline", "source"]) == 0
    assert scores(folders)["l1"] != drawn["l1"]


def prepared(folder):
    """The real pictures as a prepared set: two to test, one to train."""
    (folder / "set").mkdir()
    (folder / "real").rename(folder / "set" / "images")
    (folder / "masks").rename(folder / "set" / "masks")
    rows = (folder / "poses.csv").read_text().splitlines()
    (folder / "set" / "annotation-test.csv").write_text("\n".join(rows[:3]) + "\n")
    (folder / "set" / "annotation-train.csv").write_text("\n".join([rows[0], rows[3]]) + "\n")
    (folder / "set" / "pairs-test.csv").write_text("from,to\nb0.png,b1.png\nb1.png,b0.png\n")
    (folder / "set" / "pairs-train.csv").write_text("from,to\n")
    (folder / "set" / "set.json").write_text("{}")
    return folder / "set"
