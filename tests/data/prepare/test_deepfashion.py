import shutil

import numpy as np
import pytest
from PIL import Image

from posetransfer.data.annotations import read_annotations, write_annotations
from posetransfer.data.prepare import Options, plan_deepfashion, prepare
from posetransfer.data.prepare.deepfashion import crop_points
from posetransfer.data.prepare.picture import crop_fashion, fashion_pose
from posetransfer.errors import DataError
from posetransfer.image import load_photo
from posetransfer.pose.pose import Pose

ONE = Options(workers=1)


def nobody():
    """An estimator that finds a person in every second picture, from its colours alone."""
    from posetransfer.errors import NoPersonFound

    def find(photo, *, name="photo", box=None):
        if int(photo.sum()) % 2:
            raise NoPersonFound(f"{name}: no person found (best score 0.01); give the pose as a file.")
        points = np.stack([np.linspace(60, 190, 18), np.linspace(20, 240, 18)], axis=1)
        return Pose(points, photo.shape[:2])

    return find


def test_with_the_authors_lists(fashion_raw, fashion_lists, shots, tmp_path):
    out = tmp_path / "out"
    folder = prepare(plan_deepfashion(fashion_raw, fashion_lists), out, ONE)
    for split in ("train", "test"):
        assert (out / f"annotation-{split}.csv").read_bytes() == (fashion_lists / f"fasion-resize-annotation-{split}.csv").read_bytes()
    assert (out / "pairs-test.csv").read_bytes() == (fashion_lists / "fasion-resize-pairs-test.csv").read_bytes()
    # Two colours of an item in train, three pictures each, all ordered pairs.
    assert folder.facts["counts"]["train"]["pairs"] == 12
    # The crop is columns 40 to 215: the white borders are gone, the rendered picture is back.
    picture = load_photo(out / "images" / "fashionWOMENTees_Tanksid0000730104_7additional.jpg")
    assert picture.shape == (256, 176, 3)
    assert np.abs(picture.astype(int) - shots[0].picture).mean() < 3


def test_the_overlap_of_items_is_told_and_their_colours_do_not_mix(fashion_raw, fashion_lists):
    plan = plan_deepfashion(fashion_raw, fashion_lists)
    assert any(note.startswith("1 of the 1 test items also occur in train, in other colours") for note in plan.notes)
    groups = {split: {item.person for item in plan.items if item.split == split} for split in ("train", "test")}
    assert groups["test"] == {"fashionWOMENTees_Tanksid0000730102"} and not groups["train"] & groups["test"]


def test_one_colour_in_both_splits_is_refused(fashion_raw, fashion_lists):
    row = (fashion_lists / "train.lst").read_text().splitlines()[0].replace("04_7additional", "02_1front")
    with (fashion_lists / "train.lst").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(DataError, match=r"1 items in one colour are in the train and in the test split"):
        plan_deepfashion(fashion_raw, fashion_lists)


def test_without_the_authors_files_the_benchmarks_partition_decides(fashion_raw, tmp_path):
    plan = plan_deepfashion(fashion_raw)
    assert "list_eval_partition" in plan.split_name and plan.complete
    folder = prepare(plan, tmp_path / "out", ONE, estimator=nobody)
    assert [len(folder.splits[split].names) for split in ("train", "test")] == [6, 3]
    lost = sum(bool(np.isnan(split.points[i]).all()) for split in folder.splits.values() for i in range(len(split.names)))
    assert 0 < lost < 9 and folder.facts["without_person"] == lost


@pytest.mark.parametrize("layout", ["img", "img_highres", "flattened", "no underscores"])
def test_every_layout_of_the_tree_gives_the_same_names(fashion_raw, fashion_lists, tmp_path, layout, size_of):
    moved = tmp_path / "raw"
    names = [name for split in ("train", "test") for name in (fashion_lists / f"{split}.lst").read_text().split()]
    files = {item.name: item.path for item in plan_deepfashion(fashion_raw, fashion_lists).items}
    for name in names:
        relative = files[name].relative_to(fashion_raw / "Img" / "img")
        target = {
            "img": moved / "img" / relative,
            "img_highres": moved / "img_highres" / relative,
            "flattened": moved / "train" / name,
            "no underscores": moved / name.replace("Tees_Tanks", "TeesTanks").replace("Jackets_Vests", "JacketsVests"),
        }[layout]
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(files[name]) as image:
            # The large pictures are 750 x 1101; their middle is what the 256 x 256 ones show over white.
            (image.crop((40, 0, 216, 256)).resize((757, 1101)) if layout == "img_highres" else image).save(target, quality=95)
    prepare(plan_deepfashion(moved, fashion_lists), tmp_path / "out", ONE)
    assert {path.name for path in (tmp_path / "out" / "images").iterdir()} == set(names)
    prepare(plan_deepfashion(fashion_raw, fashion_lists), tmp_path / "from img", ONE)
    for name in names:
        pictures = [load_photo(tmp_path / out / "images" / name).astype(int) for out in ("out", "from img")]
        assert pictures[0].shape == (256, 176, 3)
        assert np.abs(pictures[0] - pictures[1]).mean() < 4


def test_of_both_sizes_the_small_pictures_are_taken(fashion_raw):
    shutil.copytree(fashion_raw / "Img" / "img", fashion_raw / "Img" / "img_highres")
    plan = plan_deepfashion(fashion_raw)
    assert len(plan.items) == 9 and all("img_highres" not in str(item.path) for item in plan.items)


def test_a_joint_stays_on_its_pixel_through_the_crop():
    for size, joint in (((256, 256), (100, 70)), ((1101, 750), (400, 500))):
        photo = np.zeros((*size, 3), np.uint8)
        radius = size[0] // 256
        photo[joint[1] - radius : joint[1] + radius + 1, joint[0] - radius : joint[0] + radius + 1] = 255
        x, y = fashion_pose(Pose({"nose": joint}, size), (256, 176)).joint("nose")
        picture = crop_fashion(photo, (256, 176))
        picture[:, :5] = picture[:, -5:] = 0  # the white borders of a large picture
        weight = picture.sum(axis=2).astype(float)
        rows, columns = np.indices(weight.shape)
        centre = (columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()
        assert np.allclose(centre, (x, y), atol=0.5)


def test_points_of_uncropped_annotations_are_cropped_as_the_authors_do():
    points = np.full((1, 18, 2), np.nan)
    points[0, :4] = [[100, 50], [39, 60], [20, 70], [220, 80]]
    moved = crop_points(points)[0]
    assert moved[0].tolist() == [60, 50]
    assert np.isnan(moved[1]).all()  # lands on -1, which says missing
    assert moved[2].tolist() == [-20, 70] and moved[3].tolist() == [180, 80]


def test_uncropped_annotations_are_found_too(fashion_raw, fashion_lists, tmp_path):
    for split in ("train", "test"):
        path = fashion_lists / f"fasion-resize-annotation-{split}.csv"
        names, points = read_annotations(path)
        write_annotations(fashion_lists / f"fasion-annotation-{split}.csv", names, points + np.array([40, 0]))
        expected = path.read_bytes()
        path.unlink()
        prepare(plan_deepfashion(fashion_raw, fashion_lists), tmp_path / split, ONE, estimator=nobody)
        assert (tmp_path / split / f"annotation-{split}.csv").read_bytes() == expected


def test_names_that_the_download_does_not_have_are_listed(fashion_raw, fashion_lists, tmp_path):
    shutil.rmtree(fashion_raw / "Img" / "img" / "MEN")
    plan = plan_deepfashion(fashion_raw, fashion_lists)
    assert len(plan.missing) == 3
    with pytest.raises(DataError, match=r"3 pictures of the lists are not there, the first: fashionMENJackets_Vestsid0000002201_"):
        prepare(plan, tmp_path / "out", ONE)


def test_without_any_list_of_the_split_nothing_is_guessed(fashion_raw):
    shutil.rmtree(fashion_raw / "Eval")
    with pytest.raises(DataError, match=r"expected the authors' train\.lst and test\.lst, or list_eval_partition\.txt"):
        plan_deepfashion(fashion_raw)


def test_a_locked_archive_is_named(tmp_path):
    (tmp_path / "Img").mkdir()
    (tmp_path / "Img" / "img.zip").touch()
    with pytest.raises(DataError, match=r"Img/img\.zip was not extracted.*password"):
        plan_deepfashion(tmp_path)


def test_a_broken_partition_names_its_row(fashion_raw):
    path = fashion_raw / "Eval" / "list_eval_partition.txt"
    path.write_text(path.read_text().replace("query", "quary"))
    with pytest.raises(DataError, match=r"row 6: .*train\|query\|gallery"):
        plan_deepfashion(fashion_raw)
