"""SSD300: the walk against modules in ssd.pytorch's layout, the Caffe file against a writer of our own, the score's rule."""

import struct

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from posetransfer.errors import DataError
from posetransfer.evaluation.metrics.networks import ssd300
from posetransfer.evaluation.metrics.networks.caffe import read_caffe_model
from posetransfer.evaluation.metrics.networks.files import NETWORKS
from posetransfer.evaluation.networks import choose_networks
from posetransfer.evaluation.protocols import find_protocol

BASE = [64, 64, "M", 128, 128, "M", 256, 256, 256, "C", 512, 512, 512, "M", 512, 512, 512]


class Ssd(nn.Module):
    """The network as ssd.pytorch writes it: lists of modules, whose numbers are the keys of its weight files."""

    def __init__(self):
        super().__init__()
        layers, before = [], 3
        for width in BASE:
            if isinstance(width, str):
                layers.append(nn.MaxPool2d(2, 2, ceil_mode=width == "C"))
            else:
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
        layers += [nn.MaxPool2d(3, 1, 1), nn.Conv2d(512, 1024, 3, padding=6, dilation=6), nn.ReLU(), nn.Conv2d(1024, 1024, 1), nn.ReLU()]
        self.vgg = nn.ModuleList(layers)
        widths = [(1024, 256, 512, 2), (512, 128, 256, 2), (256, 128, 256, 1), (256, 128, 256, 1)]
        extras = []
        for before, middle, after, stride in widths:
            extras += [nn.Conv2d(before, middle, 1), nn.Conv2d(middle, after, 3, stride, padding=stride - 1)]
        self.extras = nn.ModuleList(extras)
        self.L2Norm = nn.Module()
        self.L2Norm.weight = nn.Parameter(torch.full((512,), 20.0))
        sizes = zip((512, 1024, 512, 256, 256, 256), (4, 6, 6, 6, 4, 4), strict=True)
        self.conf = nn.ModuleList([nn.Conv2d(width, boxes * 21, 3, padding=1) for width, boxes in sizes])

    def forward(self, x):
        sources = []
        for i, layer in enumerate(self.vgg):
            x = layer(x)
            if i == 22:
                sources.append(F.normalize(x, dim=1, eps=1e-10) * self.L2Norm.weight[:, None, None])
        sources.append(x)
        for i, layer in enumerate(self.extras):
            x = F.relu(layer(x))
            if i % 2:
                sources.append(x)
        assert [source.shape[-1] for source in sources] == [38, 19, 10, 5, 3, 1]
        heads = [head(source).permute(0, 2, 3, 1).flatten() for source, head in zip(sources, self.conf, strict=True)]
        return torch.cat(heads).view(-1, 21).softmax(dim=1)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights that keep the size of the values, in a file of ssd.pytorch."""
    torch.manual_seed(0)
    network = Ssd()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=(2 / layer.weight[0].numel()) ** 0.5)
            nn.init.normal_(layer.bias, std=0.1)
    for head in network.conf:
        head.weight.data /= 40  # no class shall be certain
    path = tmp_path_factory.mktemp("ssd") / NETWORKS["ssd300-torch"].name
    torch.save(network.state_dict(), path)
    return network, path


def picture(height=128, width=64):
    rows, columns = np.mgrid[:height, :width]
    wave = 120 + 80 * np.sin(rows / 9)[..., None] * np.cos(columns / 7)[..., None] * np.array([1, 0.7, -0.5])
    return np.clip(wave + np.random.default_rng(3).normal(0, 20, (height, width, 3)), 0, 255).astype(np.uint8)


def test_the_score_is_the_best_person_of_the_network_written_as_modules(weights):
    network, path = weights
    photo = torch.from_numpy(picture().astype(np.float32)).permute(2, 0, 1)[None]
    x = F.interpolate(photo, size=(300, 300), mode="bilinear") - torch.tensor([123.0, 117.0, 104.0])[:, None, None]
    with torch.inference_mode():
        expected = network(x)
    assert expected.shape == (8732, 21)
    found = ssd300.Ssd300(path)([picture()])
    assert found == pytest.approx([float(expected[:, 15].max())], rel=1e-4)
    assert 0.01 < found[0] < 1


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def caffe_file(layers, path):
    """NetParameter as Caffe writes it: a net's name, layers with a type and blobs, an own number type among them."""
    net = field(1, b"net")
    for name, blobs in layers.items():
        layer = field(1, name.encode()) + field(2, b"Convolution") + varint(10 << 3) + varint(1)  # phase: TEST
        for blob in blobs:
            shape = field(1, b"".join(varint(side) for side in blob.shape))
            layer += field(7, field(7, shape) + field(5, struct.pack(f"<{blob.size}f", *blob.ravel().tolist())))
        net += field(100, layer)
    path.write_bytes(net)
    return path


def test_blobs_of_a_caffe_file_are_what_was_written(tmp_path):
    random = np.random.default_rng(0)
    layers = {
        "a": [random.normal(size=(3, 2, 300)).astype(np.float32), np.zeros(1, np.float32)],
        "nothing": [],
        "b": [np.ones((2, 1, 1, 1))],
    }
    found = read_caffe_model(caffe_file(layers, tmp_path / "net.caffemodel"))
    assert set(found) == {"a", "b"}
    assert np.array_equal(found["a"][0], layers["a"][0])
    assert [blob.shape for blob in found["a"] + found["b"]] == [(3, 2, 300), (1,), (2, 1, 1, 1)]


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"name: 'net'\nlayer {\n}", field(100, b"\x0a\xff")])
def test_files_that_are_no_caffe_models_are_refused(content, tmp_path):
    (tmp_path / "x.caffemodel").write_bytes(content)
    with pytest.raises(DataError, match=r"Caffe model|no layer with weights"):
        read_caffe_model(tmp_path / "x.caffemodel")


def test_caffes_first_layer_reads_blue_first(weights, tmp_path):
    state = weights[0].state_dict()
    small = {name: [np.zeros(1, np.float32), np.zeros(1, np.float32)] for name in ssd300.LAYERS}
    small["conv1_1"] = [state["vgg.0.weight"].numpy()[:, ::-1], state["vgg.0.bias"].numpy()]
    small["conv4_3_norm"] = [np.arange(512, dtype=np.float32)]
    for i, (name, boxes) in enumerate(zip(ssd300.HEADS, (4, 6, 6, 6, 4, 4), strict=True)):
        small[name] = [np.full((boxes * 21, 1, 1, 1), i, np.float32), np.zeros(boxes * 21, np.float32)]
    read = ssd300._read(caffe_file(small, tmp_path / "small.caffemodel"), "cpu")
    assert torch.equal(read["vgg.0.weight"], state["vgg.0.weight"])
    assert read["L2Norm.weight"].tolist() == list(range(512))
    assert [float(read[f"conf.{i}.weight"].mean()) for i in range(6)] == [0, 1, 2, 3, 4, 5]
    assert read.keys() == {key for key in state if not key.startswith("loc.")}


def test_another_network_is_refused(tmp_path):
    torch.save({"vgg.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "x.pth")
    with pytest.raises(DataError, match="not an SSD300 of VOC"):
        ssd300.Ssd300(tmp_path / "x.pth")([picture()])


def test_a_given_file_makes_the_standard_score_and_no_other_network_is_looked_for(weights, monkeypatch, tmp_path):
    monkeypatch.setattr("posetransfer.evaluation.metrics.networks.files._fetch", lambda wanted: pytest.fail(f"{wanted.name} is not needed"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = choose_networks(find_protocol("patn-market"), "standard", weights[1].parent, groups=("detection",))
    assert [(type(detector).__name__, detector.name) for detector in found.detectors] == [("Ssd300", "")]
    assert found.notes == ()
