"""The last tanh: its slope may have a least value while training."""

import pytest
import torch

from posetransfer.networks.blocks import Tanh


def test_steep_tanh_is_tanh_and_its_slope_never_less_than_asked():
    x = torch.tensor([-9.0, -0.3, 0.0, 2.0, 9.0], dtype=torch.float64, requires_grad=True)
    tanh = Tanh()
    (plain,) = torch.autograd.grad(tanh(x).sum(), x)
    tanh.least_slope = 0.1
    made = tanh(x)
    (steep,) = torch.autograd.grad(made.sum(), x)
    assert torch.equal(made, torch.tanh(x))
    torch.testing.assert_close(plain, 1 - torch.tanh(x) ** 2)
    torch.testing.assert_close(steep, plain.clamp(min=0.1))
    assert float(plain[0]) < 1e-6


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_slope_of_short_types_does_not_cancel(kind):
    x = torch.tensor([-2.5, 1.0, 2.0], dtype=kind, requires_grad=True)
    tanh = Tanh()
    tanh.least_slope = 0.01
    tanh(x).sum().backward()
    y = torch.tanh(x.detach()).double()
    torch.testing.assert_close(x.grad.double(), 1 - y**2, rtol=0.01, atol=0)
