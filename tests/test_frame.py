import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from posetransfer.errors import PoseError
from posetransfer.frame import Frame
from posetransfer.pose import library_names, library_pose, retarget
from posetransfer.pose.body import body_box, standing_height
from posetransfer.pose.pose import Pose

STANDING = {
    "nose": (100, 33), "neck": (100, 60), "right_eye": (96, 29), "left_eye": (104, 29), "right_ear": (91, 31), "left_ear": (109, 31),
    "right_shoulder": (80, 60), "right_elbow": (72, 92), "right_wrist": (70, 122),
    "left_shoulder": (120, 60), "left_elbow": (128, 92), "left_wrist": (130, 122),
    "right_hip": (88, 124), "right_knee": (87, 174), "right_ankle": (86, 224),
    "left_hip": (112, 124), "left_knee": (113, 174), "left_ankle": (114, 224),
}  # fmt: skip
"""A person who stands about 230 pixels high: crown at y = 15, soles at y = 240."""


def person(scale: float = 1.0, dx: float = 0.0, dy: float = 0.0, size: tuple[int, int] = (260, 200)) -> Pose:
    return Pose({name: (x * scale + dx, y * scale + dy) for name, (x, y) in STANDING.items()}, size)


def without_legs(pose: Pose, upwards_from: str) -> Pose:
    parts = ("ankle", "knee", "hip")
    return pose.without(*(f"{side}_{part}" for side in ("left", "right") for part in parts[: parts.index(upwards_from) + 1]))


@given(scale=st.floats(0.2, 8), dx=st.floats(-500, 500), dy=st.floats(-500, 500))
def test_frame_follows_the_person_in_scale_and_place(scale, dx, dy):
    frame = Frame.around(person(scale, dx, dy), size=(256, 176))
    reference = Frame.around(person(), size=(256, 176))
    np.testing.assert_allclose(frame.box, np.array(reference.box) * scale + [dx, dy, dx, dy], rtol=1e-6, atol=1e-6)


def test_a_standing_person_fills_the_frame_as_in_the_training_pictures():
    frame = Frame.around(person(), size=(256, 176))
    assert 0.84 < 230 * frame.scale / 256 < 0.95
    fitted = frame.fit(person())
    assert abs(fitted.joint("neck")[0] - 87.5) < 2
    top, bottom = 15 * frame.scale, (240 - 15) * frame.scale
    assert bottom - top < 256
    assert abs((frame.box[1] + frame.box[3]) / 2 - 127.5) < 6


@pytest.mark.parametrize("cut", ["ankle", "knee", "hip"])
def test_missing_legs_hardly_change_the_frame(cut):
    whole, half = (Frame.around(pose, size=(256, 176)) for pose in (person(), without_legs(person(), cut)))
    assert abs(half.scale / whole.scale - 1) < (0.15 if cut == "hip" else 0.08)
    assert abs((half.box[1] + half.box[3]) / 2 - (whole.box[1] + whole.box[3]) / 2) < 12


def test_one_known_leg_is_enough_whichever_it_is():
    heights = [standing_height(person().without(f"{side}_knee", f"{side}_ankle")) for side in ("left", "right")]
    assert heights[0] == pytest.approx(heights[1])
    assert heights[0] == pytest.approx(standing_height(person()), rel=0.02)


def test_a_crouching_person_keeps_the_scale_of_the_standing_one():
    crouching = {**STANDING, "right_knee": (60, 140), "left_knee": (140, 140), "right_ankle": (75, 180), "left_ankle": (125, 180)}
    ratio = standing_height(Pose(crouching, (260, 200))) / standing_height(person())
    assert 0.85 < ratio < 1.05


def test_head_alone_or_no_joint_at_all_is_refused():
    with pytest.raises(PoseError, match="needs neck and a hip"):
        standing_height(Pose({"nose": (5, 5), "left_eye": (6, 4)}, (20, 20)))
    with pytest.raises(PoseError, match="size cannot be told"):
        standing_height(Pose(np.full((18, 2), np.nan), (20, 20)))


@settings(max_examples=60)
@given(
    moved=st.lists(st.tuples(st.integers(0, 17), st.floats(-150, 350), st.floats(-150, 400)), max_size=4),
    size=st.tuples(st.integers(16, 80), st.integers(16, 80)),
)
def test_both_poses_lie_inside_and_pixels_stay_square(moved, size):
    points = person().points.copy()
    for joint, x, y in moved:
        points[joint] = x, y
    target = Pose(points, person().size)
    frame = Frame.around(person(), target, size=size)
    for pose in (person(), target):
        fitted = frame.fit(pose)
        assert fitted.inside[fitted.present].all()
    left, top, right, bottom = frame.box
    assert (right - left) / (bottom - top) == pytest.approx(size[1] / size[0])


def test_a_target_that_fits_leaves_the_scale_of_the_source():
    alone = Frame.around(person(), size=(256, 176))
    raised = Pose({**STANDING, "right_wrist": (75, 25), "right_elbow": (70, 50)}, (260, 200))
    assert Frame.around(person(), raised, size=(256, 176)).scale == pytest.approx(alone.scale)


@given(
    scale=st.floats(0.3, 4),
    dx=st.floats(-100, 300),
    dy=st.floats(-100, 300),
    size=st.tuples(st.integers(20, 120), st.integers(20, 120)),
)
def test_unfit_is_the_inverse_of_fit(scale, dx, dy, size):
    pose = person(scale, dx, dy).without("left_wrist")
    frame = Frame.around(pose, size=size)
    np.testing.assert_allclose(frame.unfit(frame.fit(pose)).points, pose.points, atol=1e-6)
    assert frame.unfit(frame.fit(pose)).size == pose.size


def centre(picture: np.ndarray) -> tuple[float, float]:
    """(x, y) of the centre of mass of what is brighter than its surroundings."""
    weight = picture[..., 0].astype(float) - np.median(picture[..., 0])
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return float((weight * x).sum() / weight.sum()), float((weight * y).sum() / weight.sum())


@settings(max_examples=60)
@given(x=st.integers(0, 199), y=st.integers(0, 259), scale=st.floats(0.4, 1.2), height=st.integers(60, 400))
def test_a_painted_pixel_stays_under_its_joint_through_crop_and_fit(x, y, scale, height):
    frame = Frame.around(person(scale, 20, 10), size=(height, height * 3 // 4))
    pose = Pose({"nose": (x, y)}, (260, 200))
    fitted = frame.fit(pose)
    inner = frame.fit(pose).points[0]
    assume(((inner > 12) & (inner < np.array(frame.size)[::-1] - 12)).all())  # the whole spot lies in the frame
    photo = np.zeros((260, 200, 3), np.uint8)
    photo[y, x] = 255
    picture = frame.crop(photo, fill=(0, 0, 0))
    assume(picture.max() > 20)
    assert np.hypot(*(np.array(centre(picture)) - fitted.points[0])) < 0.5


@settings(max_examples=60)
@given(x=st.integers(15, 75), y=st.integers(15, 105), scale=st.floats(0.4, 1.2))
def test_a_painted_pixel_returns_under_its_joint_through_put_back_and_unfit(x, y, scale):
    frame = Frame.around(person(scale, 20, 10), size=(120, 90))
    expected = frame.unfit(Pose({"nose": (x, y)}, (120, 90))).points[0]
    assume(((expected > 8) & (expected < np.array([200, 260]) - 8)).all())
    picture = np.zeros((120, 90, 3), np.uint8)
    picture[y, x] = 255
    photo = frame.put_back(picture, np.zeros((260, 200, 3), np.uint8))
    assert np.hypot(*(np.array(centre(photo)) - expected)) < 0.5


def test_put_back_changes_nothing_outside_the_mask():
    frame = Frame.around(person(), size=(128, 88))
    photo = np.random.default_rng(0).integers(0, 256, (260, 200, 3), dtype=np.uint8)
    back = frame.put_back(np.zeros((128, 88, 3), np.uint8), photo, np.zeros((128, 88), np.float32))
    np.testing.assert_array_equal(back, photo)


def test_put_back_without_a_mask_shows_no_seam():
    frame = Frame.around(person(0.5, 50, 60), size=(128, 88))  # lies inside the photo on all sides
    photo = np.full((260, 200, 3), 100, np.uint8)
    back = frame.put_back(np.full((128, 88, 3), 160, np.uint8), photo).astype(int)
    assert back.max() == 160
    assert max(np.abs(np.diff(back, axis=axis)).max() for axis in (0, 1)) <= 35


def test_frame_beyond_the_photo_is_filled_and_its_mask_is_zero_there():
    half = without_legs(person(), "knee")
    half = Pose(half.points, (130, 200))  # the photo ends at the hips
    frame = Frame.around(half, size=(256, 176))
    picture = frame.crop(np.zeros((130, 200, 3), np.uint8), fill=(224, 224, 224))
    assert (picture[-40:] == 224).all()
    mask = frame.crop_mask(np.ones((130, 200), np.float32))
    assert (mask[-40:] == 0).all()
    assert mask[60, 88] == 1


def test_a_photo_of_another_size_is_our_own_slip():
    frame = Frame.around(person(), size=(128, 88))
    with pytest.raises(ValueError, match=r"\(260, 200\), got one of \(10, 10\)"):
        frame.crop(np.zeros((10, 10, 3), np.uint8))


def test_body_box_holds_crown_and_soles():
    _left, top, _right, bottom = body_box(person(), 230)
    assert top == pytest.approx(15, abs=4)
    assert bottom == pytest.approx(240, abs=4)


@given(scale=st.floats(0.3, 4), x=st.floats(-60, 60), y=st.floats(-90, 60), arm=st.floats(-200, 200))
def test_a_shared_frame_holds_both_poses_and_the_person_is_at_most_six_percent_smaller(scale, x, y, arm):
    target = Pose({**STANDING, "right_wrist": (100 + arm + x, 90 + y), "left_elbow": (128 + x, 92)}, (260, 200))
    poses = [Pose(pose.points * scale, pose.size) for pose in (person(), target)]
    shared, own = Frame.shared(*poses, size=(256, 176)), Frame.around(*poses, size=(256, 176))
    for pose in poses:
        assert shared.fit(pose).inside[pose.present].all()
    assert 1 / 1.0601 <= shared.scale / own.scale <= 1.0001
    left, top, right, bottom = shared.box
    assert (right - left) / (bottom - top) == pytest.approx(176 / 256)


def test_shipped_poses_share_few_frames():
    targets = [retarget(library_pose(name), person()) for name in library_names()]
    frames = [Frame.shared(person(), target, size=(256, 176)) for target in targets]
    assert frames.count(Frame.around(person(), size=(256, 176))) >= 0.7 * len(frames)
    assert len(set(frames)) <= 5
