"""How much a request may carry: the limit on bodies over a bare application."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from starlette.types import ASGIApp

from lipsmith.server.config import ServerSettings
from lipsmith.server.middleware import BodyLimit
from tests.support.bare_app import ask, bare


def limited(**options: int) -> ASGIApp:
    return BodyLimit(bare(), ServerSettings(**{"upload_mb": 2, **options}))  # type: ignore[arg-type]


UPLOAD = {"Content-Type": "multipart/form-data; boundary=x"}


def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    headers = {**UPLOAD, "Content-Length": "2000001"}
    answer = ask(limited(), "POST", "/v1/jobs", content=unread(), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["type"] == "too-large"


def test_a_body_that_says_nothing_is_counted() -> None:
    blocks = iter([bytes(100_000)] * 100)

    async def long() -> AsyncIterator[bytes]:
        for block in blocks:
            yield block

    assert ask(limited(), "POST", "/v1/jobs", content=long(), headers=UPLOAD).status_code == 413
    assert len([*blocks]) == 79  # the rest stays with the caller


def test_what_is_no_upload_is_small() -> None:
    assert ask(limited(), "POST", "/v1/jobs", content=bytes(1_000_001)).status_code == 413
    assert ask(limited(), "POST", "/v1/jobs", content=bytes(999_999)).json()["bytes"] == 999_999


def test_a_body_that_takes_too_long_is_broken_off() -> None:
    now = iter(range(0, 10_000, 40))
    app = BodyLimit(bare(), ServerSettings(upload_minutes=1), lambda: float(next(now)))

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x"

    answer = ask(app, "POST", "/v1/jobs", content=slow(), headers=UPLOAD)
    assert (answer.status_code, answer.json()["type"]) == (408, "too-slow")


def test_only_calls_that_take_uploads_may_carry_much() -> None:
    """Other calls hold their body in memory."""
    body = bytes(1_500_000)
    for path, status in (("/v1/sessions/a/speak", 200), ("/v1/sessions", 413), ("/v1/jobs/a/cancel", 413)):
        assert ask(limited(), "POST", path, content=body, headers=UPLOAD).status_code == status


async def trickle() -> AsyncIterator[bytes]:
    for _ in range(5):
        yield bytes(100)


@pytest.mark.parametrize(
    ("kind", "seconds", "status"),
    [
        ("multipart/form-data; boundary=x", 3, 200),
        ("multipart/form-data", 30, 408),
        ("application/octet-stream", 30, 200),
    ],
)
def test_a_form_has_to_keep_coming_but_live_sound_may_pause(kind: str, seconds: int, status: int) -> None:
    now = iter(range(0, 10_000, seconds))
    app = BodyLimit(bare(), ServerSettings(), lambda: float(next(now)))
    answer = ask(app, "POST", "/v1/sessions/a/audio", content=trickle(), headers={"Content-Type": kind})
    assert answer.status_code == status
    if status == 408:
        assert "slower than 4 kB a second" in answer.json()["detail"]
