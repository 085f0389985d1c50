import numpy as np

from posetransfer.people.assets import load_assets
from posetransfer.people.cloth import Cut, paint
from posetransfer.people.garment_maps import garment_maps
from posetransfer.people.wardrobe import OPEN, choose_outfit


def test_an_open_shirt_shows_what_is_below_it_in_front_and_nowhere_else():
    assets = load_assets()
    closed, stands_open = (paint(assets, "shirt_m", np.random.default_rng(3), 256, Cut(open=width)).texture[..., 3] for width in (0, 0.06))
    maps = garment_maps(assets, "shirt_m", 256)
    cut = (closed > 0) & (stands_open == 0)
    assert cut.sum() > 300
    assert maps.front[cut].all() and (maps.arm[cut] < 0).all() and np.abs(maps.place[cut][:, 0]).max() < 0.09


def test_some_people_wear_an_open_shirt_over_a_tight_top_and_never_over_an_overall():
    outfits = [choose_outfit(np.random.default_rng(seed), "mf"[seed % 2]) for seed in range(400)]
    opened = [outfit for outfit in outfits if outfit.open_front > 0]
    assert 0.03 < len(opened) / 400 < 0.15
    for outfit in opened:
        (_, _), (_, inner), (name, outer) = outfit.worn
        assert name in OPEN and outer > inner + 0.02
