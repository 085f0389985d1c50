"""What the tests of training share: eight rendered people, networks of a few channels, and no second thread."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from posetransfer.config import PRESETS, Settings
from posetransfer.data.pairs import Pairs
from posetransfer.training.step import TrainingStep
from posetransfer.training.tensors import TensorBatch

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def one_thread():
    """The same sums in the same order, and no fight for the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def people(tmp_path_factory) -> Path:
    """Eight rendered people at 64 x 44, in a folder that may be written to."""
    folder = tmp_path_factory.mktemp("set") / "people"
    shutil.copytree(HERE / "people", folder)
    return folder


@pytest.fixture(scope="session")
def vgg19(tmp_path_factory) -> str:
    """A file in the layout of torchvision's VGG-19 with random weights of its first two layers."""
    rng = torch.Generator().manual_seed(19)
    shapes = {"features.0": (64, 3), "features.2": (64, 64)}
    state = {f"{name}.weight": torch.randn(o, i, 3, 3, generator=rng) * (2 / (9 * i)) ** 0.5 for name, (o, i) in shapes.items()}
    state |= {f"{name}.bias": torch.randn(o, generator=rng) * 0.1 for name, (o, _) in shapes.items()}
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(state, path)
    return str(path)


@pytest.fixture
def small(vgg19):
    """A preset with the same training, but networks of four channels, and pictures of 32 x 16."""

    def make(preset: str, **training) -> Settings:
        s = PRESETS[preset]
        return replace(
            s,
            model=replace(s.model, size=(32, 16), width=4, blocks=2, sigma=3.0),
            discriminator=replace(s.discriminator, width=4),
            loss=replace(s.loss, perceptual_weights=vgg19),
            training=replace(s.training, **({"batch": 4, "pool": min(s.training.pool, 6), "precision": "fp32"} | training)),
        )

    return make


@pytest.fixture
def open_pairs():
    """Training pairs of a folder as settings describe them."""

    def make(folder, settings, **more) -> Pairs:
        return Pairs.of(folder, "train", settings, **more)

    return make


@pytest.fixture
def exactly():
    """A training and its batches in float64: in float32 one activation beside the kink of a ReLU moves a gradient by a thousandth."""

    def make(step: TrainingStep, *batches: TensorBatch) -> list[TensorBatch]:
        for network in (step.generator, step.perceptual, *(judge.network for judge in step.judges.values())):
            network.double()
        return [replace(b, **{n: getattr(b, n).double() for n in ("source", "source_maps", "target", "target_maps")}) for b in batches]

    return make


@pytest.fixture
def random_batch():
    """A batch of noise."""

    def make(count: int, size=(32, 16), seed=0) -> TensorBatch:
        rng = np.random.default_rng(seed)
        shapes = [(count, channels, *size) for channels in (3, 18, 3, 18)]
        source, source_maps, target, target_maps = (torch.from_numpy(rng.random(s, dtype=np.float32)) for s in shapes)
        names = tuple((f"{i}a.jpg", f"{i}b.jpg") for i in range(count))
        return TensorBatch(source * 2 - 1, source_maps, target * 2 - 1, target_maps, names)

    return make
