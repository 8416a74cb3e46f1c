"""``lipsmith serve``: the HTTP API and its pages; ``lipsmith serve key`` makes an API key."""

from __future__ import annotations

import inspect
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperGroup
from typer.main import get_command

from ..errors import EngineUnavailable
from ..libraries import install_hint
from ..server.auth.keys import new_key, read_keys
from .flags import with_parameters

PACKAGES = (
    "aiortc", "fastapi", "fastapi_offline", "uvicorn", "websockets", "prometheus_client", "python_multipart",
    "pydantic_settings", "sse_starlette", "structlog",
)  # fmt: skip


class ServeGroup(TyperGroup):
    """The command, which reads its flags from ``ServerSettings`` when it is run and not before.

    Pydantic takes 0.3 s to load, for which no other command shall wait, and it comes with the extra ``server``. Without
    the extra the command has no flags, and says what is missing.
    """

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the command line; as Click has it."""
        if _missing():
            if args and args[0].startswith("-") and args[0] not in ("-h", "--help"):
                _check_packages()  # the flags are not known, but the reason is
            return super().make_context(info_name, args, parent, **extra)
        return get_command(make_app(_flags())).make_context(info_name, args, parent, **extra)


def make_app(flags: list[inspect.Parameter], group: type[TyperGroup] = TyperGroup) -> typer.Typer:
    """``lipsmith serve`` with ``flags``."""
    made = typer.Typer(name="serve", cls=group, add_completion=False, rich_markup_mode=None)

    def serve(context: typer.Context, **given: Any) -> None:
        """Serve the HTTP API and its pages. Without keys it listens on this machine alone.

        Needs the extra 'server'; without it the command says how to install it.
        """
        if context.invoked_subcommand is None:
            _run({name: value for name, value in given.items() if _from_command_line(context, name)})

    made.callback(invoke_without_command=True)(with_parameters(serve, flags))
    made.command()(key)
    return made


def key(
    name: Annotated[str, typer.Option(help="The client: keys of one name see the same jobs and avatars.")] = "client",
    operator: Annotated[bool, typer.Option("--operator", help="A key that reads /metrics and nothing else.")] = False,
) -> None:
    """Make an API key. Prints two lines: the key for the client, and the line for the server's file of keys."""
    word, line = new_key(name, operator=operator)
    print(f"{word}\n{line}")


def _run(given: dict[str, Any]) -> None:
    """Serve with the settings that the flags ``given`` make, until a signal stops it."""
    _check_packages()
    from ..server.config import ServerSettings, check_reach, setting_of
    from ..server.logs import set_up_logs
    from ..server.start_checks import check_variables, warn_of_settings

    settings = ServerSettings(**{setting_of(name): value for name, value in given.items()})
    set_up_logs(settings.log, settings.log_level)
    check_variables(os.environ)
    known = read_keys(Path(settings.keys_file) if settings.keys_file else None, settings.keys)
    check_reach(settings, bool(known))
    warn_of_settings(settings, known)
    from ..server.malloc import share_heaps

    share_heaps()
    from ..server.app import serve
    from ..server.state import make_state

    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    serve(make_state(settings, known), lambda port: print(f"Lipsmith listens on http://{host}:{port}", flush=True))


def _check_packages() -> None:
    """Raise EngineUnavailable if packages of the extra ``server`` are not here."""
    if missing := _missing():
        raise EngineUnavailable(f"The server lacks {', '.join(missing)}; this brings them: {install_hint('server')}")


def _missing() -> list[str]:
    return [name for name in PACKAGES if find_spec(name) is None]


def _from_command_line(context: typer.Context, name: str) -> bool:
    """Whether a flag was given: what was not is left to the environment."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _flags() -> list[inspect.Parameter]:
    """One for every setting that has one."""
    from ..server.config import ServerSettings, flag_of

    found = []
    for name, field in ServerSettings.model_fields.items():
        if flag := flag_of(name):
            choices = get_args(field.annotation)
            option = typer.Option(field.default, flag, help=field.description, metavar="|".join(choices) or None)
            kind = str if choices else field.annotation
            word = flag.removeprefix("--").replace("-", "_")
            found.append(inspect.Parameter(word, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind))
    return found


app = make_app([], ServeGroup)
