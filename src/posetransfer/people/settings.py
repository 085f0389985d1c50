"""What decides a rendered set. Readable without the renderer's packages."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from posetransfer.errors import SettingsError

Kind = Literal["street", "studio"]

SIZES: dict[Kind, tuple[int, int]] = {"street": (128, 64), "studio": (256, 176)}
"""Height and width of a picture: those of Market-1501, and of DeepFashion as the paper crops it."""

TEXTURE_SIZES: dict[Kind, int] = {"street": 256, "studio": 384}
"""Side of every texture of a person, in texels."""

RENDERER = 4
"""Raised whenever the same settings give another set; stands in `set.json`, and a set of another one is not gone on with."""

MOST_PEOPLE, MOST_IMAGES = 100_000, 100


@dataclass(frozen=True)
class PeopleSettings:
    """A set of synthetic people; written into it as `set.json`. Equal settings give equal bytes on one machine."""

    kind: Kind
    """`street`: 128 x 64, like surveillance pictures; `studio`: 256 x 176, like fashion photographs."""
    people: int
    """Number of people (identities)."""
    images: int
    """Pictures of each person."""
    seed: int
    """Every person, pose, camera and noise follows from (seed, kind, person, picture)."""
    cameras: int = 6
    """Street: number of fixed cameras, each with its own scene (24 or more to train on)."""
    random_bg: float = 0.15
    """Studio: share of backdrops that are textured instead of plain."""
    test: float = 0.1
    """Share of people in the test split; at least one."""
    pairs: int = 24
    """Pairs (source, target) of each person in the pair lists, at most images * (images - 1)."""
    first: int = 0
    """Number of the first person: sets of one seed with other numbers hold other people."""
    whole: float = 0.48
    """Studio: share of pictures that show the whole figure; the others are cut at thighs or knees."""
    same_scene: float = 0.6
    """Studio: share of people with one backdrop and light in all their pictures."""

    def __post_init__(self) -> None:
        if self.kind not in SIZES:
            raise SettingsError(f"kind is {self.kind!r}; expected one of {', '.join(SIZES)}.")
        for name, least in (("people", 1), ("images", 1), ("seed", 0), ("cameras", 1), ("pairs", 1), ("first", 0)):
            if (value := getattr(self, name)) < least:
                raise SettingsError(f"{name} is {value}; expected at least {least}.")
        for name in ("random_bg", "test", "whole", "same_scene"):
            if not 0 <= (share := getattr(self, name)) <= 1:
                raise SettingsError(f"{name} is {share}; expected a share from 0 to 1.")
        if self.first + self.people > MOST_PEOPLE or self.images > MOST_IMAGES:
            raise SettingsError(
                f"{self.people} people from number {self.first} with {self.images} images each are too many for the file names; "
                f"expected numbers below {MOST_PEOPLE} and at most {MOST_IMAGES} images: render several sets with other seeds."
            )

    def as_dict(self) -> dict[str, Any]:
        """The fields as they stand in `set.json`, and the renderer's number."""
        return asdict(self) | {"renderer": RENDERER}

    def difference(self, other: dict[str, Any]) -> str | None:
        """The first field in which a stored set differs, as "name is ... there, ... here"; None if it is the same set.

        >>> PeopleSettings("studio", 2, 3, seed=1).difference(PeopleSettings("studio", 2, 4, seed=1).as_dict())
        'images is 4 there, 3 here'
        """
        for name, value in self.as_dict().items():
            if name not in other or other[name] != value:
                return f"{name} is {other.get(name, 'missing')} there, {value} here"
        return None
