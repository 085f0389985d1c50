"""Random changes of a training example that move picture, pose and mask together.

Everything works on one `Example` at the training size and draws from the generator it is given, so that an example
depends on (seed, step, place in the batch) alone, whatever the number of workers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from posetransfer.config import Augmentation
from posetransfer.pose.pose import Pose
from posetransfer.pose.skeleton import INDEX

Rng = np.random.Generator
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Example:
    """One picture of a pair: uint8 (H, W, 3) RGB, uint8 (H, W) mask (255 = person), and the pose in its pixels."""

    picture: Picture
    mask: Picture
    pose: Pose


def augment_pair(source: Example, target: Example, settings: Augmentation, rng: Rng) -> tuple[Example, Example]:
    """Apply every setting that is switched on, in a fixed order."""
    if rng.random() < settings.flip:
        source, target = (mirror(e, settings.flip_swaps_names) for e in (source, target))
    if settings.shift or settings.scale:
        source, target = (move(e, settings.shift, settings.scale, rng) for e in (source, target))
    if settings.colour:
        source, target = recolour(source, target, settings.colour, rng)
    if rng.random() < settings.half_body:
        source = cut_below(source, rng)
    if settings.blur or settings.noise:
        source = degrade(source, settings.blur, settings.noise, rng)
    if rng.random() < settings.mask_error:
        source = spoil_mask(source, rng)
    if settings.joint_jitter or settings.joint_dropout:
        source, target = (spoil_pose(e, settings.joint_jitter, settings.joint_dropout, rng) for e in (source, target))
    return source, target


def mirror(example: Example, swap_names: bool = True) -> Example:
    """Flip left to right; `swap_names=False` keeps the joints' names, as the authors' `use_flip` does."""
    pose = example.pose.mirrored()
    if not swap_names:
        pose = Pose(example.pose.points * [-1, 1] + [example.pose.size[1] - 1, 0], example.pose.size, example.pose.score)
    return Example(example.picture[:, ::-1].copy(), example.mask[:, ::-1].copy(), pose)


def move(example: Example, shift: float, scale: float, rng: Rng) -> Example:
    """Scale by up to 1 +- `scale` about the middle and shift by up to `shift` of the width; edges are repeated outwards."""
    height, width = example.mask.shape
    factor = math.exp(rng.uniform(-1, 1) * math.log1p(scale))
    dx, dy = rng.uniform(-shift, shift, 2) * width
    cx, cy = (width - 1) / 2, (height - 1) / 2
    # Pillow maps output to input, in coordinates whose pixel centres lie at halves.
    a = 1 / factor
    c = cx - a * (cx + dx) + 0.5 - a * 0.5
    f = cy - a * (cy + dy) + 0.5 - a * 0.5
    pad = math.ceil(max(height, width) * 0.3)
    matrix = (a, 0.0, c + pad, 0.0, a, f + pad)
    picture = np.pad(example.picture, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    mask = np.pad(example.mask, pad)
    size = (width, height)
    moved = Image.fromarray(picture).transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    moved_mask = Image.fromarray(mask).transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    points = (example.pose.points - [cx, cy]) * factor + [cx + dx, cy + dy]
    pose = Pose(points, example.pose.size, example.pose.score)
    return Example(np.asarray(moved), np.asarray(moved_mask), _drop_outside(pose))


def recolour(source: Example, target: Example, strength: float, rng: Rng) -> tuple[Example, Example]:
    """One change of brightness, contrast, saturation and tint for both pictures."""
    gain = np.exp(rng.normal(0, strength * 0.6) + rng.normal(0, strength * 0.3, 3))
    contrast, saturation = np.exp(rng.normal(0, strength * 0.5, 2))

    def change(picture: Picture) -> Picture:
        x = picture.astype(np.float32) / 255
        grey = x.mean(axis=2, keepdims=True)
        x = (grey + (x - grey) * saturation) * gain
        return np.asarray(np.clip((x - 0.5) * contrast + 0.5, 0, 1) * 255 + 0.5).astype(np.uint8)

    return replace(source, picture=change(source.picture)), replace(target, picture=change(target.picture))


def cut_below(example: Example, rng: Rng) -> Example:
    """End the person at a random height between hips and ankles: what is below leaves the mask, its joints are missing."""
    points = example.pose.points
    hips, ankles = points[[INDEX["right_hip"], INDEX["left_hip"]], 1], points[[INDEX["right_ankle"], INDEX["left_ankle"]], 1]
    if np.isnan(hips).all() or np.isnan(ankles).all():
        return example
    line = rng.uniform(np.nanmax(hips), np.nanmax(ankles))
    mask = example.mask.copy()
    mask[math.ceil(line) :] = 0
    kept = points.copy()
    with np.errstate(invalid="ignore"):
        kept[points[:, 1] > line] = np.nan
    return Example(example.picture, mask, Pose(kept, example.pose.size))


def degrade(example: Example, blur: float, noise: float, rng: Rng) -> Example:
    """Blur by up to `blur` pixels and add noise of up to `noise` grey levels, as a camera does."""
    picture = Image.fromarray(example.picture).filter(ImageFilter.GaussianBlur(rng.uniform(0, blur)))
    grain = rng.normal(0, rng.uniform(0, noise) if noise else 0.0, example.picture.shape)
    return replace(example, picture=np.clip(np.asarray(picture) + grain + 0.5, 0, 255).astype(np.uint8))


def spoil_mask(example: Example, rng: Rng) -> Example:
    """Grow, shrink, blur and bite the mask as a segmenter does; what stood behind the person shows through."""
    height = example.mask.shape[0]
    mask = Image.fromarray(example.mask)
    odd = 2 * max(1, round(height / 128)) + 1
    kind = rng.integers(3)
    if kind == 1:
        mask = mask.filter(ImageFilter.MaxFilter(odd))
    elif kind == 2:
        mask = mask.filter(ImageFilter.MinFilter(odd))
    edge = np.argwhere(np.asarray(mask.filter(ImageFilter.FIND_EDGES)) > 128)
    if len(edge):
        draw = ImageDraw.Draw(mask)
        for _ in range(int(rng.integers(0, 3))):
            y, x = edge[rng.integers(len(edge))]
            ry, rx = rng.uniform(0.01, 0.04, 2) * height
            draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=int(rng.random() < 0.3) * 255)
    blurred = mask.filter(ImageFilter.GaussianBlur(rng.uniform(0.0, 1.2) * height / 128))
    return replace(example, mask=np.asarray(blurred))


def spoil_pose(example: Example, jitter: float, dropout: float, rng: Rng) -> Example:
    """Move joints by noise of `jitter` times the height, and lose each with probability `dropout`, as an estimator does."""
    points = example.pose.points + rng.normal(0, jitter * example.pose.size[0], (18, 2))
    lost = rng.random(18) < dropout
    if (example.pose.present & ~lost).sum() >= 6:  # a pose with fewer joints says nothing
        points[lost] = np.nan
    return replace(example, pose=Pose(points, example.pose.size))


def _drop_outside(pose: Pose) -> Pose:
    points = pose.points.copy()
    points[~pose.inside] = np.nan
    return Pose(points, pose.size, pose.score)
