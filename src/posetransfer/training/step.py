"""One training step: the generator, then D_appearance, then D_shape, all on the same fake (authors' order)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from posetransfer.config import Settings
from posetransfer.errors import TrainingError
from posetransfer.networks import (
    Discriminator,
    Generator,
    initialise_generator,
    make_appearance_discriminator,
    make_shape_discriminator,
)
from posetransfer.training.features import make_features
from posetransfer.training.history import FakePool
from posetransfer.training.losses import PerceptualLoss, adversarial_weight, gan_loss
from posetransfer.training.precision import autocast
from posetransfer.training.schedule import rate_factor

PICTURE_CHANNELS = 3
_Network = TypeVar("_Network", bound=nn.Module)


@dataclass(frozen=True)
class TensorBatch:
    """A batch on the device: photos and truths (B, 3, H, W) in [-1, 1], maps (B, 18, H, W)."""

    source: Tensor
    source_maps: Tensor
    target: Tensor
    target_maps: Tensor
    names: tuple[tuple[str, str], ...] = ()


class Judge:
    """A discriminator with its optimiser and its pool of fakes."""

    def __init__(self, network: Discriminator, settings: Settings) -> None:
        self.network = network
        self.pool = FakePool(settings.training.pool)
        self.optimiser = _adam(network, settings.training.discriminator_lr, settings)

    def score(self, pair: Tensor) -> Tensor:
        """Raw scores of pictures (B, 3 + K, H, W) joined with their condition."""
        scores: Tensor = self.network(pair[:, :PICTURE_CHANNELS], pair[:, PICTURE_CHANNELS:])
        return scores.float()


class TrainingStep:
    """Networks, optimisers, pools and running mean of one run; called once a step.

    Args:
        settings: everything that decides the run.
        device: where the networks live.
    """

    def __init__(self, settings: Settings, device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.layout = torch.channels_last if settings.training.channels_last else torch.contiguous_format
        torch.manual_seed(settings.training.seed)
        self.generator = Generator(settings.model)
        initialise_generator(self.generator)
        self._place(self.generator)
        self.optimiser = _adam(self.generator, settings.training.generator_lr, settings)
        self.judges = self._make_judges()
        features = make_features(settings.loss)
        self.perceptual = PerceptualLoss(features, settings.loss.perceptual_distance).to(device) if features else None
        self.mean_generator = copy.deepcopy(self.generator).eval().requires_grad_(False) if settings.training.ema else None

    def _make_judges(self) -> dict[str, Judge]:
        config, norm = self.settings.discriminator, self.settings.model.norm
        wanted = self.settings.loss.gan_weight > 0
        judges = {}
        if wanted and config.appearance:
            judges["appearance"] = Judge(self._place(make_appearance_discriminator(config, norm)), self.settings)
        if wanted and config.shape:
            judges["shape"] = Judge(self._place(make_shape_discriminator(config, norm)), self.settings)
        return judges

    def _place(self, network: _Network) -> _Network:
        return network.to(self.device, memory_format=self.layout)  # type: ignore[call-overload,no-any-return]

    @property
    def best_generator(self) -> Generator:
        """The generator to use: the running mean where there is one."""
        return self.mean_generator if self.mean_generator is not None else self.generator

    def __call__(self, batch: TensorBatch, step: int) -> dict[str, float]:
        """Train on one batch.

        Args:
            batch: as its class says.
            step: number of this step, counted from 1; decides rate and random numbers.

        Returns:
            every term of the losses, weighted as it enters the sum.

        Raises:
            TrainingError: a loss is not finite; the networks are as before the step.
        """
        config = self.settings.training
        torch.manual_seed(_mix(config.seed, step))
        rng = np.random.default_rng([config.seed, step, 2])
        self._set_rates(rate_factor(step, config))
        judges = self.judges if step >= self.settings.loss.gan_start else {}
        with autocast(config.precision, self.device):
            fake = self.generator(batch.source, batch.source_maps, batch.target_maps)
        terms = self._generator_phase(fake, batch, judges)
        conditions = {"appearance": batch.source, "shape": batch.target_maps}
        for _ in range(config.discriminator_steps):
            for name, judge in judges.items():
                terms |= self._judge_phase(name, judge, fake, batch.target, conditions[name], rng)
        self._update_mean(step)
        return terms

    def _generator_phase(self, fake: Tensor, batch: TensorBatch, judges: dict[str, Judge]) -> dict[str, float]:
        loss = self.settings.loss
        terms = {"l1": loss.l1_weight * (fake.float() - batch.target).abs().mean()}
        with autocast(self.settings.training.precision, self.device):
            if self.perceptual is not None:
                terms["perceptual"] = loss.perceptual_weight * self.perceptual(fake, batch.target)
            weight = adversarial_weight(loss, len(judges))
            conditions = {"shape": batch.target_maps, "appearance": batch.source}
            for name in (n for n in conditions if n in judges):  # the authors ask D_PB (shape) first
                judges[name].network.requires_grad_(False)
                scores = judges[name].score(torch.cat([fake, conditions[name].to(fake.dtype)], dim=1))
                terms[f"gan_{name}"] = weight * gan_loss(scores, True, loss.gan)
        total = torch.stack([t.float() for t in terms.values()]).sum()
        self._check(terms, batch)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        self.optimiser.step()
        for judge in judges.values():
            judge.network.requires_grad_(True)
        return {name: float(term.detach()) for name, term in terms.items()}

    def _judge_phase(
        self, name: str, judge: Judge, fake: Tensor, truth: Tensor, condition: Tensor, rng: np.random.Generator
    ) -> dict[str, float]:
        loss = self.settings.loss
        made = judge.pool.exchange(torch.cat([fake.detach().float(), condition], dim=1), rng)
        with autocast(self.settings.training.precision, self.device):
            # separate passes: batch norm sees real and made pictures apart (authors' code)
            real = gan_loss(judge.score(torch.cat([truth, condition], dim=1)), True, loss.gan)
            false = gan_loss(judge.score(made), False, loss.gan)
        total = 0.5 * loss.gan_weight * (real + false)
        judge.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        judge.optimiser.step()
        return {f"d_{name}": float(total.detach())}

    def _check(self, terms: dict[str, Tensor], batch: TensorBatch) -> None:
        for name, term in terms.items():
            if not torch.isfinite(term):
                pairs = ", ".join(f"{a} to {b}" for a, b in batch.names[:4])
                raise TrainingError(
                    f"the {name} loss is {float(term.detach())} on the batch of {pairs} ...; "
                    "the last checkpoint is kept, so lower the learning rate or look at these pictures and run the same command again."
                )

    def _set_rates(self, factor: float) -> None:
        config = self.settings.training
        for group in self.optimiser.param_groups:
            group["lr"] = config.generator_lr * factor
        for judge in self.judges.values():
            for group in judge.optimiser.param_groups:
                group["lr"] = config.discriminator_lr * factor

    @torch.no_grad()
    def _update_mean(self, step: int) -> None:
        if self.mean_generator is None:
            return
        # a young mean forgets faster: the initial weights must not linger in it for thousands of steps
        decay = min(self.settings.training.ema, (1 + step) / (10 + step))
        pairs = zip(self.mean_generator.state_dict().values(), self.generator.state_dict().values(), strict=True)
        for mean, now in pairs:
            if mean.is_floating_point():
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        state: dict[str, Any] = {"generator": self.generator.state_dict(), "generator_optimiser": self.optimiser.state_dict()}
        if self.mean_generator is not None:
            state["mean_generator"] = self.mean_generator.state_dict()
        for name, judge in self.judges.items():
            state[name] = {"network": judge.network.state_dict(), "optimiser": judge.optimiser.state_dict(), "pool": judge.pool.state()}
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.generator.load_state_dict(state["generator"])
        self.optimiser.load_state_dict(state["generator_optimiser"])
        if self.mean_generator is not None:
            self.mean_generator.load_state_dict(state["mean_generator"])
        for name, judge in self.judges.items():
            judge.network.load_state_dict(state[name]["network"])
            judge.optimiser.load_state_dict(state[name]["optimiser"])
            judge.pool.restore(state[name]["pool"])


def _adam(network: nn.Module, rate: float, settings: Settings) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=rate, betas=settings.training.betas, fused=True)


def _mix(seed: int, step: int) -> int:
    """A seed for torch's generator that differs from step to step and from run to run."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> np.uint64(1))
