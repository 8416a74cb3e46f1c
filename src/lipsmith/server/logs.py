"""The server's log: one line per event on standard error, as text for people or as JSON for machines.

Whatever logs through the standard library is in it, with the fields of its ``extra``, and with the id of the request
that it belongs to. Keys, tokens and the queries of addresses are never logged.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Literal

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


def set_up_logs(kind: LogFormat, level: LogLevel) -> None:
    """Send everything that this process logs from ``level`` on to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(make_formatter(kind))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def make_formatter(kind: LogFormat) -> logging.Formatter:
    """What turns a record of the standard library into one event of the log."""
    known: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    shown: list[Processor] = [ProcessorFormatter.remove_processors_meta]
    if kind == "json":
        shown += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        plain = structlog.dev.plain_traceback
        console = structlog.dev.ConsoleRenderer(
            colors=False, pad_event_to=0, timestamp_key="time", exception_formatter=plain
        )
        shown += [printable, console]
    return ProcessorFormatter(foreign_pre_chain=known, processors=shown)


def printable(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Keep what clients and their files say from looking like lines of ours: no control characters, indented lines."""
    return {name: _tamed(value) if isinstance(value, str) else value for name, value in event.items()}


def _tamed(text: str) -> str:
    plain = "".join(one if one.isprintable() or one == "\n" else f"\\x{ord(one):02x}" for one in text)
    return plain.replace("\n", "\n    ")
