"""An identity: body, skin, hair, clothes, shoes and bag, joined to one mesh in the rest pose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from posetransfer.people.accessories import add_bag, add_headwear, add_shoes, choose_bag, choose_hat
from posetransfer.people.arrays import Array, Rng
from posetransfer.people.assets import Assets
from posetransfer.people.body import Body
from posetransfer.people.face import choose_expression, move_face
from posetransfer.people.hair import Hair, add_hair
from posetransfer.people.head import Looks, add_brows, add_eyes, paint_skin
from posetransfer.people.mesh import Mesh, MeshBuilder
from posetransfer.people.wardrobe import Dresser, choose_outfit

RACES = ("african", "asian", "caucasian")
RACE_SHARES = (0.22, 0.24, 0.54)
AGES, AGE_SHARES = ("young", "middleage", "old"), (0.56, 0.30, 0.14)
"""Ages of the skin textures and how often each is drawn: the shape space itself is of young adults."""


@dataclass(frozen=True, eq=False)
class Identity:
    """One made-up person.

    Attributes:
        mesh: in the rest pose.
        drawn: numbers of the vertices that are drawn.
        body: joints and girths.
        label: sex, race, age, height in metres, hair, clothes, shoes, bag: the row of `people.jsonl`.
        bag: "", "backpack", "cross", "hand:L" or "hand:R".
    """

    mesh: Mesh
    drawn: Array
    body: Body
    label: dict[str, Any]
    bag: str

    @property
    def wears_a_skirt(self) -> bool:
        """Or a dress or a long coat."""
        return any(str(piece[0]).startswith(("skirt", "dress", "coat")) for piece in self.label["wear"])


def make_identity(assets: Assets, rng: Rng, texture_size: int, bags: float) -> Identity:
    """Draw a random person.

    Args:
        texture_size: side of each texture in texels (256 for street pictures, 384 for studio).
        bags: how often one is carried, 1 = 28 of 100 people.
    """
    base, looks, height = _make_body(assets, rng)
    body = Body(assets, base)
    expression = choose_expression(rng)
    base = move_face(assets, base, expression)
    builder = MeshBuilder(base, assets.bones, assets.bone_weights, texture_size)
    label: dict[str, Any] = {"sex": looks.sex, "race": looks.race, "age": looks.age, "height": height}
    skin, hair = paint_skin(assets, rng, looks, expression, texture_size)
    label["hair"] = hair.style
    if hair.beard:
        label["beard"] = hair.beard
    skin_material = builder.material(skin, shine=0.05, gloss=14, two_sided=False, wrap=0.25)

    bag = choose_bag(rng, bags)
    outfit = choose_outfit(rng, looks.sex)
    dresser = Dresser(assets, rng, builder, base, body, looks.sex)
    label["wear"] = dresser.dress(outfit, strap=bag)
    _add_body(assets, builder, dresser.hidden, skin_material)
    _add_head(assets, rng, builder, base, looks, hair, outfit.outermost_bias)
    label["shoes"] = add_shoes(assets, rng, builder, base, looks.sex)
    if bag:
        label["bag"] = bag
        bag = add_bag(assets, rng, builder, body, bag)
    mesh = builder.build()
    return Identity(mesh, mesh.drawn(), body, label, bag)


def _make_body(assets: Assets, rng: Rng) -> tuple[Array, Looks, float]:
    """A body (19158, 3) in metres between two sampled adults of one sex, its looks, and its height in metres."""
    sex = "m" if rng.random() < 0.5 else "f"
    race = int(rng.choice(3, p=RACE_SHARES))
    rows = np.flatnonzero(((assets.shape_labels[:, 0] > 0.5) == (sex == "m")) & (assets.shape_labels[:, 5:8].argmax(1) == race))
    i, j = rng.choice(rows, 2, replace=False)
    t = rng.beta(0.6, 0.6)
    blend = assets.shape_coefficients[i] * (1 - t) + assets.shape_coefficients[j] * t
    coefficients = blend + rng.normal(0, 0.12, assets.shape_coefficients.shape[1])
    label = assets.shape_labels[i] * (1 - t) + assets.shape_labels[j] * t
    base = (assets.mean + np.tensordot(coefficients.astype(np.float32), assets.basis, 1)).astype(np.float32)
    looks = Looks(sex, RACES[int(np.argmax(label[5:8]))], str(rng.choice(AGES, p=AGE_SHARES)))
    return base, looks, round(float(label[4]), 2)


def _add_body(assets: Assets, builder: MeshBuilder, hidden: Array, material: int) -> None:
    """The skin, without what clothes hide entirely."""
    shown = np.flatnonzero(~hidden[assets.triangles["body"]].all(1))
    builder.add_faces(assets.triangles["body"][shown], assets.uv["body"][shown], material)


def _add_head(assets: Assets, rng: Rng, builder: MeshBuilder, base: Array, looks: Looks, hair: Hair, outermost: float) -> None:
    add_eyes(assets, rng, builder, looks.race)
    add_brows(assets, rng, builder, base, hair)
    hat = choose_hat(rng)
    add_hair(assets, rng, builder, base, hair, over_clothes=outermost + 0.018)
    add_headwear(assets, rng, builder, base, hat, looks.age)
