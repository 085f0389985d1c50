"""The generator against the equations of the paper, written in numpy, and against the authors' parameter counts."""

import numpy as np
import pytest
import torch

from posetransfer.config import ModelConfig
from posetransfer.networks import Generator

rng = np.random.default_rng(0)


def numpy_generator(state, norm, blocks, photo, source, target):
    """Pictures (H, W, channels); `state` is a state dict of arrays."""

    def conv(name, x, stride=1):
        weight = state[name + ".weight"]  # (out, in, k, k)
        k = weight.shape[2]
        mode = "reflect" if stride == 1 else "constant"
        x = np.pad(x, ((k // 2, k // 2), (k // 2, k // 2), (0, 0)), mode=mode)
        windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(0, 1))[::stride, ::stride]  # (h, w, in, k, k)
        return np.einsum("hwiab,oiab->hwo", windows, weight, optimize=True) + state.get(name + ".bias", 0)

    def up(name, x):
        weight = state[name + ".weight"]  # (in, out, 3, 3): each pixel paints a 3x3 patch, centred on twice its place
        h, w, _ = x.shape
        canvas = np.zeros((2 * h + 2, 2 * w + 2, weight.shape[1]))
        for y in range(h):
            for z in range(w):
                canvas[2 * y : 2 * y + 3, 2 * z : 2 * z + 3] += np.einsum("i,ioab->abo", x[y, z], weight)
        return canvas[1:-1, 1:-1] + state.get(name + ".bias", 0)

    def normalise(name, x):
        if norm == "instance":
            return (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + 1e-5)
        scaled = (x - state[name + ".running_mean"]) / np.sqrt(state[name + ".running_var"] + 1e-5)
        return scaled * state[name + ".weight"] + state[name + ".bias"]

    def relu(x):
        return np.maximum(x, 0)

    def encode(name, x):
        for stage, stride in enumerate((1, 2, 2)):
            x = relu(normalise(f"{name}.{stage}.1", conv(f"{name}.{stage}.0", x, stride)))
        return x

    picture, pose = encode("photo_encoder", photo), encode("pose_encoder", np.concatenate([source, target], axis=2))
    masks = []
    for t in range(blocks):
        f, g = f"blocks.{t}.picture", f"blocks.{t}.pose"
        pose = conv(f"{g}.2", relu(normalise(f"{g}.0.1", conv(f"{g}.0.0", pose))))
        change = normalise(f"{f}.3", conv(f"{f}.2", relu(normalise(f"{f}.0.1", conv(f"{f}.0.0", picture)))))
        masks.append(1 / (1 + np.exp(-pose)))
        picture = picture + masks[-1] * change
        pose = np.concatenate([pose, picture], axis=2)
    for stage in (0, 1):
        picture = relu(normalise(f"decoder.{stage}.1", up(f"decoder.{stage}.0", picture)))
    return np.tanh(conv("decoder.2", picture)), masks


def make(norm, width=4, blocks=2, dropout=True):
    torch.manual_seed(1)
    network = Generator(ModelConfig(width=width, blocks=blocks, norm=norm, dropout=dropout)).eval()
    for name, tensor in network.state_dict().items():  # running statistics and scales that are not 0 and 1
        if tensor.ndim == 1:
            tensor.copy_(torch.rand(tensor.shape) + 0.5)
        elif name.endswith("weight"):
            tensor.mul_(2)
    return network


def inputs(height=16, width=12):
    arrays = [rng.uniform(-1, 1, (1, 3, height, width)), rng.random((1, 18, height, width)), rng.random((1, 18, height, width))]
    return [array.astype(np.float32) for array in arrays]


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_equations_in_numpy_give_the_same_picture_and_masks(norm):
    network, arrays = make(norm), inputs()
    with torch.no_grad():
        result = network(*map(torch.from_numpy, arrays), attention=True)
    state = {name: tensor.numpy().astype(np.float64) for name, tensor in network.state_dict().items()}
    picture, masks = numpy_generator(state, norm, 2, *(array[0].transpose(1, 2, 0).astype(np.float64) for array in arrays))
    assert np.std(picture) > 0.1  # a picture, not a flat field that anything would match
    np.testing.assert_allclose(result.picture[0].permute(1, 2, 0).numpy(), picture, atol=1e-4)
    for ours, theirs in zip(result.masks, masks, strict=True):
        np.testing.assert_allclose(ours[0].permute(1, 2, 0).numpy(), theirs, atol=1e-4)


COUNTS = {  # paper.md, section 1.1: (width, blocks) -> batch, instance
    (64, 9): (41_365_763, 41_358_019), (64, 5): (22_483_203, 22_478_531), (64, 7): (31_924_483, 31_918_275),
    (64, 13): (60_248_323, 60_237_507), (16, 9): (2_613_827, 2_611_891), (16, 5): (1_432_131, 1_430_963),
    (16, 7): (2_022_979, 2_021_427), (16, 13): (3_795_523, 3_792_819), (8, 3): (219_043, 218_651), (8, 9): (662_947, 661_979),
}  # fmt: skip


@pytest.mark.parametrize(("width", "blocks"), COUNTS)
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_number_of_parameters_is_the_authors(width, blocks, norm):
    with torch.device("meta"):
        network = Generator(ModelConfig(width=width, blocks=blocks, norm=norm))
    assert sum(p.numel() for p in network.parameters()) == COUNTS[width, blocks][norm == "instance"]


@pytest.mark.parametrize(("part", "batch", "instance"), [
    ("photo_encoder", 378_944, 378_496), ("pose_encoder", 482_432, 481_984), ("blocks.0", 2_360_832, 2_360_320),
    ("blocks.1", 4_720_640, 4_719_872), ("blocks.8", 4_720_640, 4_719_872), ("decoder", 378_435, 378_243),
])  # fmt: skip
def test_number_of_parameters_of_each_part_is_the_authors(part, batch, instance):
    for norm, count in (("batch", batch), ("instance", instance)):
        with torch.device("meta"):
            network = Generator(ModelConfig(norm=norm))
        assert sum(p.numel() for p in network.get_submodule(part).parameters()) == count


def test_attention_on_request_changes_nothing_and_its_last_code_is_the_picture():
    network, arrays = make("instance", blocks=3), [torch.from_numpy(array) for array in inputs()]
    with torch.no_grad():
        picture, (explained, masks, codes) = network(*arrays), network(*arrays, attention=True)
        assert torch.equal(picture, explained)
        assert torch.equal(network.decode(codes[-1]), picture)
    assert len(masks) == len(codes) == 3
    assert all(float(mask.min()) > 0 and float(mask.max()) < 1 for mask in masks)


def test_dropout_draws_in_training_only():
    network, arrays = make("instance"), [torch.from_numpy(array) for array in inputs()]
    with torch.no_grad():
        assert torch.equal(network(*arrays), network(*arrays))
        network.train()
        assert not torch.equal(network(*arrays), network(*arrays))


def test_without_dropout_training_draws_nothing():
    network, arrays = make("instance", dropout=False).train(), [torch.from_numpy(array) for array in inputs()]
    with torch.no_grad():
        assert torch.equal(network(*arrays), network(*arrays))


@pytest.mark.parametrize("size", [(128, 64), (256, 176), (20, 36)])
def test_any_size_divisible_by_four_comes_back_as_it_went_in(size):
    network = Generator(ModelConfig(width=1, blocks=1)).eval()
    with torch.no_grad():
        assert network(*map(torch.from_numpy, inputs(*size))).shape == (1, 3, *size)


def test_a_side_not_divisible_by_four_is_refused():
    with pytest.raises(ValueError, match="divisible by 4"):
        make("instance")(*map(torch.from_numpy, inputs(18, 12)))
