import pytest
import torch
from tests.networks.authors import AuthorsDiscriminator, randomised

from posetransfer.config import DiscriminatorConfig
from posetransfer.networks import make_appearance_discriminator, make_shape_discriminator

COUNTS = {  # paper.md, section 1.2: width -> (shape batch, shape instance, appearance batch, appearance instance)
    64: (3_977_408, 3_975_424, 3_930_368, 3_928_384), 16: (261_680, 261_184, 249_920, 249_424), 8: (69_784, 69_536, 63_904, 63_656),
}  # fmt: skip


@pytest.mark.parametrize("width", COUNTS)
def test_number_of_parameters_is_the_authors(width):
    config = DiscriminatorConfig(width=width)
    made = [make(config, norm) for make in (make_shape_discriminator, make_appearance_discriminator) for norm in ("batch", "instance")]
    assert tuple(sum(p.numel() for p in network.parameters()) for network in made) == COUNTS[width]


@pytest.mark.parametrize(("settings", "shape"), [
    ({}, (256, 32, 16)),
    ({"downsamplings": 3}, (256, 16, 8)),  # the third halving keeps the channels
    ({"head": "patch"}, (1, 32, 16)),
])  # fmt: skip
def test_size_and_channels_of_the_scores(settings, shape):
    with torch.device("meta"):
        network = make_shape_discriminator(DiscriminatorConfig(**settings), "batch")
        assert network(torch.zeros(1, 3, 128, 64), torch.zeros(1, 18, 128, 64)).shape == (1, *shape)


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("dropout", [True, False])
@pytest.mark.parametrize(("inputs", "make", "downsamplings"), [
    (6, make_appearance_discriminator, 2), (21, make_shape_discriminator, 2), (21, make_shape_discriminator, 3),
])  # fmt: skip
def test_scores_are_those_of_the_authors_layers(norm, dropout, inputs, make, downsamplings):
    theirs = randomised(AuthorsDiscriminator(inputs, norm, dropout=dropout, downsamplings=downsamplings))
    ours = make(DiscriminatorConfig(width=4, blocks=3, dropout=dropout, downsamplings=downsamplings), norm).eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))  # layer by layer, in their order
    picture, condition = torch.randn(1, 3, 16, 16), torch.randn(1, inputs - 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(ours(picture, condition), theirs(torch.cat([picture, condition], 1)), atol=1e-4, rtol=1e-4)


def test_spectral_norm_bounds_every_convolution():
    network = make_appearance_discriminator(DiscriminatorConfig(width=4, spectral_norm=True, head="patch"), "batch")
    picture, condition = torch.randn(2, 3, 16, 16), torch.randn(2, 3, 16, 16)
    for _ in range(30):  # each pass in training mode improves the estimate of the singular value
        network(picture, condition)
    network.eval()
    values = [torch.linalg.svdvals(m.weight.flatten(1))[0] for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(values) == 1 + 2 + 6 + 1
    assert max(values) < 1.05 and min(values) > 0.9
