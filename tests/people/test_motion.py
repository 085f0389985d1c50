import numpy as np
import pytest

from posetransfer.people.action import ACTIONS, ARMS, CALM_ACTIONS
from posetransfer.people.assets import load_assets
from posetransfer.people.body import Body
from posetransfer.people.gestures import GESTURES, gesture
from posetransfer.people.motion import Motion, bone_matrices
from posetransfer.people.stance import MODEL_ARMS, PEDESTRIAN_ARMS, model, pedestrian, stand


@pytest.fixture(scope="module")
def body() -> Body:
    assets = load_assets()
    return Body(assets, assets.mean)


def at(matrices: np.ndarray, body: Body, bone: str, point: np.ndarray) -> np.ndarray:
    m = matrices[body.assets.bone_index[bone]]
    return m[:, :3] @ point + m[:, 3]


def test_the_mean_body_is_an_adult(body):
    assert 1.5 < body.top_y - body.assets.mean[:13_380, 1].min() < 1.98
    assert 0.2 < body.upper_arm < 0.4 and 0.3 < body.thigh < 0.6
    assert body.joint("upperarm01.L")[0] > 0.1 > -0.1 > body.joint("upperarm01.R")[0]  # left is +x


def test_a_motion_without_any_turn_leaves_every_bone_at_rest(body):
    matrices = bone_matrices(body, Motion(np.eye(3)))
    assert np.allclose(matrices[:, :, :3], np.eye(3), atol=1e-6)
    assert np.allclose(matrices[:, :, 3], 0, atol=1e-6)


@pytest.mark.parametrize("pose", [pedestrian, model, *(make for make, _ in ACTIONS.values())])
def test_bones_turn_but_never_stretch_or_come_apart(body, pose):
    for seed in range(30):
        matrices = bone_matrices(body, pose(np.random.default_rng(seed), body))
        turns = matrices[:, :, :3].astype(float)
        assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3), atol=1e-4)
        assert np.allclose(np.linalg.det(turns), 1, atol=1e-4)
        for bone, i in body.assets.bone_index.items():
            parent = body.assets.bone_parent[i]
            if parent >= 0:  # a bone's head lies where its parent carries it
                there = at(matrices, body, body.assets.bone_names[parent], body.heads[i])
                assert np.allclose(at(matrices, body, bone, body.heads[i]), there, atol=1e-4)


def test_standing_feet_are_at_one_height(body):
    for seed in range(30):
        matrices = bone_matrices(body, stand(np.random.default_rng(seed), body))
        left, right = (at(matrices, body, f"foot.{side}", body.joint(f"foot.{side}")) for side in "LR")
        assert abs(left[1] - right[1]) < 0.03


@pytest.mark.parametrize("kind", ["hip", "pocket", "chest", "front"])
def test_a_reaching_gesture_brings_the_wrist_to_the_body(body, kind):
    for seed in range(10):
        limb = gesture(np.random.default_rng(seed), kind, 1.0, body)
        motion = Motion(np.eye(3), arms={"L": limb})
        wrist = at(bone_matrices(body, motion), body, "wrist.L", body.joint("wrist.L"))
        assert np.linalg.norm(wrist - limb.target) < 0.12  # the shrug of the clavicle moves the shoulder a little


def test_every_gesture_that_is_drawn_exists():
    names = {name for pair, _ in MODEL_ARMS for name in pair} | set(PEDESTRIAN_ARMS) | set(ARMS)
    assert names <= set(GESTURES) | {"hang"}


def test_a_calm_person_keeps_the_legs_together(body):
    names = {model(np.random.default_rng(seed), body, calm=True).name.partition("+")[0] for seed in range(300)}
    assert names == {"stand", "walk", *CALM_ACTIONS}
    assert {model(np.random.default_rng(seed), body).name.partition("+")[0] for seed in range(300)} == {"stand", "walk", *ACTIONS}
