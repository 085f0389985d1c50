"""The ONNX graph that is written without torch, held to the PyTorch network and to the heat maps of `pose`."""

import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from posetransfer.config import ModelConfig
from posetransfer.engines.graph import build_graph
from posetransfer.errors import SettingsError
from posetransfer.image import from_unit, to_unit
from posetransfer.networks import make_generator
from posetransfer.pose import Pose, draw_heatmaps
from posetransfer.weights import Weights, expected_shapes

TRANSFERS = ["attention", "no_addition", "no_concatenation", "residual"]


def weights(norm="batch", transfer="attention", blocks=3, **settings):
    rng = np.random.default_rng(1)
    config = ModelConfig(size=(32, 24), width=4, blocks=blocks, norm=norm, transfer=transfer, **settings)
    tensors = {
        name: (rng.standard_normal(shape) * (2 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else rng.uniform(0.5, 1.5, shape)).astype("f")
        for name, shape in expected_shapes(config).items()
    }
    return Weights(config, tensors, "nowhere", "a test")


def inputs(batch=2, size=(32, 24), seed=0):
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1, 1, (batch, 3, *size)).astype("f"), *(rng.random((batch, 18, *size)).astype("f") for _ in range(2))]


def network(made):
    """The PyTorch network with its norms as they are."""
    made_network = make_generator(made.config).eval()
    made_network.load_state_dict(
        {name: torch.from_numpy(array) for name, array in made.tensors.items()}, strict=made.config.norm != "batch"
    )
    return made_network


def reference(made, *arrays, **options):
    with torch.no_grad():
        return network(made)(*map(torch.from_numpy, arrays), **options)


def run(model, *arrays):
    """Every output of a model; arrays in the order of its inputs."""
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {given.name: array for given, array in zip(session.get_inputs(), arrays, strict=True)})


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("transfer", TRANSFERS)
def test_graph_computes_what_the_pytorch_network_computes(norm, transfer):
    made = weights(norm, transfer)
    model = build_graph(made)
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)
    for batch, size in ((1, (32, 24)), (3, (16, 40)), (2, (8, 8))):
        arrays = inputs(batch, size)
        expected = reference(made, *arrays)
        assert expected.std() > 0.1
        np.testing.assert_allclose(run(model, *arrays)[0], expected, atol=1e-4)


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("transfer", TRANSFERS[:-1])
@pytest.mark.parametrize("blocks", [1, 3])
def test_source_and_target_together_are_the_whole(norm, transfer, blocks):
    made = weights(norm, transfer, blocks)
    photo, source, target = inputs(3)
    whole, first, second = (build_graph(made, part) for part in ("whole", "source", "target"))
    np.testing.assert_allclose(run(second, *run(first, photo, source), target)[0], run(whole, photo, source, target)[0], atol=2e-5)
    one = run(second, *run(first, photo[:1], source[:1]), target)[0]  # one source, many poses
    repeated = [np.repeat(array[:1], 3, axis=0) for array in (photo, source)]
    np.testing.assert_allclose(one, run(whole, *repeated, target)[0], atol=2e-5)


def test_parts_say_what_goes_in_and_out():
    made = weights()
    shapes = {}
    for part in ("source", "target"):
        graph = build_graph(made, part).graph
        for given in [*graph.input, *graph.output]:
            shapes[part, given.name] = [dim.dim_param or dim.dim_value for dim in given.type.tensor_type.shape.dim]
    assert shapes["source", "photo"] == ["batch", 3, "height", "width"]
    assert shapes["source", "code"] == ["batch", 16, "height/4", "width/4"] == ["batch", *shapes["target", "branch"][1:]]
    assert shapes["target", "half"] == ["source", 4, "height", "width"]
    assert shapes["target", "picture"] == ["batch", 3, "height", "width"]


def test_the_last_joined_code_is_not_made():
    kinds = [node.op_type for node in build_graph(weights(blocks=3)).graph.node]
    assert kinds.count("Concat") == 1 + 2  # both poses; behind the first two blocks


@pytest.mark.parametrize("transfer", TRANSFERS[:-1])
def test_attention_is_that_of_the_network(transfer):
    made, arrays = weights("instance", transfer), inputs(2)
    masks, pictures = run(build_graph(made, attention=True), *arrays)
    expected = reference(made, *arrays, attention=True)
    np.testing.assert_allclose(masks, torch.stack([mask.mean(1) for mask in expected.masks]), atol=1e-4)
    pictures = pictures.reshape(3, 2, 3, 32, 24)
    np.testing.assert_allclose(pictures[-1], expected.picture, atol=1e-4)
    with torch.no_grad():
        np.testing.assert_allclose(pictures[0], network(made).decode(expected.codes[0]), atol=1e-4)


@pytest.mark.parametrize(("heatmaps", "transfer"), [("gaussian", "attention"), ("impulse", "attention"), ("gaussian", "residual")])
def test_from_joints_the_maps_are_drawn_as_the_pipeline_draws_them(heatmaps, transfer):
    made = weights("instance", transfer, heatmaps=heatmaps, sigma=1.5)
    rng = np.random.default_rng(3)
    photo = rng.integers(0, 256, (2, 32, 24, 3), dtype=np.uint8)
    points = rng.uniform(-4, 36, (2, 2, 18, 2)).astype("f")  # some outside the picture
    points[0, 0, 3] = np.nan
    points[1, 1, 5, 0] = np.nan  # half a joint is none
    points[0, 1, 7] = 2.5, 3.5  # rounding goes to the even pixel
    points[1, 0] = np.nan  # nobody
    maps = [np.stack([draw_heatmaps(Pose(one, (32, 24)), 1.5, heatmaps) for one in whole(points[:, i])]) for i in (0, 1)]
    expected = reference(made, np.stack([to_unit(one) for one in photo]), *maps).numpy()
    (picture,) = run(build_graph(made, joints=True), photo, points[:, 0], points[:, 1])
    assert picture.dtype == np.uint8 and picture.std() > 10
    exact = np.stack([from_unit(one) for one in expected])
    difference = np.abs(picture.astype(int) - exact)
    assert difference.max() <= 1 and difference.mean() < 0.005  # 1: a value within 1e-4 of the middle between two


def whole(points):
    """Poses as `Pose` wants them: a joint is there with both numbers or not at all."""
    return np.where(np.isnan(points).any(-1, keepdims=True), np.nan, points)


def test_what_cannot_be_built_is_refused():
    for options in ({"part": "source"}, {"part": "target"}, {"attention": True}):
        with pytest.raises(SettingsError, match="residual"):
            build_graph(weights(transfer="residual"), **options)
    huge = weights()
    huge.tensors["decoder.2.bias"] = np.broadcast_to(np.float32(0), (1 << 29,))
    with pytest.raises(SettingsError, match="2 GB"):
        build_graph(huge)


def test_building_needs_no_torch():
    code = "import sys; sys.modules['torch'] = None; import posetransfer.engines.graph"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "src"}, check=True)
