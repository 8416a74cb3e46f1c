"""Films of a text: read aloud by the server's voice, and what is refused at the call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lipsmith.tts.espeak_library import has_espeak
from tests.support.live_server import FAKE, Served, make_avatar, over, start, until, write_film

espeak = pytest.mark.skipif(not has_espeak(), reason="eSpeak NG is not installed")
TEXT = "Good morning. This is a film of a text."


def submit(served: Served, portrait: bytes, **form: str) -> dict[str, Any]:
    answer = served.alice.post("/v1/jobs", files={"picture": ("p.jpg", portrait)}, data={"options": FAKE, **form})
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    return made


def seconds_of(job: dict[str, Any]) -> float:
    assert job["state"] == "done", job["problem"]
    return float(job["report"]["frames"]) / 25


@espeak
def test_a_picture_says_a_text_as_fast_as_wanted(served: Served, portrait: bytes) -> None:
    plain, quick = (submit(served, portrait, text=TEXT, **how) for how in ({}, {"voice": "f3", "speed": "2"}))
    asked = quick["request"]
    assert (asked["text"], asked["voice"], asked["speed"], asked["speech"]) == (TEXT, "f3", 2.0, None)
    slowly, quickly = (seconds_of(over(served.alice, job["id"])) for job in (plain, quick))
    assert 1.5 < slowly < 6
    assert slowly / 2.4 < quickly < slowly / 1.6
    result = served.running.data / "jobs" / plain["id"] / "result"
    assert {path.name for path in result.iterdir()} == {"film.mp4", "report.json"}


@espeak
def test_an_avatar_says_a_text_and_a_film_says_it_instead_of_its_own_sound(
    served: Served, portrait: bytes, tmp_path: Path
) -> None:
    make_avatar(served.alice, portrait, "texter")
    answer = served.alice.post("/v1/jobs", data={"avatar": "texter", "text": TEXT, "language": "de"})
    assert answer.status_code == 202, answer.text
    write_film(tmp_path / "film.mp4", portrait)
    film = submit(served, (tmp_path / "film.mp4").read_bytes(), text=TEXT)
    for job in (answer.json(), film):
        assert 1.5 < seconds_of(over(served.alice, job["id"])) < 6
    served.alice.delete("/v1/avatars/texter")


@espeak
@pytest.mark.parametrize(
    ("form", "kind", "said"),
    [
        ({"text": TEXT, "voice": "klingonisch"}, "option-error", "klingonisch"),
        ({"text": TEXT, "voice": "openai:http://127.0.0.1:1/v1"}, "invalid", "voice"),
        ({"text": TEXT, "language": "tlh"}, "option-error", "tlh"),
        ({"text": TEXT, "language": "klingon"}, "invalid", "language: It is not written as it must be"),
        ({"text": TEXT, "speed": "3"}, "invalid", "speed"),
        ({"text": TEXT, "pitch": "3"}, "invalid", "no field 'pitch'"),
        ({"text": TEXT, "speed": "nan"}, "invalid", "speed"),
        ({"text": "?!"}, "option-error", "nothing to say"),
        ({"text": "a" * 4001}, "invalid", "text"),
        ({"voice": "f3"}, "invalid", "give a text too"),
        ({"language": "de"}, "invalid", "give a text too"),
        ({"speed": "1.2"}, "invalid", "give a text too"),
    ],
)
def test_what_cannot_be_read_is_refused_at_the_call(
    served: Served, portrait: bytes, form: dict[str, str], kind: str, said: str
) -> None:
    answer = served.alice.post("/v1/jobs", files={"picture": ("p.jpg", portrait)}, data={"options": FAKE, **form})
    assert (answer.status_code, answer.json()["type"]) == (422, kind), answer.text
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("call", ["/v1/jobs", "/v1/avatars"])
def test_an_engine_that_cannot_run_here_is_refused_at_the_call(served: Served, portrait: bytes, call: str) -> None:
    (musetalk,) = [one for one in served.alice.get("/v1/about").json()["engines"] if one["name"] == "musetalk"]
    if musetalk["unavailable"] is None:
        pytest.skip("it can run here")
    answer = served.alice.post(call, files={"picture": ("p.jpg", portrait)}, data={"options": '{"engine": "musetalk"}'})
    assert (answer.status_code, answer.json()["type"]) == (503, "engine-unavailable"), answer.text
    assert answer.json()["detail"] == f"musetalk: {musetalk['unavailable']}"


def test_either_speech_or_a_text(served: Served, portrait: bytes, speech: bytes) -> None:
    files = {"picture": ("p.jpg", portrait), "speech": ("s.wav", speech)}
    answer = served.alice.post("/v1/jobs", files=files, data={"options": FAKE, "text": TEXT})
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid")


@espeak
def test_reading_aloud_can_be_cancelled(served: Served, portrait: bytes) -> None:
    job = submit(served, portrait, text="This goes on. " * 280, speed="0.5")
    until(lambda: served.alice.get(f"/v1/jobs/{job['id']}").json()["state"] == "running")
    assert served.alice.post(f"/v1/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    until(lambda: not list(served.running.data.glob(f"jobs/{job['id']}/attempt-*")))


@pytest.mark.slow
def test_a_server_without_a_voice_says_so(tmp_path: Path, portrait: bytes) -> None:
    server = start(tmp_path, "--voice", "none")
    with server.client() as client:
        answer = client.post("/v1/jobs", files={"picture": ("p.jpg", portrait)}, data={"text": TEXT})
        assert (answer.status_code, answer.json()["type"]) == (501, "no-voice")
    server.stop()
    assert server.process.stdout
    server.process.stdout.close()
