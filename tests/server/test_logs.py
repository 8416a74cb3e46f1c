"""The log: one line per event, as text or JSON; nothing that a client sends looks like a line of ours."""

from __future__ import annotations

import json
import logging
import re
import sys

import pytest
from structlog.contextvars import bound_contextvars

from lipsmith.server.logs import LogFormat, make_formatter, set_up_logs


def shown(kind: LogFormat, message: str, *args: object, **fields: object) -> str:
    record = logging.getLogger("x").makeRecord(
        "x", logging.WARNING, "f.py", 1, message, args, sys.exc_info(), None, fields
    )
    return make_formatter(kind).format(record)


def test_text_has_a_time_a_level_and_the_fields() -> None:
    line = shown("text", "job ended after %d s", 3, job="ab", reason="No face was found.")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z \[warning  \] job ended after 3 s job=ab reason='No face was found\.'",
        line,
    )


def test_json_is_one_object_a_line_with_the_request_it_belongs_to() -> None:
    with bound_contextvars(request="r-1"):
        line = shown("json", "request", status=200, client="алиса")
    found = json.loads(line)
    assert "\n" not in line
    assert (found["event"], found["level"], found["request"]) == ("request", "warning", "r-1")
    assert (found["status"], found["client"]) == (200, "алиса")


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_traceback_is_there_once(kind: LogFormat) -> None:
    try:
        raise ValueError("the reason")
    except ValueError:
        said = shown(kind, "request failed")
    assert said.count("Traceback") == 1
    assert said.count("ValueError: the reason") == 1
    assert (said.count("\n") == 0) == (kind == "json")


def test_a_hostile_text_stays_within_its_line() -> None:
    said = shown("text", "worker said\n2026-01-01 [info] forged\x1b[31m", name_of_file="a\r\nb")
    assert "\x1b" not in said
    assert "\r" not in said
    assert all(line.startswith("    ") for line in said.splitlines()[1:])


def test_the_log_goes_to_standard_error_from_its_level_on(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json", "info")
    log = logging.getLogger("lipsmith.server")
    log.debug("unseen")
    log.info("server started", extra={"port": 8080})
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    found = json.loads(line)
    assert (found["event"], found["level"], found["port"]) == ("server started", "info", 8080)
