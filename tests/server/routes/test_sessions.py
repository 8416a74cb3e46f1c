"""Live sessions over HTTP: what is said is told of, to its owner alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from lipsmith.server.routes.sessions import session_events
from tests.support.live_server import Served, make_avatar, opened, tone, until
from tests.support.quick_session import quick_session
from tests.support.session_events import heard, names


@pytest.fixture(scope="module")
def avatar(served: Served, portrait: bytes) -> str:
    return make_avatar(served.alice, portrait, "live")


@pytest.fixture
def session(served: Served, avatar: str) -> Iterator[str]:
    with opened(served.alice, avatar) as made:
        yield made["id"]


def test_an_uploaded_speech_is_said_and_told_of(served: Served, session: str) -> None:
    with heard(served, session) as events:
        answer = served.alice.post(f"/v1/sessions/{session}/speak", files={"speech": ("s.wav", tone(1.5))})
        assert answer.status_code == 202, answer.text
        assert answer.json()["seconds"] == pytest.approx(1.5)
        until(lambda: "finished" in names(events))
    told = dict(events)
    assert told["finished"]["played"] == 24_000
    assert told["finished"]["utterance"] == answer.json()["utterance"]
    spent = float(str(told["finished"]["pts"])) - float(str(told["speaking"]["pts"]))
    assert "stalled" in told or spent == pytest.approx(1.48)  # from its first tick to its last one
    assert names(events)[-1] == "closed"


def test_raw_sound_is_said_and_interrupted(served: Served, session: str) -> None:
    with heard(served, session) as events:
        body = tone(50)[44:]
        answer = served.alice.post(
            f"/v1/sessions/{session}/audio?rate=16000",
            content=body,
            headers={"Content-Type": "application/octet-stream"},
        )
        assert answer.json()["seconds"] == pytest.approx(50)
        until(lambda: "speaking" in names(events))
        played = served.alice.post(f"/v1/sessions/{session}/interrupt").json()
        until(lambda: "interrupted" in names(events))
        told = dict(events)["interrupted"]
        assert played == {"utterance": told["utterance"], "seconds": int(str(told["played"])) / 16_000}
        assert served.alice.post(f"/v1/sessions/{session}/interrupt").json() == {"utterance": None, "seconds": 0.0}
    assert "finished" not in names(events)


def test_a_clip_of_the_avatar_is_shown_when_it_is_wished_for(served: Served, session: str) -> None:
    assert served.alice.post(f"/v1/sessions/{session}/gesture", json={"clip": "idle"}).status_code == 204
    refused = served.alice.post(f"/v1/sessions/{session}/gesture", json={"clip": "wave"})
    assert (refused.status_code, refused.json()["detail"]) == (422, "The avatar has no clip 'wave'. Known: idle.")


def test_a_session_is_its_owners_alone(served: Served, session: str) -> None:
    assert served.bob.get("/v1/sessions").json() == {"sessions": []}
    for method, path in [
        ("GET", ""),
        ("GET", "/events"),
        ("POST", "/interrupt"),
        ("POST", "/audio"),
        ("POST", "/token"),
        ("DELETE", ""),
    ]:
        assert served.bob.request(method, f"/v1/sessions/{session}{path}").status_code == 404
    assert served.bob.post("/v1/sessions", json={"avatar": "live"}).status_code == 404


def test_its_token_talks_to_it_and_to_nothing_else(served: Served, avatar: str) -> None:
    made = served.alice.post("/v1/sessions", json={"avatar": avatar}).json()
    with served.running.client(made["token"]) as page:
        assert page.get(made["links"]["self"]).json()["state"] == "idle"
        assert page.post(f"{made['links']['self']}/interrupt").status_code == 200
        assert page.get("/v1/sessions").status_code == 401
        assert page.get("/v1/jobs").status_code == 401
        assert page.delete(made["links"]["self"]).status_code == 204
    assert served.alice.get(made["links"]["self"]).status_code == 404


def test_one_too_many_is_refused_and_the_others_live_on(served: Served, avatar: str) -> None:
    def create() -> httpx.Response:
        return served.alice.post("/v1/sessions", json={"avatar": avatar})

    made = [create().json()["links"]["self"] for _ in range(4)]
    refused = create()
    assert (refused.status_code, refused.json()["type"]) == (429, "too-many-sessions")
    assert int(refused.headers["retry-after"]) > 0
    assert {served.alice.get(one).json()["state"] for one in made} == {"idle"}
    for one in made:
        assert served.alice.delete(one).status_code == 204
    assert served.alice.get("/v1/sessions").json() == {"sessions": []}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"avatar": "nobody"}, 404),
        ({"avatar": "../x"}, 422),
        ({"avatar": "live", "rate": 11}, 422),
        ({"avatar": "live", "engine": "warp"}, 422),
        ({"avatar": "live", "engine_options": {"nonsense": 1}}, 422),
        ({"avatar": "live", "engine_options": {"context": "many"}}, 422),
        ({"avatar": "live", "engine_options": {"context": 400}}, 422),
        ({}, 422),
        ({"avatar": "live", "engine_options": {"device": "cuda:1"}}, 422),
        ({"avatar": "live", "engine_options": {"threads": 100_000}}, 422),
    ],
)
def test_what_cannot_be_opened_is_told(served: Served, avatar: str, body: dict[str, object], status: int) -> None:
    assert served.alice.post("/v1/sessions", json=body).status_code == status


def test_a_session_takes_options_of_its_engine(served: Served, avatar: str) -> None:
    for options, status in (({"nonsense": 1}, 422), ({"context": 1}, 201)):
        answer = served.alice.post("/v1/sessions", json={"avatar": avatar, "engine_options": options})
        assert answer.status_code == status, answer.text
    served.alice.delete(answer.json()["links"]["self"])


def test_a_session_says_who_hears(served: Served, session: str) -> None:
    """The engine of this avatar has one speech encoder, or several with names."""
    body = served.alice.get(f"/v1/sessions/{session}").json()
    engine = served.alice.get(f"/v1/avatars/{body['avatar']}").json()["engine"]
    assert body["speech_encoder"] in (("whisper", "small") if engine == "warp" else (None,))


def test_the_metrics_tell_of_sessions(served: Served, session: str) -> None:
    served.alice.post(f"/v1/sessions/{session}/speak", files={"speech": ("s.wav", tone(0.5))})
    until(lambda: 'lipsmith_first_picture_seconds{quantile="0.95"}' in served.operator.get("/metrics").text)
    text = served.operator.get("/metrics").text
    for name in (
        "lipsmith_sessions 1.0",
        'lipsmith_tick_lag_seconds{quantile="0.99"}',
        'lipsmith_render_batches_total{rows="1"}',
        "lipsmith_stalls_total",
        "lipsmith_overflows_total",
        "lipsmith_session_encoders{name=",
        "lipsmith_hearing_share",
    ):
        assert name in text
    assert session not in text


def test_no_sound_is_refused(served: Served, session: str) -> None:
    answer = served.alice.post(f"/v1/sessions/{session}/speak", files={"speech": ("s.wav", b"#EXTM3U\n/etc/passwd")})
    assert (answer.status_code, answer.json()["type"]) == (422, "sound-error")


def test_listeners_hear_that_a_server_that_stops_closed_their_session() -> None:
    async def scene() -> list[str]:
        async with quick_session() as (handle, ticks):
            draining = threading.Event()
            draining.set()
            state: Any = SimpleNamespace(
                runner=SimpleNamespace(draining=draining), sessions=SimpleNamespace(get=lambda *_: handle)
            )
            answer = await session_events(state, "alice", handle.id)
            events: Any = answer.body_iterator
            told = [(await anext(events)).event]

            async def close() -> None:
                seen = len(ticks)
                while len(ticks) < seen + 8:  # the stream meets silent ticks before it
                    await asyncio.sleep(0)
                await handle.close("drain")

            closing = asyncio.create_task(close())
            told += [one.event async for one in events]
            await closing
            return told

    assert asyncio.run(scene()) == ["ready", "closed"]
