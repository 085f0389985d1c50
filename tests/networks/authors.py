"""The authors' networks, written from paper.md sections 1.1, 1.2 and 4 alone: their layers under their numbers.

An independent reference for ours, and the source of files in the authors' layout.
"""

import torch
from torch import nn


def conv(inputs, outputs, kernel, norm, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=1 if stride == 2 else 0, bias=norm == "instance")


def make_norm(norm, channels, statistics):
    """With `statistics` an instance norm stores running buffers, as torch 0.3.1 did, without using them."""
    return nn.BatchNorm2d(channels) if norm == "batch" else UnusedStatistics(channels) if statistics else nn.InstanceNorm2d(channels)


class UnusedStatistics(nn.InstanceNorm2d):
    def __init__(self, channels):
        super().__init__(channels)
        self.register_buffer("running_mean", torch.randn(channels))
        self.register_buffer("running_var", torch.rand(channels))

    def forward(self, x):
        return nn.functional.instance_norm(x)


class AuthorsGenerator(nn.Module):
    def __init__(self, norm, width=4, blocks=2, dropout=True, statistics=False):
        super().__init__()
        make = lambda channels: make_norm(norm, channels, statistics)  # noqa: E731
        n, c = width, 4 * width

        def encoder(inputs):
            layers = [nn.ReflectionPad2d(3), conv(inputs, n, 7, norm), make(n), nn.ReLU()]
            for a, b in ((n, 2 * n), (2 * n, c)):
                layers += [conv(a, b, 3, norm, stride=2), make(b), nn.ReLU()]
            return nn.Sequential(*layers)

        def branch(k, last_norm):
            layers = [nn.ReflectionPad2d(1), conv(k, k, 3, norm), make(k), nn.ReLU()] + [nn.Dropout(0.5)] * dropout
            return nn.Sequential(*layers, nn.ReflectionPad2d(1), conv(k, c, 3, norm), *([make(c)] if last_norm else []))

        def up(a, b):
            return [nn.ConvTranspose2d(a, b, 3, 2, 1, 1, bias=norm == "instance"), make(b), nn.ReLU()]

        model = nn.Module()
        model.stream1_down, model.stream2_down = encoder(3), encoder(36)
        model.att = nn.ModuleList()
        for t in range(blocks):
            block = nn.Module()
            block.conv_block_stream1 = branch(c, last_norm=True)
            block.conv_block_stream2 = branch(c if t == 0 else 2 * c, last_norm=False)
            model.att.append(block)
        model.stream1_up = nn.Sequential(*up(c, 2 * n), *up(2 * n, n), nn.ReflectionPad2d(3), nn.Conv2d(n, 3, 7), nn.Tanh())
        self.model = model

    def forward(self, photo, source, target):
        x1, x2 = self.model.stream1_down(photo), self.model.stream2_down(torch.cat([source, target], 1))
        for block in self.model.att:
            g = block.conv_block_stream2(x2)
            x1 = x1 + torch.sigmoid(g) * block.conv_block_stream1(x1)
            x2 = torch.cat([g, x1], 1)
        return self.model.stream1_up(x1)


class AuthorsDiscriminator(nn.Module):
    def __init__(self, inputs, norm, width=4, blocks=3, dropout=True, downsamplings=2):
        super().__init__()
        make = lambda channels: make_norm(norm, channels, False)  # noqa: E731
        layers, channels = [nn.ReflectionPad2d(3), conv(inputs, width, 7, norm), make(width), nn.ReLU()], width
        for i in range(downsamplings):
            wider = min(2 ** (i + 1), 4) * width
            layers += [conv(channels, wider, 3, norm, stride=2), make(wider), nn.ReLU()]
            channels = wider
        for _ in range(blocks):
            block = nn.Module()
            pad, first, second = nn.ReflectionPad2d(1), conv(channels, channels, 3, norm), conv(channels, channels, 3, norm)
            drop = [nn.Dropout(0.5)] * dropout
            block.conv_block = nn.Sequential(pad, first, make(channels), nn.ReLU(), *drop, nn.ReflectionPad2d(1), second, make(channels))
            layers.append(block)
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        for layer in self.model:
            x = x + layer.conv_block(x) if hasattr(layer, "conv_block") else layer(x)
        return x


def randomised(network, seed=0):
    """Every number of a network drawn anew, running statistics included, so that no layer does nothing."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            tensor.fill_(7)
        elif tensor.ndim > 1:
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * (2 / tensor[0].numel()) ** 0.5)
        else:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return network.eval()
