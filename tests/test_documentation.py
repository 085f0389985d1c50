"""The pages for people: commands and options that they name exist, and links lead somewhere."""

import re
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from posetransfer.cli import commands, main

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("recipes/**/*.md"), *ROOT.glob("examples/*/*.md")])


def named(page):
    """Every command line that a page shows, as its words."""
    text = page.read_text(encoding="utf-8")
    shown = re.findall(r"^    (posetransfer .*)$|^(posetransfer .*)$|`(posetransfer [^`\n]*)`", text, re.MULTILINE)
    lines = [re.split(r"\s+#", "".join(parts))[0].replace("\\|", "|") for parts in shown]
    return [line.split()[1:] for line in lines]


# `posetransfer --help` and `posetransfer COMMAND --help` name no command.
LINES = [(page.relative_to(ROOT).as_posix(), words) for page in PAGES for words in named(page) if re.fullmatch("[a-z]+", words[0])]


@cache
def help_of(name, word):
    """Help page of a command (and its second word, if it has several)."""
    import contextlib
    import io

    out = io.StringIO()
    second = [word] if word in getattr(import_module(f"posetransfer.cli.{name}"), "COMMANDS", {}) else []
    with contextlib.redirect_stdout(out):
        assert main([name, *second, "--help"]) == 0
    return out.getvalue()


def test_the_readme_shows_commands():
    assert len([page for page, _ in LINES if page == "README.md"]) > 5


@pytest.mark.parametrize(("page", "words"), LINES, ids=[f"{page}: {' '.join(words)[:60]}" for page, words in LINES])
def test_command_line_on_a_page_can_be_typed(page, words):
    command = words[0]
    assert command in commands(), f"{page} names a command that does not exist"
    options = {option for word in words for option in re.findall(r"(?<!\w)--[a-z-]+", word)} - {"--help", "--debug"}
    page_of_help = help_of(command, words[1] if len(words) > 1 else "")
    assert not [option for option in options if option not in page_of_help]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page):
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_command_stands_in_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [name for name in commands() if not re.search(rf"`posetransfer {name}\b", text)]


LICENSES = (ROOT / "LICENSES.md").read_text(encoding="utf-8")
ASSETS = ROOT / "src" / "posetransfer" / "assets"


@pytest.mark.parametrize("path", sorted([*ASSETS.glob("*.onnx"), *ASSETS.glob("*.safetensors")]), ids=lambda path: path.name)
def test_every_shipped_network_has_its_licence_named(path):
    assert f"`{path.name}`" in LICENSES


def test_every_package_that_can_be_installed_has_its_licence_named():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    names = {re.split(r"[>=\[]", line)[0] for line in lines} - {"posetransfer"}
    assert not [name for name in names if not re.search(rf"\b{re.escape(name)}\b", LICENSES)]
