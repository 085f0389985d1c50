"""The terms of the objective against numpy."""

import numpy as np
import pytest
import torch

from posetransfer.config import LossConfig
from posetransfer.training.losses import absolute_difference, adversarial_weight, gan_loss, parts_weight, pixels_weight

SCORES = np.linspace(-6, 6, 24).reshape(2, 3, 4)


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("bce", ["logits", "sigmoid"])
def test_vanilla_is_cross_entropy_of_the_sigmoid(real, bce):
    p = 1 / (1 + np.exp(-SCORES))
    wanted = -np.log(p if real else 1 - p).mean()
    assert float(gan_loss(torch.from_numpy(SCORES), real, LossConfig(gan="vanilla", bce=bce))) == pytest.approx(wanted, rel=1e-9)


def test_explicit_sigmoid_is_cut_where_it_saturates_and_logits_are_not():
    far = torch.full((4,), -200.0)
    assert float(gan_loss(far, True, LossConfig(bce="sigmoid"))) == 100
    assert float(gan_loss(far, True, LossConfig(bce="logits"))) == 200


@pytest.mark.parametrize("real", [True, False])
def test_lsgan_is_squared_error_to_one_or_zero(real):
    wanted = ((SCORES - real) ** 2).mean()
    assert float(gan_loss(torch.from_numpy(SCORES), real, LossConfig(gan="lsgan"))) == pytest.approx(wanted, rel=1e-9)


def test_hinge_has_a_margin_for_the_discriminator_and_none_for_the_generator():
    scores, hinge = torch.from_numpy(SCORES), LossConfig(gan="hinge")
    assert float(gan_loss(scores, True, hinge)) == pytest.approx(np.maximum(0, 1 - SCORES).mean(), rel=1e-9)
    assert float(gan_loss(scores, False, hinge)) == pytest.approx(np.maximum(0, 1 + SCORES).mean(), rel=1e-9)
    assert float(gan_loss(scores + 2, True, hinge, judging=False)) == pytest.approx(-(SCORES + 2).mean(), rel=1e-9)


def test_face_and_wrists_weigh_more_where_they_are():
    maps = torch.zeros(2, 18, 9, 9)
    rows, columns = np.mgrid[:9, :9]
    maps[0, 4] = torch.from_numpy(np.exp(-((rows - 3) ** 2 + (columns - 5) ** 2) / 2 / 1.5**2))  # right wrist of the first person
    maps[1, 2] = 1.0  # a shoulder weighs as the rest
    wanted = 1 + 4 * np.exp(-((rows - 3) ** 2 + (columns - 5) ** 2) / 2 / 3.0**2)
    weight = parts_weight(maps, 4.0)
    np.testing.assert_allclose(weight[0, 0], wanted, rtol=1e-5)
    assert bool((weight[1] == 1).all())
    made, truth = torch.rand(2, 2, 3, 9, 9)
    difference = np.abs(made.numpy() - truth.numpy())
    difference[0] *= wanted
    assert float(absolute_difference(made, truth, 0.0, weight)) == pytest.approx(difference.mean(), rel=1e-5)


def test_the_person_weighs_more_where_the_mask_is():
    maps, mask = torch.zeros(1, 18, 4, 4), torch.tensor([[[[0.0, 0.5, 1.0, 1.0]] * 4]])
    assert pixels_weight(maps, mask, LossConfig()) is None
    weight = pixels_weight(maps, mask, LossConfig(mask_weight=2.0))
    np.testing.assert_allclose((weight + torch.zeros(1, 1, 4, 4))[0, 0, 0], [1, 2, 3, 3])
    maps[0, 4, 0, 2] = 1.0  # a wrist
    weight = pixels_weight(maps, mask, LossConfig(mask_weight=2.0, parts_weight=4.0))
    np.testing.assert_allclose(weight[0, 0, 0], [1, 2, 7, 3])


@pytest.mark.parametrize(("halve", "judges", "weight"), [(True, 2, 2.5), (True, 1, 5.0), (False, 2, 5.0), (True, 0, 5.0)])
def test_adversarial_weight_is_shared_by_two_discriminators(halve, judges, weight):
    assert adversarial_weight(LossConfig(gan_weight=5.0, halve_gan=halve), judges) == weight


def test_smoothed_l1_keeps_what_cannot_be_seen_out_of_the_gradient():
    # Over a plain backdrop thousands of pixels are off by less than half a grey level, all with the same sign.
    made, truth = torch.full((1000,), 0.002, requires_grad=True), torch.zeros(1000)
    plain, smooth = (torch.autograd.grad(absolute_difference(made, truth, s), made)[0] for s in (0.0, 0.05))
    assert plain.sum() == pytest.approx(1)
    assert smooth.sum() == pytest.approx(0.002 / 0.05)


def test_smoothed_l1_is_hubers_formula():
    d = np.linspace(-1, 1, 41)
    wanted = np.where(np.abs(d) < 0.3, d**2 / 0.6, np.abs(d) - 0.15).mean()
    assert float(absolute_difference(torch.from_numpy(d), torch.zeros(41, dtype=torch.float64), 0.3)) == pytest.approx(wanted)
