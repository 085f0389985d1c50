"""Pictures, joints and masks against those stored in `reference/` (see its README)."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posetransfer.data.manifest import PreparedFolder
from posetransfer.people import PeopleSettings, render_people
from posetransfer.people.assets import load_assets
from posetransfer.people.camera import fit_view
from posetransfer.people.occluder import occlude
from posetransfer.people.shot import Posed, keypoints_3d, visible_joints
from posetransfer.pose.skeleton import INDEX

REFERENCE = Path(__file__).parent / "reference"
FACTS = json.loads((REFERENCE / "facts.json").read_text())


def part(folder: Path, name: str) -> dict:
    return json.loads((folder / "parts" / f"{name[:5]}.json").read_text())


@pytest.mark.parametrize("stored", FACTS)
def test_the_pictures_are_those_of_this_renderer(stored, request):
    kind, name = stored.split("_", 1)
    folder = request.getfixturevalue(kind)
    if not (folder / "images" / name).exists():
        pytest.fail(f"{name} was not rendered: camera or number of a picture changed")
    facts, made = FACTS[stored], part(folder, name)
    row = next(row for row in made["images"] if row["name"] == name)
    assert made["label"] == facts["label"] and row["pose"] == facts["pose"]
    assert (row["y"], row["x"]) == (facts["y"], facts["x"])
    pictures = [np.asarray(Image.open(path).convert("RGB"), float) for path in (REFERENCE / stored, folder / "images" / name)]
    assert pictures[0].shape == pictures[1].shape
    assert np.abs(pictures[0] - pictures[1]).mean() < 0.5  # of 255; another seed of the noise alone makes 1 and more
    masks = [
        np.asarray(Image.open(path).convert("L"), float)
        for path in ((REFERENCE / stored).with_suffix(".png"), (folder / "masks" / name).with_suffix(".png"))
    ]
    assert np.abs(masks[0] - masks[1]).mean() < 0.001 * 255


def test_masks_of_the_studio_are_soft_at_the_edge_and_those_of_the_street_are_not(studio, street):
    for folder, least in ((studio, 0.005), (street, 0.0)):
        for path in (folder / "masks").iterdir():
            mask = np.asarray(Image.open(path).convert("L"))
            soft = ((mask > 0) & (mask < 255)).mean()
            assert least <= soft <= least * 10, path
            assert (mask == 255).mean() > 0.05


@pytest.mark.parametrize("kind", ["studio", "street"])
def test_joints_of_the_trunk_lie_on_the_mask_and_no_joint_outside_the_picture(kind, request):
    folder = PreparedFolder.open(request.getfixturevalue(kind))
    for split in folder.splits.values():
        for i, name in enumerate(split.names):
            pose, mask = folder.pose(split.name, i), np.asarray(Image.open(folder.mask_path(name)))
            assert pose.inside[pose.present].all()
            for joint in ("neck", "left_hip", "right_hip", "left_knee", "right_knee"):
                place = pose.joint(joint)
                if place is not None:
                    assert mask[int(place[1]), int(place[0])], (name, joint)


def test_whole_figures_have_the_height_of_the_frame_that_training_expects(studio):
    rows = [row for path in (studio / "parts").glob("0*.json") for row in json.loads(path.read_text())["images"]]
    upright = 0
    for row in rows:
        seen = np.flatnonzero(np.asarray(Image.open((studio / "masks" / row["name"]).with_suffix(".png"))).any(1))
        share = (seen[-1] - seen[0] + 1) / 256
        assert share < 0.99
        if row["pose"].startswith(("stand", "walk")) and not {"up", "hair", "free", "wide"} & set(row["pose"][6:].split("/")):
            upright += 1
            assert 0.80 < share < 0.98, row
    assert upright >= 3


def test_somebody_who_crouches_is_drawn_at_the_scale_of_somebody_who_stands():
    rng = np.random.default_rng(0)
    eye, at = np.array([0, 0.9, 5.0]), np.array([0, 0.5, 0.0])
    low = rng.uniform([-0.3, 0, -0.1], [0.3, 1.0, 0.1], (5000, 3))
    view = fit_view(eye, at, low, (256, 176), 0.9, (0.0, 0.0), standing=1.8)
    ends = view.pixels(np.array([[0, 0, 0], [0, 1.8, 0]]))
    assert ends[0, 1] - ends[1, 1] == pytest.approx(0.9 * 256, rel=0.01)
    tall = low * [1, 2.4, 1]  # arms raised: no longer at that scale, but inside
    assert np.ptp(fit_view(eye, at, tall, (256, 176), 0.9, (0.0, 0.0), standing=1.8).pixels(tall)[:, 1]) < 0.98 * 256


def test_a_head_seen_from_behind_has_no_face_and_a_profile_has_one_half():
    def seen(degrees: float) -> set[str]:  # > 0: the camera stands on the person's left
        keypoints = np.tile([0, 1.6, 0], (18, 1)).astype(float)
        posed = Posed(np.zeros((1, 3), np.float32), keypoints, np.eye(3), "", 1.7)
        angle = np.radians(degrees)
        visible = visible_joints(posed, np.array([4 * np.sin(angle), 1.6, 4 * np.cos(angle)]))
        return {name for name, i in INDEX.items() if visible[i]} & {"nose", "left_eye", "right_eye", "left_ear", "right_ear"}

    assert seen(180) == set()
    assert seen(0) == {"nose", "left_eye", "right_eye", "left_ear", "right_ear"}
    assert seen(80) == {"nose", "left_eye", "left_ear"}
    assert seen(-80) == {"nose", "right_eye", "right_ear"}


def test_people_seen_from_the_front_have_a_nose(studio):
    rows = [row for path in (studio / "parts").glob("0*.json") for row in json.loads(path.read_text())["images"]]
    front = [row for row in rows if row["x"][INDEX["left_shoulder"]] > row["x"][INDEX["right_shoulder"]] + 25]
    assert front and all(row["x"][INDEX["nose"]] > -1 for row in front)


def test_a_sitting_keeps_its_backdrop_while_the_person_moves(tmp_path):
    def corners(same_scene: float) -> np.ndarray:
        settings = PeopleSettings("studio", people=1, images=4, seed=4, whole=1.0, random_bg=0.0, same_scene=same_scene)
        render_people(settings, tmp_path / str(same_scene), processes=1)
        pictures = sorted((tmp_path / str(same_scene) / "images").iterdir())
        assert len({path.read_bytes() for path in pictures}) == 4
        return np.array([np.asarray(Image.open(path).convert("RGB"), float)[:8, :8].mean((0, 1)) for path in pictures])

    assert np.ptp(corners(1.0), axis=0).max() < 25  # the camera's exposure still varies a little
    assert np.ptp(corners(0.0), axis=0).max() > 30


def test_joints_move_to_where_an_estimator_sees_them_on_both_sides_alike():
    assets = load_assets()
    regressed = dict(zip(assets.keypoint_names, assets.keypoint_regressor @ assets.mean, strict=True))
    moved = keypoints_3d(assets, assets.mean)
    trunk = regressed["left_shoulder"][1] - regressed["left_hip"][1]
    for joint, (wider, higher) in {"shoulder": (0.022, 0.035), "hip": (0.025, 0.010)}.items():
        for side, sign in (("left", 1), ("right", -1)):
            way = (moved[INDEX[f"{side}_{joint}"]] - regressed[f"{side}_{joint}"]) / trunk
            assert np.allclose(way[:2], [sign * wider, higher], atol=0.003)
    assert np.allclose(moved[INDEX["neck"]], (moved[INDEX["left_shoulder"]] + moved[INDEX["right_shoulder"]]) / 2)
    assert np.allclose(moved[INDEX["nose"]], regressed["nose"])


@pytest.mark.parametrize("seed", range(12))
def test_what_stands_before_a_person_takes_from_the_mask_what_it_hides_and_no_more(seed):
    scene, cover = np.full((128, 64, 3), 0.5, np.float32), np.zeros((128, 64), np.float32)
    cover[20:120, 16:48] = 1
    picture, left = occlude(np.random.default_rng(seed), scene, cover)
    hidden = (cover == 1) & (left < 0.02)
    same = (picture == scene).all(-1)
    assert np.array_equal(left[same], cover[same])
    assert (left <= cover).all() and 0.02 < (~same).mean() < 0.75
    assert not (same & hidden).any()
    assert left.sum() > 0.35 * cover.sum()  # somebody is still to be seen
