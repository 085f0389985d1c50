"""Protocols: what happens to pictures, poses and masks before they are scored."""

import io

import numpy as np
import pytest
from PIL import Image

from posetransfer.errors import DataError, SettingsError
from posetransfer.evaluation.pictures import Pair, PictureFile
from posetransfer.evaluation.protocols import PROTOCOLS, TRUNCATED, find_protocol, through_jpeg
from posetransfer.pose.pose import Pose

RANDOM = np.random.default_rng(0)


def picture(height, width):
    rows, columns = np.mgrid[:height, :width]
    return np.clip(120 + 60 * np.sin(rows / 15 + columns / 20)[..., None] + RANDOM.normal(0, 6, (height, width, 3)), 0, 255).astype(
        np.uint8
    )


def one(name, generated, real, pose=None, mask=None):
    return find_protocol(name)([Pair("a", generated, real, pose, mask)])


def test_truncation_is_the_authors_round_trip():
    values = np.arange(256, dtype=np.float32)
    unit = (values / 255 - np.float32(0.5)) / np.float32(0.5)
    expected = ((unit + 1) / 2.0 * 255.0).astype(np.uint8)
    assert np.array_equal(TRUNCATED, expected)
    assert (np.arange(256) != TRUNCATED).sum() == 63  # measured on the authors' code


def test_patn_market_gives_pictures_the_loss_of_the_authors_strips():
    generated, real = picture(128, 64), picture(128, 64)
    batch = one("patn-market", generated, real)
    stream = io.BytesIO()
    Image.fromarray(TRUNCATED[real]).save(stream, "JPEG")  # Pillow's default quality, 75
    assert np.array_equal(batch.real[0], np.asarray(Image.open(stream)))
    assert np.array_equal(batch.generated[0], through_jpeg(generated))


def test_panels_of_a_jpeg_strip_are_not_compressed_again(tmp_path):
    strip = np.concatenate([picture(128, 64) for _ in range(5)], axis=1)
    Image.fromarray(strip).save(tmp_path / "a___b_vis.jpg")
    stored = np.asarray(Image.open(tmp_path / "a___b_vis.jpg"))
    batch = one("patn-market", PictureFile(tmp_path / "a___b_vis.jpg", 4), PictureFile(tmp_path / "a___b_vis.jpg", 2))
    assert np.array_equal(batch.generated[0], stored[:, 256:320])
    assert np.array_equal(batch.real[0], stored[:, 128:192])


def test_a_picture_alone_loses_what_it_loses_in_a_strip():
    # 64 columns are four blocks of 16: the panels of a strip are compressed apart, but for the blur of colour at their edges.
    panels = [picture(128, 64) for _ in range(5)]
    strip = through_jpeg(np.concatenate(panels, axis=1))
    inner = np.abs(strip[:, 256:320].astype(int) - through_jpeg(panels[4]))[:, 2:-2]
    assert inner.max() <= 1


def test_patn_deepfashion_crops_256_wide_pictures_with_pose_and_mask():
    real, mask = picture(256, 256), np.zeros((256, 256), bool)
    mask[100, 50] = True
    batch = one("patn-deepfashion", real[:, 40:216], real, Pose({"nose": (50, 100)}, (256, 256)), mask)
    assert np.array_equal(batch.real[0], through_jpeg(TRUNCATED[real[:, 40:216]]))
    assert np.array_equal(batch.generated[0], through_jpeg(real[:, 40:216]))
    assert batch.poses[0].joint("nose") == (10, 100)
    assert batch.poses[0].size == (256, 176)
    assert batch.masks[0][100, 10]


def test_gfla_pads_the_crop_with_white():
    generated, real = picture(256, 176), picture(256, 256)
    batch = one("gfla-256", generated, real)
    assert (batch.generated[0][:, :40] == 255).all()
    assert np.array_equal(batch.generated[0][:, 40:216], generated)
    assert np.array_equal(batch.real[0], real)


def test_a_plain_backdrop_is_what_was_said_or_what_the_real_picture_lies_over_and_none_beside_white_columns(tmp_path):
    Image.fromarray(picture(256, 176)).save(tmp_path / "a.png")
    over_green = Pair("a", picture(256, 176), PictureFile(tmp_path / "a.png", backdrop=(32, 224, 32)))
    said = Pair("b", picture(256, 176), picture(256, 176), plain=(0, 0, 0))
    pairs = [over_green, said, Pair("c", picture(256, 176), picture(256, 176))]
    assert [find_protocol("plain")(pairs).backdrop(i) for i in range(3)] == [(32, 224, 32), (0, 0, 0), None]
    assert [find_protocol("gfla-256")(pairs).backdrop(i) for i in range(3)] == [None] * 3


def test_nted_resizes_real_pictures_as_pillow_does_and_moves_the_pose():
    real = picture(512, 352)
    batch = one("nted-256", picture(256, 176), real, Pose({"nose": (20.5, 40.5)}, (512, 352)), np.ones((512, 352), bool))
    expected = np.asarray(Image.fromarray(real).resize((176, 256), Image.Resampling.BICUBIC))
    assert np.array_equal(batch.real[0], expected)
    assert batch.poses[0].joint("nose") == (10, 20)
    assert batch.masks[0].shape == (256, 176)


def test_a_size_that_the_protocol_does_not_know_is_refused():
    with pytest.raises(DataError, match=r"a: the generated picture is 64x64 .* protocol patn-market scores 128x64"):
        one("patn-market", picture(64, 64), picture(128, 64))


def test_a_pose_of_another_picture_is_refused():
    with pytest.raises(DataError, match="belongs to a picture of"):
        one("plain", picture(64, 64), picture(64, 64), Pose({"nose": (1, 1)}, (128, 64)))


def test_plain_changes_nothing():
    generated, real = picture(33, 21), picture(33, 21)
    batch = one("plain", generated, real)
    assert np.array_equal(batch.generated[0], generated)
    assert np.array_equal(batch.real[0], real)


def test_unknown_protocol_names_the_known_ones():
    with pytest.raises(SettingsError, match="patn-market"):
        find_protocol("pant")
    assert set(PROTOCOLS) == {"plain", "patn-market", "patn-deepfashion", "gfla-256", "nted-256", "nted-512"}
