"""Render synthetic people to train and test on: `posetransfer people studio --people 100 --images 12 --seed 1 FOLDER`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro


def people(
    kind: tyro.conf.Positional[Literal["street", "studio"]],
    out: tyro.conf.Positional[Path],
    people: int = 100,
    images: int = 8,
    seed: int = 0,
    whole: float = 0.48,
    same_scene: float = 0.6,
    random_bg: float = 0.15,
    cameras: int = 6,
    test: float = 0.1,
    pairs: int = 24,
    first: int = 0,
    processes: Annotated[int | None, tyro.conf.arg(metavar="N")] = None,
    sheet: Annotated[Path | None, tyro.conf.arg(metavar="PNG")] = None,
) -> None:
    """Render made-up people in many poses, with joints and masks, as a prepared folder. The same command again goes on.

    Args:
        kind: street (128 x 64, like Market-1501) or studio (256 x 176, like DeepFashion).
        out: a new folder, or one that holds a part of the same set.
        people: number of people.
        images: pictures of each person.
        seed: every person, pose and camera follows from it.
        whole: studio, share of pictures that show the whole figure.
        same_scene: studio, share of people with one backdrop and light in all their pictures.
        random_bg: studio, share of backdrops that are textured instead of plain.
        cameras: street, number of fixed cameras, each with its own scene.
        test: share of people in the test split; at least one.
        pairs: pairs of each person in the pair lists.
        first: number of the first person.
        processes: that render side by side, by default one per processor; the pictures do not depend on it.
        sheet: also write a contact sheet of the first eight people.
    """
    from posetransfer.cli.counter import counted
    from posetransfer.cli.output import check_picture
    from posetransfer.image import save_picture
    from posetransfer.people import PeopleSettings, render_people

    settings = PeopleSettings(kind, people, images, seed, cameras, random_bg, test, pairs, first, whole, same_scene)
    if processes is not None and processes < 1:
        from posetransfer.errors import SettingsError

        raise SettingsError(f"--processes is {processes}; expected at least 1.")
    if sheet:
        check_picture(sheet)
    with counted(f"{kind} pictures") as report:
        render_people(settings, out, processes, report)
    if sheet:
        from posetransfer.people.sheet import people_sheet

        save_picture(people_sheet(out), sheet)
        print(sheet)
    print(out)
