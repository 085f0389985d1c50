"""The perceptual loss against numpy and against torch's own gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from posetransfer.config import LossConfig
from posetransfer.errors import SettingsError
from posetransfer.training import perceptual
from posetransfer.training.features import Features, make_features
from posetransfer.training.perceptual import PerceptualLoss, Terms, compare, moments_distance, share_of_pixels


def difference(made, truth, smooth=0.1):
    return compare(made, truth, Terms(smooth=smooth))[0]


def gram(made, truth):
    whole = torch.ones(len(made), 1, *made.shape[2:], dtype=torch.float64)
    return compare(made, truth, Terms(gram=share_of_pixels(whole, made.shape[2:])))[1]


def moments(made, truth, mask=None):
    mask = torch.ones(len(made), 1, *made.shape[2:]) if mask is None else mask
    return moments_distance(compare(made, truth, Terms(moments=torch.nn.functional.adaptive_avg_pool2d(mask, made.shape[2:]))).moments)


def made_part(compared):
    """What a gradient flows through: the truth's moments take none."""
    return compared.difference, compared.gram, compared.moments[0]


@pytest.fixture(params=[2**18, 64, None], ids=["by-picture", "in-blocks", "all-at-once"], autouse=True)
def block(request, monkeypatch):
    """A picture at a time, in many blocks of which the last is shorter, and everything at once as on a GPU."""
    if request.param is None:
        monkeypatch.setattr(perceptual, "_blocks", lambda rows: iter([(slice(None), slice(None))]))
    else:
        monkeypatch.setattr(perceptual, "BLOCK", request.param)


@pytest.mark.parametrize("layout", ["contiguous", "channels-last", "transposed"])
@pytest.mark.parametrize("smooth", [0.0, 0.1])
def test_the_gradient_of_all_terms_together_is_that_of_finite_differences(smooth, layout):
    torch.manual_seed(3)
    made, truth = torch.rand(2, 2, 3, 5, 4, dtype=torch.float64).unbind()
    mask = torch.rand(2, 1, 5, 4, dtype=torch.float64)
    if layout == "channels-last":
        made = made.contiguous(memory_format=torch.channels_last)
    if layout == "transposed":
        made = made.transpose(2, 3).contiguous().transpose(2, 3)
    terms = Terms(smooth=smooth, gram=share_of_pixels(mask, (5, 4)), means=True, moments=mask)
    assert torch.autograd.gradcheck(lambda x: made_part(compare(x, truth, terms)), (made.requires_grad_(),))
    alone = (compare(made, truth, part)[k] for k, part in enumerate((Terms(smooth), Terms(None, terms.gram, True), Terms(moments=mask))))
    torch.testing.assert_close(tuple(compare(made, truth, terms)), tuple(alone))


def test_gram_term_compares_products_of_channels(vgg19):
    config = LossConfig(perceptual_weights=vgg19, gram_weight=2.0)
    made, truth = torch.rand(2, 2, 3, 16, 12).mul(2).sub(1)
    features = make_features(config)
    a, b = (features(x)[0].double().numpy() for x in (made, truth))  # (2, 64, 16, 12)
    wanted = np.mean([np.abs(np.einsum("chw,dhw->cd", x, x) - np.einsum("chw,dhw->cd", y, y)) / 192 for x, y in zip(a, b, strict=True)])
    assert float(PerceptualLoss(features, config)(made, truth)["gram"]) == pytest.approx(2 * wanted, rel=1e-4)


@pytest.mark.parametrize("smooth", [0.0, 0.1])
def test_gradients_of_both_feature_terms_are_those_of_their_formulas(smooth):
    made, truth = (torch.randn(2, 5, 6, 4, dtype=torch.float64) * 0.2 for _ in range(2))
    ours, theirs = made.clone().requires_grad_(), made.clone().requires_grad_()
    (difference(ours, truth, smooth) + 3 * gram(ours, truth)).backward()
    flat = [x.flatten(2) for x in (theirs, truth)]
    grams = [torch.einsum("bcp,bdp->bcd", x, x) / 24 for x in flat]
    d = (theirs - truth).abs()
    each = torch.where(d < smooth, d**2 / 2 / smooth, d - smooth / 2) if smooth else d
    (each.mean() + 3 * (grams[0] - grams[1]).abs().mean()).backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(difference(made, truth, smooth), each.mean().detach(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("term", [difference, gram, moments], ids=["difference", "gram", "moments"])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_feature_terms_of_short_types_are_those_of_double_precision(term, kind):
    """Maps that are nearly alike and long enough that a sum of squares is beyond float16."""
    torch.manual_seed(0)
    truth = (torch.rand(2, 16, 128, 88) * 6).to(kind).to(memory_format=torch.channels_last)
    short = (truth + 0.05 * torch.randn(truth.shape) - 0.02).to(kind).to(memory_format=torch.channels_last).requires_grad_()
    exact = short.detach().double().requires_grad_()
    values = []
    for x, y in ((short, truth), (exact, truth.double())):
        value = term(x, y)
        (value * 1e4).backward()  # as a loss scale: float16 has no small numbers
        values.append(float(value.detach()))
    assert values[0] == pytest.approx(values[1], rel=0.02) and short.grad.dtype == kind
    assert float(torch.nn.functional.cosine_similarity(short.grad.double().flatten(), exact.grad.flatten(), dim=0)) > 0.98


def two_maps_and_a_mask(kind):
    """Features (2, 16, 6, 4) made and true, a mask of twice their size, and the cells inside it, picture by picture."""
    torch.manual_seed(1)
    made, truth = (torch.rand(2, 16, 6, 4).to(kind).to(memory_format=torch.channels_last) for _ in range(2))
    mask = torch.zeros(2, 1, 12, 8)
    mask[0, :, :8, 2:6], mask[1, :, 4:, :] = 1, 1
    return made, truth, mask, mask[:, 0, ::2, ::2] > 0


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_gram_inside_a_mask_is_that_of_its_pixels(kind):
    made, truth, mask, cells = two_maps_and_a_mask(kind)
    ours, theirs = made.clone().requires_grad_(), made.double().requires_grad_()
    value = compare(ours, truth, Terms(gram=share_of_pixels(mask, (6, 4)), means=True))[1]
    value.backward()
    wanted = 0
    for k, inside in enumerate(cells):
        a, b = (x[k][:, inside].double() for x in (theirs, truth))  # (16, pixels)
        wanted = wanted + ((a @ a.T - b @ b.T) / a.shape[1]).abs().mean() / 2 + (a.mean(1) - b.mean(1)).abs().mean() / 2
    wanted.backward()
    if kind == torch.float64:
        assert float(value.detach()) == pytest.approx(float(wanted.detach()), rel=1e-6)
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-9)
    else:
        assert float(value.detach()) == pytest.approx(float(wanted.detach()), rel=0.02)
        assert float(torch.nn.functional.cosine_similarity(ours.grad.double().flatten(), theirs.grad.flatten(), dim=0)) > 0.98
    assert not ours.grad[~cells[:, None].expand_as(made)].any()


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_moments_inside_a_mask_are_the_mean_and_deviation_of_its_pixels(kind):
    made, truth, mask, cells = two_maps_and_a_mask(kind)
    ours, theirs = made.clone().requires_grad_(), made.double().requires_grad_()
    value = moments(ours, truth, mask)
    value.backward()
    wanted = 0
    for k, inside in enumerate(cells):
        a, b = (torch.cat([y.mean(1), y.std(1, correction=0)]) for y in (x[k][:, inside].double() for x in (theirs, truth)))
        wanted = wanted + ((a - b) ** 2).sum().sqrt() / (b**2).sum().sqrt() / 2
    wanted.backward()
    assert float(value.detach()) == pytest.approx(float(wanted.detach()), rel=1e-2 if kind == torch.bfloat16 else 1e-6)
    if kind == torch.float64:
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-9)
    assert float(torch.nn.functional.cosine_similarity(ours.grad.double().flatten(), theirs.grad.flatten(), dim=0)) > 0.999
    assert not ours.grad[~cells[:, None].expand_as(made)].any()


def test_moments_of_an_empty_mask_and_of_a_constant_channel_have_no_gradient_that_is_not_finite():
    made, truth = torch.full((1, 2, 4, 4), 0.5), torch.rand(1, 2, 4, 4)
    for mask in (torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)):
        picture = made.clone().requires_grad_()
        value = moments(picture, truth, mask)
        value.backward()
        assert bool(torch.isfinite(picture.grad).all())
        assert (float(value.detach()) == 0) == (not mask.any())


def test_moments_are_a_term_of_their_own_and_leave_the_gram_matrices_of_the_whole_picture(vgg19):
    made, truth = torch.rand(2, 2, 3, 16, 12).mul(2).sub(1)
    mask = torch.zeros(2, 1, 16, 12)
    mask[:, :, 4:12, 3:9] = 1
    plain = LossConfig(perceptual_weights=vgg19, gram_weight=2.0)
    both = replace(plain, moments_weight=3.0)
    features = make_features(plain)
    terms, alone = PerceptualLoss(features, both)(made, truth, mask), PerceptualLoss(features, plain)(made, truth)
    assert float(terms["gram"]) == pytest.approx(float(alone["gram"]), rel=1e-6) and "moments" not in alone
    a, b = (features(x)[0] for x in (made, truth))
    assert float(terms["moments"]) == pytest.approx(3 * float(moments(a, b, mask)), rel=1e-5)


@pytest.mark.parametrize("block", [2**18], indirect=True)
def test_a_sum_over_many_values_loses_none():
    made, truth = torch.zeros(1, 64, 400, 400), torch.full((1, 64, 400, 400), 0.011)  # 1e7 small terms
    assert float(difference(made, truth, 0.0)) == pytest.approx(0.011, rel=1e-5)


def test_divided_layers_are_the_networks_own_over_their_divisors():
    convs = {f"conv1_{i}": (torch.randn(4, 3 if i == 1 else 4, 3, 3), torch.randn(4)) for i in (1, 2)}
    pictures = torch.rand(1, 3, 8, 8) * 2 - 1
    plain, divided = (
        Features(convs, ("relu1_1", "relu1_2"), (0.0,) * 3, (1.0,) * 3, 1.0, d)(pictures) for d in ({}, {"relu1_1": 3.0, "relu1_2": 7.0})
    )
    for a, b, divisor in zip(plain, divided, (3.0, 7.0), strict=True):
        torch.testing.assert_close(a / divisor, b)


@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_perceptual_loss_is_the_mean_difference_of_features(vgg19, distance):
    """Layers 0 to 3 of torchvision's VGG-19 on ImageNet-normalised pictures, built here from torch's own layers."""
    state = torch.load(vgg19, weights_only=True)
    first, second = torch.nn.Conv2d(3, 64, 3, padding=1), torch.nn.Conv2d(64, 64, 3, padding=1)
    for layer, name in ((first, "features.0"), (second, "features.2")):
        layer.load_state_dict({"weight": state[f"{name}.weight"], "bias": state[f"{name}.bias"]})
    network = torch.nn.Sequential(first, torch.nn.ReLU(), second, torch.nn.ReLU())
    made, truth = torch.rand(2, 2, 3, 16, 12).mul(2).sub(1)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        difference = network(((made + 1) / 2 - mean) / std) - network(((truth + 1) / 2 - mean) / std)
    wanted = difference.abs().mean() if distance == "l1" else difference.square().mean()
    config = LossConfig(perceptual_weights=vgg19, perceptual_distance=distance, perceptual_weight=3.0)
    terms = PerceptualLoss(make_features(config), config)(made, truth)
    assert list(terms) == ["perceptual"]
    assert float(terms["perceptual"]) == pytest.approx(3 * float(wanted), rel=1e-5)


def test_shipped_features_have_unit_scale():
    """Each layer is divided by its mean activation on photographs, so a picture of smooth noise gives about 1."""
    config = LossConfig(perceptual="vgg16", perceptual_layers=("relu1_2", "relu3_3"))
    picture = torch.nn.functional.interpolate(torch.rand(4, 3, 8, 8), size=(64, 64), mode="bicubic").clamp(0, 1) * 2 - 1
    first, third = make_features(config)(picture)
    assert first.shape == (4, 64, 64, 64) and third.shape == (4, 256, 16, 16)
    assert 0.3 < float(first.mean()) < 3 and 0.2 < float(third.mean()) < 5


def test_the_truth_takes_no_gradient(vgg19):
    made, truth = torch.rand(2, 1, 3, 16, 12).unbind()
    made.requires_grad_(), truth.requires_grad_()
    config = LossConfig(perceptual_weights=vgg19, gram_weight=1.0)
    sum(PerceptualLoss(make_features(config), config)(made, truth).values()).backward()
    assert made.grad.abs().sum() > 0 and truth.grad is None


@pytest.mark.parametrize("config", [LossConfig(perceptual="none"), LossConfig(perceptual_weight=0.0)])
def test_without_perceptual_loss_no_weights_are_asked_for(config):
    assert make_features(config) is None


def test_missing_vgg_file_and_unknown_layer_are_sentences(vgg19, tmp_path):
    with pytest.raises(SettingsError, match=r"no-such.pth: no such file; give torchvision's vgg19.*--loss.perceptual-weights"):
        make_features(LossConfig(perceptual_weights=str(tmp_path / "no-such.pth")))
    with pytest.raises(SettingsError, match=r"relu9_1 is not one of relu1_1, relu1_2;"):
        make_features(replace(LossConfig(perceptual_weights=vgg19), perceptual_layers=("relu9_1",)))
