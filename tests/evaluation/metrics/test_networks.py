"""The networks: structure of the standard ones against the original libraries' numbers, and what the stand-ins tell apart."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from posetransfer.errors import DataError
from posetransfer.evaluation.metrics.networks import alexnet, files, inception
from posetransfer.evaluation.metrics.networks.files import NetworkFile, find_network
from posetransfer.evaluation.metrics.networks.shipped import EfficientNet, NanoDet, StLpips, Vgg16
from posetransfer.evaluation.metrics.reid import ReidSimilarity


def picture(height=128, width=64, seed=3):
    rows, columns = np.mgrid[:height, :width]
    wave = 120 + 80 * np.sin(rows / 9)[..., None] * np.cos(columns / 7)[..., None] * np.array([1, 0.7, -0.5])
    return np.clip(wave + np.random.default_rng(seed).normal(0, 20, (height, width, 3)), 0, 255).astype(np.uint8)


A, B = picture(), picture(seed=4)


def blurred(photo, radius):
    return np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(radius)))


def test_tensorflows_resizing_takes_the_upper_left_grid():
    # One row 0, 10 resized to 4: TensorFlow 1 puts pixel i at i / 2, so 0, 5, 10 and beyond the end 10.
    x = torch.tensor([[0.0, 10.0], [0.0, 10.0]]).view(1, 1, 2, 2)
    assert inception.resize_like_tensorflow(x, 4)[0, 0, 0].tolist() == [0, 5, 10, 10]


def test_inception_file_of_something_else_is_refused(tmp_path):
    torch.save({"x": torch.zeros(1)}, tmp_path / "w.pth")
    with pytest.raises(DataError, match="not the weights of an Inception-v3"):
        inception.Inception(tmp_path / "w.pth")([A])
    with pytest.raises(DataError, match="not the weights of torchvision's AlexNet"):
        alexnet.AlexLpips(tmp_path / "w.pth")([A], [B])


def formula(shape, number):
    """Weights without a random generator, so that the numbers below stay true; a layer keeps the size of its values."""
    index = torch.arange(int(np.prod(shape)), dtype=torch.float64)
    wave = torch.sin(index * 12.9898 + number) * 43758.5453
    return ((wave - wave.floor() - 0.5) * (4.5 / np.prod(shape[1:]) ** 0.5)).view(shape).float()


def seeded_alexnet(path):
    shapes = {0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3), 8: (256, 384, 3, 3), 10: (256, 256, 3, 3)}
    state = {f"features.{number}.weight": formula(shape, number) for number, shape in shapes.items()}
    torch.save(state | {f"features.{number}.bias": torch.zeros(shape[0]) for number, shape in shapes.items()}, path)
    return path


def seeded_inception(path, classes):
    state = {"fc.weight": formula((classes, 2048), 1000), "fc.bias": torch.ones(classes)}
    rows = (Path(__file__).parent / "inception_shapes.txt").read_text().split()
    for number, (name, shape) in enumerate(row.split(":") for row in rows):
        shape = tuple(int(side) for side in shape.split(","))
        state[f"{name}.conv.weight"] = formula(shape, number)
        ramp = torch.linspace(-0.1, 0.1, shape[0])
        norm = {"weight": 1 + ramp, "bias": ramp, "running_mean": -ramp, "running_var": 1 + 2 * ramp}
        state |= {f"{name}.bn.{part}": values for part, values in norm.items()}
    torch.save(state, path)
    return path


# Mean, deviation and two values of the features, and two logits without bias: torch-fidelity 0.4.0; torchvision 0.28.0 and CFLD's mapping.
INCEPTION_PACKAGES = {
    "tensorflow": [0.12733644, 0.17158928, 0.07516968, 0.59941506, -0.04725648, -0.16258612],
    "imagenet": [0.11720462, 0.15693466, 0.07783850, 0.45249143, -0.04498866, -0.16932147],
}


def summary(features, logits):
    return [features.mean(), features.std(), features[0, 100], features[1, 2000], logits[0, 3], logits[1, 900]]


@pytest.mark.parametrize(("kind", "classes"), [("tensorflow", 1008), ("imagenet", 1000)])
def test_inception_gives_the_numbers_of_the_packages(kind, classes, tmp_path):
    network = inception.Inception(seeded_inception(tmp_path / "inception.pth", classes), kind)
    assert summary(*network([A, B])) == pytest.approx(INCEPTION_PACKAGES[kind], rel=1e-3)


def test_lpips_is_the_number_of_the_lpips_package(tmp_path):
    distance = alexnet.AlexLpips(seeded_alexnet(tmp_path / "alex.pth"))
    found = distance([A, A], [B, blurred(A, 2)])
    assert found == pytest.approx(LPIPS_PACKAGE, rel=1e-4)
    assert distance([A], [A]) == [0]


LPIPS_PACKAGE = [0.04932638630270958, 0.03971925005316734]  # lpips 0.1.4, net="alex", the same trunk


def test_stand_ins_grow_with_the_distortion():
    one = StLpips()
    distances = one([A] * 4, [A, blurred(A, 0.5), blurred(A, 1), blurred(A, 3)])
    assert distances[0] == 0
    assert (np.diff(distances) > 0).all()


def test_features_do_not_depend_on_the_neighbours():
    for network in (EfficientNet(), Vgg16()):
        together, _ = network([A, B])
        assert np.array_equal(together[1], network([B])[0][0])
        assert together.std() > 0.01


def test_efficientnet_knows_a_picture_of_nothing():
    # No label can be checked without a photograph; but logits must differ between pictures and be finite.
    _, logits = EfficientNet()([A, np.full((64, 64, 3), 128, np.uint8)])
    assert np.isfinite(logits).all()
    assert logits.shape == (2, 1000)
    assert np.abs(logits[0] - logits[1]).max() > 1


def test_detector_sees_no_person_in_noise():
    assert NanoDet()([A, np.zeros((128, 64, 3), np.uint8)]).max() < 0.4


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A network file known by its content, and nowhere but where a test puts it."""
    import hashlib

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    wanted = NetworkFile("net.pth", "https://example.org/net.pth", hashlib.sha256(b"right").hexdigest()[:8])
    monkeypatch.setitem(files.NETWORKS, "net", wanted)
    return tmp_path, wanted


def test_a_given_file_is_checked(store):
    folder, _ = store
    (folder / "net.pth").write_bytes(b"wrong")
    with pytest.raises(DataError, match="SHA-256"):
        find_network("net", folder, fetch=False)
    files.sha256.cache_clear()
    (folder / "net.pth").write_bytes(b"right")
    assert find_network("net", folder, fetch=False) == folder / "net.pth"


def test_a_file_of_torch_hub_is_found(store):
    folder, _ = store
    place = folder / "torch" / "hub" / "checkpoints"
    place.mkdir(parents=True)
    (place / "net.pth").write_bytes(b"right")
    assert find_network("net", fetch=False) == place / "net.pth"


def test_fetching_checks_keeps_and_survives_no_network(store):
    folder, wanted = store

    def offline(url, timeout):
        raise OSError("no route")

    assert files._fetch(wanted, offline) is None
    with pytest.raises(DataError, match="SHA-256"):
        files._fetch(wanted, lambda url, timeout: io.BytesIO(b"an error page"))
    assert not list((folder / "cache").rglob("*.pth"))
    files.sha256.cache_clear()
    kept = files._fetch(wanted, lambda url, timeout: io.BytesIO(b"right"))
    assert kept == find_network("net", fetch=False)


def test_a_reid_network_that_is_none_is_refused(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no")
    with pytest.raises(DataError, match="re-identification"):
        ReidSimilarity(tmp_path / "x.onnx")([A], [B])
