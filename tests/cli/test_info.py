"""`posetransfer info`: what it says of photos, poses and weights, and of what is none of these."""

import hashlib
import io
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from posetransfer.cli import main
from posetransfer.config import ModelConfig
from posetransfer.pose import KEYPOINTS, Pose
from posetransfer.weights import expected_shapes, save_weights

SMALL = ModelConfig(size=(32, 16), width=4, blocks=2)


@pytest.fixture
def ask(capsys):
    """Runs `info` on something and gives back exit code, facts from --json, and stderr."""

    def ask(thing):
        code = main(["info", str(thing), "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return ask


@pytest.fixture
def weights(tmp_path):
    random = np.random.default_rng(0)
    state = {name: random.normal(size=shape).astype(np.float32) for name, shape in expected_shapes(SMALL).items()}
    card = "# Weights of a test\n\nMade of random numbers,\nfor nobody.\n\n| a | table |\n"
    return save_weights(tmp_path / "weights", SMALL, state, card, origin="random numbers")


def noise(height, width):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_photo(ask, tmp_path):
    noise(40, 30).save(tmp_path / "a.png")
    code, facts, err = ask(tmp_path / "a.png")
    assert (code, err) == (0, "")
    assert facts["kind"] == "photo"
    assert (facts["format"], facts["mode"], facts["frames"], facts["exif"]) == ("PNG", "RGB", 1, {})
    assert facts["size"] == facts["upright_size"] == [40, 30]
    assert facts["bytes"] == (tmp_path / "a.png").stat().st_size


def test_photo_turned_by_exif_says_both_sizes_and_the_camera(ask, tmp_path):
    exif = Image.Exif()
    exif[274], exif[271] = 6, "Our Camera"
    noise(40, 30).save(tmp_path / "a.jpg", exif=exif)
    facts = ask(tmp_path / "a.jpg")[1]
    assert (facts["size"], facts["upright_size"]) == ([40, 30], [30, 40])
    assert facts["exif"] == {"orientation": 6, "make": "Our Camera"}


def test_photo_is_told_by_content_not_by_its_ending(ask, tmp_path):
    noise(8, 8).save(tmp_path / "a.json", format="PNG")
    assert ask(tmp_path / "a.json")[1]["format"] == "PNG"


def test_animation_counts_its_frames(ask, tmp_path):
    frames = [Image.new("L", (8, 8), level) for level in (0, 100, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert ask(tmp_path / "a.gif")[1]["frames"] == 3


def test_pose_file(ask, tmp_path):
    from posetransfer.pose.formats import write_pose

    pose = Pose({"nose": (5, 4), "neck": (5, 8), "right_shoulder": (2, 8), "left_shoulder": (8, 8), "right_hip": (30, 20)}, size=(24, 16))
    write_pose(pose, tmp_path / "p.json")
    code, facts, _ = ask(tmp_path / "p.json")
    assert (code, facts["kind"], facts["format"]) == (0, "pose", "posetransfer")
    (person,) = facts["people"]
    assert (person["size"], person["joints"], person["outside"]) == ([24, 16], 5, ["right_hip"])
    assert person["box"] == [2, 4, 30, 20]
    assert sorted(person["missing"]) == sorted(set(KEYPOINTS) - {"nose", "neck", "right_shoulder", "left_shoulder", "right_hip"})


def test_shipped_pose_by_name(ask):
    from posetransfer.pose.library import library_names

    name = library_names()[0]
    code, facts, _ = ask(name)
    assert (code, facts["kind"], facts["name"]) == (0, "pose", name)


def test_weights(ask, weights):
    code, facts, err = ask(weights)
    assert (code, err) == (0, "")
    assert (facts["kind"], facts["origin"], facts["stored_as"]) == ("weights", "random numbers", "fp16")
    assert facts["about"] == "Made of random numbers, for nobody."
    assert facts["parameters"] == sum(np.prod(shape) for shape in expected_shapes(SMALL).values())  # instance norm: no statistics
    assert facts["sha256"] == hashlib.sha256((weights / "model.safetensors").read_bytes()).hexdigest()
    assert (facts["model"]["size"], facts["model"]["width"], facts["model"]["backdrop"]) == ([32, 16], 4, "photo")


def test_weights_without_a_card_say_so(ask, weights):
    (weights / "README.md").unlink()
    assert "no README.md" in ask(weights)[1]["about"]


def test_for_the_eye_every_fact_is_one_line(capsys, weights):
    assert main(["info", str(weights)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["kind", "weights"]
    assert any(line.split(None, 1) == ["model.size", "32 x 16"] for line in lines)


def png_header(width, height):
    """A PNG of nothing but its header."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def half_of_a_jpeg():
    whole = io.BytesIO()
    noise(64, 64).save(whole, "JPEG")
    return whole.getvalue()[: len(whole.getvalue()) // 2]


BAD = {
    "text.jpg": b"not a picture",
    "half.jpg": half_of_a_jpeg(),
    "huge.png": png_header(60_000, 60_000),
    "huge.dat": png_header(60_000, 60_000),
    "empty.png": b"",
    "empty.json": b"",
    "text.json": b"{not json",
    "other.json": b'{"some": "thing"}',
    "old.pth": b"\x80\x02}q\x00.",
    "model.safetensors": b"\x00",
    "noise.bin": bytes(range(256)),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_one_sentence(name, ask, tmp_path):
    (tmp_path / name).write_bytes(BAD[name])
    code, facts, err = ask(tmp_path / name)
    assert (code, facts) == (1, None)
    assert err.startswith("error: ")
    assert name in err
    assert err.count("\n") == 1
    assert "unexpected" not in err


def test_empty_folder_and_no_such_thing(ask, tmp_path):
    code, _, err = ask(tmp_path)
    assert code == 1
    assert "config.json is missing" in err
    code, _, err = ask(tmp_path / "nothing.jpg")
    assert code == 1
    assert "no file or folder of that path" in err
