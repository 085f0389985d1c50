import json

import numpy as np
import pytest

from posetransfer.bench import PLAIN, Case, Measured, as_json, make_rows, markdown, multiplications, text_table
from posetransfer.bench.chart import draw_chart
from posetransfer.bench.table import with_quality
from posetransfer.config import ModelConfig

CONFIG = ModelConfig(size=(100, 40), width=4, blocks=1)
WORK = multiplications(CONFIG, (100, 40))


def case(engine, **others):
    return Case(engine, "net", (100, 40), **others)


MEASURED = [
    Measured(case(PLAIN), seconds=(0.4, 0.9, 0.4), peak=500.0),
    # the second round was a slow minute of the machine: within the round it is 3 times as fast, as in the others about
    Measured(case("mnn"), seconds=(0.1, 0.3, 0.2), precision="fp32", peak=80.4, difference=127.25),
    Measured(case("openvino"), error="openvino is not installed; pip install posetransfer[openvino]."),
]
RATES = {1: {"fp32": WORK / 0.1}}


def test_numbers_of_a_row():
    plain, mnn, absent = make_rows(MEASURED, {"net": CONFIG}, RATES)
    assert (plain.milliseconds, plain.ratio) == (400, 1)
    assert mnn.milliseconds == 200
    assert mnn.ratio == pytest.approx(3)  # the median of 4, 3 and 2; the quotient of the medians would be 2
    assert mnn.nanoseconds_per_pixel == pytest.approx(0.2 / 4000 * 1e9)
    assert mnn.gemm_share == pytest.approx(0.5)
    assert (absent.milliseconds, absent.ratio) == (None, None)


def test_cost_of_one_picture_of_a_batch_and_of_many_poses():
    measured = [
        Measured(case(PLAIN, poses=100), seconds=(0.8,)),  # four pictures
        Measured(case("mnn", poses=100), seconds=(5.0,)),
        Measured(case("mnn", batch=4), seconds=(1.0,)),
    ]
    plain, poses, batch = make_rows(measured, {"net": CONFIG}, {})
    assert (plain.milliseconds, poses.milliseconds, batch.milliseconds) == (200, 50, 250)
    assert poses.ratio == pytest.approx(4)
    assert batch.ratio is None  # there is no plain network in its setting
    assert poses.gemm_share is None


def test_precision_without_a_measured_peak_has_no_share():
    row = make_rows([Measured(case("mnn"), seconds=(1.0,), precision="bf16")], {"net": CONFIG}, RATES)[0]
    assert row.gemm_share is None


def test_tables_show_the_numbers_and_what_is_absent():
    rows = make_rows(MEASURED, {"net": CONFIG}, RATES)
    lines = markdown(rows).splitlines()
    assert lines[3] == "| net | 100x40 | batch 1 | 1 | mnn | fp32 | 200.0 | 3.00 | 50000 | 50% | 80 | 127.2 |"
    assert "openvino is not installed" in lines[4]
    assert len({line.count("|") for line in lines}) == 1
    shown = text_table(rows).splitlines()
    assert "openvino is not installed; pip install posetransfer[openvino]." in shown[3]
    assert shown[0].index("ratio") == shown[2].index("3.00")


def test_scores_have_columns_only_where_there_are_some():
    rows = make_rows(MEASURED, {"net": CONFIG}, RATES)
    assert "PCKh" not in text_table(rows)
    scored = markdown(with_quality(rows, {"mnn": (0.91251, 0.8)})).splitlines()
    assert scored[0].endswith("| PCKh | mask-SSIM |")
    assert scored[3].endswith("| 0.913 | 0.800 |")
    assert scored[2].endswith("| - | - |")


def test_json_holds_everything():
    facts = json.loads(json.dumps(as_json(make_rows(MEASURED, {"net": CONFIG}, RATES), RATES)))
    assert facts["rows"][1]["case"]["engine"] == "mnn"
    assert facts["rows"][1]["psnr"] == 127.25
    assert "cores" in facts["machine"]


def test_longer_bars_take_longer():
    rows = make_rows([MEASURED[0], MEASURED[1]], {"net": CONFIG}, RATES)
    picture = draw_chart(rows, "a machine")
    grey, blue = ((picture == colour).all(axis=2).sum() for colour in ((170, 170, 170), (31, 119, 180)))
    assert grey == pytest.approx(2 * blue, rel=0.02)
    assert picture.dtype == np.uint8
