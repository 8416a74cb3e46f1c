"""Live sessions pushed over HTTP to ffmpeg, which listens as a streaming server does, and to those that do not."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import pytest

from lipsmith.errors import SessionOver
from lipsmith.server.sessions.push_targets import parse_targets
from lipsmith.server.sessions.pushes import RunningPush, start_push
from tests.support.live_server import Served, make_avatar, opened, start, tone, until
from tests.support.quick_session import quick_session
from tests.support.rtmp_listener import listen, listening
from tests.support.session_events import heard, names

KEY = "stream-secret-0a1b"


@pytest.fixture(scope="module")
def avatar(served: Served, portrait: bytes) -> str:
    return make_avatar(served.alice, portrait, "pushed")


@pytest.fixture
def session(served: Served, avatar: str) -> Iterator[str]:
    with opened(served.alice, avatar) as made:
        yield made["links"]["self"]


def told(events: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """What the events tell of pushes."""
    return [(name, one) for name, one in events if name.startswith("push_")]


def push(served: Served, session: str, port: int, key: str = "key") -> dict[str, Any]:
    answer = served.alice.post(f"{session}/pushes", json={"url": f"rtmp://127.0.0.1:{port}/live/{key}"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"{session}/pushes/{made['id']}"
    return made


def shown(served: Served, session: str) -> dict[str, Any]:
    (one,) = served.alice.get(f"{session}/pushes").json()["pushes"]
    found: dict[str, Any] = one
    return found


@listening
def test_a_session_is_seen_and_heard_at_the_streaming_server(served: Served, session: str, tmp_path: Path) -> None:
    server = listen(served.ports[0], tmp_path / "seen.flv")
    with heard(served, session.rpartition("/")[2]) as events:
        made = push(served, session, served.ports[0])
        until(lambda: shown(served, session)["state"] == "connected")
        served.alice.post(f"{session}/speak", files={"speech": ("s.wav", tone(4.0))})
        until(lambda: "finished" in names(events))
        assert served.alice.delete(f"{session}/pushes/{made['id']}").status_code == 204
        assert served.alice.get(f"{session}/pushes").json() == {"pushes": []}
        assert served.alice.delete(f"{session}/pushes/{made['id']}").status_code == 404
        assert served.alice.get(session).status_code == 200  # it goes on
        until(lambda: len(told(events)) == 2)
    assert [(name, one["about"], one["reason"]) for name, one in told(events)] == [
        ("push_connected", made["id"], ""),
        ("push_ended", made["id"], ""),
    ]
    assert server.wait(120) == 0
    with av.open(str(tmp_path / "seen.flv")) as film:
        assert film.streams.video[0].codec_context.width == 512
        loud = max(float(abs(frame.to_ndarray()).max()) for frame in film.decode(audio=0))
    assert loud > 0.1


def test_a_stream_that_cannot_begin_is_told_of_and_never_its_key(served: Served, session: str) -> None:
    with heard(served, session.rpartition("/")[2]) as events:
        made = push(served, session, served.ports[1], KEY)
        until(lambda: "push_lost" in names(events))
        seen = shown(served, session)
        assert (seen["state"], seen["trouble"], seen["connections"]) == ("waiting", "Connection refused", 0)
        assert seen["to"] == "rtmp://127.0.0.1/..."
        served.alice.delete(f"{session}/pushes/{made['id']}")
        until(lambda: "push_ended" in names(events))
    assert dict(events)["push_lost"]["reason"] == "Connection refused"
    assert KEY not in json.dumps([events, made, seen])


def test_the_key_stands_in_no_answer_and_no_list_of_processes(served: Served, session: str) -> None:
    made = push(served, session, served.ports[1], KEY)
    until(lambda: shown(served, session)["state"] == "waiting")
    refused = served.alice.post(f"{session}/pushes", json={"url": f"rtmp://127.0.0.1:9/x/{KEY}"})
    wrong = served.alice.post(f"{session}/pushes", json={"url": f"rtmp://u:p@127.0.0.1/live/{KEY}"})
    long = served.alice.post(f"{session}/pushes", json={"url": KEY * 99})
    assert [one.status_code for one in (refused, wrong, long)] == [403, 422, 422]
    assert all(KEY not in one.text and KEY not in str(one.headers) for one in (refused, wrong, long))
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it is over
            assert KEY.encode() not in process.read_bytes()
    served.alice.delete(f"{session}/pushes/{made['id']}")


def test_what_goes_wrong_is_logged_without_the_key(
    portrait: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A web server that answers, and the end of the server in the middle of a push."""
    with socket.create_server(("127.0.0.1", 0)) as web:
        threading.Thread(target=answer_as_the_web, args=(web,), daemon=True).start()
        place = f"rtmp://127.0.0.1:{web.getsockname()[1]}/live/"
        running = start(tmp_path, "--voice", "none", "--push-to", place)
        with running.client() as client:
            make_avatar(client, portrait, "loud")
            session = client.post("/v1/sessions", json={"avatar": "loud"}).json()["links"]["self"]
            client.post(f"{session}/pushes", json={"url": place + KEY})
            until(lambda: client.get(f"{session}/pushes").json()["pushes"][0]["state"] == "waiting")
            (seen,) = client.get(f"{session}/pushes").json()["pushes"]
        assert running.stop() == 0
        assert running.process.stdout
        running.process.stdout.close()
    assert seen["trouble"]
    assert KEY not in json.dumps(seen) + "".join(capfd.readouterr())


def answer_as_the_web(server: socket.socket) -> None:
    """Whatever it is asked, until it is closed."""
    with suppress(OSError):
        while True:
            with server.accept()[0] as one:
                one.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)


def test_a_streaming_server_that_says_nothing_stops_nobody(served: Served, session: str) -> None:
    """It accepts and is silent, for which FFmpeg waits: the server answers, and the push can be stopped."""
    with (
        heard(served, session.rpartition("/")[2]) as events,
        socket.create_server(("127.0.0.1", served.ports[2])) as mute,
    ):
        mute.settimeout(120)
        made = push(served, session, served.ports[2])
        with mute.accept()[0]:
            assert shown(served, session)["state"] == "connecting"
            assert served.alice.post(f"{session}/speak", files={"speech": ("s.wav", tone(0.4))}).status_code == 202
            until(lambda: "finished" in names(events))
            assert served.alice.delete(f"{session}/pushes/{made['id']}").status_code == 204
        assert served.alice.get(f"{session}/pushes").json() == {"pushes": []}


def test_addresses_that_the_operator_did_not_name_are_refused(served: Served, session: str) -> None:
    port = served.ports[0]
    for address, status, kind in [
        ("rtmp://127.0.0.1:9/live/key", 403, "push-refused"),
        (f"rtmp://127.0.0.1:{port}/other/key", 403, "push-refused"),
        (f"rtmp://localhost:{port}/live/key", 403, "push-refused"),
        (f"rtmp://127.0.0.1:{port}/live/../other/key", 422, "option-error"),
        ("file:///etc/passwd", 422, "option-error"),
        ("", 422, "invalid"),
    ]:
        answer = served.alice.post(f"{session}/pushes", json={"url": address})
        assert (answer.status_code, answer.json()["type"]) == (status, kind), address
        assert answer.headers["content-type"] == "application/problem+json"
    assert served.alice.get(f"{session}/pushes").json() == {"pushes": []}


def test_pushes_are_their_owners_alone_and_few(served: Served, session: str) -> None:
    made = [push(served, session, served.ports[1], key) for key in ("one", "two")]
    refused = served.alice.post(f"{session}/pushes", json={"url": f"rtmp://127.0.0.1:{served.ports[1]}/live/three"})
    assert (refused.status_code, refused.json()["type"]) == (429, "too-many-pushes")
    body = {"url": f"rtmp://127.0.0.1:{served.ports[1]}/live/key"}
    assert served.bob.post(f"{session}/pushes", json=body).status_code == 404
    assert served.bob.get(f"{session}/pushes").status_code == 404
    assert served.bob.delete(f"{session}/pushes/{made[0]['id']}").status_code == 404
    assert served.alice.delete(session).status_code == 204  # ends them too


def test_a_session_that_is_over_is_pushed_nowhere() -> None:
    """It is still known while its films are being finished."""

    async def scene() -> None:
        async with quick_session() as (handle, _):
            await handle.live.close()
            with pytest.raises(SessionOver):
                start_push(handle, "rtmp://127.0.0.1/live/key", parse_targets("rtmp://127.0.0.1/live/"))
            assert handle.attached(RunningPush) == []
            await handle.close()

    asyncio.run(scene())
