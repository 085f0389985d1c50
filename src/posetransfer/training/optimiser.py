"""Adam of one network, with the loss scaling that float16 needs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from posetransfer.config import TrainingConfig
from posetransfer.training.precision import resolve_precision

LEAST_SCALE = 1.0
"""Below this, float16 gradients overflow though the loss is not scaled up: the training has diverged."""


class Optimiser:
    """Adam over all parameters of a network; gradients add up in `backward` until `step` uses and clears them.

    Args:
        network: whose parameters.
        rate: learning rate before any schedule.
        config: momenta, precision, and whether Adam is one kernel.
        device: where the network lives.
    """

    def __init__(self, network: nn.Module, rate: float, config: TrainingConfig, device: torch.device) -> None:
        self.parameters = list(network.parameters())
        self.adam = torch.optim.Adam(self.parameters, lr=rate, betas=config.betas, fused=config.fused_adam)
        half = resolve_precision(config.precision, device) == torch.float16
        self.scaler = torch.amp.GradScaler(device.type, enabled=half)
        self._used = True

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss; those of the step before are cleared first."""
        if self._used:
            self.adam.zero_grad(set_to_none=True)
            self._used = False
        torch.autograd.backward(self.scaler.scale(loss))

    def gradient_norm(self) -> Tensor:
        """Euclidean norm of all gradients together, a single number on the device."""
        if self.scaler.is_enabled():
            self.scaler.unscale_(self.adam)
        return torch.nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None])

    def forgives(self) -> bool:
        """Whether a gradient that is not finite is a normal event: float16 then skips the step and lowers its scale."""
        return self.scaler.is_enabled() and self.scaler.get_scale() > LEAST_SCALE

    def step(self) -> None:
        """Change the parameters. The gradients stay to be looked at until the next `backward`."""
        self.scaler.step(self.adam)
        self.scaler.update()
        self._used = True

    def set_rate(self, rate: float) -> None:
        """Learning rate of the next step."""
        for group in self.adam.param_groups:
            group["lr"] = rate

    def state_dict(self) -> dict[str, Any]:
        """Adam's moments and step counts."""
        return self.adam.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.adam.load_state_dict(state)
