"""The reflecting convolution: torch's own function, and under autocast in the type that autocast computes in."""

import torch
from torch import nn

from posetransfer.networks.blocks import ReflectConv


def test_is_torchs_convolution_with_reflected_edges():
    ours, theirs = ReflectConv(3, 5, 3), nn.Conv2d(3, 5, 3, padding=1, padding_mode="reflect")
    theirs.load_state_dict(ours.state_dict())
    x = torch.rand(2, 3, 6, 4)
    assert torch.equal(ours(x), theirs(x))


def test_autocast_pads_in_its_own_type(monkeypatch):
    seen, pad = [], nn.functional.pad
    conv, x = ReflectConv(3, 5, 3), torch.rand(1, 3, 6, 4)
    monkeypatch.setattr(nn.functional, "pad", lambda x, *rest, **named: seen.append(x.dtype) or pad(x, *rest, **named))
    with torch.autocast("cpu", torch.bfloat16):
        made = conv(x)
    assert seen == [torch.bfloat16] and made.dtype == torch.bfloat16
    assert (made.float() - conv(x)).abs().max() < 0.05
