"""Every error is a problem, and who is asked to come again is told when."""

from __future__ import annotations

import pytest

from lipsmith.errors import BufferFull, Busy, FaceError
from lipsmith.server.error_handlers import response_of
from lipsmith.server.problems import TABLE, Problem


@pytest.mark.parametrize(
    ("error", "status", "kind", "later"),
    [
        (Busy("no room", retry_after=7), 503, "busy", "7"),
        (BufferFull("no room"), 429, "buffer-full", "1"),
        (Problem("queue-full", "no room", retry_after=9), 503, "queue-full", "9"),
        (FaceError("no face"), 422, "face-error", None),
        (ZeroDivisionError("inside"), 500, "unexpected", None),
    ],
)
def test_an_error_is_a_problem_that_says_when_to_come_again(
    error: Exception, status: int, kind: str, later: str | None
) -> None:
    answer = response_of(error)
    assert (answer.status_code, answer.media_type) == (status, "application/problem+json")
    assert answer.headers.get("retry-after") == later
    assert f'"type":"{kind}"'.encode() in answer.body
    assert b"inside" not in answer.body


def test_the_table_holds_errors_alone() -> None:
    assert all(400 <= status < 600 and title for status, title in TABLE.values())
