import hashlib
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetransfer.data.pairing import draw_pairs, fashion_item, fashion_name, fashion_person, make_pairs, market_person, usable


def pairs_of_the_authors(people, take):
    """The released script's rule, as a plain loop."""
    groups = {}
    for number, person in enumerate(people):
        if take[number]:
            groups.setdefault(person, []).append(number)
    return [pair for members in groups.values() for pair in permutations(members, 2)]


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=40))
def test_pairs_are_all_permutations_in_the_order_of_the_file(rows):
    people, take = [person for person, _ in rows], np.array([known for _, known in rows], bool)
    pairs = make_pairs(people, take)
    assert pairs.shape[1] == 2 and pairs.dtype == np.int32
    assert pairs.tolist() == [list(pair) for pair in pairs_of_the_authors(people, take)]


def test_a_picture_takes_part_with_both_shoulders_and_both_hips():
    points = np.full((6, 18, 2), np.nan)
    points[:, [2, 5, 8, 11]] = 1.0
    for picture, joint in enumerate([2, 5, 8, 11]):
        points[picture, joint] = np.nan
    points[4, [0, 1, 3, 4, 6, 7, 9, 10]] = np.nan
    assert usable(points).tolist() == [False, False, False, False, True, True]


# What pandas 2.2.3 gave for DataFrame({"i": range(n)}).sample(n=count, replace=False, random_state=0)["i"]:
# the first eight, the last three, the sum, and the SHA-256 of all as little-endian 64-bit integers.
PANDAS = {
    (257_198, 12_000): ([20861, 245140, 194843, 237940, 26252, 176265, 18323, 17206], [203110, 190026, 38353], 1546445337,
                        "27cd47c0e7d3a58b65efc4b20b15f80e1333bcc9070885d29b2397d6f7664d4c"),
    (30, 7): ([2, 28, 13, 10, 26, 24, 27], [26, 24, 27], 130, "0cb79c7aeb5989745508f8008263885d3d90f85c79ccbce7c55f5ed8f9ffe26f"),
    (12_001, 12_000): ([4954, 12000, 11760, 7532, 11967, 4841, 8827, 7049], [3264, 9845, 10799], 72003268,
                       "725ef59f11e8d01087d57456c25c8e9e4fda0e5f28d44a7957f7c2d21e488d22"),
}  # fmt: skip


@pytest.mark.parametrize("case", PANDAS)
def test_drawn_pairs_come_in_the_order_of_pandas(case):
    # 257,198 is the number of all test pairs of Market-1501, of which the authors published 12,000.
    count, drawn = case
    first, last, total, digest = PANDAS[case]
    pairs = np.stack([np.arange(count), np.arange(count)[::-1]], axis=1).astype(np.int32)
    sample = draw_pairs(pairs, drawn)
    assert sample[:8, 0].tolist() == first and sample[-3:, 0].tolist() == last
    assert int(sample[:, 0].sum()) == total
    assert hashlib.sha256(sample[:, 0].astype("<i8").tobytes()).hexdigest() == digest
    assert (sample.sum(axis=1) == count - 1).all()


def test_fewer_pairs_than_wanted_are_all_taken():
    pairs = np.array([[0, 1], [1, 0]], np.int32)
    assert draw_pairs(pairs, 12_000) is pairs


def test_the_authors_names():
    # Two names of the published lists; the authors write only the last blank-free part.
    name = fashion_name("MEN/Jackets_Vests/id_00000022/01_1_front.jpg")
    assert name == "fashionMENJackets_Vestsid0000002201_1front.jpg"
    assert fashion_person(name) == "fashionMENJackets_Vestsid0000002201"
    assert fashion_item(name) == "id00000022"
    assert market_person("-1_c1s1_000401_03.jpg") == "-1"
