"""Painting a garment: colour and pattern, sleeves, prints, buttons, cuffs, straps, folds, cuts.

The painted texture belongs to the person: it is the same in every pose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from posetransfer.people.arrays import Array, Rng
from posetransfer.people.assets import Assets
from posetransfer.people.colours import colour, contrast, noise
from posetransfer.people.garment_maps import GarmentMaps, garment_maps
from posetransfer.people.garments import PIECES, SHOWS_A_LOGO, Piece
from posetransfer.people.patterns import choose_pattern, edge, paint_pattern
from posetransfer.people.prints import SIDE, draw_print
from posetransfer.people.relief import folds

UNCUT = 9.0
SUITS = ((25, 26, 30), (35, 40, 60), (80, 82, 88), (120, 110, 95), (60, 40, 35))
SHINE = {"suit": 0.03, "coat": 0.05, "denim": 0.02, "knit": 0.015, "woven": 0.04}
PRINTABLE = ("plain", "gradient", "block", "hstripe", "side")


@dataclass(frozen=True)
class Cut:
    """Where a garment ends; the defaults leave it as it is."""

    sleeve: float = UNCUT
    """Place along the arm, 0 shoulder to 1 wrist."""
    leg: float = UNCUT
    """Place along the leg, 0 hip to 1 ankle."""
    hem: float = -UNCUT
    """Height on the mean body, metres: nothing of the torso below it."""
    open: float = 0.0
    """Half the width of an open front at the waist, metres; 0 is closed."""


@dataclass(frozen=True, eq=False)
class Painted:
    """A texture (S, S, 5) uint8 (RGB, alpha, height for bumps), its material, and what to say of it."""

    texture: Array
    shine: float
    gloss: float
    bump: float
    pattern: str
    colour: list[float]


def paint(assets: Assets, name: str, rng: Rng, size: int, cut: Cut, strap: str = "", same: int = 0) -> Painted:
    """Paint a piece of `garments.PIECES`.

    Args:
        size: side of the texture in texels.
        strap: "backpack" or "cross" draws its straps.
        same: a seed shared by pieces of one cloth (a top and a skirt that make a dress); 0: a cloth of its own.
    """
    painter = _Painter(assets, name, rng, size, cut, strap, same)
    if painter.piece.kind != "bottom":
        painter.decorate()
    elif rng.random() < 0.10:
        painter.side_stripe()
    return painter.finish()


class _Painter:
    """The steps of painting one piece; each changes `rgb` (S, S, 3), sRGB in [0, 1]."""

    def __init__(self, assets: Assets, name: str, rng: Rng, size: int, cut: Cut, strap: str, same: int) -> None:
        self.rng, self.size, self.cut, self.strap, self.same = rng, size, cut, strap, same
        self.piece: Piece = PIECES[name]
        self.maps: GarmentMaps = garment_maps(assets, name, size)
        m = self.maps
        self.cloth = "woven" if same else self.piece.cloth
        self.arm = m.arm >= 0
        self.torso = ~self.arm & (m.place[..., 1] > 0.02)
        self.u: Array = np.where(self.arm, m.arm_across, m.place[..., 0]).astype(np.float32)
        self.v: Array = np.where(self.arm, 0.45 - m.arm * 0.55, m.place[..., 1]).astype(np.float32)
        self._choose_cloth(np.random.default_rng(same) if same else rng)

    def _choose_cloth(self, cloth_rng: Rng) -> None:
        rng, kind, cloth = self.rng, self.piece.kind, self.cloth
        base = colour(cloth_rng, "denim" if cloth == "denim" and rng.random() < 0.72 else "any")
        if kind == "bottom" and not self.same and base.max() - base.min() > 0.35 and rng.random() < 0.7:  # few loud trousers
            base = colour(rng, "denim") if cloth != "knit" else np.full(3, rng.uniform(0.05, 0.4))
        if cloth == "suit" and rng.random() < 0.8:
            base = np.array(SUITS[rng.integers(5)]) / 255 * rng.uniform(0.8, 1.2)
        self.base: Array = base
        self.pattern = choose_pattern(cloth_rng, cloth)
        self.rgb: Array = paint_pattern(cloth_rng, self.pattern, self.u, self.v, base).astype(np.float32)

    def decorate(self) -> None:
        """What tops and dresses have beyond their pattern."""
        rng, m = self.rng, self.maps
        if rng.random() < 0.16:  # sleeves in another colour
            self.rgb = self.rgb * (1 - m.sleeve[..., None]) + contrast(rng, self.base).astype(np.float32) * m.sleeve[..., None]
        if rng.random() < 0.04:  # back in another colour: no front foretells it
            self.rgb = np.where((self.torso & ~m.front)[..., None], contrast(rng, self.base).astype(np.float32), self.rgb)
        if self.pattern in PRINTABLE and rng.random() < (0.55 if self.cloth == "knit" else 0.12):
            self._print()
        if self.piece.kind == "top" and rng.random() < 0.07:
            self._number_on_the_back()
        if self.cloth in ("woven", "coat") and rng.random() < 0.7:
            self._buttons()
        if rng.random() < 0.25:
            self._cuffs()
        if self.strap == "backpack":
            self._backpack_straps()
        if self.strap == "cross":
            self._shoulder_strap()

    def _blend(self, share: Array, ink: Array) -> None:
        """Paint `ink` where `share` (S, S, 1) is 1."""
        self.rgb = self.rgb * (1 - share) + ink * share

    def _print(self) -> None:
        rng = self.rng
        picture = draw_print(rng, self.base)
        width = rng.uniform(0.07, 0.16)
        x, y = 0.0, rng.uniform(0.39, 0.44) - width * 0.3
        if rng.random() < 0.25:  # a small one over the heart
            width, x, y = 0.045, 0.075, 0.42
        behind = rng.random() < 0.15
        sign = -1 if behind else 1
        column = ((self.u - x) / width * sign * 0.5 + 0.5) * (SIDE - 1)
        row = (0.5 - (self.v - y) / width * 0.5) * (SIDE - 1)
        self._stamp(picture, column, row, self.torso & (self.maps.front ^ behind))

    def _number_on_the_back(self) -> None:
        picture = draw_print(self.rng, self.base)
        column = (-self.u / 0.13 * 0.5 + 0.5) * (SIDE - 1)
        row = (0.5 - (self.v - 0.36) / 0.13 * 0.5) * (SIDE - 1)
        self._stamp(picture, column, row, self.torso & ~self.maps.front)

    def _stamp(self, picture: Array, column: Array, row: Array, where: Array) -> None:
        x, y = column.astype(np.float32), row.astype(np.float32)
        stamped: Any = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        self._blend((stamped[..., 3] * where)[..., None], stamped[..., :3])

    def _buttons(self) -> None:
        """A line of buttons, or a zip."""
        line = _soft(np.abs(self.u) - 0.004, 0.004) * (self.torso & self.maps.front)[..., None]
        ink = contrast(self.rng, self.base) if self.rng.random() < 0.4 else self.base * 0.35
        self.rgb = self.rgb * (1 - line * 0.6) + line * 0.6 * ink

    def _cuffs(self) -> None:
        ink = contrast(self.rng, self.base)
        end = self.cut.sleeve if self.cut.sleeve < 2 else (self.maps.arm[self.arm].max() if self.arm.any() else 1)
        if self.rng.random() < 0.7:
            band = _soft(end - 0.06 - self.maps.arm, 0.02)
            self.rgb = self.rgb * (1 - band * self.arm[..., None]) + ink * band * self.arm[..., None]

    def _not_on_sleeves(self) -> Array:
        off: Array = ~((self.maps.sleeve > 0.5) & (self.maps.arm > 0.12))
        return off

    def _backpack_straps(self) -> None:
        ink = self.rng.uniform(0.03, 0.25, 3)
        place = self.maps.place
        where = self._not_on_sleeves() & self.maps.front & (place[..., 1] > 0.22)
        self._blend(_soft(np.abs(np.abs(place[..., 0]) - 0.105) - 0.022) * where[..., None], ink)

    def _shoulder_strap(self) -> None:
        ink = self.rng.uniform(0.03, 0.3, 3)
        place = self.maps.place
        away = np.abs(place[..., 0] + (place[..., 1] - 0.30) * 0.75)
        self._blend(_soft(away - 0.02) * (self._not_on_sleeves() & (place[..., 1] > 0.02))[..., None], ink)

    def side_stripe(self) -> None:
        """A stripe along the outer seam of trousers."""
        seam = np.where(self.maps.leg > 0.1, 0.16, 0.17)
        self._blend(_soft(0.013 - 0 * self.u + np.abs(np.abs(self.u) - seam) - 0.02), contrast(self.rng, self.base))

    def finish(self) -> Painted:
        """Shade, weave, cut and fold the cloth; the last draws of the material."""
        rng, size = self.rng, self.size
        detail = self._shade()
        detail = self._maybe_original(detail)
        wrinkles = noise(rng, size, 60 / (512 / size), 3)
        weave: Array = rng.standard_normal((size, size)).astype(np.float32)
        if self.cloth == "denim":
            weave = cv2.blur(weave, (1, 5)) * 2
        rgb = np.clip(self.rgb * (detail * (1 + 0.045 * wrinkles + 0.012 * weave))[..., None], 0, 1)
        alpha = self._cut_away()
        height = folds(rng, self.maps, self.u, self.v, self.cloth, detail)
        rgb = np.clip(rgb * (1 + 0.13 * (height.astype(np.float32) / 128 - 1))[..., None], 0, 1)
        return Painted(
            texture=np.dstack([(rgb * 255).astype(np.uint8), alpha, height]),
            shine=SHINE[self.cloth] * rng.uniform(0.5, 2),
            gloss=rng.uniform(6, 25),
            bump=rng.uniform(0.016, 0.042),
            pattern=self.pattern,
            colour=self.base.round(2).tolist(),
        )

    def _shade(self) -> Array:
        """Brightness (S, S) of the original cloth; a suit keeps the shirt and tie of its picture."""
        m, rng = self.maps, self.rng
        strength = {"denim": rng.uniform(0.5, 1.0), "knit": 0.75, "woven": 0.8, "coat": 0.8, "suit": 1.0}[self.cloth]
        detail: Array = m.detail**strength
        if self.cloth == "suit":
            bright = np.clip((m.original.mean(2) - 0.42) / 0.15, 0, 1)[..., None]
            shirt = np.ones(3) * 0.9 if rng.random() < 0.6 else colour(rng)
            self.rgb = self.rgb * (1 - bright) + shirt * m.original.mean(2, keepdims=True) * bright * 1.1
            detail = np.where(bright[..., 0] > 0.5, 1, detail)
        light = self.base.mean() > 0.75
        return np.clip(detail, 0.55 if light else 0.35, 1.06 if light else 1.35)

    def _maybe_original(self, detail: Array) -> Array:
        """Now and then the original picture of the garment, its hue turned; never one with a logo."""
        rng, piece, m = self.rng, self.piece, self.maps
        logo = piece.mesh in SHOWS_A_LOGO and piece.kind in ("top", "undertop")
        if not (rng.random() < 0.25 and self.cloth != "suit" and not self.same and not logo and piece.mesh != "@skirt"):
            return detail
        hsv = cv2.cvtColor(m.original, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0] + (rng.uniform(0, 360) if rng.random() < 0.5 else rng.normal(0, 12))) % 360
        hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.5, 1.4), 0, 1)
        self.rgb = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
        if piece.kind == "top" and m.original.std() < 0.05:  # a plain white original
            self.rgb = self.rgb * 0.0 + self.base
        self.pattern = "original"
        return np.ones_like(detail)

    def _cut_away(self) -> Array:
        """Alpha (S, S) uint8: 0 where the garment is cut or its original is transparent."""
        m, cut = self.maps, self.cut
        alpha = np.where(m.alpha > 0.5, 255, 0).astype(np.uint8)
        if cut.sleeve < 2:
            alpha[self.arm & (m.arm > cut.sleeve + 0.008 * np.sin(self.u * 60))] = 0
        if cut.leg < 2:
            alpha[(m.leg > cut.leg) & ~self.arm] = 0
        if cut.hem > -5:
            alpha[~self.arm & (m.place[..., 1] < cut.hem)] = 0
        if cut.open > 0:
            half = cut.open * np.clip(1.15 - m.place[..., 1] / 0.55, 0.25, 1.3) + 0.006 * np.sin(self.v * 31)
            alpha[~self.arm & m.front & (np.abs(m.place[..., 0]) < half)] = 0
        return alpha


def _soft(distance: Array, width: float = 0.003) -> Array:
    """(S, S, 1) float32: 1 inside, where the distance in metres is negative."""
    inside: Array = edge(distance, width)[..., None].astype(np.float32)
    return inside
