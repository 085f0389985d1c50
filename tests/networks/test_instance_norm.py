"""Instance norm of one picture: its gradient in both memory layouts against the formula."""

import pytest
import torch

from posetransfer.networks.blocks import make_norm


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("count", [1, 2])
def test_gradient_is_that_of_the_formula_in_every_layout(layout, count):
    x = torch.randn(count, 4, 8, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = torch.linspace(-1, 1, x.numel(), dtype=x.dtype).view(x.shape)

    def gradient(function, memory_format):
        leaf = x.clone().contiguous(memory_format=memory_format).requires_grad_()
        (function(leaf) * weights.contiguous(memory_format=memory_format)).sum().backward()
        return leaf.grad

    def formula(x):
        return (x - x.mean((2, 3), keepdim=True)) / torch.sqrt(x.var((2, 3), unbiased=False, keepdim=True) + 1e-5)

    torch.testing.assert_close(gradient(make_norm("instance", 4), layout), gradient(formula, torch.contiguous_format), check_stride=False)
    with torch.no_grad():
        torch.testing.assert_close(make_norm("instance", 4)(x), formula(x))
