"""One training step: the generator, then D_appearance, then D_shape, all on the same fake (authors' order)."""

from __future__ import annotations

import copy
import math
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
    make_generator,
    make_shape_discriminator,
)
from posetransfer.networks.blocks import Tanh, freeze_norms
from posetransfer.training.contrast import ContrastiveLoss
from posetransfer.training.distributed import World, synchronise_norms
from posetransfer.training.features import make_features
from posetransfer.training.history import FakePool
from posetransfer.training.losses import absolute_difference, adversarial_weight, gan_loss, pixels_weight
from posetransfer.training.optimiser import Optimiser
from posetransfer.training.perceptual import PerceptualLoss
from posetransfer.training.precision import autocast, full
from posetransfer.training.schedule import rate_factor
from posetransfer.training.tensors import TensorBatch

PICTURE_CHANNELS = 3
_Network = TypeVar("_Network", bound=nn.Module)


class Judge:
    """A discriminator with its optimiser and its pool of fakes."""

    def __init__(self, network: Discriminator, settings: Settings, device: torch.device) -> None:
        self.network = network
        self.pool = FakePool(settings.training.pool)
        self.optimiser = Optimiser(network, settings.training.discriminator_lr, settings.training, device)

    def score(self, picture: Tensor, condition: Tensor) -> Tensor:
        """Raw scores, in full precision, of pictures (B, 3, H, W) beside their condition (B, K, H, W)."""
        scores: Tensor = self.network(picture, condition)
        return full(scores)


class TrainingStep:
    """Networks, optimisers, pools, running mean and queue of looks of one run; called once a step.

    Args:
        settings: everything that decides the run.
        device: where the networks live.
        world: the processes that share each batch.
    """

    def __init__(self, settings: Settings, device: torch.device, world: World | None = None) -> None:
        self.settings, self.device, self.world = settings, device, world or World()
        self.layout = torch.channels_last if settings.training.channels_last else torch.contiguous_format
        torch.manual_seed(settings.training.seed)
        generator = make_generator(settings.model)
        initialise_generator(generator)
        for module in generator.modules():
            if isinstance(module, Tanh):
                module.least_slope = settings.loss.least_slope
        if settings.training.freeze_norms:
            freeze_norms(generator)
        self.generator: Generator = self._place(generator)
        self.optimiser = Optimiser(self.generator, settings.training.generator_lr, settings.training, device)
        self.judges = self._make_judges()
        features = make_features(settings.loss)
        self.perceptual = PerceptualLoss(features, settings.loss).to(device) if features else None
        self.mean_generator = copy.deepcopy(self.generator).eval().requires_grad_(False) if settings.training.ema else None
        self.gradient_norms: dict[str, float] = {}
        if settings.training.compile:
            self._compile()

    def _make_judges(self) -> dict[str, Judge]:
        config, norm = self.settings.discriminator, self.settings.model.norm
        wanted = self.settings.loss.gan_weight > 0
        judges = {}
        if wanted and config.appearance:
            judges["appearance"] = Judge(self._place(make_appearance_discriminator(config, norm)), self.settings, self.device)
        if wanted and config.shape:
            judges["shape"] = Judge(self._place(make_shape_discriminator(config, norm)), self.settings, self.device)
        return judges

    def _place(self, network: _Network) -> _Network:
        if self.settings.training.sync_batch_norm and self.world.size > 1:
            synchronise_norms(network)
        placed: _Network = network.to(self.device, memory_format=self.layout)  # type: ignore[call-overload]
        self.world.equalise(placed)
        return placed

    def _compile(self) -> None:
        for network in (self.generator, self.perceptual, *(judge.network for judge in self.judges.values())):
            if network is not None:
                network.compile()  # in place: names of the state stay

    @property
    def contrast(self) -> ContrastiveLoss | None:
        """The contrastive loss with its queue, where there is one."""
        return self.perceptual.contrast if self.perceptual is not None else None

    @property
    def best_generator(self) -> Generator:
        """The generator to use: the running mean where there is one."""
        return self.mean_generator if self.mean_generator is not None else self.generator

    def __call__(self, batch: TensorBatch, step: int, whole: int | None = None) -> dict[str, float]:
        """Train on one batch.

        Args:
            batch: this process's share of the batch.
            step: number of this step, counted from 1; decides rate and random numbers.
            whole: pairs in the batch over all processes; by default those of `batch`.

        Returns:
            every term of the losses over the whole batch, weighted as it enters the sum.

        Raises:
            TrainingError: a loss or gradient is not finite; the network that it would have changed is as before.
        """
        config = self.settings.training
        torch.manual_seed(_mix(config.seed, step, self.world.rank))
        rng = np.random.default_rng([config.seed, step, 2])  # the same in all processes: they keep one pool
        self._set_rates(rate_factor(step, config))
        judges = self.judges if step >= self.settings.loss.gan_start else {}
        whole = whole or len(batch)
        parts = batch.split(config.accumulate)
        fakes, terms = self._generator_phase(parts, whole, judges)
        if self.contrast:
            self.contrast.remember(lambda rows: self.world.gather(rows, whole))
        for _ in range(config.discriminator_steps):
            for name, judge in judges.items():
                shown = self._choose_fakes(judge, fakes, [_condition(name, part) for part in parts], whole, rng)
                terms |= self._judge_phase(name, judge, shown, parts, whole)
        self._update_mean(step)
        return terms

    def _generator_phase(self, parts: list[TensorBatch], whole: int, judges: dict[str, Judge]) -> tuple[list[Tensor], dict[str, float]]:
        """Train the generator; gives its pictures, part by part, and the terms of its loss."""
        fakes, sums = [], _Sums()
        for judge in judges.values():
            judge.network.requires_grad_(False)
        for part in parts:
            with autocast(self.settings.training.precision, self.device):
                fake = self.generator(part.source, part.source_maps, part.target_maps)
            terms = self._generator_terms(fake, part, judges)
            self.optimiser.backward(torch.stack([full(term) for term in terms.values()]).sum() * (len(part) / whole))
            sums.add(terms, len(part) / whole)
            fakes.append(full(fake.detach()))
        for judge in judges.values():
            judge.network.requires_grad_(True)
        return fakes, self._finish("generator", self.optimiser, sums, parts)

    def _generator_terms(self, fake: Tensor, part: TensorBatch, judges: dict[str, Judge]) -> dict[str, Tensor]:
        loss = self.settings.loss
        weight = pixels_weight(part.target_maps, part.target_mask, loss)
        terms = {"l1": loss.l1_weight * absolute_difference(full(fake), part.target, loss.l1_smooth, weight)}
        with autocast(self.settings.training.precision, self.device):
            if self.perceptual is not None:
                terms |= self.perceptual(fake, part.target, part.target_mask, part.people)
            share = adversarial_weight(loss, len(judges))
            for name in (n for n in ("shape", "appearance") if n in judges):  # the authors ask D_PB (shape) first
                scores = judges[name].score(fake, _condition(name, part).to(fake.dtype))
                terms[f"gan_{name}"] = share * gan_loss(scores, True, loss, judging=False)
        return terms

    def _choose_fakes(
        self, judge: Judge, fakes: list[Tensor], conditions: list[Tensor], whole: int, rng: np.random.Generator
    ) -> list[Tensor]:
        """Fakes joined with their conditions, part by part, some of them from the pool: the same pool in every process."""
        joined = [torch.cat([fake, condition], dim=1) for fake, condition in zip(fakes, conditions, strict=True)]
        if judge.pool.size == 0:
            return joined
        shown = self.world.own(judge.pool.exchange(self.world.gather(torch.cat(joined), whole), rng))
        return list(torch.split(shown, [len(part) for part in joined]))

    def _judge_phase(self, name: str, judge: Judge, shown: list[Tensor], parts: list[TensorBatch], whole: int) -> dict[str, float]:
        """Train one discriminator; gives its loss."""
        loss, sums = self.settings.loss, _Sums()
        factor = 0.5 * (loss.gan_weight if loss.gan_weight_scales_discriminators else 1.0)
        for part, made in zip(parts, shown, strict=True):
            with autocast(self.settings.training.precision, self.device):
                # separate passes: batch norm sees real and made pictures apart (authors' code)
                real = gan_loss(judge.score(part.target, _condition(name, part)), True, loss)
                false = gan_loss(judge.score(made[:, :PICTURE_CHANNELS], made[:, PICTURE_CHANNELS:]), False, loss)
            total = factor * (real + false)
            judge.optimiser.backward(total * (len(part) / whole))
            sums.add({f"d_{name}": total}, len(part) / whole)
        return self._finish(name, judge.optimiser, sums, parts)

    def _finish(self, network: str, optimiser: Optimiser, sums: _Sums, parts: list[TensorBatch]) -> dict[str, float]:
        """Sum over the processes, refuse what is not finite, let the optimiser step; gives the terms as numbers."""
        self.world.sum_gradients(optimiser.parameters)
        norm = optimiser.gradient_norm()
        values = torch.cat([self.world.sum(sums.values()), norm.reshape(1)]).tolist()  # the one wait for the device in a phase
        terms = dict(zip(sums.terms, values, strict=False))
        self.gradient_norms[network] = values[-1]
        for name, value in terms.items():
            if not math.isfinite(value):
                raise NotFinite(f"the {name} loss is {value}", parts)
        if not math.isfinite(values[-1]) and not optimiser.forgives():
            raise NotFinite(f"the gradient of the {network} network is {values[-1]}", parts)
        optimiser.step(math.isfinite(values[-1]))
        self.world.share_first(optimiser.matrices)  # their steps are products, which another machine may round in another way
        return terms

    def _set_rates(self, factor: float) -> None:
        self.optimiser.set_rate(self.settings.training.generator_lr * factor)
        for judge in self.judges.values():
            judge.optimiser.set_rate(self.settings.training.discriminator_lr * factor)

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
        if self.contrast and self.contrast.queue is not None:
            state["looks"] = self.contrast.queue
        if self.optimiser.scaler.is_enabled():
            state["scalers"] = {name: optimiser.scaler.state_dict() for name, optimiser in self._optimisers()}
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
        if self.contrast:
            self.contrast.queue = state.get("looks")
        for name, optimiser in self._optimisers():
            if name in state.get("scalers", {}):
                optimiser.scaler.load_state_dict(state["scalers"][name])

    def _optimisers(self) -> list[tuple[str, Optimiser]]:
        return [("generator", self.optimiser), *((name, judge.optimiser) for name, judge in self.judges.items())]


class NotFinite(TrainingError):
    """A loss or gradient that is infinite or not a number, and the pairs it came from."""

    def __init__(self, what: str, parts: list[TensorBatch]) -> None:
        self.what = what
        self.names = tuple(pair for part in parts for pair in part.names)
        first = ", ".join(f"{source} to {target}" for source, target in self.names[:4])
        more = f" and {len(self.names) - 4} more pairs" if len(self.names) > 4 else ""
        super().__init__(f"{what} on the batch of {first}{more}")


class _Sums:
    """Terms of a loss, added up over the parts of a batch without waiting for the device."""

    def __init__(self) -> None:
        self.terms: dict[str, Tensor] = {}

    def add(self, terms: dict[str, Tensor], weight: float) -> None:
        for name, term in terms.items():
            self.terms[name] = self.terms.get(name, 0.0) + full(term.detach()) * weight

    def values(self) -> Tensor:
        return torch.stack(list(self.terms.values()))


def _condition(judge: str, part: TensorBatch) -> Tensor:
    """What a discriminator sees beside the picture: the source photo, or the maps of the wanted pose."""
    return part.source if judge == "appearance" else part.target_maps


def _mix(seed: int, step: int, rank: int) -> int:
    """A seed for torch's generator that differs between runs, steps and processes."""
    entropy = [seed, step, rank] if rank else [seed, step]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))
