"""What becomes of an upload while it comes in: its session, its place, and its end."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Body, FastAPI, File, Form, Request, UploadFile

from lipsmith.errors import problem_of
from lipsmith.server import error_handlers, forms, incoming
from lipsmith.server.auth.keys import Keys
from lipsmith.server.config import ServerSettings
from lipsmith.server.forms import StoredUpload
from lipsmith.server.incoming import ALIVE, Incoming
from lipsmith.server.problems import Problem
from lipsmith.server.sessions.handle import SessionHandle
from lipsmith.server.sessions.registry import SessionRegistry
from lipsmith.server.state import make_state
from lipsmith.server.upload_route import PlaceDep, UploadRoute
from lipsmith.server.uploads import save

BOUNDARY = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="speech"; filename="s.wav"\r\n\r\n'
END = b"\r\n--x--\r\n"
router = APIRouter(route_class=UploadRoute)


@router.post("/sessions/{session}/speak")
async def speak(
    session: str, place: PlaceDep, speech: Annotated[UploadFile, File()], word: Annotated[str, Form()] = ""
) -> dict[str, Any]:
    assert isinstance(speech, StoredUpload)
    size = save(speech, place.folder / "speech")
    return {"size": size, "begins": (place.folder / "speech").read_text()[:5], "word": word, "name": speech.filename}


@router.post("/sessions/{session}/text")
async def text(session: str, words: Annotated[list[str], Body()]) -> int:
    return len(words)


@dataclass
class Bench:
    """An application with one route that takes an upload, and one session."""

    app: FastAPI
    folder: Path
    sessions: SessionRegistry
    handle: SessionHandle
    room: list[int] = field(default_factory=list)  # what was asked for

    def left(self) -> list[str]:
        return [path.name for path in self.folder.glob("*/*") if path.name != ALIVE]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    asked: list[int] = []
    place = Incoming(tmp_path / "incoming", lambda size: asked.append(size) is None and size < 20_000_000)
    sessions = SessionRegistry(ServerSettings(), clock=lambda: 7.0)
    unused: Any = SimpleNamespace()
    handle = SessionHandle("9b0de2a76f1c4c53", "anna", unused, unused, 0.0, 0.0)
    sessions.sessions[handle.id] = handle
    app = FastAPI()
    app.state.services = SimpleNamespace(
        sessions=sessions, incoming=place, check_open=lambda: None, check_space=lambda _: None
    )
    error_handlers.install(app)
    app.include_router(router)

    @app.middleware("http")
    async def known(request: Request, answer: Callable[[Request], Any]) -> Any:
        request.state.owner = request.headers.get("owner", "anna")
        return await answer(request)

    yield Bench(app, tmp_path / "incoming", sessions, handle, asked)
    place.close()
    assert not list((tmp_path / "incoming").glob("*/"))


async def sent(
    bench: Bench, body: AsyncIterator[bytes] | bytes, session: str = "", call: str = "speak", **headers: str
) -> httpx.Response:
    path = f"/sessions/{session or bench.handle.id}/{call}"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(bench.app), base_url="http://x") as client:
        return await client.post(path, content=body, headers={"Content-Type": BOUNDARY, **headers})


def test_a_session_stays_open_while_its_speech_comes_in(bench: Bench) -> None:
    seen = []

    async def slow() -> AsyncIterator[bytes]:
        for piece in (PART, bytes(200_000), b"", END):
            seen.append(bench.handle.watchers)
            yield piece

    bench.handle.touched = 0.0
    answer = asyncio.run(sent(bench, slow()))
    assert answer.json()["size"] == 200_000
    assert seen == [1, 1, 1, 1]
    assert (bench.handle.watchers, bench.handle.touched) == (0, 7.0)  # idle from now on
    assert bench.left() == []


def test_a_session_is_idle_only_after_a_speech_was_refused(bench: Bench) -> None:
    now = iter([1.0, 9.0])
    bench.sessions.clock = lambda: next(now)
    check_refused(bench, asyncio.run(sent(bench, PART)), "breaks off")
    assert (bench.handle.watchers, bench.handle.touched) == (0, 9.0)


def test_nothing_is_read_for_a_session_that_is_not_there(bench: Bench) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    assert asyncio.run(sent(bench, unread(), "0123456789abcdef")).status_code == 404
    assert asyncio.run(sent(bench, unread(), owner="bob")).status_code == 404


def test_a_form_where_none_is_taken_is_no_form(bench: Bench) -> None:
    assert asyncio.run(sent(bench, PART + b"hm" + END, call="text")).status_code == 422
    assert asyncio.run(sent(bench, b'["a"]', call="text", **{"Content-Type": "application/json"})).json() == 1
    answer = asyncio.run(sent(bench, b"speech=hm", **{"Content-Type": "application/x-www-form-urlencoded"}))
    assert (answer.status_code, answer.json()["detail"]) == (422, "Send the file as a form: multipart/form-data.")


def test_a_field_where_a_file_belongs_is_told_so(bench: Bench) -> None:
    field = b'--x\r\nContent-Disposition: form-data; name="speech"\r\n\r\nabc' + END
    answer = asyncio.run(sent(bench, field))
    assert (answer.status_code, answer.json()["detail"]) == (422, "body.speech: Send it as a file, with a filename")


def test_fields_and_names_are_read_as_text(bench: Bench) -> None:
    part = PART.replace(b"s.wav", "ö.wav".encode()) + b"hm"
    word = b'\r\n--x\r\ncontent-disposition: form-data; name="word"\r\n\r\n' + "für".encode() + END
    answer = asyncio.run(sent(bench, part + word))
    assert answer.json() == {"size": 2, "begins": "hm", "word": "für", "name": "ö.wav"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [(BOUNDARY, PART + b'hm\r\n--x\r\nContent-Disposition: form-data; name="wrod"\r\n\r\nhi' + END),
     ("application/x-www-form-urlencoded", b"word=a&wrod=hi")],
)  # fmt: skip
def test_a_field_that_would_be_without_effect_is_refused(bench: Bench, kind: str, body: bytes) -> None:
    answer = asyncio.run(sent(bench, body, **{"Content-Type": kind}))
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid")
    assert answer.json()["detail"] == "The form has no field 'wrod'. Did you mean 'word'?"
    assert bench.left() == []


NAMELESS = b'--x\r\nContent-Disposition: form-data; filename="a"\r\n\r\n1'
MANY = [PART + b"1\r\n"] * 10_000


FORMS: dict[str, tuple[bytes, str]] = {
    "cut": (PART + b"hm", "breaks off before its end"),
    "empty": (b"", "breaks off before its end"),
    "no form": (b"hello", "is not written as"),
    "zipped": (gzip.compress(PART + b"hm" + END), "is not written as"),
    "files": (b"".join(MANY), "more than 48 fields and files"),
    "fields": (b"".join(MANY).replace(b'; filename="s.wav"', b""), "more than 48 fields and files"),
    "name": (PART.replace(b"s.wav", b"w" * 1_000_000) + b"hm" + END, ""),
    "headers": (PART.replace(b"s.wav", b"w" * 5000).replace(b"\r\n\r\n", b"\r\na: b" * 900) + END, ""),
    "field": (PART.replace(b'; filename="s.wav"', b"") + bytes(600_000) + END, "larger than 500 kB"),
    "nameless": (NAMELESS + END, "a field has no name"),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_that_are_none_are_refused_in_a_sentence(bench: Bench, name: str) -> None:
    body, said = FORMS[name]
    check_refused(bench, asyncio.run(sent(bench, body)), said)


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=" + "x" * 5000])
def test_a_form_has_a_boundary(bench: Bench, boundary: str) -> None:
    answer = asyncio.run(sent(bench, PART + END, **{"Content-Type": "multipart/form-data" + boundary}))
    check_refused(bench, answer, "names no boundary" if len(boundary) < 20 else "is not written as")


def test_a_form_that_takes_long_to_take_apart_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is nearly a boundary is looked at more closely: 100 times longer than other bytes."""
    monkeypatch.setattr(forms, "PARSE_SECONDS", 0.0)
    answer = asyncio.run(sent(bench, PART + b"\r\n--xyzzy" * 60_000 + END))
    check_refused(bench, answer, "made of far too many pieces")


def check_refused(bench: Bench, answer: httpx.Response, said: str) -> None:
    detail = str(answer.json().get("detail"))
    assert (answer.status_code, detail[:25]) == (400, "The form cannot be read: ")
    assert said in detail
    assert bench.left() == []


def test_a_client_who_vanishes_leaves_nothing(bench: Bench) -> None:
    """The server does not try to answer, and does not log it as its own trouble."""
    messages = iter([{"type": "http.request", "body": PART + bytes(300_000), "more_body": True}])
    seen: list[list[str]] = []

    async def receive() -> dict[str, Any]:
        seen.append(bench.left())
        return next(messages, {"type": "http.disconnect"})

    async def send(_: dict[str, Any]) -> None:
        return

    path = f"/sessions/{bench.handle.id}/speak"
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"content-type", BOUNDARY.encode())], "http_version": "1.1", "server": None, "client": None,
        "scheme": "http", "root_path": "",
    }  # fmt: skip
    asyncio.run(bench.app(scope, receive, send))  # type: ignore[arg-type]
    assert len(seen[-1]) == 1
    assert bench.left() == []


def test_uploads_count_on_the_disk_while_they_come_in(bench: Bench) -> None:
    async def long() -> AsyncIterator[bytes]:
        yield PART
        for _ in range(300):
            yield bytes(100_000)
        raise AssertionError("it was read to its end")

    answer = asyncio.run(sent(bench, long()))
    assert (answer.status_code, answer.json()["type"]) == (507, "no-space")
    assert bench.room[0] >= 8_000_000
    assert bench.room[-1] < 30_000_000
    assert bench.left() == []


def test_one_client_may_send_so_many_at_a_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "OWN", 2)
    monkeypatch.setattr(incoming, "MOST", 3)
    place: Incoming = bench.app.state.services.incoming

    async def go() -> list[str]:
        kinds = []
        async with place.place("anna"), place.place("anna"):
            for names in (("anna",), ("bob", "carl")):
                try:
                    for name in names:
                        await place.place(name).__aenter__()
                except Problem as problem:
                    kinds.append(f"{name} {problem_of(problem)['status']} {problem_of(problem)['type']}")
        async with place.place("anna"):
            return kinds

    assert asyncio.run(go()) == ["anna 429 too-many-uploads", "carl 503 queue-full"]


def test_what_a_killed_server_left_is_removed_and_a_living_ones_stays(tmp_path: Path) -> None:
    first = Incoming(tmp_path, lambda _: True)
    second = Incoming(tmp_path, lambda _: True)
    for one in (first, second):
        (one._folder / "upload").write_bytes(b"x")
    first._alive.release()  # as the system does when a process ends
    third = Incoming(tmp_path, lambda _: True)
    assert not first._folder.exists()
    assert (second._folder / "upload").exists()
    for one in (second, third):
        one.close()
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_an_upload_that_cannot_fit_is_refused_before_it_comes(tmp_path: Path) -> None:
    state = make_state(ServerSettings(data=str(tmp_path), disk_gb=1, voice="none"), Keys())
    try:
        state.check_space(900_000_000)
        with pytest.raises(Problem, match="fill the room"):
            state.check_space(1_000_000_001)
    finally:
        state.close()
