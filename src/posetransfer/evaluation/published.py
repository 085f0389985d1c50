"""Published figures, each under the protocol that it was measured with; shown beside ours only under that same protocol.

They are copied from papers, many at second hand; `source` says from where, and docs/evaluation.md how sure each is. SSIM is
entered under the name of its recipe (`metrics/ssim.py`), not under "ssim".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """What a paper reports for a method."""

    protocol: str
    method: str
    scores: dict[str, float]
    source: str


_PATN = "PATN, table 1 (copied by 2s-ATN 2020)"
_RETEST = "PATN, table 1, its authors' retest"
_GFLA = "GFLA 2020, its own table"
_PIDM = "PIDM 2023, its table"
_CFLD = "CFLD 2024, its table"


def _market(method: str, values: tuple[float, float, float, float, float, float], source: str) -> Published:
    names = ("ssim_patn", "is", "mask_ssim", "mask_is", "ds", "pckh_patn")
    return Published("patn-market", method, dict(zip(names, values, strict=True)), source)


def _fashion(method: str, values: tuple[float, float, float, float], source: str) -> Published:
    return Published("patn-deepfashion", method, dict(zip(("ssim_patn_white", "is", "ds", "pckh_patn"), values, strict=True)), source)


def _later(protocol: str, method: str, fid: float, ssim: float, lpips: float, source: str, psnr: float | None = None) -> Published:
    scores = {"fid": fid, "ssim_51": ssim, "lpips": lpips}
    return Published(protocol, method, scores | ({"psnr": psnr} if psnr is not None else {}), source)


PUBLISHED = (
    _market("PATN 2019", (0.311, 3.323, 0.811, 3.773, 0.74, 0.94), _PATN),
    _market("VUNet 2018", (0.266, 2.965, 0.793, 3.549, 0.72, 0.92), _RETEST),
    _market("Deform 2018", (0.291, 3.230, 0.807, 3.502, 0.72, 0.94), _RETEST),
    _market("PG2 2017", (0.261, 3.495, 0.782, 3.367, 0.39, 0.89), _RETEST),
    _market("real pictures", (1.0, 3.890, 1.0, 3.706, 0.74, 1.0), _PATN),
    Published(
        "patn-market",
        "2s-ATN 2020",
        {"ssim_patn": 0.320, "is": 3.504, "mask_ssim": 0.813, "mask_is": 3.845, "pckh_patn": 0.94},
        "2s-ATN 2020",
    ),
    Published(
        "patn-market", "APS 2020", {"ssim_patn": 0.312, "is": 3.132, "mask_ssim": 0.808, "mask_is": 3.729, "pckh_patn": 0.94}, "APS 2020"
    ),
    Published(
        "patn-market",
        "XingGAN 2020",
        {"ssim_patn": 0.313, "is": 3.506, "mask_ssim": 0.816, "mask_is": 3.872, "pckh_patn": 0.93},
        "XingGAN 2020",
    ),
    Published(
        "patn-market",
        "BiGraphGAN 2020",
        {"ssim_patn": 0.325, "is": 3.329, "mask_ssim": 0.818, "mask_is": 3.695, "pckh_patn": 0.94},
        "BiGraphGAN 2020",
    ),
    _fashion("PATN 2019", (0.773, 3.209, 0.976, 0.96), _PATN),
    _fashion("VUNet 2018", (0.763, 3.440, 0.972, 0.93), _RETEST),
    _fashion("Deform 2018", (0.760, 3.362, 0.967, 0.94), _RETEST),
    _fashion("PG2 2017", (0.773, 3.163, 0.951, 0.89), _RETEST),
    _fashion("real pictures", (1.0, 4.053, 0.968, 1.0), _PATN),
    Published("patn-deepfashion", "2s-ATN 2020", {"ssim_patn_white": 0.775, "is": 3.206, "pckh_patn": 0.96}, "2s-ATN 2020"),
    Published("patn-deepfashion", "APS 2020", {"ssim_patn_white": 0.775, "is": 3.295, "pckh_patn": 0.96}, "APS 2020"),
    Published("patn-deepfashion", "XingGAN 2020", {"ssim_patn_white": 0.778, "is": 3.476, "pckh_patn": 0.95}, "XingGAN 2020"),
    Published("patn-deepfashion", "BiGraphGAN 2020", {"ssim_patn_white": 0.778, "is": 3.430, "pckh_patn": 0.97}, "BiGraphGAN 2020"),
    Published("patn-deepfashion", "ADGAN 2020", {"ssim_patn_white": 0.772, "is": 3.364}, "ADGAN 2020"),
    Published("gfla-256", "PATN 2019", {"fid": 20.739, "lpips": 0.2533}, _GFLA),
    Published("gfla-256", "Deform 2018", {"fid": 18.457, "lpips": 0.2330}, _GFLA),
    Published("gfla-256", "VUNet 2018", {"fid": 23.667, "lpips": 0.2637}, _GFLA),
    Published("gfla-256", "GFLA 2020", {"fid": 10.573, "lpips": 0.2341}, _GFLA),
    _later("nted-256", "PATN 2019 (PIDM)", 20.751, 0.6709, 0.2562, _PIDM),
    _later("nted-256", "GFLA 2020 (PIDM)", 10.573, 0.7074, 0.2341, _PIDM),
    _later("nted-256", "DPTN 2022 (PIDM)", 11.387, 0.7112, 0.1931, _PIDM),
    _later("nted-256", "CASD 2022 (PIDM)", 11.373, 0.7248, 0.1936, _PIDM),
    _later("nted-256", "NTED 2022 (PIDM)", 8.6838, 0.7182, 0.1752, _PIDM),
    _later("nted-256", "PIDM 2023 (PIDM)", 6.3671, 0.7312, 0.1678, _PIDM),
    _later("nted-256", "PATN 2019 (CFLD)", 20.728, 0.6714, 0.2533, _CFLD),
    _later("nted-256", "NTED 2022 (CFLD)", 8.517, 0.7156, 0.1770, _CFLD, 17.740),
    _later("nted-256", "PIDM 2023 (CFLD)", 6.812, 0.6621, 0.2006, _CFLD, 15.630),
    _later("nted-256", "PoCoLD 2023 (CFLD)", 8.067, 0.7310, 0.1642, _CFLD),
    _later("nted-256", "CFLD 2024", 6.804, 0.7378, 0.1519, _CFLD, 18.235),
    _later("nted-512", "CoCosNet-v2 2021", 13.325, 0.7236, 0.2265, _PIDM),
    _later("nted-512", "NTED 2022 (PIDM)", 7.7821, 0.7376, 0.1980, _PIDM),
    _later("nted-512", "PIDM 2023", 5.8365, 0.7419, 0.1768, _PIDM),
    _later("nted-512", "NTED 2022 (CFLD)", 7.645, 0.7359, 0.1999, _CFLD, 17.385),
    _later("nted-512", "PoCoLD 2023 (CFLD)", 8.416, 0.7430, 0.1920, _CFLD),
    _later("nted-512", "CFLD 2024", 7.149, 0.7478, 0.1819, _CFLD, 17.645),
)


def published(protocol: str, score: str) -> list[tuple[str, float, str]]:
    """(method, value, source) of everybody who reports this very score under this very protocol.

    >>> published("patn-market", "ssim_patn")[0][:2]
    ('PATN 2019', 0.311)
    >>> published("patn-market", "pckh_patn_movenet")  # another detector: nothing to compare with
    []
    """
    return [(row.method, row.scores[score], row.source) for row in PUBLISHED if row.protocol == protocol and score in row.scores]
