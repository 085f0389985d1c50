"""Muon: momentum whose every step is an orthogonal matrix (Jordan et al., 2024), for the convolutions of a network."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

LEAST_CHANNELS = 16
QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of a Newton-Schulz step (Jordan et al., 2024): within five, singular values above 0.003 of the norm come to 0.7 to 1.2."""
STEPS = 5
ADAM_SIZE = 0.2
"""Root mean square of a step in units of the rate: that of Adam, so that both are used with one rate (Liu et al., 2025, section 2.2)."""


def is_matrix(parameter: Tensor) -> bool:
    """Weights of a convolution with at least `LEAST_CHANNELS` channels on both sides."""
    return parameter.ndim == 4 and min(parameter.shape[:2]) >= LEAST_CHANNELS


def orthogonalise(matrices: Tensor) -> Tensor:
    """The nearest orthogonal matrices, roughly: singular vectors are kept, singular values become 0.7 to 1.2 (`QUINTIC`).

    Args:
        matrices: (N, rows, columns); bfloat16 is enough.

    Returns:
        the same shape and type.
    """
    a, b, c = QUINTIC
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.transpose(1, 2) if tall else matrices
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    for _ in range(STEPS):
        square = x @ x.transpose(1, 2)
        x = a * x + (b * square + c * square @ square) @ x
    levelled: Tensor = x.transpose(1, 2) if tall else x
    return levelled


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised: all directions of a weight matrix (outputs x inputs and taps) move alike.

    Args:
        parameters: weights (outputs, inputs, height, width), of transposed convolutions (inputs, outputs, height, width).
        lr: rate, on Adam's scale.
        momentum: of the gradient.
        half: multiply matrices in bfloat16.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95, half: bool = False) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})
        self.half = half

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change the parameters that have a gradient; a closure is not called."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike.setdefault(parameter.shape, []).append(parameter)
            for shape, parameters in alike.items():
                self._step_alike(parameters, shape[0], shape[1:].numel(), group)

    def _step_alike(self, parameters: list[Tensor], rows: int, columns: int, group: dict[str, Any]) -> None:
        """Parameters of one shape in one call: few large products in place of many small ones."""
        wanted = torch.stack([self._momentum(p, group["momentum"]).reshape(rows, columns) for p in parameters])
        wanted = wanted.bfloat16() if self.half else wanted
        steps = orthogonalise(wanted).float() * (-group["lr"] * ADAM_SIZE * math.sqrt(max(rows, columns)))
        for parameter, change in zip(parameters, steps, strict=True):
            parameter.add_(change.view(parameter.shape))

    def _momentum(self, parameter: Tensor, momentum: float) -> Tensor:
        """Nesterov's look ahead: the mean of gradients, moved once more by the newest."""
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        assert parameter.grad is not None
        state["momentum"].lerp_(parameter.grad, 1 - momentum)
        return parameter.grad.lerp(state["momentum"], momentum)
