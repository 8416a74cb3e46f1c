"""Texts over HTTP: read aloud by the server's voice, and what is answered where that cannot be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lipsmith.cli import run
from lipsmith.tts.espeak_library import has_espeak
from tests.support.live_server import Running, Served, make_avatar, start, until
from tests.support.speech_service import Service, pcm, service, wav

espeak = pytest.mark.skipif(not has_espeak(), reason="eSpeak NG is not installed")


@pytest.fixture(scope="module")
def avatar(served: Served, portrait: bytes) -> str:
    return make_avatar(served.alice, portrait, "reader")


@pytest.fixture
def session(served: Served, avatar: str) -> Iterator[str]:
    link = served.alice.post("/v1/sessions", json={"avatar": avatar}).json()["links"]["self"]
    yield link
    served.alice.delete(link)


class Events:
    """What a session tells, as it comes."""

    def __init__(self, running: Running, key: str, link: str) -> None:
        self.found: list[dict[str, Any]] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(running, key, link), daemon=True)
        self._thread.start()
        assert self._ready.wait(150)

    def _read(self, running: Running, key: str, link: str) -> None:
        with running.client(key) as client, client.stream("GET", f"{link}/events") as answer:
            for line in answer.iter_lines():
                self._ready.set()
                if line.startswith("data: "):
                    self.found.append(json.loads(line[6:]))

    def of(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self.found if one.get("name") == name]


@espeak
def test_a_text_is_said_and_told_of(served: Served, session: str) -> None:
    assert served.alice.get("/v1/about").json()["voice"]["name"] == "espeak:en-us"
    assert {"cmn", "de", "ja"} <= set(served.alice.get("/v1/about").json()["voice"]["languages"])
    events = Events(served.running, served.alices_key, session)
    answer = served.alice.post(f"{session}/text", json={"text": "Hello. 你好！"})
    assert (answer.status_code, answer.json()) == (202, {"utterance": 1, "sentences": 2, "state": "speaking"})
    until(lambda: bool(events.of("finished")))
    assert 0.7 < events.of("finished")[0]["played"] / 24_000 < 4.0


@espeak
def test_an_interruption_silences_what_was_typed(served: Served, session: str) -> None:
    events = Events(served.running, served.alices_key, session)
    for text in ("A long story begins. " * 40, "And another one."):
        assert served.alice.post(f"{session}/text", json={"text": text, "language": "en-GB"}).status_code == 202
    until(lambda: bool(events.of("speaking")))
    assert served.alice.post(f"{session}/interrupt").json()["seconds"] < 30
    until(lambda: bool(events.of("idle") or events.of("interrupted")))
    answer = served.alice.post(f"{session}/text", json={"text": "Short.", "interrupt": True})
    assert answer.json()["state"] == "speaking"
    until(lambda: any(one["utterance"] == answer.json()["utterance"] for one in events.of("finished")))
    assert len(events.of("finished")) == 1


@espeak
@pytest.mark.parametrize(
    ("body", "status", "kind", "told"),
    [
        ({"text": "Hi", "language": "xx"}, 422, "option-error", "does not know the language"),
        ({"text": "Hi", "language": "../en"}, 422, "invalid", "language"),
        ({"text": "... 🙂"}, 422, "option-error", "nothing to say"),
        ({"text": ""}, 422, "invalid", "text"),
        ({"text": "a" * 4_001}, 422, "invalid", "4000"),
        ({"texts": "Hi"}, 422, "invalid", "text"),
    ],
)
def test_what_cannot_be_said_is_told(
    served: Served, session: str, body: dict[str, Any], status: int, kind: str, told: str
) -> None:
    answer = served.alice.post(f"{session}/text", json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, kind)
    assert told in answer.json()["detail"]


@espeak
def test_others_do_not_speak_through_it(served: Served, session: str) -> None:
    assert served.bob.post(f"{session}/text", json={"text": "Hi"}).status_code == 404


@pytest.fixture(scope="module")
def speaker() -> Iterator[Service]:
    with service() as made:
        yield made


@pytest.fixture(scope="module")
def far(speaker: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose voice is a service on loopback."""
    voice = f"openai:{speaker.base}?timeout=100&voice=nova"
    running = start(tmp_path_factory.mktemp("far"), "--voice", voice)
    yield running
    running.stop()
    assert running.process.stdout
    running.process.stdout.close()


def test_a_service_speaks_and_its_troubles_are_problems(far: Running, speaker: Service, portrait: bytes) -> None:
    with far.client() as client:
        assert client.get("/v1/about").json()["voice"] == {"name": "openai:nova", "languages": []}
        link = client.post("/v1/sessions", json={"avatar": make_avatar(client, portrait, "reader")}).json()["links"][
            "self"
        ]
        events = Events(far, "", link)
        said = client.post(f"{link}/text", json={"text": "Good morning. 早上好。", "language": "en"})
        assert (said.status_code, said.json()["sentences"]) == (202, 2)
        until(lambda: bool(events.of("finished")))
        assert events.of("finished")[0]["played"] == 24_000
        assert [asked["input"] for asked, _ in speaker.asked] == ["Good morning.", "早上好。"]
        speaker.status, speaker.kind = 503, "text/plain"
        speaker.pieces = lambda _: iter([b"loading"])
        told = client.post(f"{link}/text", json={"text": "Still there?"})
        assert (told.status_code, told.json()["type"]) == (502, "voice-error")
        assert "503: loading" in told.json()["detail"]
        assert str(speaker.port) not in told.json()["detail"]
        speaker.status, speaker.kind = 200, "audio/wav"
        speaker.pieces = lambda go_on: iter([wav(pcm()), b""] if go_on.wait(0.01) else [wav(pcm(3.0))])
        assert client.post(f"{link}/text", json={"text": "Well."}).status_code == 202
        client.delete(link)


def test_without_a_voice_it_is_said_what_to_do(tmp_path: Path) -> None:
    running = start(tmp_path, "--voice", "none", "--workers", "0")
    with running.client() as client:
        assert client.get("/v1/about").json()["voice"] is None
        told = client.post("/v1/sessions/0123456789abcdef/text", json={"text": "Hi"})
        assert (told.status_code, told.json()["type"]) == (501, "no-voice")
        assert "the server has no voice" in told.json()["detail"]
    assert running.stop() == 0
    assert running.process.stdout
    running.process.stdout.close()


def test_a_voice_that_cannot_be_is_told_before_anything_listens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--data", str(tmp_path / "data"), "--voice", "shout"]) == 2
    assert "voice is 'shout'" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
