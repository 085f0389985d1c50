"""The optimiser of one network: Adam, or Muon with Adam, and the loss scaling that float16 needs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from posetransfer.config import TrainingConfig
from posetransfer.training.muon import Muon, is_matrix
from posetransfer.training.precision import resolve_precision

LEAST_SCALE = 1.0
"""Below this, float16 gradients overflow though the loss is not scaled up: the training has diverged."""


class Optimiser:
    """Adam over all parameters of a network, or Muon over its wide convolutions and Adam over the rest.

    Gradients add up in `backward` until `step` uses and clears them.

    Args:
        network: whose parameters.
        rate: learning rate before any schedule.
        config: kind, momenta, precision, and whether Adam is one kernel.
        device: where the network lives.
    """

    def __init__(self, network: nn.Module, rate: float, config: TrainingConfig, device: torch.device) -> None:
        self.parameters = list(network.parameters())
        matrices = [p for p in self.parameters if is_matrix(p)] if config.optimiser == "muon" else []
        rest = [p for p in self.parameters if not (matrices and is_matrix(p))]
        self.matrices = matrices
        """What Muon changes."""
        self.kinds: dict[str, torch.optim.Optimizer] = {
            "adam": torch.optim.Adam(rest, lr=rate, betas=config.betas, fused=config.fused_adam)
        }
        if matrices:
            self.kinds["muon"] = Muon(matrices, rate, half=resolve_precision(config.precision, device) == torch.bfloat16)
        half = resolve_precision(config.precision, device) == torch.float16
        self.scaler = torch.amp.GradScaler(device.type, enabled=half)
        self._used = True

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss; those of the step before are cleared first."""
        if self._used:
            for kind in self.kinds.values():
                kind.zero_grad(set_to_none=True)
            self._used = False
        torch.autograd.backward(self.scaler.scale(loss))

    def gradient_norm(self) -> Tensor:
        """Euclidean norm of all gradients together, a single number on the device."""
        if self.scaler.is_enabled():
            for kind in self.kinds.values():
                self.scaler.unscale_(kind)
        return torch.nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None])

    def forgives(self) -> bool:
        """Whether a gradient that is not finite is a normal event: float16 then skips the step and lowers its scale."""
        return self.scaler.is_enabled() and self.scaler.get_scale() > LEAST_SCALE

    def step(self, finite: bool = True) -> None:
        """Change the parameters. The gradients stay to be looked at until the next `backward`.

        Args:
            finite: whether all gradients are; with float16 the step is skipped if not, for all parameters alike.
        """
        for kind in self.kinds.values():
            if finite:
                self.scaler.step(kind)
        self.scaler.update()
        self._used = True

    def set_rate(self, rate: float) -> None:
        """Learning rate of the next step."""
        for kind in self.kinds.values():
            for group in kind.param_groups:
                group["lr"] = rate

    def state_dict(self) -> dict[str, Any]:
        """Moments and step counts; Adam's own form where there is nothing else."""
        adam = self.kinds["adam"].state_dict()
        return adam if len(self.kinds) == 1 else {name: kind.state_dict() for name, kind in self.kinds.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        if len(self.kinds) == 1:
            self.kinds["adam"].load_state_dict(state)
        else:
            for name, kind in self.kinds.items():
                kind.load_state_dict(state[name])
