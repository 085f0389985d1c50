"""The authors' state dicts (`latest_net_netG.pth`, tengteng95/Pose-Transfer) as ours; the one place that knows their names.

Their files exist in several forms, which hold the same network:
 - with dropout modules in the blocks the second convolution is number 6, without them number 5;
 - written by data-parallel tools every key begins with `module.`;
 - torch 0.3.1 wrote running statistics of instance norms too, which it never used: they must not be used either;
 - newer torch wrote `num_batches_tracked` counters.
Norm, width and number of blocks are told from the keys; size and kind of heat maps are not in the file.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from posetransfer.config import ModelConfig
from posetransfer.errors import WeightsError
from posetransfer.weights.file import Tensors, check_finite
from posetransfer.weights.layout import Shape, expected_shapes

Norm = Literal["instance", "batch"]
Translate = Callable[[str], str]

SIZES: dict[Norm, tuple[int, int]] = {"batch": (128, 64), "instance": (256, 176)}
"""The authors trained with batch norm on Market-1501 and with instance norm on DeepFashion."""

UNUSED = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class OfficialGenerator:
    """A generator of the authors in our names."""

    config: ModelConfig
    tensors: Tensors
    dropped: tuple[str, ...]
    """Keys of the file that were left out, because nothing in eval mode reads them."""
    notes: tuple[str, ...]
    """Sentences on what was told from the file, what was assumed, and what was dropped."""


def read_official(path: str | Path, **settings: Any) -> OfficialGenerator:
    """Read a generator of the authors.

    Args:
        path: their `.pth` file, zip or old form.
        settings: fields of ModelConfig that the file does not hold (`size`, `heatmaps`, `sigma`); by default the
            paper's for the data set that the norm tells.

    Raises:
        WeightsError: not such a file, damaged, or a tensor is missing, superfluous or of another shape.
    """
    place = str(path)
    found = _read_state(Path(path))
    if "1.weight" in found and any(".conv_block." in key for key in found):
        raise WeightsError(f"{place}: this is a discriminator; give the generator, which the authors call latest_net_netG.pth.")
    if "stream1_down.1.weight" not in found:
        raise WeightsError(
            f"{place}: not a generator of the authors (no stream1_down.1.weight, but {next(iter(found))}); give their latest_net_netG.pth."
        )
    norm = _norm(found, place)
    dropout = not any(re.fullmatch(r"att\.\d+\.conv_block_stream1\.5\.weight", key) for key in found)
    blocks = 1 + max((int(key.split(".")[1]) for key in found if re.match(r"att\.\d+\.", key)), default=-1)
    if not blocks:
        raise WeightsError(f"{place}: holds no transfer block (att.0 is missing); the file is incomplete, copy it again.")
    width = found["stream1_down.1.weight"].shape[0]
    config = ModelConfig(**({"size": SIZES[norm]} | settings), width=width, blocks=blocks, norm=norm, dropout=dropout)
    tensors, dropped = _take(found, expected_shapes(config), lambda name: _generator_key(name, dropout), place)
    notes = tuple(_notes(config, dropped, settings))
    return OfficialGenerator(config, tensors, dropped, notes)


def official_card(official: OfficialGenerator, file_name: str) -> str:
    """The model card of imported weights: what they are, what was assumed, and whose licence holds."""
    config = official.config
    notes = "\n".join(f"- {note}" for note in official.notes)
    return f"""\
---
library_name: posetransfer
pipeline_tag: image-to-image
license: other
license_name: see-the-authors-repository
license_link: https://github.com/tengteng95/Pose-Transfer
tags: [pose-transfer, person-image-synthesis, patn]
---

# PATN weights of the paper's authors, imported

Brought in from `{file_name}` by `posetransfer weights import`: {config.blocks} blocks, width {config.width}, {config.norm} norm,
{config.size[0]}x{config.size[1]} (height x width). Network and weights: Zhu et al., "Progressive Pose Attention Transfer for Person
Image Generation", CVPR 2019. Their licence, and the terms of the data set they were trained on (research only), hold for them.

{notes}
"""


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    """Keys without `module.` and `model.` -> tensors. Nothing but tensors is unpickled."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as err:
        raise WeightsError(f"{path}: cannot be read ({err.strerror}); give the authors' latest_net_netG.pth.") from err
    except pickle.UnpicklingError as err:
        foreign = re.search(r"GLOBAL (\S+)", str(err))
        what = f"holds Python objects ({foreign[1]})" if foreign else "is not a PyTorch file, or a damaged one"
        raise WeightsError(f"{path}: {what}; only plain tensors are read, because a pickle can run code: give a state dict.") from err
    except Exception as err:  # torch.load raises nearly anything on a file that is cut short or not its own
        raise WeightsError(
            f"{path}: is not a PyTorch file, or was cut short ({type(err).__name__}); copy it again from where it came."
        ) from err
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise WeightsError(
            f"{path}: holds a {type(state).__name__} that is not a plain state dict of tensors; give the authors' latest_net_netG.pth."
        )
    return {re.sub(r"^(module\.)?(model\.)?", "", key): tensor for key, tensor in state.items()}


def _norm(found: Mapping[str, torch.Tensor], place: str) -> Norm:
    """Batch norm has a scale; with instance norm the convolution before it has a bias."""
    if "stream1_down.2.weight" in found:
        return "batch"
    if "stream1_down.1.bias" in found:
        return "instance"
    raise WeightsError(
        f"{place}: neither stream1_down.2.weight (batch norm) nor stream1_down.1.bias (instance norm) is there; "
        "the file is incomplete, copy it again."
    )


def _take(
    found: Mapping[str, torch.Tensor], wanted: Mapping[str, Shape], translate: Translate, place: str
) -> tuple[Tensors, tuple[str, ...]]:
    """The wanted tensors under our names, and the keys that nothing reads."""
    left, tensors = dict(found), {}
    for name, shape in wanted.items():
        key = translate(name)
        tensor = left.pop(key, None)
        if tensor is None or tuple(tensor.shape) != shape:
            have = "is missing" if tensor is None else f"has shape {tuple(tensor.shape)}"
            raise WeightsError(f"{place}: {key} {have}, the other keys of the file ask for {shape}; it is damaged or of another network.")
        tensors[name] = np.ascontiguousarray(tensor.detach().float().numpy())
    strange = next((key for key in left if not key.endswith(UNUSED)), None)
    if strange:
        raise WeightsError(
            f"{place}: unknown tensor {strange} of shape {tuple(left[strange].shape)}; this is not the network of the paper."
        )
    check_finite(tensors, place)
    return tensors, tuple(left)


_ENCODERS = {"photo_encoder": "stream1_down", "pose_encoder": "stream2_down"}


def _generator_key(name: str, dropout: bool) -> str:
    """Our name of a generator's tensor -> theirs.

    >>> _generator_key("blocks.2.picture.2.weight", dropout=True)
    'att.2.conv_block_stream1.6.weight'
    """
    part, *path, tensor = name.split(".")
    if part in _ENCODERS:
        stage, layer = map(int, path)
        return f"{_ENCODERS[part]}.{1 + 3 * stage + layer}.{tensor}"  # 0 is the padding; each stage ends with a ReLU
    if part == "decoder":
        index = 7 if path == ["2"] else 3 * int(path[0]) + int(path[1])  # 6 is the padding before the last convolution
        return f"stream1_up.{index}.{tensor}"
    block, stream = path[:2]
    return f"att.{block}.conv_block_stream{1 if stream == 'picture' else 2}.{_branch_index(path[2:], dropout)}.{tensor}"


def _branch_index(path: list[str], dropout: bool) -> int:
    """Number of a layer inside a block: pad, conv 1, norm 2, ReLU 3, [dropout 4], pad, conv 5 or 6, norm 6 or 7."""
    second = 6 if dropout else 5
    return {("0", "0"): 1, ("0", "1"): 2, ("2",): second, ("3",): second + 1}[tuple(path)]


def _notes(config: ModelConfig, dropped: tuple[str, ...], settings: Mapping[str, Any]) -> list[str]:
    form = "with" if config.dropout else "without"
    notes = [f"Told from the keys: {config.norm} norm, width {config.width}, {config.blocks} blocks, the form {form} dropout modules."]
    assumed = [
        f"{name} {text}"
        for name, text in (
            ("size", f"{config.size[0]}x{config.size[1]} (height x width)"),
            ("heatmaps", config.heatmaps),
            ("sigma", f"{config.sigma:g} px"),
        )
        if name not in settings
    ]
    if assumed:
        notes.append(f"Not in the file, taken as the paper has it with {config.norm} norm: {', '.join(assumed)}.")
    counters = sum(key.endswith("num_batches_tracked") for key in dropped)
    statistics = len(dropped) - counters
    if statistics:
        notes.append(f"Dropped {statistics} running statistics of instance norms (torch 0.3.1 stored them without using them).")
    if counters:
        notes.append(f"Dropped {counters} num_batches_tracked counters (used in training only).")
    return notes
