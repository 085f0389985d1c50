"""The command `transfer`, from arguments to files, with weights of a tiny random network."""

import json

import numpy as np
import pytest
from PIL import Image

from posetransfer.cli import main
from posetransfer.config import ModelConfig
from posetransfer.engines import open_engine
from posetransfer.image import load_photo
from posetransfer.pose import Pose, draw_heatmaps, read_pose, write_pose
from posetransfer.weights import expected_shapes, save_weights

JOINTS = {
    "nose": (60, 30), "neck": (60, 45), "right_shoulder": (50, 45), "right_elbow": (46, 60), "right_wrist": (44, 74),
    "left_shoulder": (70, 45), "left_elbow": (74, 60), "left_wrist": (76, 74), "right_hip": (54, 75), "right_knee": (53, 97),
    "right_ankle": (52, 118), "left_hip": (66, 75), "left_knee": (67, 97), "left_ankle": (68, 118),
}  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a photo, its pose, a target pose and weights; the words of a call that works."""
    rng = np.random.default_rng(0)
    config = ModelConfig(size=(64, 44), width=2, blocks=3, sigma=1.5)
    tensors = {name: rng.standard_normal(shape) * 0.2 for name, shape in expected_shapes(config).items()}
    monkeypatch.chdir(tmp_path)
    save_weights("weights", config, tensors, "")
    Image.fromarray(rng.integers(0, 255, (140, 120, 3), dtype=np.uint8)).save("me.png")
    Image.new("RGB", (120, 140)).save("other.png")
    Image.new("RGB", (120, 140)).save("photo.png")
    pose = Pose(JOINTS, (140, 120))
    write_pose(pose, "me.json")
    write_pose(pose.mirrored(), "target.json")
    return tmp_path


WORDS = ["transfer", "me.png", "--pose", "target.json", "--source-pose", "me.json", "--weights", "weights", "--device", "cpu"]


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_one_line_says_where_the_picture_is(here, capsys):
    assert main([*WORDS, "-o", "out.png"]) == 0
    assert load_photo("out.png").shape == (64, 44, 3)
    assert capsys.readouterr().out.startswith("out.png: 44 x 64 pixels in ")


def test_json_tells_sizes_and_seconds(here, capsys):
    assert main([*WORDS, "-o", "new/out.webp", "--place", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert tuple(facts["size"]) == (140, 120) == load_photo("new/out.webp").shape[:2]
    assert facts["engine"] == "pytorch" and facts["seconds"]["network"] > 0
    assert facts["source_joints"] == facts["target_joints"] == 14


def test_panel_and_attention(here, capsys):
    assert main([*WORDS, "-o", "panel.jpg", "--panel", "--attention", "blocks"]) == 0
    height, width = load_photo("panel.jpg").shape[:2]
    assert width == 4 * 176 + 5 * 4
    assert f"{width} x {height} pixels" in capsys.readouterr().out
    assert files(here / "blocks") == sorted([f"{kind}-0{t}.png" for kind in ("mask", "picture") for t in (1, 2, 3)] + ["progression.png"])
    assert load_photo("blocks/picture-03.png").shape == (64, 44, 3)


def test_inputs_are_all_that_another_runtime_needs(here):
    assert main([*WORDS, "-o", "out.png", "--inputs", "inputs", "--precision", "fp32"]) == 0
    assert files(here / "inputs") == ["photo.png", "source.json", "target.json"]
    photo = load_photo("inputs/photo.png").astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
    maps = [draw_heatmaps(read_pose(f"inputs/{name}.json"), sigma=1.5)[None] for name in ("source", "target")]
    picture = open_engine("weights", "pytorch", "cpu", "fp32").run(photo, *maps)[0].transpose(1, 2, 0)
    # these weights paint the background themselves: what the network painted is the picture
    assert np.abs((picture + 1) * 127.5 - load_photo("out.png")).max() < 0.6


def test_the_engine_can_be_chosen_and_paints_the_same(here, capsys):
    pictures = []
    for name in ("pytorch", "onnxruntime"):
        assert main([*WORDS, "-o", "out.png", "--engine", name, "--precision", "fp32", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["engine"] == name
        pictures.append(load_photo("out.png").astype(int))
    assert np.abs(pictures[0] - pictures[1]).max() <= 1 and pictures[0].std() > 1


def test_another_picture_as_background_and_what_is_strange_in_json(here, capsys):
    Image.new("RGB", (300, 100), (10, 200, 30)).save("beach.png")
    assert main([*WORDS, "-o", "out.png", "--place", "--background", "beach.png", "--no-shadow", "--json"]) == 0
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert facts["warnings"] == [] and captured.err == ""
    assert (load_photo("out.png")[:3] == (10, 200, 30)).all()
    write_pose(
        Pose(JOINTS, (140, 120)).without("left_hip", "left_knee", "left_ankle", "left_wrist", "left_elbow", "right_ankle"), "few.json"
    )
    assert main([*WORDS, "-o", "out.png", "--pose", "few.json", "--json"]) == 0
    captured = capsys.readouterr()
    [finding] = json.loads(captured.out)["warnings"]
    assert (finding["code"], finding["value"]) == ("target_joints_missing", 6) and finding["value"] >= finding["threshold"]
    assert captured.err == f"warning: {finding['message']}\n"  # one line a finding


def refused(words, capsys, *parts):
    assert main(words) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    assert all(part in captured.err for part in parts), captured.err


@pytest.mark.parametrize(("change", "parts"), [
    (["-o", "out.tiff"], ["out.tiff", ".png, .jpg"]),
    (["-o", "out"], ["without an ending"]),
    (["-o", "me.png"], ["me.png", "written over"]),
    (["-o", "other.png", "--pose", "other.png"], ["other.png", "written over"]),
    (["-o", "other.png", "--source-pose", "other.png"], ["other.png", "written over"]),
    (["-o", "out.png", "--pose", "x" * 300], ["neither a file nor a pose"]),
    (["-o", "out.png", "--pose", "weights"], ["neither a file nor a pose"]),
    (["-o", "/proc/nowhere/out.png"], ["/proc/nowhere/out.png", "cannot be written"]),
    (["-o", "me.json/out.png"], ["cannot be written"]),
    (["-o", "out.jpg", "--background", "transparent"], ["a JPEG cannot be transparent"]),
    (["-o", "out.png", "--attention", "me.json/blocks"], ["cannot be written"]),
    (["-o", "out.png", "--inputs", "me.json/inputs"], ["cannot be written"]),
    (["-o", "out.png", "--inputs", ".", "--pose", "photo.png"], ["photo.png", "written over"]),
    (["-o", "out.png", "--background", "nowhere.jpg"], ["'nowhere.jpg'", "keep, plain, transparent", "no such file"]),
    (["-o", "out.png", "--background", "me.json"], ["me.json"]),
    (["-o", "other.png", "--background", "other.png"], ["other.png", "written over"]),
    (["-o", "out.png", "--weights", "nothing"], ["no weights of that name"]),
    (["-o", "out.png", "--device", "cuda:77"], ["cuda:77", "auto or cpu"]),
    (["-o", "out.png", "--device", "tpu"], ["'tpu' is unknown"]),
    (["-o", "out.png", "--engine", "tensorflow"], ["'tensorflow' is unknown", "onnxruntime"]),
    (["-o", "out.png", "--engine", "onnxruntime", "--precision", "bf16"], ["bf16", "onnxruntime"]),
    (["-o", "out.png", "--pose", "no-such-pose"], ["no-such-pose"]),
    (["-o", "out.png", "--source-pose", "no.json"], ["no.json"]),
    (["-o", "out.png", "--pose", "me.png"], ["me.png: no person found"]),
])  # fmt: skip
def test_what_cannot_be_done_is_one_sentence_and_leaves_no_file(change, parts, here, capsys):
    before = files(here)
    refused([*WORDS, *change], capsys, *parts)
    assert files(here) == before


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_loaded(here, capsys):
    refused([*WORDS, "-o", "out.bmp", "--weights", "nothing"], capsys, "out.bmp")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("how", ["missing", "truncated"])
def test_damaged_weights_are_one_sentence(name, how, here, capsys):
    path = here / "weights" / name
    whole = path.read_bytes()
    path.unlink()
    if how == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    refused([*WORDS, "-o", "out.png"], capsys, name)
    assert not (here / "out.png").exists()
