"""The command line: one file per command, imported when it is called.

``run`` turns every error into one sentence and an exit code.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING

from ..errors import EngineUnavailable, LipsmithError
from ..signals import end_on_signals
from ..version import __version__

if TYPE_CHECKING:
    import typer

INTERRUPTED = 130
STOPPED = "Stopped: nothing is left half written."
ABOUT = "Lipsmith makes a face speak: a portrait or a video and some speech in, a speaking film out."
COMMANDS = {
    "generate": "Make the face in PICTURE say SPEECH.",
    "speak": "Make the avatar ID say each SPEECH.",
    "live": "Broadcast the avatar ID in real time.",
    "demo": "Make a first film, and a contact sheet (.png) of it.",
    "ui": "Serve a page with MuseTalk's controls.",
    "engines": "List the engines, and what each one needs to run here.",
    "doctor": "Check this machine, and name a remedy for each fault.",
    "bench": "Measure speed, time to the first frame and memory.",
    "avatar": "Avatars: faces prepared once, to speak often.",
    "jobs": "Do, list and cancel jobs of a data folder.",
    "metrics": "Measure a film.",
    "musetalk": "MuseTalk's own scripts, with their flags.",
    "serve": "Serve the HTTP API and its pages.",
    "train": "Train the networks that the package ships.",
    "weights": "Find, download and check official weights.",
}
"""Command -> the first sentence of its help: ``lipsmith --help`` loads no command."""
_FILES = {"bench": "bench_speak"}  # command -> its module, where the names differ


def main() -> None:
    """The program ``lipsmith``."""
    end_on_signals()
    for stream in (sys.stdout, sys.stderr):  # file names may hold characters that a pipe's encoding lacks
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code; ``lipsmith.errors`` lists the codes."""
    completing = "_LIPSMITH_COMPLETE" in os.environ  # the shell asks
    if list(arguments) in ([], ["--help"], ["-h"], ["--version"]) and not completing:
        print(f"lipsmith {__version__}" if "--version" in arguments else help_text())
        return 0
    called = arguments[0] if arguments else ""
    try:
        app = program([called] if called in COMMANDS and not completing else COMMANDS)
        code = app(list(arguments), prog_name="lipsmith", standalone_mode=False) or 0
    except KeyboardInterrupt:
        code = INTERRUPTED
    except LipsmithError as problem:
        return _fail(str(problem), problem.exit_code)
    except Exception as problem:
        if type(problem).__name__ == "Abort":  # typer's: Ctrl-C at a question
            return _fail(STOPPED, INTERRUPTED)
        if os.environ.get("LIPSMITH_DEBUG"):
            raise
        return _fail_unexpectedly(problem, called)
    return _fail(STOPPED, code) if code == INTERRUPTED else int(code)


def help_text() -> str:
    """What ``lipsmith --help`` prints."""
    width = max(map(len, COMMANDS))
    flags = {
        "--version": "Print the version.",
        "--install-completion": "Install completion for the current shell.",
        "--show-completion": "Show completion for the current shell.",
        "-h, --help": "Show this message and exit.",
    }
    return "\n".join([
        "Usage: lipsmith [OPTIONS] COMMAND [ARGS]...",
        "",
        *textwrap.wrap(ABOUT, 78, initial_indent="  ", subsequent_indent="  "),
        "",
        "Options:",
        *(f"  {flag:<20}  {text}" for flag, text in flags.items()),
        "",
        "Commands:",
        *(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()),
        "",
        "'lipsmith COMMAND --help' describes a command and gives examples.",
    ])  # fmt: skip


def program(names: Iterable[str]) -> typer.Typer:
    """The command line with only the commands ``names``, whose modules are imported."""
    import typer

    from .flags import SectionedCommand

    app = typer.Typer(
        name="lipsmith",
        help=ABOUT,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(invoke_without_command=True)
    def _version(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
        if version:
            print(f"lipsmith {__version__}")

    for name in names:
        module = import_module(f".{_FILES.get(name, name)}", __name__)
        if hasattr(module, "app"):  # a command with commands of its own
            app.add_typer(module.app)
        else:
            app.command(cls=SectionedCommand)(getattr(module, name))
    return app


def _fail_unexpectedly(problem: Exception, called: str) -> int:
    """Print an error that is not a LipsmithError in one sentence, and return its exit code."""
    from ..libraries import blocking_libraries, missing_message

    if hasattr(problem, "format_message"):  # typer's own: an unknown flag or argument
        if type(problem).__name__ == "NoArgsIsHelpError":
            print(problem.format_message())
            return 0
        from .usage import sentence

        return _fail(sentence(problem, called), 2)
    missing = blocking_libraries() if isinstance(problem, ImportError) else []
    if missing:
        return _fail(missing_message(missing), EngineUnavailable.exit_code)
    return _fail(f"Unexpected {type(problem).__name__}: {problem}. LIPSMITH_DEBUG=1 shows where; please report it.", 1)


def _fail(text: str, code: int) -> int:
    """Print an error and return its exit code."""
    import typer

    typer.secho(f"lipsmith: {text}", fg="red", err=True)
    return code
