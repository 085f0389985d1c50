"""Who may import whom: the table of docs/architecture.md, held by reading the source of every module."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import posetransfer

SOURCE = Path(posetransfer.__file__).parent

# Room -> rooms it may import. Nothing imports a row below it.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "config": {"errors"},
    "assets": {"errors"},
    "window": {"errors"},
    "image": {"errors"},
    "pose": {"errors", "assets", "window", "image"},
    "cutout": {"errors", "assets", "window", "image", "pose"},
    "frame": {"errors", "window", "image", "pose"},
    "backdrop": {"errors", "image", "pose", "cutout"},
    "gate": {"errors", "pose", "frame"},
    "scene": {"errors", "image", "pose", "frame"},
    "networks": {"config"},
    "weights": {"errors", "config"},
    "engines": {"errors", "config", "weights"},
    "result": {"errors", "image", "pose", "frame", "gate", "engines"},
    "pipeline": {"errors", "config", "image", "pose", "backdrop", "cutout", "frame", "gate", "scene", "weights", "engines", "result"},
    "figures": {"errors", "image", "pose", "frame", "backdrop", "engines", "result"},
    "people": {"errors", "image", "pose"},
    "data": {"errors", "config", "image", "pose", "cutout", "frame"},
    "training": {"errors", "config", "assets", "image", "pose", "gate", "networks", "weights", "data"},
    "evaluation": {"errors", "assets", "image", "pose", "frame", "cutout", "backdrop", "data"},
    "batch": {"errors", "image", "pose", "data", "pipeline"},
    "video": {"errors", "image", "pose", "data", "pipeline"},
    "augment": {"errors", "image", "pose", "data", "pipeline"},
    "web": {"errors", "image", "pose", "data", "pipeline"},
    "bench": {"errors", "config", "image", "pose", "weights", "engines", "pipeline"},
}
ROOMS["cli"] = set(ROOMS)

# Single files that may reach further than their room, to other rooms of ours or to torch.
FILES: dict[str, set[str]] = {
    "weights/official.py": set(),
    "engines/pytorch.py": {"networks", "pose"},
    "engines/torch_network.py": {"networks"},
    "engines/graph.py": {"pose"},
    "engines/calibration.py": {"pose"},
    "bench/plain.py": {"networks"},
    "engines/export.py": {"image", "pose"},
    "engines/torch_program.py": {"networks", "pose"},
}

# The only places that may name torch at all; a folder means everything in it.
TORCH = {
    "networks/",
    "training/",
    "evaluation/metrics/",
    "weights/official.py",
    "engines/pytorch.py",
    "engines/torch_layers.py",
    "engines/torch_network.py",
    "bench/plain.py",
    "engines/export.py",
    "engines/torch_program.py",
    "data/pairs.py",
    "data/augment.py",
    "pose/heatmaps.py",  # inside the function that draws on the device
    "cli/",  # inside functions
}

# Packages that any room may use: the core of pyproject.toml. Those of an extra stay in the room that the extra is for.
CORE = {"numpy", "PIL", "torch", "safetensors", "onnx", "onnxruntime", "tyro", "rich"}
EXTRAS = {
    "people": {"numba", "cv2", "scipy"},
    "engines": {"openvino", "MNN"},
    "data": {"av"},
}

# Rooms without torch at the top of any module, but for the single files above.
LIGHT = {
    "__init__",
    "errors",
    "config",
    "image",
    "pose",
    "cutout",
    "backdrop",
    "frame",
    "gate",
    "scene",
    "weights",
    "engines",
    "result",
    "pipeline",
    "cli",
}

# Heavy packages that `import posetransfer` must not load.
HEAVY = ["torch", "onnx", "onnxruntime", "numpy", "PIL", "scipy", "numba", "cv2", "tyro", "rich"]


def modules() -> list[str]:
    """Every module of the package, as a path below it."""
    return sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))


def imports(module: str, *, top: bool = False) -> Iterator[str]:
    """Absolute names that a module imports, `from a.b import c` as "a.b.c"; `top`: only what importing the module runs."""
    yield from read_imports((SOURCE / module).read_text(encoding="utf-8"), module, top=top)


def read_imports(text: str, module: str, *, top: bool = False) -> Iterator[str]:
    package = ["posetransfer", *module.split("/")[:-1]]
    for node in walk(ast.parse(text), top):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def walk(node: ast.AST, top: bool) -> Iterator[ast.AST]:
    """All nodes below; with `top`, without the bodies of functions and of `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if top and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if top and isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from walk(child, top)


def room(module: str) -> str:
    return module.split("/")[0].removesuffix(".py")


def rooms_imported(module: str) -> set[str]:
    """Rooms of ours that a module imports, without its own."""
    names = [name.split(".")[1:] for name in imports(module) if name.split(".")[0] == "posetransfer"]
    return {name[0] for name in names if name and name[0] != "__version__"} - {room(module)}


def packages_imported(module: str, *, top: bool = False) -> set[str]:
    """Other people's packages that a module imports."""
    return {name.split(".")[0] for name in imports(module, top=top)} - sys.stdlib_module_names - {"posetransfer"}


def test_reader_sees_relative_nested_and_guarded_imports():
    text = """
from .b import c
from .. import errors
if TYPE_CHECKING:
    import torch
def f():
    import numpy.linalg as la
class K:
    import json
"""
    everything = {"posetransfer.pose.b.c", "posetransfer.errors", "torch", "numpy.linalg", "json"}
    assert set(read_imports(text, "pose/a.py")) == everything
    assert set(read_imports(text, "pose/a.py", top=True)) == everything - {"torch", "numpy.linalg"}


def test_rows_only_name_rows_above():
    order = list(ROOMS)
    assert not [(room, other) for room, others in ROOMS.items() for other in others if order.index(other) >= order.index(room)]


@pytest.mark.parametrize("module", [name for name in modules() if name not in ("__init__.py", "__main__.py")])
def test_module_imports_only_what_the_table_allows(module):
    assert room(module) in ROOMS, f"{module}: a new room needs a row in the table"
    assert rooms_imported(module) <= ROOMS[room(module)] | FILES.get(module, set())


@pytest.mark.parametrize("module", modules())
def test_packages_of_an_extra_stay_in_their_room(module):
    assert packages_imported(module) <= CORE | EXTRAS.get(room(module), set())


def test_command_line_is_imported_by_nobody():
    assert {module for module in modules() if "cli" in rooms_imported(module)} == {"__main__.py"}


def test_torch_is_named_only_where_the_table_says():
    allowed = tuple(TORCH)
    assert not [module for module in modules() if "torch" in packages_imported(module) and not module.startswith(allowed)]


@pytest.mark.parametrize(
    "module", [name for name in modules() if room(name) in ("cli", "config", "errors", "pipeline", "__init__", "pose", "weights")]
)
def test_light_modules_do_not_load_torch_at_the_top(module):
    assert "torch" not in packages_imported(module, top=True) or module in FILES


# The three walls.


@pytest.mark.parametrize("module", [name for name in modules() if room(name) == "networks"])
def test_wall_networks_know_tensors_only(module):
    """No file, no picture, no pose: a network imports torch, its settings, and nothing that could open anything."""
    assert packages_imported(module) <= {"torch"}
    known = {"__future__", "collections", "dataclasses", "functools", "itertools", "math", "torch", "typing", "posetransfer"}
    assert {name.split(".")[0] for name in imports(module)} <= known


def test_wall_pipeline_reaches_a_network_only_through_an_engine():
    names = set(imports("pipeline.py"))
    assert not [name for name in names if name.startswith(("posetransfer.networks", "posetransfer.engines.pytorch", "torch"))]
    hidden = "import sys; sys.modules['torch'] = None; import posetransfer.pipeline, posetransfer.engines"
    subprocess.run([sys.executable, "-c", hidden], check=True, timeout=60)


def test_wall_training_and_evaluation_never_meet():
    assert not [module for module in modules() if room(module) == "training" and "evaluation" in rooms_imported(module)]
    assert not [module for module in modules() if room(module) == "evaluation" and "training" in rooms_imported(module)]


def loaded_after(statement: str, candidates: list[str]) -> list[str]:
    """Which of the candidates are loaded once a fresh Python has run the statement."""
    code = f"import sys\n{statement}\nprint(*[name for name in {candidates} if name in sys.modules], file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    return run.stderr.split()


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_after("import posetransfer", HEAVY) == []


def test_the_check_for_loaded_packages_sees_numpy():
    assert loaded_after("import numpy", HEAVY) == ["numpy"]


@pytest.mark.parametrize("name", ["config", "image", "pose", "weights", "frame", "cutout", "engines", "pipeline"])
def test_importing_a_light_room_loads_no_torch_and_no_runtime(name):
    assert loaded_after(f"import posetransfer.{name}", ["torch", "onnx", "onnxruntime"]) == []
