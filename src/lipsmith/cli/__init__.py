"""The command line: one file per command, one border where errors become a sentence and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated

import typer

from .. import __version__
from ..errors import EngineUnavailable, LipsmithError
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
    signal.signal(signal.SIGTERM, _interrupt)
    for stream in (sys.stdout, sys.stderr):  # names of files may hold letters that a pipe's encoding lacks
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code: the table stands in ``lipsmith.errors``."""
    try:
        code = app(list(arguments), prog_name="lipsmith", standalone_mode=False) or 0
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except LipsmithError as problem:
        return _complain(str(problem), problem.exit_code)
    except Exception as problem:
        if os.environ.get("LIPSMITH_DEBUG"):
            raise
        return _explain(problem)
    return _complain("Stopped: nothing is left half written.", code) if code == INTERRUPTED else int(code)


def _explain(problem: Exception) -> int:
    """Say in one sentence what an error that is not ours means."""
    from ..libraries import blocking_libraries, sentence

    if hasattr(problem, "format_message"):  # typer's own: a flag or an argument it does not know
        context = getattr(problem, "ctx", None)
        command = context.command_path if context else "lipsmith"
        said = problem.format_message()
        return _complain(f"{said}{'' if said.endswith(('.', '?', '!')) else '.'} See '{command} --help'.", 2)
    missing = blocking_libraries() if isinstance(problem, ImportError) else []
    if missing:
        return _complain(sentence(missing), EngineUnavailable.exit_code)
    return _complain(
        f"Unexpected {type(problem).__name__}: {problem}. LIPSMITH_DEBUG=1 shows where; please report it.", 1
    )


def _complain(text: str, code: int) -> int:
    typer.secho(f"lipsmith: {text}", fg="red", err=True)
    return code


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
