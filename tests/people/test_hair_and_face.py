import numpy as np
import pytest

from posetransfer.people.assets import BODY_VERTICES, load_assets
from posetransfer.people.face import Expression, move_face, paint_face
from posetransfer.people.hair import STYLES, choose_hair
from posetransfer.people.identity import make_identity


@pytest.fixture(scope="module")
def assets():
    return load_assets()


def test_bald_men_are_few_when_young_and_many_when_old_and_no_woman_is(assets):
    def share(sex: str, age: str) -> float:
        drawn = [choose_hair(assets, np.random.default_rng(seed), sex, "caucasian", age).style for seed in range(300)]
        return sum(style in ("bald", "ring", "shaved") for style in drawn) / 300

    assert share("f", "old") == 0
    assert 0.02 < share("m", "young") < 0.12
    assert 0.2 < share("m", "old") < 0.5


def test_a_ring_of_hair_leaves_the_top_of_the_head_bare_and_no_scalp_grows_on_the_face(assets):
    skin = assets.mean[:BODY_VERTICES]
    crown = skin[:, 1] > skin[:, 1].max() - 0.02
    found = {}
    for seed in range(400):
        hair = choose_hair(assets, np.random.default_rng(seed), "m", "caucasian", "old")
        found[hair.style] = hair
    face = (skin[:, 2] > 0.13) & (np.abs(skin[:, 1] - 0.75) < 0.04)
    assert face.sum() > 50
    assert found["ring"].scalp[crown].max() == 0 and found["ring"].scalp.max() == 1
    assert found["crop"].scalp[crown].min() == 1
    assert all(hair.scalp[face].max() == 0 for hair in found.values())
    assert set(found) == {name for name, _ in STYLES["m"]}


def test_a_smile_moves_the_corners_of_the_mouth_and_nothing_below_the_chin(assets):
    moved = move_face(assets, assets.mean, Expression(1.0, 0.5)) - assets.mean
    assert 0.004 < np.linalg.norm(moved, axis=1).max() < 0.02
    assert np.abs(moved[assets.mean[:, 1] < 0.62]).max() == 0
    assert np.abs(move_face(assets, assets.mean, Expression(0.0, 0.0)) - assets.mean).max() == 0


def test_painting_a_face_changes_the_face_only(assets):
    skin = np.full((256, 256, 4), 180, np.float32)
    paint_face(assets, np.random.default_rng(0), skin, "f", "old", Expression(0.0, 0.0))
    changed = (skin[..., :3] != 180).any(-1)
    assert 100 < changed.sum() < 0.12 * changed.size
    assert skin[..., :3].min() < 130  # lids and lips are there
    assert (skin[..., 3] == 180).all()


def test_same_seed_same_person(assets):
    one, other = (make_identity(assets, np.random.default_rng(8), 128, 1.0) for _ in range(2))
    assert one.label == other.label
    assert np.array_equal(one.mesh.vertices, other.mesh.vertices) and np.array_equal(one.mesh.textures, other.mesh.textures)
