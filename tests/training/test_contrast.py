"""The contrastive loss of looks against numpy and scipy."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from tests.training.driver import go, settings

from posetransfer.config import PRESETS, LossConfig
from posetransfer.data.pairs import Pairs
from posetransfer.errors import SettingsError
from posetransfer.evaluation.metrics.appearance import describe
from posetransfer.networks.blocks import FrozenBatchNorm
from posetransfer.training.contrast import NOBODY, ContrastiveLoss, info_nce, look
from posetransfer.training.features import make_features
from posetransfer.training.perceptual import PerceptualLoss, Terms, compare
from posetransfer.training.step import TrainingStep

CPU = torch.device("cpu")


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


def test_nobody_is_neither_compared_nor_held_against_others():
    torch.manual_seed(0)
    made, truth, others = torch.rand(2, 4, requires_grad=True), torch.rand(2, 4), torch.rand(3, 4)
    value = info_nce(made, truth, torch.tensor([1, NOBODY]), others, torch.tensor([2.0, NOBODY, 3.0]), 0.2)
    value.backward()
    right, *wrong = (((made[0] - key) ** 2).sum().item() / 0.2 for key in (truth[0], others[0], others[2]))
    assert float(value.detach()) == pytest.approx((logsumexp([-right, *(-w for w in wrong)]) + right) / 2, rel=1e-5)
    assert made.grad[0].all() and not made.grad[1].any()


def test_the_queue_keeps_the_newest_truths_of_other_steps():
    loss = ContrastiveLoss(0.1, size=3)
    truths = torch.rand(4, 2, 6)
    for step, truth in enumerate(truths):
        value = loss([torch.stack([torch.rand(2, 6), truth])], torch.tensor([2 * step, 2 * step + 1]))
        assert (float(value) == 0) == (step == 0)  # a step is not compared with itself
        loss.remember(lambda rows: rows)
    kept = truths.flatten(0, 1)[-3:].numpy()
    np.testing.assert_allclose(loss.queue[:, :-1], kept / np.linalg.norm(kept, axis=1, keepdims=True), rtol=1e-5)
    assert loss.queue[:, -1].tolist() == [5, 6, 7] and loss.queue.untyped_storage().nbytes() == 3 * 7 * 4


def test_a_person_is_not_held_against_himself():
    loss, layers = ContrastiveLoss(0.1, size=8), [torch.rand(2, 2, 6)]
    for _ in range(2):
        value = loss(layers, torch.tensor([1, 1]))
        loss.remember(lambda rows: rows)
        assert float(value) == 0


@pytest.fixture
def features():
    """What the score looks at."""
    config = LossConfig(perceptual="vgg16", perceptual_layers=("relu1_2", "relu3_3"), contrast_weight=2.0, contrast_temperature=0.5)
    return PerceptualLoss(make_features(config), config)


def test_looks_are_those_of_appearance_nn(features):
    torch.manual_seed(0)
    made, truth = (torch.nn.functional.interpolate(torch.rand(2, 3, 8, 4), (64, 32)).mul(255).round() for _ in range(2))
    mask = torch.full((2, 1, 64, 32), 0.4)
    mask[0, :, 16:40, 6:25], mask[1, :, 9:60, 4:24] = 0.6, 1.0  # at least half of a pixel
    mine, theirs = (
        np.stack([describe(p.permute(1, 2, 0).byte().numpy(), m[0].numpy() >= 0.5)[0] for p, m in zip(pictures, mask, strict=True)])
        for pictures in (made, truth)
    )
    first = features(made / 127.5 - 1, truth / 127.5 - 1, mask, torch.tensor([1, 2]))
    features.contrast.remember(lambda rows: rows)
    second = features(made / 127.5 - 1, truth / 127.5 - 1, mask, torch.tensor([1, 2]))
    right, wrong = (((mine.astype(np.float64) - keys) ** 2).sum(1) / 0.5 for keys in (theirs, theirs[::-1]))
    np.testing.assert_allclose(features.contrast.queue[:, :-1].numpy(), theirs, rtol=1e-3, atol=1e-5)
    assert float(first["contrast"]) == 0
    assert float(second["contrast"]) == pytest.approx(2 * np.logaddexp(0, right - wrong).mean(), rel=1e-3)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32])
def test_an_empty_mask_has_no_part_and_its_gradient_is_zero_in_every_type(kind):
    torch.manual_seed(0)
    loss, people = ContrastiveLoss(3.0, size=8), torch.tensor([1, NOBODY])
    weights = torch.ones(2, 1, 6, 4)
    weights[1] = 0
    for _ in range(2):
        made = torch.rand(2, 16, 6, 4).to(kind).requires_grad_()
        value = loss([compare(made, torch.rand(2, 16, 6, 4).to(kind), Terms(moments=weights)).moments], people)
        loss.remember(lambda rows: torch.cat([rows, torch.rand(3, 33)]))  # others
        (value * 65536).backward()
    assert bool(torch.isfinite(made.grad).all()) and made.grad[0].any() and not made.grad[1].any()


@pytest.mark.parametrize("parts", [2, 3])
def test_a_batch_in_parts_has_the_loss_and_the_queue_of_the_whole(parts, small, random_batch, exactly):
    settings = small("people-64")
    loss = replace(settings.loss, perceptual_layers=("relu1_2",), contrast_weight=1.0, contrast_queue=6)
    settings = replace(settings, loss=loss, training=replace(settings.training, freeze_norms=True, ema=0.0))
    whole, cut = (TrainingStep(replace(settings, training=replace(settings.training, accumulate=k)), CPU) for k in (1, parts))
    for number in (1, 2, 3):
        masked = replace(random_batch(4, seed=number), target_mask=torch.ones(4, 1, 32, 16), people=torch.arange(4) + number)
        (batch,) = exactly(whole, masked)
        exactly(cut)
        assert whole(batch, number)["contrast"] == pytest.approx(cut(batch, number)["contrast"], rel=1e-9)
    torch.testing.assert_close(whole.contrast.queue, cut.contrast.queue)
    cut.restore(whole.state() | {"looks": None} if parts == 2 else {k: v for k, v in whole.state().items() if k != "looks"})
    assert cut.contrast.queue is None  # a checkpoint from before there was one


def test_people_are_numbered_as_the_data_set_says(people, tmp_path):
    folder = tmp_path / "set"
    shutil.copytree(people, folder)
    pairs = Pairs(folder, "train", PRESETS["tiny"].model, cache=False)
    names = sorted({name for pair in pairs.examples(range(len(pairs))).names for name in pair})
    rows = [{"person": "one", "pictures": names[:-1]}, {"person": "another", "pictures": names[-1:]}]
    (folder / "people.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    batch = Pairs(folder, "train", PRESETS["tiny"].model, cache=False).examples(range(len(pairs)))
    assert {target == names[-1]: number for (_, target), number in zip(batch.names, batch.people.tolist(), strict=True)} == {
        True: 0,
        False: 1,
    }


def test_losses_inside_the_person_refuse_a_set_without_masks(people, tmp_path):
    folder = tmp_path / "set"
    shutil.copytree(people, folder, ignore=shutil.ignore_patterns("masks", "cache"))
    tiny = PRESETS["tiny"]
    settings = replace(tiny, model=replace(tiny.model, backdrop="photo"), loss=replace(tiny.loss, contrast_weight=1.0))
    with pytest.raises(SettingsError, match="the data set has no masks, but a loss inside the person needs them"):
        Pairs.of(folder, "train", settings)


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
    norms = [name for name, module in step.generator.named_modules() if isinstance(module, FrozenBatchNorm)]
    assert len(norms) == 14
    now = dict(step.generator.named_parameters())
    assert not any(torch.equal(before[f"{norm}.{part}"], now[f"{norm}.{part}"]) for norm in norms for part in ("weight", "bias"))
    for name, buffer in step.generator.named_buffers():
        assert torch.equal(buffer, buffers[name]), name


def test_frozen_norms_need_weights_to_begin_from(people, tmp_path):
    with pytest.raises(SettingsError, match=r"--training.freeze-norms keeps statistics that new weights do not have; begin .* --from"):
        go(people, tmp_path / "run", settings(freeze_norms=True))


def test_the_contrast_is_off_in_the_papers_presets():
    assert all(s.loss.contrast_weight == 0 and not s.training.freeze_norms for s in PRESETS.values())
