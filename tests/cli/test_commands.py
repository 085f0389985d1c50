"""What every command keeps to: one typed, documented function, and help that loads nothing heavy."""

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from posetransfer.cli import commands

HEAVY = ["torch", "onnxruntime", "numpy", "PIL", "scipy", "skimage", "numba", "cv2", "rich.progress", "tensorboard"]


def functions(name):
    """(words, function) of a command."""
    module = import_module(f"posetransfer.cli.{name}")
    many = getattr(module, "COMMANDS", None)
    return [([name], getattr(module, name))] if many is None else [([name, word], function) for word, function in many.items()]


EVERY = [(words, function) for name in commands() for words, function in functions(name)]


@pytest.mark.parametrize("words", [["--help"], ["--version"], *[words for words, _ in EVERY]], ids=" ".join)
def test_help_loads_nothing_heavy(words):
    """Half a second for help is a matter of what is imported; benchmarks/cli_start.py measures the time."""
    line = words if words[0].startswith("--") else [*words, "--help"]
    code = f"""
import sys
from posetransfer.cli import main
code = main({line})
print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr.split()) == (0, [])
    assert "posetransfer" in run.stdout


@pytest.mark.parametrize(("words", "function"), EVERY, ids=[" ".join(words) for words, _ in EVERY])
def test_function_is_documented_and_typed(words, function):
    assert inspect.getdoc(function), f"{words}: the docstring is the help page"
    signature = inspect.signature(function)
    assert [name for name, parameter in signature.parameters.items() if parameter.annotation is inspect.Parameter.empty] == []
    assert signature.return_annotation is not inspect.Signature.empty


def test_info_is_among_the_commands():
    assert "info" in commands()
