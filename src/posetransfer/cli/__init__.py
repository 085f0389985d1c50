"""The command `posetransfer`: finds the command that was asked for, and loads that one only.

Each command is a file of this folder with one typed function of the same name; tyro makes the command line of its
signature and docstring. A command with several words (`weights list`) has a dict `COMMANDS` of functions instead, and
may have a dict `ALIASES`: a first word -> the words that it stands for.

    exit code 0     done (a command may return another code)
    exit code 1     a PoseTransferError: one sentence on stderr
    exit code 2     a command line that cannot be understood
    exit code 130   stopped from the keyboard
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from posetransfer import __version__
from posetransfer.cli import console
from posetransfer.errors import PoseTransferError

_COMMANDS = {
    "transfer": "the person in a photo takes a new pose",
    "pose": "find the pose of the person in a photo",
    "info": "say what a weights folder, a pose or a photo is",
    "weights": "import, list and verify weights",
    "people": "render synthetic people to train and test on",
    "prepare": "make a data set ready for training",
    "train": "train a network",
    "evaluate": "score pictures under a named protocol",
    "batch": "many photos in many poses",
    "export": "write weights as a file for another runtime",
    "bench": "measure the runtimes on this machine",
}
"""Name -> one line of help, in the order a user meets them. A name is offered as soon as its module exists."""

_USAGE = "posetransfer COMMAND [ARGUMENTS] [--debug]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        arguments: words behind `posetransfer`; by default those of the process.

    >>> main(["--version"])
    posetransfer ...
    0
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        with console.messages(debug):
            code = _dispatch(words)
        sys.stdout.flush()  # a closed pipe is noticed here, not while Python shuts down
        return code
    except SystemExit as stop:  # tyro: 0 behind --help, 2 behind a usage error
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except KeyboardInterrupt as stop:
        console.report(KeyboardInterrupt(str(stop) or "stopped from the keyboard."), debug)
        return 130
    except BrokenPipeError:  # `posetransfer ... | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except PoseTransferError as error:
        console.report(error, debug)
        return 1
    except Exception as error:  # a slip of ours: no user's input should come this far
        console.report_slip(error, debug)
        return 1


def commands() -> dict[str, str]:
    """Commands of this installation: name -> one line of help.

    >>> commands()["info"]
    'say what a weights folder, a pose or a photo is'
    """
    return {name: line for name, line in _COMMANDS.items() if find_spec(f"{__name__}.{name}") is not None}


def _dispatch(words: list[str]) -> int:
    """Answer the words that need no command, or hand the rest to the command that the first word names."""
    first, rest = (words[0], words[1:]) if words else ("--help", [])
    if first == "help" and rest:
        first, rest = rest[0], ["--help"]
    if first in ("-h", "--help", "help"):
        print(_help())
        return 0
    if first in ("-V", "--version"):
        print(f"posetransfer {__version__}")
        return 0
    if first not in commands():
        console.say(_unknown(first))
        return 2
    return _run(first, importlib.import_module(f"{__name__}.{first}"), rest)


def _run(name: str, module: ModuleType, arguments: list[str]) -> int:
    """Let tyro read the arguments and call the function that they ask for."""
    import tyro

    prog = f"posetransfer {name}"
    config = (tyro.conf.FlagCreatePairsOff,)  # `--panel`, without a `--no-panel` beside it
    functions: dict[str, Callable[..., Any]] = getattr(module, "COMMANDS", {})
    aliases: dict[str, list[str]] = getattr(module, "ALIASES", {})
    arguments = [*aliases.get(arguments[0], arguments[:1]), *arguments[1:]] if arguments else arguments
    if not functions:
        result = tyro.cli(getattr(module, name), prog=prog, args=arguments, config=config)
    elif arguments and arguments[0] in functions:  # read the one signature that is meant: half the time of reading them all
        word = arguments[0]
        result = tyro.cli(functions[word], prog=f"{prog} {word}", args=arguments[1:], config=config)
    else:
        result = tyro.extras.subcommand_cli_from_dict(functions, prog=prog, description=module.__doc__, args=arguments, config=config)
    return result if isinstance(result, int) else 0


def _help() -> str:
    """The page behind `posetransfer --help`."""
    offered = commands()
    width = max(map(len, offered))
    lines = [f"  {name:{width}}  {line}" for name, line in offered.items()]
    return "\n".join(
        [
            f"usage: {_USAGE}",
            "",
            "The person in a photo takes a new pose.",
            "",
            "commands:",
            *lines,
            "",
            "options:",
            "  --version  say the version",
            "  --debug    with any command: show where an error came from, and log more",
            "",
            "`posetransfer COMMAND --help` explains a command.",
        ]
    )


def _unknown(word: str) -> str:
    """One sentence about a first word that is no command, with the nearest one.

    >>> _unknown("inof")
    'error: `inof` is not a command; did you mean `posetransfer info`?'
    """
    offered = commands()
    near = get_close_matches(word.lower(), offered, n=1, cutoff=0.5)
    advice = f"did you mean `posetransfer {near[0]}`?" if near else f"choose one of {', '.join(offered)} (see posetransfer --help)."
    return f"error: `{word}` is not a command; {advice}"
