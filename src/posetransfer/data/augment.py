"""Random changes of a training example that move picture, pose and mask together.

Everything works on one `Example` at the training size and draws from the generator it is given, so that an example
depends on (seed, step, place in the batch) alone, whatever the number of workers.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from posetransfer.config import Augmentation
from posetransfer.data.misread import misread
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
    # Settings that came later draw only when they are on: what a seed gave before, it still gives.
    if settings.background and rng.random() < settings.background:
        source, target = replace_background(source, target, rng)
    if settings.colour:
        source, target = recolour(source, target, settings.colour, rng)
    if settings.light:
        source, target = relight(source, target, settings.light, rng)
    if rng.random() < settings.half_body:
        source = cut_below(source, rng)
    if settings.blur or settings.noise:
        source = degrade(source, settings.blur, settings.noise, rng)
    if settings.jpeg and rng.random() < settings.jpeg:
        source = compress(source, int(rng.integers(25, 96)))
    if rng.random() < settings.mask_error:
        source = spoil_mask(source, rng)
    if settings.joint_jitter or settings.joint_dropout:
        source, target = (spoil_pose(e, settings.joint_jitter, settings.joint_dropout, rng) for e in (source, target))
    if settings.estimator_error:
        source = replace(source, pose=misread(source.pose, settings.estimator_error, rng))
    if settings.target_error:
        target = replace(target, pose=misread(target.pose, settings.target_error, rng))
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


def relight(source: Example, target: Example, strength: float, rng: Rng) -> tuple[Example, Example]:
    """Make one side of both pictures brighter and the other darker, by up to exp(`strength`)."""
    height, width = source.mask.shape
    angle, power = rng.uniform(0, 2 * math.pi), rng.uniform(0, strength)
    y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)
    gain = np.exp(power * (math.cos(angle) * x + math.sin(angle) * y)[..., None])
    lit = (np.clip(e.picture * gain + 0.5, 0, 255).astype(np.uint8) for e in (source, target))
    return replace(source, picture=next(lit)), replace(target, picture=next(lit))


def replace_background(source: Example, target: Example, rng: Rng) -> tuple[Example, Example]:
    """Put both people before one new background; an example without a background (mask all 255) stays as it is."""
    behind = draw_background(source.mask.shape, rng)

    def before(example: Example) -> Example:
        alpha = example.mask[..., None].astype(np.float32) / 255
        return replace(example, picture=(example.picture * alpha + behind * (1 - alpha) + 0.5).astype(np.uint8))

    return before(source), before(target)


def draw_background(size: tuple[int, int], rng: Rng) -> npt.NDArray[np.float32]:
    """Something to stand before: a colour that runs into another, with soft spots. float32 (height, width, 3), 0 to 255."""
    height, width = size
    ends = np.clip(rng.uniform(30, 240, 2)[:, None] + rng.normal(0, 18, (2, 3)), 0, 255)
    ramp = np.linspace(0, 1, height)[:, None, None] if rng.random() < 0.7 else np.linspace(0, 1, width)[None, :, None]
    colour = np.broadcast_to(ends[0] + (ends[1] - ends[0]) * ramp, (height, width, 3))
    cells = int(rng.integers(2, 12))
    spots = rng.normal(0, rng.uniform(0, 40), (cells * 2, cells, 3)).mean(axis=2, keepdims=True) + rng.normal(0, 6, (cells * 2, cells, 3))
    layers = [Image.fromarray(spots[..., c].astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC) for c in range(3)]
    drawn = np.clip(colour + np.stack([np.asarray(layer) for layer in layers], axis=2), 0, 255)
    return np.asarray(drawn, np.float32)


def compress(example: Example, quality: int) -> Example:
    """What JPEG of this quality leaves of the picture."""
    buffer = io.BytesIO()
    Image.fromarray(example.picture).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        return replace(example, picture=np.asarray(image))


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
