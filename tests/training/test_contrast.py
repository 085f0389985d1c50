"""The contrastive loss of looks against numpy and scipy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from posetransfer.config import PRESETS, LossConfig
from posetransfer.training.contrast import ContrastiveLoss, info_nce, look, person_numbers
from posetransfer.training.features import make_features
from posetransfer.training.perceptual import PerceptualLoss
from posetransfer.training.step import TrainingStep

CPU = torch.device("cpu")
NAMES = [("1_c1_0.jpg", "1_c1_1.jpg"), ("2_c1_0.jpg", "2_c1_1.jpg")]


def test_value_and_gradient_are_those_of_the_formula():
    torch.manual_seed(0)
    made, truth, others = (
        torch.rand(3, 4, dtype=torch.float64),
        torch.rand(3, 4, dtype=torch.float64),
        torch.rand(5, 4, dtype=torch.float64),
    )
    people, owners = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 7.0, 3.0, 8.0, 3.0])
    wanted = []
    for q, k, person in zip(made.numpy(), truth.numpy(), people, strict=True):
        wrong = others.numpy()[owners.numpy() != float(person)]  # its own other pictures do not count
        odds = -((np.concatenate([k[None], wrong]) - q) ** 2).sum(axis=1) / 0.2
        wanted.append(logsumexp(odds) - odds[0])
    assert float(info_nce(made, truth, people, others, owners, 0.2)) == pytest.approx(np.mean(wanted), rel=1e-9)
    assert torch.autograd.gradcheck(lambda x: info_nce(x, truth, people, others, owners, 0.2), (made.requires_grad_(),))


def test_without_others_nothing_is_wrong():
    made = torch.rand(2, 4, requires_grad=True)
    value = info_nce(made, torch.rand(2, 4), torch.tensor([1.0, 2.0]), torch.zeros(0, 4), torch.zeros(0), 0.1)
    value.backward()
    assert float(value.detach()) == 0 and not made.grad.any()


def test_people_are_told_apart_by_the_names_of_their_data_set():
    names = ["0002_c1s1_000451_03.jpg", "0002_c3s1_000551_00.jpg", "0003_c1s1_000451_03.jpg"]
    names += [
        f"fashionWOMENTees_Tanksid0000730{item}_{view}.jpg" for item, view in (("104", "1front"), ("104", "7additional"), ("201", "1front"))
    ]
    numbers = person_numbers([("any", name) for name in names], CPU).tolist()
    assert numbers[0] == numbers[1] and numbers[3] == numbers[4] and len(set(numbers)) == 4


def test_the_queue_keeps_the_newest_truths_of_other_steps():
    loss = ContrastiveLoss(0.1, size=3)
    truths = torch.rand(4, 2, 6)
    for step, truth in enumerate(truths):
        layers = [torch.stack([torch.rand(2, 6), truth])]
        value = loss(layers, [(f"{step}a_0.jpg", f"{step}a_1.jpg"), (f"{step}b_0.jpg", f"{step}b_1.jpg")])
        assert (float(value) == 0) == (step == 0)  # a step is not compared with itself
        loss.remember(lambda rows: rows)
    kept = truths.flatten(0, 1)[-3:].numpy()
    np.testing.assert_allclose(loss.queue[:, :-1], kept / np.linalg.norm(kept, axis=1, keepdims=True), rtol=1e-5)


def test_a_person_is_not_held_against_himself():
    loss, layers = ContrastiveLoss(0.1, size=8), [torch.rand(2, 2, 6)]
    for _ in range(2):
        value = loss(layers, [NAMES[0], NAMES[0]])
        loss.remember(lambda rows: rows)
        assert float(value) == 0


def test_looks_are_those_of_the_layers_where_the_mask_shows_at_least_half_of_a_pixel():
    torch.manual_seed(0)
    config = LossConfig(perceptual="vgg16", perceptual_layers=("relu1_2", "relu3_3"), contrast_weight=2.0, contrast_temperature=0.5)
    loss = PerceptualLoss(make_features(config), config)
    made, truth, mask = torch.rand(2, 3, 32, 16), torch.rand(2, 3, 32, 16), torch.full((2, 1, 32, 16), 0.4)
    mask[:, :, 8:24, 4:12] = 0.6  # at least half

    def looks(pictures):
        blocks = []
        for maps in loss.features(pictures):
            cells = maps[:, :, maps.shape[2] // 4 : 3 * maps.shape[2] // 4, maps.shape[3] // 4 : 3 * maps.shape[3] // 4].flatten(2).double()
            block = torch.cat([cells.mean(2), cells.std(2, correction=0)], dim=1)
            blocks.append(block / block.norm(dim=1, keepdim=True))
        return torch.cat(blocks, dim=1).numpy()

    first = loss(made, truth, mask, NAMES)
    loss.contrast.remember(lambda rows: rows)
    second = loss(made, truth, mask, NAMES)
    mine, theirs = looks(made), looks(truth)
    right, wrong = (((mine - keys) ** 2).sum(1) / 0.5 for keys in (theirs, theirs[::-1]))
    assert float(first["contrast"]) == 0
    assert float(second["contrast"]) == pytest.approx(2 * np.logaddexp(0, right - wrong).mean(), rel=1e-4)


def test_descending_it_brings_the_look_nearer_to_its_person():
    torch.manual_seed(0)
    truth, other = torch.rand(1, 4), torch.rand(6, 4)
    made = torch.rand(1, 4, requires_grad=True)
    near = lambda: bool((look([made]) - look([truth])).norm() < (look([made]) - look([other])).norm(dim=1).min())  # noqa: E731
    assert not near()
    for _ in range(200):
        loss = info_nce(look([made]), look([truth]), torch.tensor([1.0]), look([other]), torch.arange(2.0, 8.0), 0.03)
        (slope,) = torch.autograd.grad(loss, made)
        with torch.no_grad():
            made -= 0.01 * slope
    assert near()


def test_frozen_norms_paint_in_training_what_is_painted_in_use(small, random_batch):
    frozen = small("market1501", freeze_norms=True)
    frozen = replace(frozen, model=replace(frozen.model, dropout=False), loss=replace(frozen.loss, gan_weight=0.0))
    batch = random_batch(4)
    plain = TrainingStep(replace(frozen, training=replace(frozen.training, freeze_norms=False)), CPU)
    for _ in range(20):  # statistics to begin with
        plain.generator(batch.source, batch.source_maps, batch.target_maps)
    step = TrainingStep(frozen, CPU)
    step.generator.load_state_dict(plain.generator.state_dict())
    buffers = {name: buffer.clone() for name, buffer in step.generator.named_buffers()}
    pictures = [step.generator.train(training)(batch.source, batch.source_maps, batch.target_maps) for training in (True, False)]
    torch.testing.assert_close(*pictures)
    before = {name: p.clone() for name, p in step.generator.named_parameters()}
    step.generator.train()
    step(batch, 1)
    moved = {name for name, p in step.generator.named_parameters() if not torch.equal(before[name], p)}
    assert any(before[name].ndim == 1 for name in moved) and any(before[name].ndim == 4 for name in moved)  # scales, and convolutions
    for name, buffer in step.generator.named_buffers():
        assert torch.equal(buffer, buffers[name]), name


def test_the_contrast_is_off_in_the_papers_presets():
    assert all(s.loss.contrast_weight == 0 and not s.training.freeze_norms for s in PRESETS.values())
