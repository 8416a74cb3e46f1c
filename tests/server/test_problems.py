"""Every error is a problem, and who is asked to come again is told when."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lipsmith.errors import BufferFull, Busy, FaceError, JobError, LipsmithError, OptionError
from lipsmith.server.error_handlers import close_of, response_of
from lipsmith.server.problems import TABLE, Problem, for_clients, report_in_api_words


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


def test_halves_of_characters_are_answered_as_they_were_written() -> None:
    error = OptionError("There is no option '\ud800'.")
    assert b"no option '\\\\ud800'." in response_of(error).body
    assert close_of(error) == (4422, "There is no option '\\ud800'.")


def test_the_table_holds_errors_alone() -> None:
    assert all(400 <= status < 600 and title for status, title in TABLE.values())


HTTP_ITSELF = {("bad-request", 400), ("method-not-allowed", 405), ("requested-range-not-satisfiable", 416)}
CREATE = "'lipsmith avatar create anna PICTURE --refresh'"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (f"It was made by warp 1: make it again with {CREATE}.", "It was made by warp 1: delete it and make it again."),
        (f"'context' shapes it: change it by {CREATE}.", "'context' shapes it: delete it and make it again."),
        ("It is damaged. Make it again with --refresh.", "It is damaged. Delete it and make it again."),
        ("Its fps changed. --refresh makes it again.", "Its fps changed. Delete it and make it again."),
        ("There is no avatar 'ana' in alice. Did you mean 'anna'?", "You have no avatar 'ana'."),
        ("There is no option 'crv' for GenerateOptions.", "There is no option 'crv'."),
        ("Give a PNG, or use --key auto.", "Give a PNG, or use key auto."),
        ("Take another with --audio-track 2.", "Take another with audio_track 2."),
        ("The operator of this server can allow it (--cors).", "The operator of this server can allow it (--cors)."),
        ("No face was found in picture.", "No face was found in picture."),
        ("--no-idle is the same as --still.", "idle: false is the same as still."),
        ("It is damaged: `lipsmith weights check --all`.", "It is damaged: `lipsmith weights check --all`."),
        ("No unet in /srv/models, /home/ann/.cache/models. Get it.", "No unet in the server's folders. Get it."),
        ("See /v1/about, or https://example.org/a/b.", "See /v1/about, or https://example.org/a/b."),
    ],
)  # fmt: skip
def test_a_client_hears_what_a_client_can_do(said: str, expected: str) -> None:
    assert for_clients({"type": "x", "detail": said, "status": 422}) == {"type": "x", "detail": expected, "status": 422}


def test_a_report_tells_nothing_of_the_servers_folders() -> None:
    report = {"frames": 3, "passed_over": ["musetalk: unet is not in /srv/models."], "notices": ["Take --still."]}
    assert report_in_api_words(report) == {
        "frames": 3,
        "passed_over": ["musetalk: unet is not in the server's folders."],
        "notices": ["Take still."],
    }
    assert report_in_api_words({"frames": 3}) == {"frames": 3}
    assert report_in_api_words(None) is None


def test_the_documentation_lists_every_type_of_problem_with_its_status() -> None:
    """And no other: every error of the tree, every problem of the table, and what HTTP itself has."""
    section = Path("docs/server.md").read_text(encoding="utf-8").partition("## Errors")[2].partition("## Keys")[0]
    rows = re.findall(r"^\| ([0-9]+) \| ([^|]+) \|", section, re.MULTILINE)
    listed = {(kind, int(status)) for status, kinds in rows for kind in re.findall("`([a-z-]+)`", kinds)}
    known = {(kind, status) for kind, (status, _) in TABLE.items()} | HTTP_ITSELF | {("unexpected", 500)}
    known |= {(error.kind, error.http_status) for error in (kind("-") for kind in every_error(LipsmithError))}
    assert listed == known


def every_error(kind: type[LipsmithError]) -> list[type[LipsmithError]]:
    """Those below ``kind`` that are raised: families are not, and problems are in their table."""
    below = [one for one in kind.__subclasses__() if one.__module__ == "lipsmith.errors"]
    own = [] if kind in (LipsmithError, JobError) else [kind]
    return own + [one for child in below for one in every_error(child)]
