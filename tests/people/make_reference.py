"""Renders the pictures of `reference/` anew: `python tests/people/make_reference.py`, after a change of the renderer that was meant."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from posetransfer.people import render_people

sys.path.insert(0, str(Path(__file__).parent))
from conftest import STREET, STUDIO

REFERENCE = Path(__file__).parent / "reference"
CHOSEN = {
    "studio": ["00000_c1_00.jpg", "00001_c1_02.jpg", "00002_c1_01.jpg"],
    "street": [0, 4],  # by their order: the camera is part of the name
}


def main() -> None:
    """Two sets of a few people; of each some pictures with masks and joints."""
    facts = {}
    for path in [*REFERENCE.glob("*.jpg"), *REFERENCE.glob("*.png")]:
        path.unlink()
    with tempfile.TemporaryDirectory() as place:
        for kind, settings in (("studio", STUDIO), ("street", STREET)):
            folder = Path(place) / kind
            render_people(settings, folder, processes=1)
            made = sorted(path.name for path in (folder / "images").iterdir())
            for chosen in CHOSEN[kind]:
                name = made[chosen] if isinstance(chosen, int) else chosen
                part = json.loads((folder / "parts" / f"{name[:5]}.json").read_text())
                row = next(row for row in part["images"] if row["name"] == name)
                facts[f"{kind}_{name}"] = {"label": part["label"], "pose": row["pose"], "y": row["y"], "x": row["x"]}
                shutil.copy(folder / "images" / name, REFERENCE / f"{kind}_{name}")
                shutil.copy((folder / "masks" / name).with_suffix(".png"), (REFERENCE / f"{kind}_{name}").with_suffix(".png"))
    (REFERENCE / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
