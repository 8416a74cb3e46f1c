"""Around every request: its id, its line, its figures; a failure is logged once and answered with the id."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from lipsmith.server.app import create_app
from lipsmith.server.auth.keys import new_key, read_keys
from lipsmith.server.config import ServerSettings
from lipsmith.server.state import AppState, make_state
from tests.support.bare_app import ask

KEY, LINE = new_key("alice")
BEARER = {"Authorization": f"Bearer {KEY}"}
LOGGER = "lipsmith.server.request_log"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppState]:
    folder = tmp_path_factory.mktemp("data")
    made = make_state(ServerSettings(data=str(folder), voice="none"), read_keys(None, LINE))
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(state: AppState) -> FastAPI:
    made = create_app(state)

    async def fail(_: Request) -> Response:
        raise RuntimeError("a bug")

    async def leave(_: Request) -> Response:
        raise ClientDisconnect

    made.router.add_route("/v1/bug", fail)
    made.router.add_route("/v1/gone", leave)
    for path in ("/v1/bug", "/v1/gone"):  # before the pages, which have every other path
        route = next(one for one in made.router.routes if getattr(one, "path", "") == path)
        made.router.routes.remove(route)
        made.router.routes.insert(0, route)
    return made


def line(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    found = [vars(record) for record in caplog.records if record.name == LOGGER]
    assert len(found) == 1, found
    return found[0]


def test_a_request_has_one_line_with_its_client_and_without_its_query(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = ask(app, "GET", "/v1/jobs?limit=3&token=lst_secret", headers=BEARER)
    said = line(caplog)
    assert (said["method"], said["route"], said["status"], said["client"]) == ("GET", "/v1/jobs", 200, "alice")
    assert 0 <= float(str(said["seconds"])) < 60
    assert answer.headers["x-request-id"]
    ours = [str(vars(one)) for one in caplog.records if not one.name.startswith("httpx")]
    assert not [one for one in ours if "lst_secret" in one or KEY in one]


def test_a_refusal_says_why(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert ask(app, "GET", "/v1/jobs/0123456789abcdef", headers=BEARER).status_code == 404
    said = line(caplog)
    assert (said["route"], said["problem"], said["reason"]) == (
        "/v1/jobs/{job}", "not-found", "You have no job of that id.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "kept"), [("mine-1.b_C", True), ("a" * 65, False), ("two words", False), ("", False), ("ä", False)]
)
def test_a_sane_id_is_kept(app: FastAPI, given: str, kept: bool) -> None:
    answer = ask(app, "GET", "/healthz", headers={"X-Request-Id": given.encode()})
    assert (answer.headers["x-request-id"] == given) == kept
    assert answer.headers["x-request-id"].isascii()


def test_a_bug_is_logged_once_and_answered_with_its_id(
    app: FastAPI, state: AppState, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = ask(app, "GET", "/v1/bug", headers={**BEARER, "X-Request-Id": "mine-2"})
    assert (answer.status_code, answer.json()["type"]) == (500, "unexpected")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "mine-2"
    assert "mine-2" in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [record.exc_info is not None for record in caplog.records].count(True) == 1
    assert line(caplog)["status"] == 500
    assert b'status="500"' in state.metrics.text()


def test_a_client_that_left_is_no_failure(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        ask(app, "GET", "/v1/gone", headers=BEARER)
    assert not [record for record in caplog.records if record.exc_info]
    assert line(caplog)["levelname"] == "INFO"


def test_health_checks_are_quiet_unless_they_fail(
    app: FastAPI, state: AppState, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert ask(app, "GET", "/readyz").status_code == 200
        assert not [one for one in caplog.records if one.name == LOGGER]
        state.runner.draining.set()
        assert ask(app, "GET", "/readyz").status_code == 503
        state.runner.draining.clear()
    assert line(caplog)["problem"] == "draining"


def test_a_websocket_has_its_line_with_the_reason(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(ws: WebSocket) -> None:
        await ws.accept()
        await ws.close(4503, "no place")

    app.router.add_websocket_route("/v1/refused", refuse)
    with caplog.at_level(logging.INFO):
        client = TestClient(app, base_url="http://127.0.0.1")  # not entered, so that the state stays open
        with client.websocket_connect("/v1/refused", headers=BEARER) as ws:
            assert ws.receive()["code"] == 4503
    said = line(caplog)
    assert (said["method"], said["status"], said["reason"]) == ("WEBSOCKET", 4503, "no place")
    assert "problem" not in said


def test_the_metrics_have_what_an_operator_watches(app: FastAPI, state: AppState) -> None:
    ask(app, "GET", "/v1/avatars", headers=BEARER)
    ask(app, "POST", "/v1/avatars", headers=BEARER, data={"options": "{"}, files={"picture": b"x"})
    state.connections.ended["slow header"] += 1
    state.metrics.job_ended("dub", "face-error", 2.0)
    state.metrics.job_ended("dub", "done", 2.0)
    text = state.metrics.text().decode()
    for expected in (
        'lipsmith_requests_total{method="GET",route="/v1/avatars",status="200"} 1.0',
        'lipsmith_request_seconds_count{route="/v1/avatars"} 2.0',
        'lipsmith_build_info{version="',
        'lipsmith_jobs_ended_total{kind="dub",outcome="face-error"} 1.0',
        'lipsmith_job_seconds_count{kind="dub"} 1.0',
        'lipsmith_connections{kind="keyless"} 0.0',
        'lipsmith_connections_ended_total{reason="slow header"} 1.0',
        "lipsmith_disk_free_bytes ",
        "lipsmith_disk_budget_bytes 2e+",
        "lipsmith_uploads 0.0",
        "lipsmith_viewers 0.0",
        "lipsmith_voice_errors_total 0.0",
    ):
        assert expected in text, expected


def test_what_the_stopping_server_breaks_off_is_answered(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    async def cut(_: Request) -> Response:
        raise asyncio.CancelledError("timeout graceful shutdown exceeded")

    app.router.routes.insert(0, Route("/v1/cut", cut))
    with caplog.at_level(logging.INFO):
        answer = ask(app, "GET", "/v1/cut", headers=BEARER)
    assert (answer.status_code, answer.json()["type"]) == (503, "draining")
    assert (line(caplog)["status"], line(caplog)["problem"]) == (503, "draining")
