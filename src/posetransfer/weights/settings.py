"""JSON -> ModelConfig, with a sentence for everything that can be wrong in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from posetransfer.config import ModelConfig
from posetransfer.errors import WeightsError


def model_config(values: Any, place: str) -> ModelConfig:
    """Make settings of the `model` part of a `config.json`.

    Args:
        values: what JSON holds; settings that are left out keep their default.
        place: file name for the error sentences.

    Raises:
        WeightsError: not a JSON object, an unknown setting, or a value that the setting cannot have.

    >>> model_config({"size": [128, 64], "norm": "batch"}, "config.json").size
    (128, 64)
    """
    if not isinstance(values, dict):
        raise WeightsError(f'{place}: "model" should be an object with the network\'s settings; copy or make the weights folder again.')
    types, known = get_type_hints(ModelConfig), {field.name for field in fields(ModelConfig)}
    for name, value in values.items():
        if name not in known:
            raise WeightsError(
                f"{place}: unknown setting {name!r}; this program knows {', '.join(sorted(known))}: install a newer posetransfer."
            )
        wanted = _complaint(types[name], value) or _range_complaint(name, value)
        if wanted:
            raise WeightsError(f"{place}: {name} is {value!r}, it should be {wanted}; correct it, or get the weights folder again.")
    settings: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return ModelConfig(**settings)


def _complaint(wanted: Any, value: Any) -> str:
    """What the type asks for if `value` is not of it, else nothing."""
    if wanted is bool:
        return "" if isinstance(value, bool) else "true or false"
    if wanted is int:
        return "" if _whole(value) else "a whole number"
    if wanted is float:
        return "" if _whole(value) or isinstance(value, float) else "a number"
    words = get_args(wanted)
    if isinstance(words[0], str):
        return "" if value in words else " or ".join(words)
    fits = isinstance(value, list) and len(value) == len(words) and all(map(_whole, value))
    return "" if fits else f"a list of {len(words)} whole numbers"


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _range_complaint(name: str, value: Any) -> str:
    """What the setting asks for if `value`, of the right type, is out of range, else nothing."""
    rules: dict[str, tuple[Callable[[], bool], str]] = {
        "size": (
            lambda: min(value) >= 8 and max(value) <= 4096 and not any(side % 4 for side in value),
            "two sides of 8 to 4096, each divisible by 4",
        ),
        "width": (lambda: 1 <= value <= 1024, "from 1 to 1024"),
        "blocks": (lambda: 1 <= value <= 100, "from 1 to 100"),
        "sigma": (lambda: 0 < value < 1000, "a positive number of pixels"),
        "backdrop_colour": (lambda: all(0 <= part <= 255 for part in value), "red, green and blue from 0 to 255"),
    }
    holds, wanted = rules.get(name, (lambda: True, ""))
    return "" if holds() else wanted
