"""The command `posetransfer`: which command runs, what goes to which stream, which exit code comes back."""

import logging
import os
import subprocess
import sys
import warnings
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from posetransfer import __version__, cli
from posetransfer.errors import NoPersonFound, PoseTransferError

MEANT = NoPersonFound("me.jpg: no person found\n(best score 0.02, needed 0.30); crop the photo to one standing person.")


def works(number: int, name: str = "nobody") -> None:
    """Print a number and a name.

    Args:
        number: any number.
        name: any name.
    """
    print(number, name)


def fails(how: str) -> None:
    """Fail in a way that can be chosen."""
    problems = {"meant": MEANT, "slip": ValueError("oops"), "keyboard": KeyboardInterrupt(), "system": SystemExit("no")}
    raise problems[how]


def answers(code: int) -> int:
    """Return an exit code."""
    return code


def speaks() -> None:
    """Say something in every way a library can."""
    log = logging.getLogger("posetransfer.somewhere")
    log.debug("detail")
    log.info("step 1")
    log.warning("3 joints lie\noutside the frame")
    logging.getLogger("other.package").info("chatter")
    logging.getLogger("other.package").warning("trouble")
    warnings.warn("the photo is small", UserWarning, stacklevel=1)
    print("result")


@pytest.fixture
def command(monkeypatch):
    """Adds a command of the test's own to the table."""

    def add(function, **more):
        name = function.__name__
        module = ModuleType(f"posetransfer.cli.{name}", doc="Made by a test.")
        module.__spec__ = ModuleSpec(module.__name__, None)
        vars(module).update({name: function} | more)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(cli._COMMANDS, name, "made by a test")

    return add


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], []])
def test_help_lists_every_command_of_this_installation(words, capsys):
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out and line in out for name, line in cli.commands().items())


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"posetransfer {__version__}\n"


def test_command_without_a_module_is_not_offered(monkeypatch, capsys):
    monkeypatch.setitem(cli._COMMANDS, "levitate", "not written yet")
    assert "levitate" not in cli.commands()
    assert cli.main(["levitate"]) == 2
    assert "`levitate` is not a command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "near"), [("inof", "info"), ("infos", "info"), ("INFO", "info"), ("trasnfer", "transfer"), ("wieghts", "weights")]
)
def test_nearest_command_is_proposed(word, near, capsys):
    assert cli.main([word]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err == f"error: `{word}` is not a command; did you mean `posetransfer {near}`?\n"


def test_word_like_no_command_is_answered_with_the_list(capsys):
    assert cli.main(["qqqqqq"]) == 2
    assert "choose one of" in capsys.readouterr().err


def test_arguments_reach_the_function(command, capsys):
    command(works)
    assert cli.main(["works", "--number", "3", "--name", "Ada"]) == 0
    assert capsys.readouterr().out == "3 Ada\n"


def test_several_words(command, capsys):
    command(works, COMMANDS={"works": works, "answers": answers})
    assert cli.main(["works", "works", "--number", "4"]) == 0
    assert capsys.readouterr().out == "4 nobody\n"
    assert cli.main(["works", "answers", "--code", "7"]) == 7


def test_help_behind_or_before_a_command(command, capsys):
    command(works)
    for words in (["works", "--help"], ["help", "works"]):
        assert cli.main(words) == 0
        assert "Print a number and a name." in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["--number", "three"], ["--number", "3", "--nmae", "Ada"]])
def test_usage_error_is_2_and_leaves_stdout_alone(words, command, capsys):
    command(works)
    assert cli.main(["works", *words]) == 2
    assert capsys.readouterr().out == ""


def test_misspelt_option_is_answered_with_the_nearest(command, capsys):
    command(works)
    assert cli.main(["works", "--number", "3", "--nmae", "Ada"]) == 2
    assert "--name" in capsys.readouterr().err


def test_returned_number_is_the_exit_code(command):
    command(answers)
    assert cli.main(["answers", "--code", "1"]) == 1
    assert cli.main(["answers", "--code", "0"]) == 0


def test_users_error_is_one_sentence_and_1(command, capsys):
    command(fails)
    assert cli.main(["fails", "--how", "meant"]) == 1
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err == f"error: {' '.join(str(MEANT).split())}\n"


@pytest.mark.parametrize("place", [0, 1, 3])
def test_debug_shows_the_traceback_wherever_it_stands(place, command, capsys):
    command(fails)
    words = ["fails", "--how", "meant"]
    words.insert(place, "--debug")
    assert cli.main(words) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert any("raise problems[how]" in line for line in lines)
    assert lines[-1].startswith("error: me.jpg: no person found")


def test_slip_of_ours_names_its_kind_and_the_way_to_the_traceback(command, capsys):
    command(fails)
    assert cli.main(["fails", "--how", "slip"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: unexpected ValueError: oops")
    assert "--debug" in err
    assert err.count("\n") == 1
    assert cli.main(["fails", "--how", "slip", "--debug"]) == 1
    assert capsys.readouterr().err.startswith("Traceback")


def test_keyboard_is_a_sentence_and_130(command, capsys):
    command(fails)
    assert cli.main(["fails", "--how", "keyboard"]) == 130
    assert capsys.readouterr().err == "error: stopped from the keyboard.\n"


def test_log_lines_and_warnings_are_one_line_each_on_stderr(command, capsys):
    command(speaks)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert cli.main(["speaks"]) == 0
    streams = capsys.readouterr()
    assert streams.out == "result\n"
    expected = ["step 1", "warning: 3 joints lie outside the frame", "warning: trouble", "warning: the photo is small"]
    assert streams.err.splitlines() == expected


def test_debug_logs_more_and_says_where(command, capsys):
    command(speaks)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        cli.main(["speaks", "--debug"])
    assert capsys.readouterr().err.splitlines()[0] == "debug posetransfer.somewhere: detail"


def test_nothing_of_the_set_up_is_left_behind(command, capsys):
    command(speaks)
    root, show = logging.getLogger(), warnings.showwarning
    before = (list(root.handlers), root.level, logging.getLogger("posetransfer").level)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cli.main(["speaks"])
    assert (list(root.handlers), root.level, logging.getLogger("posetransfer").level) == before
    assert warnings.showwarning is show


def test_closed_pipe_is_silent():
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run([sys.executable, "-m", "posetransfer", "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert (run.returncode, run.stderr) == (0, "")


def test_python_m_posetransfer_is_the_command():
    run = subprocess.run([sys.executable, "-m", "posetransfer", "inof"], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout) == (2, "")
    assert "posetransfer info" in run.stderr


def test_errors_of_users_all_descend_from_one():
    assert issubclass(NoPersonFound, PoseTransferError)
