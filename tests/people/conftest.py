"""A small rendered set of each kind, made once: rendering compiles the kernels, about 15 seconds on a fresh machine."""

from pathlib import Path

import pytest

from posetransfer.people import PeopleSettings, render_people

STUDIO = PeopleSettings("studio", people=3, images=3, seed=1, whole=1.0, pairs=4, test=0.34)
STREET = PeopleSettings("street", people=2, images=3, seed=5, cameras=2)


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people") / "studio"
    render_people(STUDIO, folder, processes=1)
    return folder


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people") / "street"
    render_people(STREET, folder, processes=1)
    return folder
