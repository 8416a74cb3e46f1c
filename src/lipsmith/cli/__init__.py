"""The command line: one file per command. ``run`` turns every error into one sentence and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated

import typer

from ..errors import EngineUnavailable, LipsmithError
from ..signals import end_on_signals
from ..version import __version__
from . import (
    avatar,
    bench_speak,
    demo,
    doctor,
    engines,
    generate,
    jobs,
    live,
    metrics,
    musetalk,
    serve,
    speak,
    train,
    ui,
    weights,
)
from .flags import SectionedCommand

INTERRUPTED = 130
app = typer.Typer(name="lipsmith", pretty_exceptions_enable=False, rich_markup_mode=None)  # rich help costs 0.2 s
app.command(cls=SectionedCommand)(generate.generate)
app.command()(speak.speak)
app.command()(live.live)
app.command()(demo.demo)
app.command()(ui.ui)
app.command()(engines.engines)
app.command()(doctor.doctor)
app.add_typer(bench_speak.app)  # bench, with its own commands
app.add_typer(avatar.app)
app.add_typer(jobs.app)
app.add_typer(metrics.app)
app.add_typer(musetalk.app)
app.add_typer(serve.app)
app.add_typer(train.app)
app.add_typer(weights.app)


@app.callback(invoke_without_command=True)
def lipsmith(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Lipsmith makes a face speak: a portrait or a video and some speech in, a speaking film out."""
    if version:
        print(f"lipsmith {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """The program ``lipsmith``."""
    end_on_signals()
    for stream in (sys.stdout, sys.stderr):  # file names may hold characters that a pipe's encoding lacks
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code; ``lipsmith.errors`` lists the codes."""
    try:
        code = app(list(arguments), prog_name="lipsmith", standalone_mode=False) or 0
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except LipsmithError as problem:
        return _fail(str(problem), problem.exit_code)
    except Exception as problem:
        if os.environ.get("LIPSMITH_DEBUG"):
            raise
        return _fail_unexpectedly(problem)
    return _fail("Stopped: nothing is left half written.", code) if code == INTERRUPTED else int(code)


def _fail_unexpectedly(problem: Exception) -> int:
    """Print an error that is not a LipsmithError in one sentence, and return its exit code."""
    from ..libraries import blocking_libraries, missing_message

    if hasattr(problem, "format_message"):  # typer's own: an unknown flag or argument
        context = getattr(problem, "ctx", None)
        command = context.command_path if context else "lipsmith"
        message = problem.format_message()
        return _fail(f"{message}{'' if message.endswith(('.', '?', '!')) else '.'} See '{command} --help'.", 2)
    missing = blocking_libraries() if isinstance(problem, ImportError) else []
    if missing:
        return _fail(missing_message(missing), EngineUnavailable.exit_code)
    return _fail(f"Unexpected {type(problem).__name__}: {problem}. LIPSMITH_DEBUG=1 shows where; please report it.", 1)


def _fail(text: str, code: int) -> int:
    """Print an error and return its exit code."""
    typer.secho(f"lipsmith: {text}", fg="red", err=True)
    return code
