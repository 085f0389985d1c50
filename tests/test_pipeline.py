"""The line of steps, with parts that a test can look into: a painter instead of a network, fixed poses and masks."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from posetransfer.backdrop import lift
from posetransfer.config import ModelConfig
from posetransfer.engines import Explanation
from posetransfer.errors import PhotoError, PoseTransferError, SettingsError, UnknownPose
from posetransfer.figures import panel, progression
from posetransfer.frame import Frame
from posetransfer.image import to_unit
from posetransfer.pipeline import PoseTransfer
from posetransfer.pose import Pose, draw_heatmaps, library_names, library_pose, write_pose

PLAIN = ModelConfig(size=(64, 44), sigma=1.5, backdrop="plain", backdrop_colour=(200, 210, 220))
PHOTO = ModelConfig(size=(64, 44), sigma=1.5)
STANDING = {
    "nose": (60, 30), "neck": (60, 45), "right_shoulder": (50, 45), "right_elbow": (46, 60), "right_wrist": (44, 74),
    "left_shoulder": (70, 45), "left_elbow": (74, 60), "left_wrist": (76, 74), "right_hip": (54, 75), "right_knee": (53, 97),
    "right_ankle": (52, 118), "left_hip": (66, 75), "left_knee": (67, 97), "left_ankle": (68, 118),
}  # fmt: skip
SOURCE = Pose(STANDING, (140, 120))
ARM_UP = Pose(STANDING | {"left_elbow": (84, 36), "left_wrist": (90, 22)}, (140, 120))
RED = (220, 30, 40)


class Painter:
    """An engine that paints a red body where the target's heat maps are warm, over the plain colour, and remembers its inputs."""

    name = "painter"

    def __init__(self, config):
        self.config, self.calls = config, []

    def run(self, photo, source_pose, target_pose):
        self.calls.append((photo, source_pose, target_pose))
        body = target_pose.max(axis=1, keepdims=True) > 0.2
        colour = [to_unit(np.full((1, 1, 3), c, np.uint8))[None] for c in (RED, self.config.backdrop_colour)]
        return np.where(body, *colour).astype(np.float32)

    def explain(self, photo, source_pose, target_pose):
        picture = self.run(photo, source_pose, target_pose)
        masks = np.stack([target_pose[:, t, ::4, ::4] for t in (0, 1, 2)])
        return Explanation(picture, masks, np.stack([picture * part for part in (0.2, 0.6, 1.0)]))


class Finder:
    def __init__(self, pose):
        self.pose, self.calls = pose, []

    def __call__(self, photo, person=None, name="photo"):
        self.calls.append((photo.shape, person, name))
        return self.pose


class Cutter:
    """Takes a box round the joints for the person."""

    def __init__(self):
        self.calls = 0

    def mask(self, photo, pose):
        self.calls += 1
        left, top, right, bottom = (round(edge) for edge in pose.box())
        mask = np.zeros(photo.shape[:2], np.float32)
        mask[max(top - 8, 0) : bottom + 6, max(left - 4, 0) : right + 5] = 1
        return mask


@pytest.fixture
def photo():
    """Stripes, and a green person as Cutter finds it."""
    picture = np.zeros((140, 120, 3), np.uint8)
    picture[:] = (np.arange(120) % 16 * 8 + 40)[None, :, None]
    picture[22:124, 40:81] = (20, 160, 60)
    return picture


@pytest.fixture
def machine():
    return PoseTransfer(Painter(PLAIN), Finder(SOURCE), Cutter())


def test_the_network_reads_the_cut_out_person_and_both_poses_in_one_frame(machine, photo):
    result = machine(photo, ARM_UP)
    (seen, source_maps, target_maps) = machine.engine.calls[0]
    frame = Frame.shared(SOURCE, result.target_pose, size=PLAIN.size)
    np.testing.assert_array_equal(source_maps[0], draw_heatmaps(frame.fit(SOURCE), 1.5, "gaussian"))
    np.testing.assert_allclose(target_maps[0], draw_heatmaps(frame.fit(result.target_pose), 1.5, "gaussian"), atol=1e-5)
    backdrop = to_unit(np.array([[PLAIN.backdrop_colour]], np.uint8))
    for corner in (seen[0, :, :2, :2], seen[0, :, -2:, -2:]):
        np.testing.assert_allclose(corner, np.broadcast_to(backdrop, corner.shape), atol=0.01)
    x, y = frame.fit(SOURCE).joint("neck")
    assert seen[0, 1, round(y), round(x)] > seen[0, 0, round(y), round(x)] + 0.5  # the green of the person is still there
    assert (seen.dtype, seen.shape, source_maps.shape) == (np.float32, (1, 3, 64, 44), (1, 18, 64, 44))


def test_weights_trained_on_whole_photos_read_the_photo_as_it_is(photo):
    machine = PoseTransfer(Painter(PHOTO), Finder(SOURCE), Cutter())
    result = machine(photo, ARM_UP)
    np.testing.assert_array_equal(machine.engine.calls[0][0][0], to_unit(result.frame.crop(photo, (255, 255, 255))))
    assert machine.cutout.calls == 0
    np.testing.assert_array_equal(result.pixels, result.painted)


def test_the_same_kind_comes_out_as_went_in(machine, photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "p.png")
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG")
    array = machine(photo, ARM_UP).picture
    assert isinstance(array, np.ndarray) and array.shape == (64, 44, 3)
    for given in (tmp_path / "p.png", str(tmp_path / "p.png"), Image.fromarray(photo)):
        image = machine(given, ARM_UP).picture
        assert isinstance(image, Image.Image)
        np.testing.assert_array_equal(np.asarray(image), array)
    png = machine(file.getvalue(), ARM_UP).picture
    assert isinstance(png, bytes) and png.startswith(b"\x89PNG")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), array)


def test_transparent_pictures_have_a_fourth_channel_in_every_kind(machine, photo, tmp_path):
    result = machine(photo, ARM_UP, background="transparent")
    assert result.picture.shape == (64, 44, 4)
    assert result.image.mode == "RGBA"
    result.save(tmp_path / "out.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), result.picture)
    x, y = result.frame.fit(result.target_pose).joint("left_wrist")
    assert result.alpha[round(y), round(x)] > 0.9 and result.alpha[0, 0] == 0


def test_kept_background_is_the_photos_without_the_old_person(machine, photo):
    result = machine(photo, ARM_UP)
    kept = result.frame.crop(photo)
    assert np.abs(result.pixels[:, :4].astype(int) - kept[:, :4]).max() <= 1  # beside the person nothing changes
    x, y = (round(value) for value in result.frame.fit(result.target_pose).joint("left_wrist"))
    assert np.abs(result.pixels[y, x].astype(int) - RED).max() < 12
    x, y = (round(value) for value in result.frame.fit(SOURCE).joint("left_wrist"))  # the arm has gone up: stripes are here now
    red, green, blue = result.pixels[y, x].astype(int)
    assert abs(red - green) < 30 and abs(green - blue) < 30


def test_plain_background_is_what_the_network_painted(machine, photo):
    result = machine(photo, ARM_UP, background="plain")
    np.testing.assert_array_equal(result.pixels, result.painted)
    assert tuple(result.pixels[0, 0]) == PLAIN.backdrop_colour


@pytest.mark.parametrize("background", ["keep", "plain", "transparent"])
@pytest.mark.parametrize("config", [PLAIN, PHOTO])
def test_placed_person_stands_in_the_whole_photo_where_the_pose_says(background, config, photo):
    result = PoseTransfer(Painter(config), Finder(SOURCE), Cutter())(photo, ARM_UP, place=True, background=background)
    assert result.pixels.shape == photo.shape
    x, y = (round(value) for value in result.target_pose.joint("left_wrist"))
    assert np.abs(result.pixels[y, x].astype(int) - RED).max() < 40
    outside = result.pixels[:4, :8]
    if background == "keep":
        np.testing.assert_array_equal(outside, photo[:4, :8])
    elif background == "plain":
        assert (outside == config.backdrop_colour).all()
    else:
        assert result.alpha.shape == photo.shape[:2]
        assert result.alpha[:4, :8].max() == 0 and result.alpha[y, x] > 0.5


def test_many_poses_look_at_the_photo_once(machine, photo):
    results = list(machine.many(photo, [ARM_UP, SOURCE, ARM_UP.mirrored()]))
    assert (len(machine.estimator.calls), machine.cutout.calls, len(machine.engine.calls)) == (1, 1, 3)
    for result, target in zip(results, [ARM_UP, SOURCE, ARM_UP.mirrored()], strict=True):
        np.testing.assert_array_equal(result.pixels, machine(photo, target).pixels)


WIDE = Pose(STANDING | {"left_elbow": (100, 45), "left_wrist": (128, 45)}, (140, 120))


def test_poses_of_a_batch_share_the_photo_and_come_back_in_order(machine, photo):
    targets = [ARM_UP, WIDE, SOURCE, SOURCE.mirrored()]
    results = list(machine.many(photo, targets, batch=4, attention=True))
    shapes = [(seen.shape[0], maps.shape[0]) for seen, _, maps in machine.engine.calls]
    assert sum(pictures for _, pictures in shapes) == 4 and len(shapes) < 4 and (1, 2) in [(a, min(b, 2)) for a, b in shapes]
    for result, target in zip(results, targets, strict=True):
        single = machine(photo, target, attention=True)
        np.testing.assert_array_equal(result.pixels, single.pixels)
        np.testing.assert_array_equal(result.attention.pictures, single.attention.pictures)
        assert result.frame == single.frame


def test_a_clip_keeps_one_frame_in_which_all_poses_lie(machine, photo):
    frames = {result.frame for result in machine.many(photo, [SOURCE, WIDE, ARM_UP], steady=True)}
    assert len(frames) == 1
    for result in machine.many(photo, [SOURCE, WIDE, ARM_UP], steady=True):
        fitted = result.frame.fit(result.target_pose)
        assert fitted.inside[fitted.present].all()
    assert len({result.frame for result in machine.many(photo, [SOURCE, WIDE, ARM_UP])}) > 1


def test_many_is_lazy_but_refuses_at_once(machine, photo):
    def endless():
        while True:
            yield ARM_UP

    assert next(machine.many(photo, endless())).pixels.shape == (64, 44, 3)
    with pytest.raises(PhotoError):
        machine.many("no-such-file.jpg", [ARM_UP])


def test_every_kind_of_target_gives_the_pose(machine, photo, tmp_path, monkeypatch):
    write_pose(ARM_UP, tmp_path / "pose.json")
    (tmp_path / "photo.png").touch()
    Image.fromarray(photo).save(tmp_path / "photo.png")
    expected = machine(photo, ARM_UP).target_pose
    (tmp_path / "pose.of.me").write_bytes((tmp_path / "pose.json").read_bytes())
    (tmp_path / "photo").write_bytes((tmp_path / "photo.png").read_bytes())
    files = (tmp_path / "pose.json", str(tmp_path / "pose.json"), (tmp_path / "pose.json").read_bytes(), tmp_path / "pose.of.me")
    for target in files:  # told by content, whatever the name
        np.testing.assert_allclose(machine(photo, target).target_pose.points, expected.points, atol=1e-3)
    assert len(machine.estimator.calls) == 1 + len(files)  # for the source each time
    for target in (tmp_path / "photo.png", tmp_path / "photo", photo, Image.fromarray(photo)):
        machine.estimator.calls.clear()
        machine(photo, target)
        assert len(machine.estimator.calls) == 2
    machine.estimator.calls.clear()
    name = library_names()[0]
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)  # a folder of that name is no pose
    by_name, by_pose = machine(photo, name), machine(photo, library_pose(name))
    assert by_name.target_pose == by_pose.target_pose


def test_a_given_source_pose_spares_the_estimator(machine, photo):
    result = machine(photo, ARM_UP, source_pose=SOURCE)
    assert machine.estimator.calls == [] and result.source_pose == SOURCE


def test_person_and_name_of_the_photo_reach_the_estimator(machine, photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "crowd.png")
    machine(tmp_path / "crowd.png", ARM_UP, person=2)
    assert machine.estimator.calls == [((140, 120, 3), 2, str(tmp_path / "crowd.png"))]


def test_without_retargeting_each_pose_has_its_own_frame(machine, photo):
    # A pose of a figure twice as large, elsewhere in its picture: as the paper has it, only its own frame counts.
    large = Pose(ARM_UP.points * 2 + 300, (900, 900))
    result = machine(photo, large, retarget="none")
    fitted = Frame.around(large, size=PLAIN.size).fit(large)
    np.testing.assert_allclose(machine.engine.calls[0][2][0], draw_heatmaps(fitted, 1.5, "gaussian"), atol=1e-5)
    np.testing.assert_allclose(result.frame.fit(result.target_pose).points, fitted.points, atol=1e-6)


@pytest.mark.parametrize(("arguments", "pattern"), [
    ({"retarget": "limb"}, "retarget 'limb' is unknown; it is one of limbs, scale, none"),
    ({"background": "white"}, "background 'white' is unknown; it is one of keep, plain, transparent"),
])  # fmt: skip
def test_unknown_words_are_refused_before_the_photo_is_read(arguments, pattern, machine):
    with pytest.raises(SettingsError, match=pattern):
        machine("no-such-file.jpg", ARM_UP, **arguments)


def test_unknown_pose_is_told_the_nearest_name(machine, photo):
    with pytest.raises(UnknownPose, match="'arms-upp' is neither a file nor a pose of the library; did you mean 'arms-up'"):
        machine(photo, "arms-upp")


def test_photo_that_does_not_fit_the_given_pose_is_a_sentence(machine, photo):
    with pytest.raises(PoseTransferError, match=r"50 x 50.*140 x 120"):
        machine(photo, ARM_UP, source_pose=Pose(STANDING, (50, 50)))


def test_source_pose_of_a_larger_copy_of_the_photo_is_scaled(machine, photo):
    result = machine(photo, ARM_UP, source_pose=SOURCE.scaled((280, 240)))
    np.testing.assert_allclose(result.source_pose.points, SOURCE.points)


def test_a_misspelt_pose_is_refused_before_the_photo_is_looked_at(machine):
    with pytest.raises(UnknownPose):
        machine("no-such-file.jpg", "arms-upp")


def test_a_small_person_is_worth_one_warning_however_many_poses(machine, caplog):
    small = Pose(SOURCE.points * 0.1, (14, 12))
    results = list(PoseTransfer(machine.engine, Finder(small), Cutter()).many(np.zeros((14, 12, 3), np.uint8), [ARM_UP] * 3))
    assert [record.getMessage() for record in caplog.records] == [results[0].findings[0].message]
    assert "pixels of the photo are enlarged to the network's 64" in caplog.text
    assert all([finding.code for finding in result.findings] == ["person_small"] for result in results)
    caplog.clear()
    machine(np.zeros((140, 120, 3), np.uint8), ARM_UP)
    assert caplog.text == ""


def test_seconds_and_attention(machine, photo):
    result = machine(photo, ARM_UP, attention=True)
    assert list(result.seconds) == ["photo", "source pose", "cut-out", "gate", "target pose", "frame", "network", "background"]
    assert all(value >= 0 for value in result.seconds.values())
    assert result.attention.masks.shape == (3, 1, 16, 11)
    assert machine(photo, ARM_UP).attention is None


def test_figures_show_four_sides_and_every_block(machine, photo):
    result = machine(photo, ARM_UP, attention=True)
    gap = 4
    assert panel(result).shape[1] == 4 * 176 + 5 * gap  # small pictures are shown at 256 pixels
    assert panel(machine(photo, ARM_UP, place=True)).shape[1] == 4 * round(120 * 256 / 140) + 5 * gap
    sheet = progression(result)
    assert sheet.shape[1] == 3 * 176 + 4 * gap and sheet.shape[0] > 2 * 256 + 3 * gap
    with pytest.raises(ValueError, match="attention=True"):
        progression(machine(photo, ARM_UP))


GREEN = ModelConfig(size=(64, 44), sigma=1.5, backdrop="plain", backdrop_colour=(32, 224, 32))


def test_nobody_sees_the_green_that_the_network_paints_on(photo):
    photo[22:124, 40:81] = (150, 150, 150)  # nothing green about this person
    machine = PoseTransfer(Painter(GREEN), Finder(SOURCE), Cutter())
    for place in (False, True):
        plain = machine(photo, ARM_UP, background="plain", place=place).pixels.astype(int)
        assert (plain[0, 0] == 224).all()
        assert (plain[..., 1] <= np.maximum(plain[..., 0], plain[..., 2]) + 6).all()
    result = machine(photo, ARM_UP, attention=True)
    shown = panel(machine(photo, ARM_UP, background="plain"))
    for picture in (shown[:, -180:], progression(result)):  # the skeletons beside have green limbs
        red, green, blue = np.moveaxis(picture.astype(int), 2, 0)
        assert ((green - np.maximum(red, blue)) > 150).mean() < 0.001
    assert tuple(result.painted[0, 0]) == GREEN.backdrop_colour  # what the network painted is still told


def test_another_picture_stands_behind_the_person_of_the_size_wanted(machine, photo, tmp_path):
    beach = np.full((50, 200, 3), (10, 40, 230), np.uint8)
    Image.fromarray(beach).save(tmp_path / "beach.png")
    for given in (beach, tmp_path / "beach.png", str(tmp_path / "beach.png")):
        for place, size in ((False, (64, 44)), (True, (140, 120))):
            result = machine(photo, ARM_UP, background=given, place=place)
            assert result.pixels.shape[:2] == size and (result.pixels[:3, :3] == (10, 40, 230)).all()
    x, y = (round(value) for value in result.target_pose.joint("left_wrist"))
    assert np.abs(result.pixels[y, x].astype(int) - RED).max() < 40
    with pytest.raises(SettingsError, match=r"nowhere\.png.*no such file"):
        machine(photo, ARM_UP, background="nowhere.png")


def test_shadow_darkens_the_ground_under_the_feet_and_can_be_left_out(machine, photo):
    white = np.full((64, 44, 3), 255, np.uint8)
    config = ModelConfig(size=(64, 44), sigma=2.5, backdrop="plain", backdrop_colour=(200, 210, 220))
    machine = PoseTransfer(Painter(config), Finder(SOURCE), Cutter())
    with_it, without = (machine(photo, SOURCE, background=white, shadow=shadow) for shadow in (True, False))
    darker = without.pixels.astype(int) - with_it.pixels
    assert darker.min() >= 0 and darker.max() > 40
    rows = np.flatnonzero(darker.max(axis=(1, 2)) > 10)
    ankle = with_it.frame.fit(with_it.target_pose).joint("right_ankle")[1]
    assert rows.min() > ankle - 4 and rows.max() < ankle + 12


def test_a_lifted_person_keeps_clothes_of_nearly_the_backdrops_colour():
    colour = np.array(PLAIN.backdrop_colour)
    picture = np.full((140, 120, 3), colour, np.uint8)
    picture[22:45, 52:69] = RED  # a head; a white shirt, and one white trouser leg with folds
    picture[45:76, 46:75] = colour - 12
    picture[76:122, 46:60] = RED
    picture[80:120:9, 50:57] = picture[81:120:9, 50:57] = colour
    mask = lift(picture, PLAIN.backdrop_colour, SOURCE)[1]
    assert mask[60, 60] == 1  # trunk
    assert (mask[80:118, 52:56].max(axis=1) == 1).all()  # along the leg
    assert mask[60, 90] == 0  # beside the body
    alone = lift(picture, PLAIN.backdrop_colour)[1]
    assert alone[60, 60] == 0 and alone[81, 53] < 1  # without the pose nobody can tell


def test_an_arm_that_was_not_painted_does_not_come_back_as_a_stick():
    picture = np.full((140, 120, 3), PLAIN.backdrop_colour, np.uint8)
    picture[22:122, 44:76] = RED
    mask = lift(picture, PLAIN.backdrop_colour, ARM_UP)[1]
    assert mask[60, 60] == 1 and mask[25:35, 86:90].max() == 0


@pytest.mark.parametrize("colour", [RED, (10, 10, 10), (250, 250, 250), (150, 180, 190)])
def test_soft_edges_give_back_share_and_colour(colour):
    # A disc with an edge three pixels wide, mixed with the backdrop: both unknowns are known here.
    y, x = np.mgrid[:64, :44]
    share = np.clip((18 - np.hypot(y - 32, x - 22)) / 3 + 0.5, 0, 1)[..., None]
    picture = np.rint(share * colour + (1 - share) * PLAIN.backdrop_colour).astype(np.uint8)
    person, found = lift(picture, PLAIN.backdrop_colour)
    assert np.abs(found - share[..., 0]).mean() < 0.01
    edge = (found > 0.05) & (found < 0.95)
    assert edge.sum() > 50
    assert np.abs(person[edge].astype(int) - colour).mean() < 8


def test_unevenness_and_specks_of_a_painted_backdrop_are_not_a_person():
    noise = np.random.default_rng(0).integers(-8, 9, (64, 44, 3))
    picture = (np.array(PLAIN.backdrop_colour) + noise).astype(np.uint8)
    picture[5, 5] = picture[50, 40] = RED
    assert lift(picture, PLAIN.backdrop_colour)[1].max() == 0


def test_a_transfer_runs_with_torch_hidden():
    code = """
import sys
sys.modules["torch"] = None  # importing it now fails
sys.path.insert(0, "tests")
import numpy as np
from test_pipeline import ARM_UP, PLAIN, SOURCE, Cutter, Painter
from posetransfer.pipeline import PoseTransfer
photo = np.full((140, 120, 3), 90, np.uint8)
result = PoseTransfer(Painter(PLAIN), cutout=Cutter())(photo, ARM_UP, source_pose=SOURCE)
assert result.pixels.shape == (64, 44, 3)
"""
    run = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "src"}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
