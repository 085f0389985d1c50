"""`weights/` at the end of a run: the generator as users load it, with a card that says how it came to be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from posetransfer.config import PRESETS, Settings
from posetransfer.data.manifest import PreparedFolder
from posetransfer.errors import PoseError
from posetransfer.gate import POSES, Seen
from posetransfer.training.checkpoint import BestKept, best_path, load_checkpoint
from posetransfer.training.journal import read_log, versions
from posetransfer.training.preflight import as_json
from posetransfer.training.schedule import pictures_seen
from posetransfer.weights import save_weights

_CARD = """\
# {name}

A generator of `posetransfer` (PATN: progressive pose attention transfer), trained with `posetransfer train`.

| | |
| --- | --- |
| trained on | {data} |
| pictures | {height} x {width} (height x width), backdrop: {backdrop} |
| network | width {width_}, {blocks} blocks, {norm} norm, blocks of kind `{transfer}` |
| steps | {steps:,} ({pictures:,} pairs) |
| scores on test pairs | {scores} |
| versions | {versions} |

What these weights may be used for follows from the data that they were trained on.

## Use

```
posetransfer transfer photo.jpg pose.json --weights {folder}
```

## Settings that differ from the nearest preset, `{preset}`

{differences}
"""


def export_weights(
    run: Path, settings: Settings, data: str, state: dict[str, Any], step: int, extras: Mapping[str, str] | None = None
) -> Path:
    """Write `weights/` of the state that the settings ask for: the last, or the best one kept.

    Args:
        run: the run folder.
        settings: of the run.
        data: name of the data set, for the card.
        state: the last state.
        step: its step.
        extras: texts of optional files (`weights.file.EXTRAS`), as `poses_seen` makes them.
    """
    best = BestKept(run, settings.training.best_score, settings.training.keep_best)
    if settings.training.weights == "best" and best.kept:
        step = next(iter(best.kept))
        _, state = load_checkpoint(best_path(run, step), torch.device("cpu"))
    generator = state.get("mean_generator", state["generator"])
    arrays = {name: tensor.detach().float().cpu().numpy() for name, tensor in generator.items()}
    card = write_card(run, settings, data, step)
    origin = f"trained with posetransfer on {data}, {step:,} steps"
    return save_weights(run / "weights", settings.model, arrays, card, origin=origin, extras=extras)


def poses_seen(folder: Path) -> dict[str, str]:
    """`poses.json` of a prepared folder's training pictures; nothing where they are too few to describe."""
    split = PreparedFolder.open(folder).split("train")
    try:
        return {POSES: Seen.of(split.points, split.size).to_json()}
    except PoseError:
        return {}


def write_card(run: Path, settings: Settings, data: str, step: int) -> str:
    """The text of the model card."""
    model = settings.model
    preset, differences = nearest_preset(settings)
    validated = [entry["validation"] for entry in read_log(run) if "validation" in entry and entry["step"] <= step]
    return _CARD.format(
        name=run.resolve().name, data=data, height=model.size[0], width=model.size[1], backdrop=model.backdrop, width_=model.width,
        blocks=model.blocks, norm=model.norm, transfer=model.transfer, steps=step, pictures=pictures_seen(step, settings.training),
        scores=", ".join(f"{name} {value:.4f}" for name, value in (validated[-1] if validated else {}).items()) or "none taken",
        versions=", ".join(f"{name} {number}" for name, number in versions().items()),
        folder=run / "weights", preset=preset, differences="\n".join(f"- `{line}`" for line in differences) or "None.",
    )  # fmt: skip


def nearest_preset(settings: Settings) -> tuple[str, list[str]]:
    """The preset with the fewest differences, and those as flags.

    >>> from dataclasses import replace
    >>> tiny = PRESETS["tiny"]
    >>> nearest_preset(replace(tiny, training=replace(tiny.training, steps=7)))
    ('tiny', ['--training.steps 7'])
    """
    found = {name: _differences(settings, preset) for name, preset in PRESETS.items()}
    name = min(found, key=lambda preset: len(found[preset]))
    return name, found[name]


def _differences(settings: Settings, preset: Settings) -> list[str]:
    theirs = as_json(preset)
    return [
        f"--{group}.{name.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for group, values in as_json(settings).items()
        for name, value in values.items()
        if theirs[group][name] != value
    ]
