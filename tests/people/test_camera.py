"""What a camera shows of a person's edge: shares that mix the values of a picture, and a lens that softens both alike."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from posetransfer.cutout import composite
from posetransfer.people.camera import develop_studio, matte


def shown(light: float) -> float:
    """The value of light below the shoulder of the tone curve."""
    return light ** (1 / 2.2)


@pytest.mark.parametrize(("person", "backdrop"), [(0.02, 0.75), (0.7, 0.03), (0.3, 0.05)])
@pytest.mark.parametrize("cover", [0.25, 0.5, 0.75])
def test_a_share_mixes_the_values_that_the_picture_shows(person, backdrop, cover):
    linear = np.full((1, 1, 3), cover * person + (1 - cover) * backdrop, np.float32)
    share = matte(linear, np.full((1, 1), cover, np.float32), np.full((1, 1, 3), backdrop, np.float32))[0, 0]
    assert share * shown(person) + (1 - share) * shown(backdrop) == pytest.approx(shown(linear[0, 0, 0]), abs=1e-4)
    assert (share < cover) == (person < backdrop)  # the brighter of the two takes more of the edge


def test_a_share_is_the_cover_where_there_is_no_edge_and_where_nothing_shows_it():
    linear = behind = np.full((1, 3, 3), 0.4, np.float32)
    assert matte(linear, np.array([[0, 0.5, 1]], np.float32), behind).tolist() == [[0, 0.5, 1]]


@pytest.mark.parametrize("seed", range(8))
def test_the_lens_softens_picture_and_share_alike(seed):
    share = np.zeros((32, 32), np.float32)
    share[:, 16:] = 1
    light = np.where(share[..., None] > 0, 0.6, 0.05) * np.ones(3)
    picture, soft = develop_studio(np.random.default_rng(0), np.random.default_rng(seed), light.astype(np.float32), share)
    assert picture.dtype == np.uint8 and soft.dtype == np.float32
    assert np.allclose(soft[:, :12], 0) and np.allclose(soft[:, 20:], 1)
    values = picture[..., 1].astype(float).mean(axis=0)
    mixed = (values - values[:12].mean()) / (values[20:].mean() - values[:12].mean())
    assert np.abs(mixed.clip(0, 1) - soft[16]).max() < 0.15  # a sharpened edge runs over on both sides: shares do not


def test_people_are_lifted_off_their_backdrop_without_a_rim_of_it(studio):
    rim, old = [], []
    for path in sorted((studio / "images").iterdir()):
        picture = np.asarray(Image.open(path).convert("RGB"))
        mask = np.asarray(Image.open((studio / "masks" / path.name).with_suffix(".png")), np.float32) / 255
        inside = ndimage.binary_erosion(mask == 1, iterations=2)
        nearest = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
        own = picture[nearest[0], nearest[1]].astype(float)  # the person's colour two pixels further in
        edge = (mask > 0.3) & (mask < 0.8)
        green = np.array([32, 224, 32], float)
        expected = own * mask[..., None] + green * (1 - mask[..., None])
        rim.append(np.abs(composite(picture, mask, (32, 224, 32)) - expected)[edge].mean())
        old.append(np.abs(np.where(mask[..., None] >= 0.5, picture, green) - expected)[edge].mean())
    assert np.mean(rim) < 0.4 * np.mean(old), (np.mean(rim), np.mean(old))
