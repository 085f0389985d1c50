"""Muon against numpy's singular values, and as the optimiser of a training."""

import numpy as np
import pytest
import torch
from torch import nn

from posetransfer.config import TrainingConfig
from posetransfer.training.muon import Muon, is_matrix, orthogonalise
from posetransfer.training.optimiser import Optimiser


@pytest.mark.parametrize("shape", [(20, 50), (50, 20), (16, 16)])
def test_step_keeps_singular_vectors_and_levels_singular_values(shape):
    matrix = np.random.default_rng(0).normal(size=shape)
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    assert s.max() / s.min() > 2
    made = orthogonalise(torch.from_numpy(matrix)[None])[0].numpy()
    levelled = u.T @ made @ v.T
    assert np.abs(levelled - np.diag(np.diag(levelled))).max() < 1e-6  # the same vectors
    assert (np.diag(levelled) > 0.6).all() and (np.diag(levelled) < 1.25).all()


def test_first_step_is_as_large_as_adams():
    weight = nn.Parameter(torch.zeros(32, 16, 3, 3))
    weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    Muon([weight], lr=0.01).step()
    # Adam's steps have a root mean square of about 0.2 rates (Liu et al., 2025)
    assert float(weight.detach().square().mean().sqrt()) == pytest.approx(0.002, rel=0.2)


def test_parameters_of_one_shape_step_as_they_would_alone():
    rng = torch.Generator().manual_seed(1)
    gradients = [torch.randn(16, 16, 3, 3, generator=rng) for _ in range(2)]

    def moved(chosen):
        weights = [nn.Parameter(torch.zeros(16, 16, 3, 3)) for _ in chosen]
        for weight, k in zip(weights, chosen, strict=True):
            weight.grad = gradients[k]
        Muon(weights, lr=0.1).step()
        return [weight.detach() for weight in weights]

    for alone, together in zip([*moved([0]), *moved([1])], moved([0, 1]), strict=True):
        torch.testing.assert_close(alone, together, rtol=0.02, atol=2e-4)


def test_later_steps_follow_nesterovs_momentum():
    rng = np.random.default_rng(2)
    gradients = rng.normal(size=(3, 16, 16, 1, 1))
    weight, momentum, wanted = nn.Parameter(torch.zeros(16, 16, 1, 1, dtype=torch.float64)), 0.0, np.zeros((16, 16))
    optimiser = Muon([weight], lr=0.1)
    for gradient in gradients:
        weight.grad = torch.from_numpy(gradient)
        optimiser.step()
        momentum = 0.95 * momentum + 0.05 * gradient[..., 0, 0]
        look_ahead = 0.05 * gradient[..., 0, 0] + 0.95 * momentum
        u, _, v = np.linalg.svd(look_ahead)
        wanted -= 0.1 * 0.2 * 4 * (u @ v)  # rate, Adam's size, root of the longer side
    moved = weight.detach().numpy()[..., 0, 0]
    assert np.sum(moved * wanted) / np.linalg.norm(moved) / np.linalg.norm(wanted) > 0.97


def test_float16_that_overflows_in_one_kind_moves_neither():
    net = network()
    optimiser = Optimiser(net, 0.01, TrainingConfig(optimiser="muon", precision="fp16"), torch.device("cpu"))
    before = [p.detach().clone() for p in net.parameters()]
    optimiser.backward(net(torch.rand(1, 3, 8, 8)).mean())
    optimiser.matrices[0].grad.view(-1)[0] = float("inf")
    scale, norm = optimiser.scaler.get_scale(), optimiser.gradient_norm()
    assert optimiser.forgives() and not torch.isfinite(norm)
    optimiser.step(finite=False)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    assert optimiser.scaler.get_scale() < scale


def network():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 3, 1)
    )


def test_only_wide_convolutions_are_muons_and_both_move_and_go_on():
    net = network()
    assert [is_matrix(p) for p in net.parameters()] == [False] * 4 + [True] + [False] * 3
    config = TrainingConfig(optimiser="muon")
    whole, stopped = network(), network()
    x, y = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)

    def steps(net, optimiser, number):
        for _ in range(number):
            optimiser.backward((net(x) - y).abs().mean())
            optimiser.step()

    one = Optimiser(whole, 0.01, config, torch.device("cpu"))
    steps(whole, one, 4)
    assert all(not torch.equal(a, b) for a, b in zip(whole.parameters(), network().parameters(), strict=True))
    first = Optimiser(stopped, 0.01, config, torch.device("cpu"))
    steps(stopped, first, 2)
    second = Optimiser(stopped, 0.01, config, torch.device("cpu"))
    second.load_state_dict(first.state_dict())
    steps(stopped, second, 2)
    for a, b in zip(whole.parameters(), stopped.parameters(), strict=True):
        assert torch.equal(a, b)


def test_rate_of_both_kinds_is_set_together():
    optimiser = Optimiser(network(), 0.01, TrainingConfig(optimiser="muon"), torch.device("cpu"))
    optimiser.set_rate(0.0)
    assert {group["lr"] for kind in optimiser.kinds.values() for group in kind.param_groups} == {0.0}
