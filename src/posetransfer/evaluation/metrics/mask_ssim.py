"""SSIM of the person alone, in two ways that must not be mixed up.

`mask_ssim` is the authors': both pictures are multiplied by the joint mask of the target's keypoints, then compared
whole, so that the black outside counts as a perfect match (values near 0.8 say little by themselves).
`mask_ssim_true` is ours: the SSIM map averaged over the pixels of the person's true mask, nothing else.
"""

from __future__ import annotations

import numpy as np

from posetransfer.evaluation.metrics.joint_mask import Mask
from posetransfer.evaluation.metrics.ssim import GAUSSIAN, Array, Picture, own_range, products, ssim_maps


def mask_ssim(generated: Picture, real: Picture, mask: Mask, out: Array | None = None) -> float:
    """The authors' mask-SSIM: the outside of both pictures black, then `ssim_patn` of the whole.

    Args:
        generated: (H, W, 3) uint8.
        real: the same shape.
        mask: (H, W), `joint_mask` of the target pose.
        out: as in `products`.
    """
    generated, real = masked(generated, mask), masked(real, mask)
    return float(ssim_maps(products(generated, real, out), (own_range(generated),)).mean())


def mask_ssim_true(generated: Picture, real: Picture, mask: Mask, values: Array | None = None) -> float:
    """SSIM (Gaussian, range 255) averaged over the pixels of a mask; NaN if the mask is empty.

    Args:
        generated: (H, W, 3) uint8.
        real: the same shape.
        mask: (H, W), True on the person in the real picture.
        values: their SSIM map (H - 10, 3, W - 10) of range 255, where it is known already.
    """
    border = GAUSSIAN.border
    inner = mask[border:-border, border:-border]
    if not inner.any():
        return float("nan")
    if values is None:
        values = ssim_maps(products(generated, real), (255.0,))[0]
    return float(values.transpose(0, 2, 1)[inner].mean())


def masked(picture: Picture, mask: Mask) -> Picture:
    """The picture with everything outside the mask black."""
    return np.asarray(picture * mask[..., None], dtype=np.uint8)
