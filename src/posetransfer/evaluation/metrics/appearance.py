"""Appearance carried over: is the picture's nearest neighbour among many people, shown in other poses, the right person?

A person's look is described by VGG-16 inside the person's mask: mean and standard deviation of each channel over the mask, of the
maps relu1_2 (mostly colour) and relu3_3 (mostly texture), each of the two scaled to unit length; no place, for the pose must not
matter. The gallery holds one true picture per person, in a pose that is neither the query's target nor its source. Distances are
Euclidean. A pair is a hit if its own person is nearer than everybody else. The same with the true target picture in place of the
generated one is the ceiling; guessing gives one in as many as there are people.

The recipe was chosen on true pictures of training people: they find themselves best (docs/evaluation.md has the figures).

`appearance_nn` looks at the true picture's whole mask, also in the generated picture, so an outline that is a pixel or two off counts as
another look: the backdrop's colour is in it then. `appearance_nn_inner` is the same without a border along the outline.
`appearance_nn_own` looks at each picture inside the person that it shows itself, found in generated and true pictures alike by the plain
colour behind (`backdrop.lift`): it asks for what is worn, not for where it ends. What is painted in the wrong place or left out does not
count there; that is for the joints and for `mask_ssim` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from posetransfer.backdrop.lift import lift
from posetransfer.evaluation.batch import Batch, Columns, Mask, Picture

Floats = npt.NDArray[np.float32]

NAME = "appearance_nn"
INNER = "appearance_nn_inner"
OWN = "appearance_nn_own"
BORDER = 1 / 128
"""Of the picture's height, what `INNER` leaves out along the outline: two pixels of 256."""
COLUMNS = {
    NAME: ("appearance_features", "appearance_real_features"),
    INNER: ("appearance_inner_features", "appearance_inner_real_features"),
    OWN: ("appearance_own_features", "appearance_own_real_features"),
}
"""Score -> columns of the looks that it compares: of the generated and of the real pictures."""
PEOPLE = 100
"""At most so many people, the first by name."""
LENGTH = 2 * (64 + 256)
"""Of a look: mean and deviation of all channels."""
LEAST = 3
"""True pictures that a person needs: one must be left when a pair's source and target are taken out."""


def masked_statistics(maps: npt.NDArray[np.floating], share: npt.NDArray[np.floating]) -> Floats:
    """Mean and standard deviation of each channel over a mask.

    Args:
        maps: (C, h, w).
        share: (h, w) in [0, 1], how much of each cell is the person's.

    Returns:
        float32 (2 C,), all means and then all deviations; NaN if the mask is empty.

    >>> masked_statistics(np.array([[[1.0, 3.0, 9.0]]]), np.array([[1.0, 1.0, 0.0]])).tolist()
    [2.0, 1.0]
    """
    total = float(share.sum())
    if not total:
        return np.full(2 * len(maps), np.nan, np.float32)
    weights = share.astype(np.float64) / total
    mean = (maps * weights).sum(axis=(1, 2))
    variance = ((maps - mean[:, None, None]) ** 2 * weights).sum(axis=(1, 2))
    return np.concatenate([mean, np.sqrt(variance)]).astype(np.float32)


def cell_shares(mask: Mask, cells: tuple[int, int]) -> npt.NDArray[np.float64]:
    """The part of each cell that a mask covers; cells of relu3_3 are 4 x 4 pixels, what lies beyond the last whole cell is left out.

    >>> cell_shares(np.eye(8, 9, dtype=bool), (2, 2)).tolist()
    [[0.25, 0.0], [0.0, 0.25]]
    """
    (rows, columns), (height, width) = cells, (mask.shape[0] // cells[0], mask.shape[1] // cells[1])
    whole = mask[: rows * height, : columns * width].astype(np.float64)
    return np.asarray(whole.reshape(rows, height, columns, width).mean(axis=(1, 3)))


def is_nearest(query: Floats, gallery: npt.NDArray[np.floating], right: int) -> bool:
    """Whether one row of the gallery is nearer to the query than every other row.

    Args:
        query: (d,).
        gallery: (people, d).
        right: the row of the query's own person.

    >>> is_nearest(np.array([1.0, 0.0], np.float32), np.array([[1.0, 0.1], [0.0, 0.0]]), 0)
    True
    """
    distances = ((gallery.astype(np.float64) - query) ** 2).sum(axis=1)
    return bool((distances[right] < np.delete(distances, right)).all())


@dataclass(frozen=True)
class AppearanceMeasure:
    """Describes the person in the generated and in the real picture of a pair, inside the true mask and inside their own."""

    wanted: frozenset[str] | None = field(default=None, repr=False)
    """Names of the pairs that take part (`Appearances.takes_part`); None: all. The others are not looked at."""

    def __call__(self, batch: Batch) -> Columns:
        """The columns of `COLUMNS`, float32 (n, 640) each; NaN without mask or part, those of `OWN` without a plain backdrop, too."""
        made, real = self._described(batch, batch.generated), self._described(batch, batch.real)
        return {
            column: looks[:, i] for i, columns in enumerate(COLUMNS.values()) for column, looks in zip(columns, (made, real), strict=True)
        }

    def _described(self, batch: Batch, pictures: Sequence[Picture]) -> Floats:
        masks = [batch.mask(i) if self.wanted is None or name in self.wanted else None for i, name in enumerate(batch.names)]
        return np.stack([describe(picture, mask, batch.backdrop(i)) for i, (picture, mask) in enumerate(zip(pictures, masks, strict=True))])


def without_border(mask: Mask) -> Mask:
    """What is left of a mask when `BORDER` is taken off along its outline; all of it where nothing would be left.

    The edge of the picture is no outline.

    >>> without_border(np.ones((128, 3), bool)).all(), without_border(np.eye(128, 3, dtype=bool)).sum()
    (np.True_, np.int64(3))
    """
    width = 2 * max(1, round(BORDER * mask.shape[0])) + 1
    inner: Mask = np.pad(mask, width // 2, mode="edge")
    for axis in (0, 1):
        inner = np.asarray(np.lib.stride_tricks.sliding_window_view(inner, width, axis=axis).all(axis=-1))
    return inner if inner.any() else mask


def painted(picture: Picture, colour: tuple[int, int, int]) -> Mask:
    """Where a picture shows a person before a plain colour.

    Over a key colour the hue decides (`backdrop.key`): clothes of nearly that colour are taken for the backdrop, in all pictures alike.

    Args:
        picture: (H, W, 3) uint8.
        colour: RGB.

    Returns:
        (H, W) True where at least half of a pixel is the person's.
    """
    return np.asarray(lift(picture, colour)[1] >= 0.5)


def describe(picture: Picture, mask: Mask | None, backdrop: tuple[int, int, int] | None = None) -> Floats:
    """The looks of a person: inside the mask, inside it without its border, and inside what the picture itself shows as the person.

    Args:
        picture: (H, W, 3) uint8, at least 4 x 4.
        mask: (H, W) True on the person.
        backdrop: RGB behind the person.

    Returns:
        float32 (3, 640), NaN without a mask; the third NaN without a plain backdrop, and the first again where nothing is before it.
    """
    from posetransfer.evaluation.metrics.networks.shipped import relu1_2_and_relu3_3

    if mask is None or not mask.any():
        return np.full((len(COLUMNS), LENGTH), np.nan, np.float32)
    layers = relu1_2_and_relu3_3(picture)
    first, inner = (_look(layers, inside) for inside in (mask, without_border(mask)))
    if backdrop is None:
        return np.stack([first, inner, np.full(LENGTH, np.nan, np.float32)])
    own = _look(layers, painted(picture, backdrop))
    return np.stack([first, inner, own if np.isfinite(own).all() else first])


def _look(layers: Sequence[Floats], mask: Mask) -> Floats:
    looks = [masked_statistics(maps, cell_shares(mask, (maps.shape[1], maps.shape[2]))) for maps in layers]
    return np.concatenate([look / np.linalg.norm(look) for look in looks])


@dataclass
class Appearances:
    """Streaming state: the looks of the first people by name, query and gallery; memory grows with `PEOPLE`, not with the pairs.

    Args:
        people: the person of every pair to come, in their order.
        targets: the name of every pair's target picture, likewise.
    """

    people: Sequence[str]
    targets: Sequence[str]
    chosen: tuple[str, ...] = field(init=False)
    """The people that take part."""
    seen: int = field(init=False, default=0)
    queries: dict[int, tuple[Floats, Floats]] = field(init=False, default_factory=dict)
    """Number of a pair -> look of its generated and of its real picture."""
    gallery: dict[str, dict[str, Floats]] = field(init=False, default_factory=dict)
    """Person -> true picture -> look."""

    def __post_init__(self) -> None:
        pictures: dict[str, set[str]] = {}
        for person, target in zip(self.people, self.targets, strict=True):
            pictures.setdefault(person, set()).add(target)
        self.chosen = tuple(sorted(person for person, names in pictures.items() if len(names) >= LEAST)[:PEOPLE])
        self.gallery = {person: {} for person in self.chosen}

    def takes_part(self, pair: int) -> bool:
        """Whether a pair is one of the chosen people's, by its number."""
        return self.people[pair] in self.gallery

    def add(self, generated: Floats, real: Floats) -> None:
        """Take in the looks of the next pairs, (n, d) each."""
        for one, other in zip(generated, real, strict=True):
            person = self.people[self.seen]
            if person in self.gallery and not np.isnan(one).any() and not np.isnan(other).any():
                self.queries[self.seen] = one, other
                self.gallery[person].setdefault(self.targets[self.seen], other)
            self.seen += 1

    def hits(self, sources: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Whether each pair finds its person, by the generated picture and by the real one (the ceiling).

        Args:
            sources: the name of every pair's source picture.

        Returns:
            two (pairs,) arrays of 1, 0, and NaN for pairs that take no part.
        """
        found = np.full((2, len(self.people)), np.nan)
        people = [person for person in self.chosen if len(self.gallery[person]) >= LEAST]
        places = {person: i for i, person in enumerate(people)}
        for pair, looks in self.queries.items():
            if len(people) < 2 or self.people[pair] not in places:
                continue
            shown = self._gallery(people, {sources[pair], self.targets[pair]})
            found[:, pair] = [is_nearest(look, shown, places[self.people[pair]]) for look in looks]
        return found[0], found[1]

    def _gallery(self, people: Sequence[str], taken: set[str]) -> Floats:
        """Of each person the first true picture by name that is neither the pair's source nor its target."""
        return np.stack([self.gallery[person][min(self.gallery[person].keys() - taken)] for person in people])
