"""Appearance: features against a VGG-16 written out in NumPy, neighbours against plain loops."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from posetransfer.assets import asset_path
from posetransfer.evaluation.batch import Batch
from posetransfer.evaluation.metrics.appearance import AppearanceMeasure, Appearances, cell_shares, describe, is_nearest, without_border


def vgg(picture):
    """relu1_2 and relu3_3: the seven convolutions in float64, as the paper of VGG draws them."""
    weights = {name: value.astype(np.float64) for name, value in load_file(asset_path("vgg16_conv1_1_to_conv3_3.safetensors")).items()}
    x = (picture.astype(np.float64) - [123.68, 116.779, 103.939]).transpose(2, 0, 1)
    for name in ("conv1_1", "conv1_2", "pool", "conv2_1", "conv2_2", "pool", "conv3_1", "conv3_2", "conv3_3"):
        if name == "pool":
            _, height, width = x.shape
            x = x[:, : height // 2 * 2, : width // 2 * 2].reshape(len(x), height // 2, 2, width // 2, 2).max(axis=(2, 4))
            continue
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1))), (3, 3), axis=(1, 2))
        x = np.einsum("chwij,ocij->ohw", windows, weights[f"{name}.weight"], optimize=True) + weights[f"{name}.bias"][:, None, None]
        x = np.maximum(x, 0)
        if name == "conv1_2":
            first = x
    return first, x


def look(picture, mask):
    """Mean and deviation inside the mask, cell by cell; unit length for each of the two."""
    parts = []
    for maps, side in zip(vgg(picture), (1, 4), strict=True):
        places = [(i, j) for i in range(maps.shape[1]) for j in range(maps.shape[2])]
        cells = [(maps[:, i, j], mask[side * i : side * i + side, side * j : side * j + side].mean()) for i, j in places]
        total = sum(share for _, share in cells)
        mean = sum(values * share for values, share in cells) / total
        variance = sum((values - mean) ** 2 * share for values, share in cells) / total
        part = np.concatenate([mean, np.sqrt(variance)])
        parts.append(part / np.sqrt((part**2).sum()))
    return np.concatenate(parts)


@pytest.fixture
def scene():
    random = np.random.default_rng(1)
    picture = random.integers(0, 256, (26, 21, 3), dtype=np.uint8)  # no multiples of four: VGG leaves the rest out
    mask = np.zeros((26, 21), bool)
    mask[3:20, 5:14] = True
    return picture, mask


def test_features_are_those_of_a_vgg_written_out_in_numpy(scene):
    picture, mask = scene
    inner = np.zeros_like(mask)
    inner[4:19, 6:13] = True  # a pixel of 26 is left out on all sides
    found = describe(*scene)
    assert found.shape == (3, 640) and np.isnan(found[2]).all()
    for inside, features in zip((mask, inner), found[:2], strict=True):
        expected = look(picture, inside)
        assert np.abs(features - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_border_is_two_pixels_of_256_and_the_picture_s_edge_is_no_outline():
    mask = np.zeros((256, 40), bool)
    mask[100:, 10:30] = True
    expected = np.zeros_like(mask)
    expected[102:, 12:28] = True
    assert np.array_equal(without_border(mask), expected)
    thin = np.zeros((256, 40), bool)
    thin[:, 4:7] = True
    assert np.array_equal(without_border(thin), thin)  # nothing would be left


def test_an_outline_that_is_off_changes_the_inner_look_less():
    """Cloth on green that is a pixel off: the true mask holds a row of green, the inner one none."""
    true, made = (np.full((256, 64, 3), (32, 224, 32), np.uint8) for _ in range(2))
    mask = np.zeros((256, 64), bool)
    mask[50:200, 10:50] = True
    true[50:200, 10:50] = made[51:201, 11:51] = np.random.default_rng(0).integers(90, 190, (150, 40, 3))
    away = np.linalg.norm(describe(true, mask) - describe(made, mask), axis=1)
    assert away[1] < 0.7 * away[0]


GREEN = (32, 224, 32)


def test_the_own_look_is_that_inside_what_the_picture_shows():
    """Cloth over green in two places: the true mask says where it should be, the own look finds it where it is."""
    cloth = np.random.default_rng(0).integers(90, 190, (64, 24, 3))
    true, made = (np.full((128, 64, 3), GREEN, np.uint8) for _ in range(2))
    mask, where = np.zeros((128, 64), bool), np.zeros((128, 64), bool)
    mask[20:84, 12:36] = where[25:89, 20:44] = True
    true[mask], made[where] = cloth.reshape(-1, 3), cloth.reshape(-1, 3)
    columns = AppearanceMeasure()(Batch(["a"], [made], [true], (), [mask], [GREEN]))
    for name, picture, inside in (("own", made, where), ("own_real", true, mask)):
        expected = look(picture, inside)
        # greenish noise at the edge is not found: a few pixels
        assert np.abs(columns[f"appearance_{name}_features"][0] - expected).max() < 5e-3 * np.abs(expected).max()
    by_truth, by_own = (
        np.linalg.norm(columns[f"appearance_{part}features"] - columns[f"appearance_{part}real_features"]) for part in ("", "own_")
    )
    assert by_own < 0.2 * by_truth


def test_a_picture_that_shows_nobody_looks_like_its_backdrop_and_is_not_left_out():
    found = describe(np.full((64, 32, 3), GREEN, np.uint8), np.ones((64, 32), bool), GREEN)
    assert not np.isnan(found).any() and np.array_equal(found[2], found[0])


def test_what_stands_far_from_the_mask_does_not_count(scene):
    picture = np.full((64, 64, 3), 90, np.uint8)
    picture[:16, :16] = scene[0][:16, :16]
    mask = np.zeros((64, 64), bool)
    mask[:12, :12] = True
    other = picture.copy()
    other[40:, 40:] = 255  # beyond the 40 pixels that a value of relu3_3 looks at
    assert np.array_equal(describe(picture, mask)[:2], describe(other, mask)[:2])


def test_cells_are_weighted_by_the_part_that_the_mask_covers(scene):
    shares = cell_shares(scene[1], (6, 5))
    assert shares[0, 1] == 3 / 16  # row 3 of columns 5, 6, 7
    assert shares.sum() * 16 == scene[1].sum()


def test_no_mask_and_an_empty_one_have_no_look(scene):
    batch = Batch(["a", "b"], [scene[0]] * 2, [scene[0]] * 2, (), [None, np.zeros_like(scene[1])])
    columns = AppearanceMeasure()(batch)
    for name in (f"appearance_{part}features" for part in ("", "real_", "inner_", "inner_real_", "own_", "own_real_")):
        assert columns[name].shape == (2, 640)
        assert np.isnan(columns[name]).all()


def written_out(people, sources, targets, queries, real):
    """Who is found, by loops over everybody's first free true picture."""
    found = []
    for k, person in enumerate(people):
        distances = {}
        for other in sorted(set(people)):
            free = sorted({targets[i] for i in range(len(people)) if people[i] == other} - {sources[k], targets[k]})
            look = real[targets.index(free[0])]
            distances[other] = np.sqrt(sum((a - b) ** 2 for a, b in zip(queries[k], look, strict=True)))
        found.append(float(min(distances, key=distances.get) == person))
    return found


def test_neighbours_are_those_of_plain_loops_whatever_the_chunks():
    random = np.random.default_rng(5)
    names = [(f"{who:02d}", i, j) for who in range(12) for i in range(4) for j in range(4) if i != j]
    names = [names[k] for k in random.permutation(len(names))]
    people, sources, targets = [n[0] for n in names], [f"{n[0]}_{n[1]}" for n in names], [f"{n[0]}_{n[2]}" for n in names]
    own = {who: random.normal(0, 1, 6) for who in sorted(set(people))}
    shown = {name: own[name[:2]] + random.normal(0, 0.7, 6) for name in sorted(set(targets))}
    real = np.array([shown[name] for name in targets], np.float32)
    generated = (real + random.normal(0, 0.5, real.shape)).astype(np.float32)
    state = Appearances(people, targets)
    for start in range(0, len(names), 50):
        state.add(generated[start : start + 50], real[start : start + 50])
    hits, ceiling = state.hits(sources)
    assert hits.tolist() == written_out(people, sources, targets, generated, real)
    assert ceiling.tolist() == written_out(people, sources, targets, real, real)
    assert 0.2 < hits.mean() < 1  # neither guessed nor trivial, so that a wrong rule would show
    assert 0.2 < ceiling.mean() < 1


def test_the_pairs_own_pictures_are_never_in_the_gallery():
    # The second person's look of picture b_3 is the query's, but b_3 is the target of nobody else; a's own target would be at distance 0.
    targets = ["a_1", "a_2", "a_3", "b_1", "b_2", "b_3"]
    state = Appearances(["a"] * 3 + ["b"] * 3, targets)
    real = np.array([[0.0], [9.0], [9.0], [1.0], [1.0], [1.0]], np.float32)
    state.add(real, real)
    hits, _ = state.hits(["a_2", "a_1", "a_1", "b_2", "b_1", "b_1"])
    # a_1 -> own gallery a_3 (9), other b_1 (1): wrong. a_2 -> own a_3 (9), right. b_x -> own 1, right.
    assert hits.tolist() == [0, 1, 1, 1, 1, 1]


def test_people_with_too_few_pictures_and_those_beyond_a_hundred_take_no_part():
    people = [f"{k:03d}" for k in range(103) for _ in range(3)] + ["aaa", "aaa"]
    state = Appearances(people, [f"{name}_{i}" for i, name in enumerate(people)])
    assert state.chosen == tuple(f"{k:03d}" for k in range(100))


def test_a_tie_finds_nobody():
    assert not is_nearest(np.zeros(2, np.float32), np.array([[1.0, 0.0], [0.0, 1.0]]), 0)


def test_one_person_alone_has_no_score():
    state = Appearances(["a"] * 3, ["1", "2", "3"])
    state.add(np.zeros((3, 2), np.float32), np.zeros((3, 2), np.float32))
    assert np.isnan(state.hits(["2", "1", "1"])[0]).all()
