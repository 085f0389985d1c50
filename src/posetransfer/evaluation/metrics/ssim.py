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

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]

BLOCK = 32  # output rows per product: a banded matrix of thousands of rows is mostly zeros, its blocks are not


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


@dataclass(frozen=True)
class LocalMoments:
    """Weighted means over the window of every pixel that has a whole one: each (h, 3, w), channels in the middle."""

    generated: Array
    real: Array
    square: Array
    """Mean of generated**2 + real**2."""
    product: Array
    window: Window


def local_moments(generated: Picture, real: Picture, window: Window = GAUSSIAN) -> LocalMoments:
    """Filter two pictures and their products with a window.

    Args:
        generated: (H, W, 3), values 0 to 255.
        real: the same shape.
        window: at most as large as the picture.

    Raises:
        ValueError: shapes differ, or the window does not fit into the picture.
    """
    if generated.shape != real.shape or generated.ndim != 3:
        raise ValueError(f"two pictures (H, W, 3) of one shape are needed, got {generated.shape} and {real.shape}")
    height, width, channels = generated.shape
    size = len(window.weights)
    if min(height, width) < size:
        raise ValueError(f"a window of {size} pixels does not fit into a picture of {height}x{width}")
    x, y = (picture.transpose(0, 2, 1).astype(np.float64) for picture in (generated, real))  # (H, 3, W)
    planes = np.empty((height, 4, channels, width))
    planes[:, 0], planes[:, 1] = x, y
    np.multiply(x, y, out=planes[:, 3])
    np.add(np.square(x, out=x), np.square(y, out=y), out=planes[:, 2])
    rows = _filter_rows(planes.reshape(height, -1), window.weights)  # (h, 4 * 3 * W)
    columns = _filter_columns(rows.reshape(-1, width), window.weights)  # (h * 4 * 3, w)
    means = columns.reshape(height - size + 1, 4, channels, -1)
    return LocalMoments(means[:, 0], means[:, 1], means[:, 2], means[:, 3], window)


def ssim_map(moments: LocalMoments, data_range: float = 255.0) -> Array:
    """SSIM at every pixel that has a whole window, mean over channels: (H - 2 border, W - 2 border).

    A data range of 0 (a constant picture) would divide 0 by 0 in the authors' scripts; 255 is taken instead.
    """
    data_range = data_range or 255.0
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    means = moments.generated * moments.real
    squares = moments.generated**2 + moments.real**2
    factor = moments.window.covariance_factor
    above = (2 * means + c1) * (2 * factor * (moments.product - means) + c2)
    below = (squares + c1) * (factor * (moments.square - squares) + c2)
    return np.asarray((above / below).mean(axis=1))


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
    return float(ssim_map(local_moments(generated, real, window), data_range).mean())


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


def _filter_rows(planes: Array, weights: tuple[float, ...]) -> Array:
    """Filter along the first axis: (H, n) -> (H - size + 1, n)."""
    size = len(weights)
    result = np.empty((planes.shape[0] - size + 1, planes.shape[1]))
    for start in range(0, result.shape[0], BLOCK):
        rows = min(BLOCK, result.shape[0] - start)
        np.matmul(_band(weights, rows), planes[start : start + rows + size - 1], out=result[start : start + rows])
    return result


def _filter_columns(planes: Array, weights: tuple[float, ...]) -> Array:
    """Filter along the last axis: (n, W) -> (n, W - size + 1)."""
    size = len(weights)
    result = np.empty((planes.shape[0], planes.shape[1] - size + 1))
    for start in range(0, result.shape[1], BLOCK):
        columns = min(BLOCK, result.shape[1] - start)
        np.matmul(planes[:, start : start + columns + size - 1], _band(weights, columns).T, out=result[:, start : start + columns])
    return result
