"""Training pairs: a batch is a function of (seed, step), so a run goes on anywhere and with any number of workers.

One class for every data set and for rendered people; `training.feed` makes the batches ahead, in a thread or in processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from posetransfer.config import Augmentation, ModelConfig, Settings
from posetransfer.cutout.edges import composite
from posetransfer.data.augment import Example, augment_pair
from posetransfer.data.cache import PictureFiles, PictureStore, open_cache
from posetransfer.data.manifest import PreparedFolder
from posetransfer.errors import SettingsError
from posetransfer.pose.pose import Pose

Sampler = Literal["random", "shuffled"]


@dataclass(frozen=True)
class Batch:
    """Pairs as arrays: pictures uint8 (B, H, W, 3) RGB, joints float32 (B, 18, 2) as (x, y) in their pixels, NaN = missing."""

    source: npt.NDArray[np.uint8]
    source_points: npt.NDArray[np.float32]
    target: npt.NDArray[np.uint8]
    target_points: npt.NDArray[np.float32]
    target_mask: npt.NDArray[np.uint8]
    """uint8 (B, H, W), 255 = person; all 255 where the set has no masks."""
    names: tuple[tuple[str, str], ...]
    """File names (source, target)."""
    people: npt.NDArray[np.int64]
    """(B,) a number for the person of each target, the same one in all batches of a split."""


class Pairs:
    """The pairs of one split of a prepared folder. Small to pickle: worker processes open the pictures themselves.

    Args:
        folder: a prepared folder (`manifest.PreparedFolder`).
        split: "train" or "test".
        model: size and backdrop are read here.
        augmentation: random changes; none by default.
        batch: pairs a batch, over all processes.
        seed: decides order and changes.
        sampler: "random" draws pairs with replacement (authors' code), "shuffled" takes every pair once a pass.
        rank, world: this process takes every `world`-th pair of a batch, beginning with `rank`.
        cache: file for the decoded pictures, by default inside the folder; False decodes each picture when it is needed.
        epoch_steps, last_batch: every `epoch_steps`-th batch has `last_batch` pairs only (the paper: 4,000 pairs are 571 batches
            of 7 and one of 3); 0: all batches are alike.
        needs_masks: a loss looks at them: refuse a folder without.

    Raises:
        DataError: the folder is incomplete, a picture cannot be read, or the split has no pairs.
        SettingsError: the model, the changes or a loss need masks, and the folder has none; or a batch of no pairs.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        model: ModelConfig,
        augmentation: Augmentation | None = None,
        *,
        batch: int = 32,
        seed: int = 0,
        sampler: Sampler = "random",
        rank: int = 0,
        world: int = 1,
        cache: Path | Literal[False] | None = None,
        epoch_steps: int = 0,
        last_batch: int = 0,
        needs_masks: bool = False,
    ) -> None:
        if batch < 1 or not 0 <= last_batch <= batch:
            raise SettingsError(
                f"a batch of {batch} pairs, the last of an epoch of {last_batch}; expected at least 1, and the last not larger."
            )
        prepared = PreparedFolder.open(folder)
        part = prepared.split(split)
        self.model, self.augmentation = model, augmentation or Augmentation()
        _refuse_without_masks(prepared, self.model, self.augmentation, needs_masks)
        self.people = np.unique([prepared.people[name] for name in part.names], return_inverse=True)[1]
        self.names, self.pairs = part.names, part.pairs
        self.size_of_batch, self.seed, self.sampler = batch, seed, sampler
        self.rank, self.world = rank, world
        self.epoch_steps, self.last_batch = (epoch_steps, last_batch) if last_batch else (0, 0)
        height, width = model.size
        pictures = [prepared.picture_path(n) for n in part.names]
        masks = [prepared.mask_path(n) if prepared.has_masks else None for n in part.names]
        self.pictures: PictureStore
        if cache is False:
            self.pictures = PictureFiles(pictures, masks, model.size)
        else:
            file = cache or Path(folder) / "cache" / f"{split}-{height}x{width}.npy"
            self.pictures = open_cache(file, pictures, masks, model.size, lists=prepared.folder / f"annotation-{split}.csv")
        self.points = (part.points + 0.5) * (np.array([width, height]) / np.array(part.size[::-1])) - 0.5  # (N, 18, 2)

    @classmethod
    def of(cls, folder: Path, split: str, settings: Settings, *, rank: int = 0, world: int = 1) -> Pairs:
        """The pairs that settings describe."""
        t = settings.training
        return cls(
            folder,
            split,
            settings.model,
            settings.augmentation,
            batch=t.batch,
            seed=t.seed,
            sampler=t.sampler,
            rank=rank,
            world=world,
            epoch_steps=t.epoch_steps,
            last_batch=t.last_batch,
            needs_masks=settings.loss.wants_masks,
        )

    def __len__(self) -> int:
        """Pairs of the list: what one pass of the "shuffled" sampler takes, whatever is called an epoch."""
        return len(self.pairs)

    def batch_size(self, step: int) -> int:
        """Pairs of the batch of a step, over all processes."""
        return self.last_batch if self.epoch_steps and step % self.epoch_steps == 0 else self.size_of_batch

    def batch(self, step: int) -> Batch:
        """The batch of a step, counted from 1; this process's share of it."""
        places = range(self.rank, self.batch_size(step), self.world)
        chosen = self._choose(step)[list(places)]
        made = [self._pair(int(k), np.random.default_rng([self.seed, step, place, 1])) for k, place in zip(chosen, places, strict=True)]
        return self._collate(made, chosen)

    def examples(self, chosen: npt.ArrayLike) -> Batch:
        """Pairs by their number in the list, without random changes."""
        chosen = np.asarray(chosen)
        made = [self._plain(int(k)) for k in chosen]
        return self._collate(made, chosen)

    def _collate(self, made: list[tuple[Example, Example]], chosen: npt.NDArray[np.intp]) -> Batch:
        pairs = self.pairs[chosen]
        return collate(made, [(self.names[a], self.names[b]) for a, b in pairs], self.people[pairs[:, 1]], self.model)

    def _choose(self, step: int) -> npt.NDArray[np.intp]:
        if self.sampler == "random":
            return np.random.default_rng([self.seed, step, 0]).integers(len(self.pairs), size=self.size_of_batch)
        shorter = (step - 1) // self.epoch_steps * (self.size_of_batch - self.last_batch) if self.epoch_steps else 0
        position = (step - 1) * self.size_of_batch - shorter + np.arange(self.batch_size(step))
        passes = position // len(self.pairs)
        orders = {int(p): np.random.default_rng([self.seed, int(p), 3]).permutation(len(self.pairs)) for p in np.unique(passes)}
        return np.array([orders[int(p)][i % len(self.pairs)] for p, i in zip(passes, position, strict=True)])

    def _plain(self, k: int) -> tuple[Example, Example]:
        source, target = (self._example(int(i)) for i in self.pairs[k])
        return source, target

    def _example(self, i: int) -> Example:
        picture = self.pictures[i]
        return Example(picture[..., :3], picture[..., 3], Pose(self.points[i], self.model.size))

    def _pair(self, k: int, rng: np.random.Generator) -> tuple[Example, Example]:
        return augment_pair(*self._plain(k), self.augmentation, rng)


def _refuse_without_masks(prepared: PreparedFolder, model: ModelConfig, augmentation: Augmentation, loss: bool) -> None:
    reasons = {"backdrop plain": model.backdrop == "plain", "a new background": augmentation.background, "a loss inside the person": loss}
    wanted = next((name for name, given in reasons.items() if given), None)
    if wanted and not prepared.has_masks:
        raise SettingsError(f"{prepared.folder}: the data set has no masks, but {wanted} needs them; prepare it again with --masks.")


def collate(made: list[tuple[Example, Example]], names: list[tuple[str, str]], people: npt.NDArray[np.int64], model: ModelConfig) -> Batch:
    """Stack examples, over the plain backdrop where the model wants one."""
    sources, targets = zip(*made, strict=True)
    return Batch(
        np.stack([over_backdrop(e, model) for e in sources]),
        np.stack([e.pose.points for e in sources]).astype(np.float32),
        np.stack([over_backdrop(e, model) for e in targets]),
        np.stack([e.pose.points for e in targets]).astype(np.float32),
        np.stack([e.mask for e in targets]),
        tuple(names),
        people,
    )


def over_backdrop(example: Example, model: ModelConfig) -> npt.NDArray[np.uint8]:
    """The picture as the network should see it: as it is, or the person over the plain colour."""
    if model.backdrop == "photo":
        return example.picture
    return composite(example.picture, example.mask.astype(np.float32) / np.float32(255), model.backdrop_colour)
