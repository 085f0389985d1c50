"""Dropout of one half, drawn 64 values at a time."""

import pytest
import torch

from posetransfer.networks.blocks import HalfDropout, halve


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_each_value_is_zero_or_doubled_at_even_odds(layout, dtype):
    torch.manual_seed(0)
    x = torch.ones(8, 16, 20, 13, dtype=dtype).contiguous(memory_format=layout)
    drawn = torch.stack([halve(x) for _ in range(20)]).float()
    assert set(drawn.unique().tolist()) == {0.0, 2.0}
    assert 0.997 < drawn.mean() < 1.003  # 665,600 values: five standard deviations are 0.006
    for axis in range(1, 5):  # no row, channel or picture is preferred
        assert (drawn.mean(dim=[a for a in range(5) if a != axis]) - 1).abs().max() < 0.03


def test_neighbours_are_drawn_independently():
    torch.manual_seed(0)
    drawn = halve(torch.ones(1, 1, 1000, 64)).flatten() - 1
    for distance in (1, 2, 7, 8, 63, 64, 65):
        assert abs(float((drawn[:-distance] * drawn[distance:]).mean())) < 0.02


def test_gradient_passes_where_the_value_did():
    x = torch.rand(2, 3, 5, 7).requires_grad_()
    y = halve(x)
    y.sum().backward()
    assert torch.equal(x.grad, (y != 0) * 2.0)


def test_it_follows_the_seed_and_rests_in_eval_mode():
    x, dropout = torch.rand(1, 4, 6, 6), HalfDropout()
    torch.manual_seed(3)
    first = dropout(x)
    torch.manual_seed(3)
    assert torch.equal(dropout(x), first) and not torch.equal(dropout(x), first)
    assert dropout.eval()(x) is x
