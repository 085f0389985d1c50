"""Learning rate by step."""

from __future__ import annotations

from posetransfer.config import TrainingConfig


def rate_factor(step: int, config: TrainingConfig) -> float:
    """Share of the full learning rate at a step, counted from 1.

    Constant for `constant_steps`, then falling by 1/`decay_epochs` at the start of every `epoch_steps` (authors' code:
    `1 - max(0, e - 499) / 201` in epoch e of `market1501`, so the last epoch has rate 0).

    >>> from posetransfer.config import PRESETS
    >>> [round(2e-4 * rate_factor(s, PRESETS["market1501"].training), 9) for s in (1, 62_375, 62_500, 87_375, 87_500)]
    [0.0002, 0.0002, 0.000199005, 9.95e-07, 0.0]
    """
    epoch = (step - 1) // config.epoch_steps + 1
    late = epoch - config.constant_steps // config.epoch_steps
    return 1.0 - min(1.0, max(0, late) / config.decay_epochs)


def batch_size(step: int, config: TrainingConfig) -> int:
    """Pairs of a step over all processes: the last batch of an epoch may be smaller.

    >>> from posetransfer.config import PRESETS
    >>> [batch_size(s, PRESETS["deepfashion"].training) for s in (571, 572, 573)]
    [7, 3, 7]
    """
    return config.last_batch if config.last_batch and step % config.epoch_steps == 0 else config.batch


def pictures_seen(step: int, config: TrainingConfig) -> int:
    """Pairs that the first `step` steps train on.

    >>> from posetransfer.config import PRESETS
    >>> pictures_seen(572, PRESETS["deepfashion"].training), pictures_seen(87_500, PRESETS["market1501"].training)
    (4000, 2800000)
    """
    missing = config.batch - config.last_batch if config.last_batch else 0
    return step * config.batch - step // config.epoch_steps * missing
