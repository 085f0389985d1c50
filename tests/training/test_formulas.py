"""Two steps of training against the same formulas written out again, from the paper's facts and not from our functions.

The reference below knows our state dicts' names for its first weights and nothing else of ours. It is written with plain
functions: convolutions, norms, losses, pools and Adam. Random numbers are the one thing it shares: the seed of a step, which values
dropout takes (`halve`, with a test of its own), and that it is drawn in the order pose branch, picture branch.
"""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from posetransfer.networks.blocks import halve
from posetransfer.training.step import TrainingStep, _mix

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


class Net:
    """Parameters, running statistics and Adam of one network."""

    def __init__(self, network, norm):
        self.norm = norm
        self.p = {name: tensor.detach().clone().requires_grad_(True) for name, tensor in network.named_parameters()}
        self.running = {n: b.clone() for n, b in network.named_buffers() if not n.endswith("tracked")}
        self.m = {n: torch.zeros_like(t) for n, t in self.p.items()}
        self.v = {n: torch.zeros_like(t) for n, t in self.p.items()}

    def conv(self, x, name, stride=1, pad=1, reflect=True):
        x = F.pad(x, [pad] * 4, mode="reflect") if reflect else F.pad(x, [pad] * 4)
        return F.conv2d(x, self.p[f"{name}.weight"], self.p.get(f"{name}.bias"), stride=stride)

    def up(self, x, name):
        return F.conv_transpose2d(x, self.p[f"{name}.weight"], self.p.get(f"{name}.bias"), stride=2, padding=1, output_padding=1)

    def normalise(self, x, name):
        axes = (0, 2, 3) if self.norm == "batch" else (2, 3)
        mean, var = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
        y = (x - mean) / torch.sqrt(var + 1e-5)
        if self.norm == "instance":
            return y
        count = x.numel() / x.shape[1]
        for kind, value in (("mean", mean), ("var", var * count / (count - 1))):
            old = self.running[f"{name}.running_{kind}"]
            self.running[f"{name}.running_{kind}"] = 0.9 * old + 0.1 * value.detach().flatten()
        return y * self.p[f"{name}.weight"].view(1, -1, 1, 1) + self.p[f"{name}.bias"].view(1, -1, 1, 1)

    def layer(self, x, name, **more):
        return F.relu(self.normalise(self.conv(x, f"{name}.0", **more), f"{name}.1"))

    def encode(self, x, name):
        x = self.layer(x, f"{name}.0", pad=3)
        for i in (1, 2):
            x = self.layer(x, f"{name}.{i}", stride=2, reflect=False)
        return x

    def branch(self, x, name, last_norm=True):
        x = halve(self.layer(x, f"{name}.0"))
        x = self.conv(x, f"{name}.2")
        return self.normalise(x, f"{name}.3") if last_norm else x

    def zero(self):
        for tensor in self.p.values():
            tensor.grad = None

    def gradient_norm(self):
        return math.sqrt(sum(float(t.grad.double().square().sum()) for t in self.p.values()))

    def adam(self, rate, t):
        with torch.no_grad():
            for n, w in self.p.items():
                self.m[n] = 0.5 * self.m[n] + 0.5 * w.grad
                self.v[n] = 0.999 * self.v[n] + 0.001 * w.grad**2
                w -= rate * (self.m[n] / (1 - 0.5**t)) / (torch.sqrt(self.v[n] / (1 - 0.999**t)) + 1e-8)


def generate(g, blocks, photo, source_maps, target_maps):
    picture = g.encode(photo, "photo_encoder")
    pose = g.encode(torch.cat([source_maps, target_maps], 1), "pose_encoder")
    for t in range(blocks):
        code = g.branch(pose, f"blocks.{t}.pose", last_norm=False)
        picture = picture + torch.sigmoid(code) * g.branch(picture, f"blocks.{t}.picture")
        pose = torch.cat([code, picture], 1)
    for i in (0, 1):
        picture = F.relu(g.normalise(g.up(picture, f"decoder.{i}.0"), f"decoder.{i}.1"))
    return torch.tanh(g.conv(picture, "decoder.2", pad=3))


def discriminate(d, blocks, picture, condition):
    x = d.encode(torch.cat([picture, condition], 1), "layers")
    for i in range(3, 3 + blocks):
        x = x + d.branch(x, f"layers.{i}.branch")
    return x


def adversarial(scores, real, preset):
    if preset == "deepfashion":
        return ((scores - real) ** 2).mean()
    p = torch.sigmoid(scores)
    return -(torch.log(p) if real else torch.log(1 - p)).mean()


def features(x, vgg):
    x = ((x + 1) / 2 - MEAN) / STD
    for name in ("features.0", "features.2"):
        x = F.relu(F.conv2d(x, vgg[f"{name}.weight"], vgg[f"{name}.bias"], padding=1))
    return x


def from_pool(pool, size, fakes, rng):
    """paper.md 1.4: store and return while there is room; then, with probability 1/2, hand out an old one for the new one."""
    if size == 0:
        return fakes
    shown = []
    for fake in fakes:
        if len(pool) < size:
            pool.append(fake)
        elif rng.random() >= 0.5:
            i = rng.integers(size)
            fake, pool[i] = pool[i], fake
        shown.append(fake)
    return torch.stack(shown)


WEIGHTS = {"market1501": (10.0, 10.0, 5.0, 6), "deepfashion": (1.0, 1.0, 5.0, 0)}
"""lambda_A (L1), lambda_B (perceptual), lambda_GAN, pool (50 cut to 6, so that two steps of 4 fill it)."""


class Reference:
    """The whole training state of the reference."""

    def __init__(self, ours, preset, vgg19):
        norm = "batch" if preset == "market1501" else "instance"
        self.preset, self.ours = preset, ours.settings
        self.g = Net(ours.generator, norm)
        self.d = {name: Net(ours.judges[name].network, norm) for name in ("appearance", "shape")}
        self.pools = {"appearance": [], "shape": []}
        self.vgg = {name: tensor.double() for name, tensor in torch.load(vgg19, weights_only=True).items()}

    def step(self, batch, t):
        """Terms of all losses, and gradient norms of all networks."""
        l1, perceptual, gan, pool_size = WEIGHTS[self.preset]
        blocks, judge_blocks = self.ours.model.blocks, self.ours.discriminator.blocks
        conditions = {"appearance": batch.source, "shape": batch.target_maps}
        torch.manual_seed(_mix(0, t, 0))
        rng = np.random.default_rng([0, t, 2])
        for net in (self.g, *self.d.values()):
            net.zero()
        fake = generate(self.g, blocks, batch.source, batch.source_maps, batch.target_maps)
        terms = {
            "l1": l1 * (fake - batch.target).abs().mean(),
            "perceptual": perceptual * (features(fake, self.vgg) - features(batch.target, self.vgg)).abs().mean(),
        }
        for name in ("shape", "appearance"):
            scores = discriminate(self.d[name], judge_blocks, fake, conditions[name])
            terms[f"gan_{name}"] = gan * adversarial(scores, 1, self.preset) / 2
        sum(terms.values()).backward()
        norms = {"generator": self.g.gradient_norm()}
        self.g.adam(2e-4, t)
        fake = fake.detach()
        for name, d in self.d.items():
            d.zero()
            shown = from_pool(self.pools[name], pool_size, torch.cat([fake, conditions[name]], 1), rng)
            real = adversarial(discriminate(d, judge_blocks, batch.target, conditions[name]), 1, self.preset)
            false = adversarial(discriminate(d, judge_blocks, shown[:, :3], shown[:, 3:]), 0, self.preset)
            terms[f"d_{name}"] = 0.5 * gan * (real + false)
            terms[f"d_{name}"].backward()
            norms[name] = d.gradient_norm()
            d.adam(2e-4, t)
        return {name: float(term.detach()) for name, term in terms.items()}, norms


@pytest.mark.parametrize("preset", ["market1501", "deepfashion"])
def test_two_steps_equal_the_formulas_of_the_paper(preset, small, vgg19, random_batch, exactly):
    settings = small(preset, channels_last=False)
    ours = TrainingStep(settings, torch.device("cpu"))
    batches = exactly(ours, random_batch(4, seed=1), random_batch(4, seed=2))
    reference = Reference(ours, preset, vgg19)
    for step, batch in enumerate(batches, 1):
        wanted, norms = reference.step(batch, step)
        assert ours(batch, step) == pytest.approx(wanted, rel=1e-7), f"step {step}"
        assert ours.gradient_norms == pytest.approx(norms, rel=1e-7), f"step {step}"
    for name, buffer in ours.generator.named_buffers():
        if not name.endswith("tracked"):
            torch.testing.assert_close(buffer, reference.g.running[name], rtol=1e-7, atol=1e-9)


def test_the_reference_would_notice_a_wrong_weight(small, vgg19, random_batch, exactly):
    """A term that is halved, or a pool that is not used, must not pass the comparison above."""
    settings = small("market1501", channels_last=False, pool=0)
    ours = TrainingStep(settings, torch.device("cpu"))
    batches = exactly(ours, random_batch(4, seed=1), random_batch(4, seed=2))
    reference = Reference(ours, "market1501", vgg19)
    terms = [(ours(batch, step), reference.step(batch, step)[0]) for step, batch in enumerate(batches, 1)]
    assert terms[0][0] == pytest.approx(terms[0][1], rel=1e-4)  # the pool is not full yet
    assert terms[1][0]["d_shape"] != pytest.approx(terms[1][1]["d_shape"], rel=1e-4)
