"""Structural similarity in the variants that this field calls "SSIM", each under its own name.

| name | window | data range | covariance | who |
| --- | --- | --- | --- | --- |
| `ssim` | Gaussian, sigma 1.5, 11 x 11 | 255 | population | Wang et al. 2004 |
| `ssim_patn` | the same | max - min of the generated picture | population | PATN, "SSIM_256" of GFLA, NTED, CFLD |
| `ssim_51` | uniform, 51 x 51 | 255 | sample | "SSIM" of GFLA, NTED, PIDM, CFLD |

All are the mean over the three channels and over the pixels whose window lies inside the picture, computed in float64,
and equal scikit-image's `structural_similarity` of the same settings. Both Gaussian variants need the same local
means, so they are computed once: that, and filtering as two products with a banded matrix, is where the speed comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]

# Output rows at a time: a banded matrix of many rows is mostly zeros, and what a block needs stays in the processor's cache
# (and below the size from which the C library fetches and returns each array's memory, which took longer than the sums).
BLOCK = 24


@dataclass(frozen=True)
class Window:
    """The neighbourhood of a pixel: a separable window and the kind of covariance taken over it."""

    weights: tuple[float, ...]
    """Odd number of weights along one axis; they sum to 1."""
    sample_covariance: bool = False
    """Divide by (pixels - 1) instead of pixels."""

    @property
    def border(self) -> int:
        """Pixels on each side of a picture whose window would leave it."""
        return len(self.weights) // 2

    @property
    def covariance_factor(self) -> float:
        """What turns a population covariance into the wanted one."""
        pixels = len(self.weights) ** 2
        return pixels / (pixels - 1) if self.sample_covariance else 1.0


def gaussian_window(sigma: float = 1.5, truncate: float = 3.5) -> Window:
    """A Gaussian cut off at `truncate` standard deviations; 11 weights by default.

    >>> len(gaussian_window().weights)
    11
    """
    radius = int(truncate * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return Window(tuple(float(w) for w in weights / weights.sum()))


def uniform_window(size: int = 51) -> Window:
    """A square of `size` x `size` equal weights with sample covariance, as the later papers use it."""
    return Window((1.0 / size,) * size, sample_covariance=True)


GAUSSIAN = gaussian_window()
UNIFORM_51 = uniform_window(51)


def products(generated: Picture, real: Picture, out: Array | None = None) -> Array:
    """Both pictures x and y, x**2 + y**2 and x y in float64: (H, 4, 3, W). One array serves every window.

    Args:
        generated: (H, W, 3).
        real: the same shape.
        out: an earlier result to write over if it is of the right shape; a new array for each pair takes longer than the sums.

    Raises:
        ValueError: shapes differ.
    """
    if generated.shape != real.shape or generated.ndim != 3:
        raise ValueError(f"two pictures (H, W, 3) of one shape are needed, got {generated.shape} and {real.shape}")
    height, width, channels = generated.shape
    shape = (height, 4, channels, width)
    planes = out if out is not None and out.shape == shape else np.empty(shape)
    planes[:, 0], planes[:, 1] = generated.transpose(0, 2, 1), real.transpose(0, 2, 1)
    x, y = planes[:, 0], planes[:, 1]
    np.multiply(x, x, out=planes[:, 2])
    np.multiply(y, y, out=planes[:, 3])
    planes[:, 2] += planes[:, 3]
    np.multiply(x, y, out=planes[:, 3])
    return planes


def ssim_maps(planes: Array, data_ranges: Sequence[float], window: Window = GAUSSIAN) -> Array:
    """SSIM at every pixel that has a whole window, for each channel and each of some data ranges.

    Args:
        planes: `products(generated, real)`.
        data_ranges: a range of 0 (a constant picture) would divide 0 by 0 in the authors' scripts; 255 is taken instead.
        window: at most as large as the picture.

    Returns:
        (ranges, H - 2 border, 3, W - 2 border).

    Raises:
        ValueError: the window does not fit into the picture.
    """
    height, _, channels, width = planes.shape
    inner = [side - 2 * window.border for side in (height, width)]
    if min(inner) < 1:
        raise ValueError(f"a window of {len(window.weights)} pixels does not fit into a picture of {height}x{width}")
    constants = [((0.01 * (value or 255.0)) ** 2, (0.03 * (value or 255.0)) ** 2) for value in data_ranges]
    maps = np.empty((len(constants), inner[0], channels, inner[1]))
    across = _band(window.weights, inner[1]).T if inner[1] <= BLOCK else None
    for start in range(0, inner[0], BLOCK):
        rows = min(BLOCK, inner[0] - start)
        part = planes[start : start + rows + 2 * window.border].reshape(rows + 2 * window.border, -1)
        filtered = (_band(window.weights, rows) @ part).reshape(-1, width)  # (rows * 4 * 3, W)
        filtered = filtered @ across if across is not None else _filter_columns(filtered, window.weights)
        _similarity(filtered.reshape(rows, 4, channels, -1), constants, window.covariance_factor, maps[:, start : start + rows])
    return maps


def _similarity(means: Array, constants: Sequence[tuple[float, float]], factor: float, maps: Array) -> None:
    """The formula of SSIM on local means (rows, 4, 3, w) of x, y, x**2 + y**2 and x y; a map for each pair of constants."""
    x, y, square, product = means[:, 0], means[:, 1], means[:, 2], means[:, 3]
    mean_product, mean_squares = x * y, x * x + y * y
    covariance, variances = 2 * factor * (product - mean_product), factor * (square - mean_squares)
    mean_product *= 2
    for (c1, c2), values in zip(constants, maps, strict=True):
        np.multiply(mean_product + c1, covariance + c2, out=values)
        values /= (mean_squares + c1) * (variances + c2)


def own_range(generated: Picture) -> float:
    """The authors' data range: largest minus smallest value of the generated picture.

    >>> own_range(np.array([[[10, 20, 250]]], dtype=np.uint8))
    240.0
    """
    return float(generated.max()) - float(generated.min())


def ssim(generated: Picture, real: Picture, window: Window = GAUSSIAN, data_range: float = 255.0) -> float:
    """Mean structural similarity of two pictures.

    Args:
        generated: (H, W, 3) uint8.
        real: the same shape.
        window: `GAUSSIAN` or `UNIFORM_51`.
        data_range: 255, or `own_range(generated)` for the authors' number.

    Returns:
        a number in [-1, 1]; 1 for equal pictures.

    >>> photo = np.arange(16 * 12 * 3, dtype=np.uint8).reshape(16, 12, 3)
    >>> ssim(photo, photo)
    1.0
    """
    return float(ssim_maps(products(generated, real), (data_range,), window).mean())


def ssim_patn(generated: Picture, real: Picture) -> float:
    """The authors' SSIM: Gaussian window, data range of the generated picture."""
    return ssim(generated, real, GAUSSIAN, own_range(generated))


def ssim_51(generated: Picture, real: Picture) -> float:
    """The later papers' SSIM: 51 x 51 pixels, sample covariance, range 255 (their pictures lie in [0, 1], range 1)."""
    return ssim(generated, real, UNIFORM_51, 255.0)


@lru_cache(maxsize=16)
def _band(weights: tuple[float, ...], rows: int) -> Array:
    """(rows, rows + size - 1) matrix that filters that many neighbouring outputs at once."""
    size = len(weights)
    band = np.zeros((rows, rows + size - 1))
    for row in range(rows):
        band[row, row : row + size] = weights
    return band


def _filter_columns(planes: Array, weights: tuple[float, ...]) -> Array:
    """Filter along the last axis: (n, W) -> (n, W - size + 1)."""
    size = len(weights)
    result = np.empty((planes.shape[0], planes.shape[1] - size + 1))
    for start in range(0, result.shape[1], BLOCK):
        columns = min(BLOCK, result.shape[1] - start)
        np.matmul(planes[:, start : start + columns + size - 1], _band(weights, columns).T, out=result[:, start : start + columns])
    return result
