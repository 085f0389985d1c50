"""What a person wears: the choice of an outfit, and each piece cut, painted and fitted to the body."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.assets import Assets, Proxy
from posetransfer.people.body import Body
from posetransfer.people.cloth import UNCUT, Cut, Painted, paint
from posetransfer.people.garment_maps import LimbPlaces, garment_maps, limb_places
from posetransfer.people.garments import PIECES, garment, pieces_for
from posetransfer.people.mesh import MeshBuilder
from posetransfer.people.surface import normals

DRESS_TOPS = ("tee_f1", "long_m", "vneck_f", "tank_f", "blouse_f", "sleeveless_f", "tee_f2")
OPEN = ("long_m", "shirt_m")
"""Tops that are also worn open over another."""
LONG_LEGS = ("jeans", "trousers", "leggings", "overall")
OVER_THE_ARM = ("upperarm", "lowerarm", "wrist", "finger", "shoulder", "clavicle")


@dataclass
class Outfit:
    """Pieces from the inside out, each with its depth bias in metres; whether the top is tucked in; a seed of shared cloth, 0 none."""

    worn: list[tuple[str, float]] = field(default_factory=list)
    tucked: bool = False
    same_cloth: int = 0
    open_front: float = 0.0
    """Half the width by which the outermost piece stands open at the waist, metres."""

    @property
    def outermost_bias(self) -> float:
        """The largest depth bias, metres."""
        return max(bias for _, bias in self.worn)


def choose_outfit(rng: Rng, sex: str) -> Outfit:
    """A dress, a suit of denim, a top and skirt of one cloth, or trousers, top and maybe a jacket."""
    chance = rng.random()
    outfit = Outfit()
    if sex == "f" and chance < 0.22:
        outfit.worn.append((str(rng.choice(pieces_for("dress", sex))), 0.016))
    elif sex == "m" and chance < 0.03:
        outfit.worn.append(("denim_suit", 0.016))
    elif sex == "f" and chance < 0.34:
        outfit.tucked = True
        outfit.worn += [("skirt_long", 0.018), (str(rng.choice(DRESS_TOPS)), 0.012)]
        outfit.same_cloth = int(rng.integers(1 << 30))
    else:
        _choose_separates(rng, sex, outfit)
    if any(piece == "dress_tube" for piece, _ in outfit.worn) and rng.random() < 0.4:
        outfit.worn.append(("blouse_f", 0.024))
    return outfit


def _choose_separates(rng: Rng, sex: str, outfit: Outfit) -> None:
    outfit.tucked = rng.random() < (0.4 if sex == "f" else 0.15)
    bottom = str(rng.choice(pieces_for("bottom", sex)))
    top = str(rng.choice(pieces_for("top", sex)))
    if top == "crop_f" and rng.random() < 0.5:
        top = "tee_f1"
    if bottom == "overall":
        top = "tee_w"
        outfit.tucked = True
    outer = ""
    if rng.random() < (0.22 if sex == "m" else 0.16):
        outer = str(rng.choice(pieces_for("outer", sex)))
    outfit.worn.append((bottom, 0.018 if outfit.tucked else 0.010))
    if outer in ("parka_m", "blazer_m"):  # these meshes bring a shirt of their own
        outfit.worn.append((outer, 0.022))
        return
    outfit.worn.append((top, 0.012 if outfit.tucked else 0.018))
    if outer:
        outfit.worn.append((outer, 0.028))
    elif bottom != "overall" and rng.random() < 0.16:  # an open shirt or cardigan
        outfit.open_front = rng.uniform(0.03, 0.10)
        outfit.worn[-1] = (top, 0.012)
        outfit.worn.append((str(rng.choice(OPEN)), 0.036))


class Dresser:
    """Puts an outfit on one body; remembers what of the body it hides."""

    def __init__(self, assets: Assets, rng: Rng, builder: MeshBuilder, base: Array, body: Body, sex: str) -> None:
        self.assets, self.rng, self.builder, self.base, self.body, self.sex = assets, rng, builder, base, body, sex
        self.hidden = np.zeros(len(base), bool)
        self._limbs = limb_places(assets, assets.mean, assets.mean, assets.bones, assets.bone_weights)

    def dress(self, outfit: Outfit, strap: str) -> list[list[object]]:
        """Put on all pieces; straps of a bag ("backpack", "cross") go over the outermost.

        Returns:
            piece, pattern and colour of each, from the inside out.
        """
        return [self._put_on(outfit, i, strap if i == len(outfit.worn) - 1 else "") for i in range(len(outfit.worn))]

    def _put_on(self, outfit: Outfit, number: int, strap: str) -> list[object]:
        name, bias = outfit.worn[number]
        tucked = outfit.tucked and number < 2
        waistband = self._waistband(outfit) if tucked and PIECES[name].kind in ("top", "undertop") else None
        over = number > 1 and outfit.open_front > 0 and number == len(outfit.worn) - 1
        cut = Cut(open=outfit.open_front) if over else self._choose_cut(name, waistband)
        painted = paint(self.assets, name, self.rng, self.builder.size, cut, strap, outfit.same_cloth)
        fit: Literal["usual", "under", "over"] = "over" if over else "under" if number == 1 and outfit.open_front > 0 else "usual"
        vertices = self._fit(name, tucked, waistband, fit)
        self._add(name, vertices, painted, bias, cut)
        return [name, painted.pattern, painted.colour]

    def _waistband(self, outfit: Outfit) -> float | None:
        """Upper edge of the bottom on the mean body, metres; an overall has none."""
        bottom = outfit.worn[0][0]
        if bottom == "overall":
            return None
        proxy, triangles, _ = garment(self.assets, bottom)
        return float(proxy.fit(self.assets.mean)[np.unique(triangles), 1].max())

    def _choose_cut(self, name: str, waistband: float | None) -> Cut:
        rng, kind = self.rng, PIECES[name].kind
        sleeve, leg, hem = UNCUT, UNCUT, -UNCUT
        if kind == "top":
            maps = garment_maps(self.assets, name, self.builder.size)
            length = float(maps.arm[maps.alpha > 0.5].max())
            if length > 0.75:
                sleeve = float(rng.choice([UNCUT, UNCUT, UNCUT, rng.uniform(0.18, 0.42), rng.uniform(0.5, 0.8)]))
            elif length > 0.25 and rng.random() < 0.3:
                sleeve = rng.uniform(0.12, length)
            if rng.random() < 0.12 and self.sex == "f":
                hem = rng.uniform(0.12, 0.17)
        if waistband is not None:  # tucked in: nothing below the waistband
            hem = max(hem, waistband - 0.035)
        if kind == "bottom" and name.startswith(LONG_LEGS) and rng.random() < 0.22:
            leg = float(rng.choice([rng.uniform(0.25, 0.5), rng.uniform(0.65, 0.9), rng.uniform(0.25, 0.5)]))
        if name == "skirt_long":
            leg = float(rng.choice([rng.uniform(0.25, 0.45), rng.uniform(0.45, 0.9), UNCUT]))
        return Cut(sleeve, leg, hem)

    def _fit(self, name: str, tucked: bool, waistband: float | None, fit: Literal["usual", "under", "over"]) -> Array:
        """Vertices (V, 3) in metres: pushed off the skin, looser or tighter, tucked in or hanging straight; tight under an open top."""
        rng, kind = self.rng, PIECES[name].kind
        proxy = garment(self.assets, name)[0]
        vertices = proxy.fit(self.base).astype(np.float32)
        outward = normals(vertices, proxy.triangles)
        loose = rng.uniform(0, 0.010) if kind in ("top", "outer", "bottom") else rng.uniform(0, 0.005)
        if fit != "usual":
            loose = 0.016 if fit == "over" else 0.0
        push = np.full(len(vertices), 0.002 + (loose if kind != "bottom" else 0))
        if kind == "bottom" and not name.startswith("leggings"):
            wide = max(0, rng.normal(0.004, 0.014))
            leg = limb_places(self.assets, self.base, vertices, proxy.bones, proxy.bone_weights).leg
            push += np.clip(leg, 0, 1) * wide + loose * 0.3
        if kind == "outer":
            push += 0.006
        vertices = vertices + outward * push[:, None].astype(np.float32)
        if waistband is not None:
            below = np.clip((waistband + 0.015 - proxy.fit(self.assets.mean)[:, 1]) / 0.03, 0, 1)
            vertices = vertices - outward * (0.016 * below)[:, None].astype(np.float32)
        if kind in ("top", "outer", "undertop") and not tucked and name[-2:] != "_f":
            amount = rng.beta(1.2, 1.6)
            vertices = self._hang_straight(vertices, proxy, {"usual": amount, "under": 0.1 * amount, "over": 0.3 + 0.7 * amount}[fit])
        return vertices

    def _hang_straight(self, vertices: Array, proxy: Proxy, amount: float) -> Array:
        """Let a top hang from the chest: waist cross-sections grow by `amount` (0 to 1) of the way to the chest's ellipse."""
        body = self.body
        arm_bones = np.array([bone.startswith(OVER_THE_ARM) for bone in self.assets.bone_names])
        on_arm = (proxy.bone_weights * arm_bones[proxy.bones]).sum(1)
        middle = (body.chest_front + body.chest_back) / 2
        half_width = body.chest_w * 1.04
        half_depth = (body.chest_front - body.chest_back) / 2 * 1.05
        x, z = vertices[:, 0], vertices[:, 2] - middle
        radius = np.hypot(x, z) + 1e-6
        ellipse = 1 / np.sqrt((x / radius / half_width) ** 2 + (z / radius / half_depth) ** 2)
        share = np.clip((body.chest_y + 0.02 - vertices[:, 1]) / 0.12, 0, 1) * np.clip(1 - on_arm * 4, 0, 1) * amount
        grow = 1 + np.maximum(0, ellipse - radius) / radius * share
        hung = vertices.copy()
        hung[:, 0] = x * grow
        hung[:, 2] = z * grow + middle
        return hung

    def _add(self, name: str, vertices: Array, painted: Painted, bias: float, cut: Cut) -> None:
        """Into the mesh, without the triangles that are cut away; what it covers of the body is hidden."""
        proxy, triangles, uv = garment(self.assets, name)
        visible = painted.texture[..., 3] > 0
        corners = [uv.mean(1), uv[:, 0], uv[:, 1], uv[:, 2]]
        kept = np.logical_or.reduce([_at(visible, corner) for corner in corners])
        material = self.builder.material(
            painted.texture, alpha=not visible.all(), shine=painted.shine, gloss=painted.gloss, bump=painted.bump, bias=bias
        )
        self.builder.add(vertices, proxy.bones, proxy.bone_weights, triangles[kept], uv[kept], material)
        self._hide(proxy, triangles[kept], cut, self._limbs)

    def _hide(self, proxy: Proxy, triangles: Array, cut: Cut, limbs: LimbPlaces) -> None:
        """Hide the body below, but not where the cloth is cut."""
        mean = self.assets.mean
        height = proxy.fit(mean)[np.unique(triangles), 1]
        low, high = height.min() + 0.02, height.max() - 0.01
        covered = proxy.hidden & (mean[:, 1] > max(low, cut.hem + 0.02)) & (mean[:, 1] < high)
        if cut.sleeve < 2:
            covered &= ~((limbs.on_arm > 0.3) & (limbs.arm > cut.sleeve - 0.06))
        if cut.leg < 2:
            covered &= ~(limbs.leg > cut.leg - 0.04)
        self.hidden |= covered


def _at(mask: Array, uv: Array) -> Array:
    """The texels of a mask (S, S) at texture coordinates (F, 2)."""
    size = len(mask)
    found: Array = mask[((1 - uv[..., 1]) * size).astype(int) % size, (uv[..., 0] * size).astype(int) % size]
    return found
