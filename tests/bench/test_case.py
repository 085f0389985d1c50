import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from posetransfer.bench import NETWORKS, PLAIN, Case, multiplications, network_weights
from posetransfer.bench.case import case_inputs, check_size
from posetransfer.config import ModelConfig
from posetransfer.errors import SettingsError
from posetransfer.networks import make_generator


@pytest.mark.parametrize("transfer", ["attention", "no_concatenation", "residual"])
def test_multiplications_are_those_that_torch_counts(transfer):
    config = ModelConfig(size=(64, 44), width=8, blocks=3, transfer=transfer)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        make_generator(config).eval()(*(torch.zeros(1, channels, *config.size) for channels in (3, 18, 18)))
    assert counter.get_total_flops() == 2 * multiplications(config, config.size)


def test_cost_is_linear_in_pixels():
    config = ModelConfig(width=8, blocks=2)
    assert multiplications(config, (128, 88)) == 4 * multiplications(config, (64, 44))


@pytest.mark.parametrize("network", NETWORKS)
def test_random_networks_are_those_of_the_paper_and_the_same_every_time(network):
    weights = network_weights(network)
    assert (weights.config.width, weights.config.blocks, "x".join(map(str, weights.config.size))) == (64, 9, network.removeprefix("full-"))
    kernel = weights.tensors["blocks.4.pose.0.0.weight"]
    assert kernel.std() == pytest.approx(0.02, rel=0.01)
    np.testing.assert_array_equal(kernel[0], network_weights(network).tensors["blocks.4.pose.0.0.weight"][0])
    assert all((tensor >= 0).all() for name, tensor in weights.tensors.items() if tensor.ndim == 1)


def test_batch_norms_of_a_random_network_leave_their_input_as_it_is():
    tensors = network_weights("full-128x64").tensors
    for norm in ("photo_encoder.0.1", "blocks.3.picture.3", "blocks.3.pose.0.1", "decoder.1.1"):
        values = [float(tensors[f"{norm}.{part}"][0]) for part in ("weight", "bias", "running_mean", "running_var")]
        assert values == [1, 0, 0, 1]


def test_inputs_have_the_shapes_of_the_task_and_another_seed_is_another_photo():
    config = ModelConfig(size=(32, 24), width=4, blocks=1)
    many = case_inputs(Case("mnn", "n", (32, 24), poses=6), config)
    assert [array.shape for array in many] == [(1, 3, 32, 24), (1, 18, 32, 24), (6, 18, 32, 24)]
    batch = case_inputs(Case("mnn", "n", (64, 48), batch=3), config)
    assert [array.shape for array in batch] == [(3, 3, 64, 48), (3, 18, 64, 48), (3, 18, 64, 48)]
    assert len({array.tobytes() for array in (*batch[0], *case_inputs(Case("mnn", "n", (64, 48), batch=1), config, 7)[0])}) == 4
    assert len({pose.tobytes() for pose in many[2]}) == 6


def test_plain_network_paints_few_of_many_poses():
    assert [Case(engine, "n", (32, 24), poses=100).pictures for engine in (PLAIN, "mnn")] == [4, 100]
    assert Case("mnn", "n", (32, 24), batch=8).pictures == 8


def test_case_goes_through_json():
    case = Case("mnn", "default", (128, 88), 2, 4, 0, "fp32")
    assert Case.of(case.as_dict() | {"size": [128, 88]}) == case


@pytest.mark.parametrize("size", [(126, 88), (128, 8)])
def test_sizes_that_no_network_can_run(size):
    with pytest.raises(SettingsError, match=f"size {size[0]}x{size[1]}.*divisible by 4.*for example"):
        check_size(size)
