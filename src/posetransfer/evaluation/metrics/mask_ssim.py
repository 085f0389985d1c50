"""SSIM of the person alone, in two ways that must not be mixed up.

`mask_ssim` is the authors': both pictures are multiplied by the joint mask of the target's keypoints, then compared
whole, so that the black outside counts as a perfect match (values near 0.8 say little by themselves).
`mask_ssim_true` is ours: the SSIM map averaged over the pixels of the person's true mask, nothing else.
"""

from __future__ import annotations

import numpy as np

from posetransfer.evaluation.metrics.joint_mask import Mask
from posetransfer.evaluation.metrics.ssim import GAUSSIAN, LocalMoments, Picture, local_moments, own_range, ssim, ssim_map


def mask_ssim(generated: Picture, real: Picture, mask: Mask) -> float:
    """The authors' mask-SSIM: the outside of both pictures black, then `ssim_patn` of the whole.

    Args:
        generated: (H, W, 3) uint8.
        real: the same shape.
        mask: (H, W), `joint_mask` of the target pose.
    """
    generated, real = masked(generated, mask), masked(real, mask)
    return ssim(generated, real, GAUSSIAN, own_range(generated))


def mask_ssim_true(generated: Picture, real: Picture, mask: Mask, moments: LocalMoments | None = None) -> float:
    """SSIM (Gaussian, range 255) averaged over the pixels of a mask; NaN if the mask is empty.

    Args:
        generated: (H, W, 3) uint8.
        real: the same shape.
        mask: (H, W), True on the person in the real picture.
        moments: `local_moments(generated, real)` where they are known already.
    """
    border = GAUSSIAN.border
    inner = mask[border:-border, border:-border]
    if not inner.any():
        return float("nan")
    return float(ssim_map(moments or local_moments(generated, real))[inner].mean())


def masked(picture: Picture, mask: Mask) -> Picture:
    """The picture with everything outside the mask black."""
    return np.asarray(picture * mask[..., None], dtype=np.uint8)
