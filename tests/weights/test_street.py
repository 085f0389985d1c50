"""The street weights beside their recipe: the README sends users there."""

from pathlib import Path

from posetransfer import PoseTransfer

ROOT = Path(__file__).parents[2]


def test_the_street_weights_paint_a_pedestrian_of_their_size():
    transfer = PoseTransfer.from_pretrained(ROOT / "recipes" / "people-street" / "weights")
    result = transfer(ROOT / "examples" / "photos" / "man_standing.jpg", "walking-left", background="plain")
    assert result.painted.shape == (128, 64, 3)
    green = abs(result.painted.astype(int) - (32, 224, 32)).max(axis=2) < 40
    assert green[:, [0, -1]].mean() > 0.9  # backdrop at both sides
    assert 0.1 < (~green).mean() < 0.6  # and a person between
