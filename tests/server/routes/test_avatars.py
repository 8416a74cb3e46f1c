"""Avatars of several clips, uploaded together."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.support.live_server import FAKE, Served, over, write_film

Files = list[tuple[str, tuple[str, bytes]]]


@pytest.fixture(scope="module")
def wave(portrait: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    film = tmp_path_factory.mktemp("clips") / "wave.mp4"
    write_film(film, portrait)
    return film.read_bytes()


def create(served: Served, picture: bytes, clips: dict[str, bytes], **form: str | list[str]) -> httpx.Response:
    """Uploads called as nobody may call a file here."""
    files: Files = [
        ("picture", ("p.jpg", picture)),
        *(("clips", (f"../../{one}", film)) for one, film in clips.items()),
    ]
    return served.alice.post("/v1/avatars", files=files, data={"clip_names": list(clips), "options": FAKE, **form})


def test_an_avatar_has_the_clips_it_was_given_and_shows_them_live(served: Served, portrait: bytes, wave: bytes) -> None:
    made = create(served, portrait, {"speaking": wave, "wave": wave}, id="waver")
    assert made.status_code == 202, made.text
    assert made.json()["request"]["clips"] == ["speaking", "wave"]
    assert over(served.alice, made.json()["id"])["state"] == "done"
    assert served.alice.get("/v1/avatars/waver").json()["clips"] == ["idle", "speaking", "wave"]
    session = served.alice.post("/v1/sessions", json={"avatar": "waver"}).json()["links"]["self"]
    assert served.alice.post(f"{session}/gesture", json={"clip": "wave"}).status_code == 204
    assert served.alice.post(f"{session}/gesture", json={"clip": "bow"}).status_code == 422
    served.alice.delete(session)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "1 clips and 0 clip_names"),
        (["wave", "bow"], "1 clips and 2 clip_names"),
        (["idle"], "not 'idle'"),
        (["../wave"], "clip_names"),
        (["Wave"], "clip_names"),
        (["wave\n"], "clip_names"),
        (["w" * 49], "clip_names"),
        ([""], "clip_names"),
    ],
)
def test_names_that_cannot_be_are_refused(
    served: Served, portrait: bytes, wave: bytes, names: list[str], said: str
) -> None:
    answer = create(served, portrait, {"wave": wave}, clip_names=names)
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid")
    assert said in answer.json()["detail"]


def test_so_many_clips_and_no_two_of_one_name(served: Served, portrait: bytes, wave: bytes) -> None:
    many = create(served, portrait, {f"wave{number}": b"x" for number in range(9)})
    assert (many.status_code, many.json()["type"]) == (422, "invalid")
    files: Files = [("picture", ("p.jpg", portrait)), *[("clips", ("w.mp4", wave))] * 2]
    twice = served.alice.post("/v1/avatars", files=files, data={"clip_names": ["wave", "wave"], "options": FAKE})
    assert "names of their own" in twice.json()["detail"]


@pytest.mark.parametrize("content", [b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"", b"<svg/>"])
def test_a_clip_that_is_no_film_is_refused_at_once(served: Served, portrait: bytes, content: bytes) -> None:
    before = set((served.running.data / "jobs").iterdir())
    answer = create(served, portrait, {"wave": content})
    assert (answer.status_code, answer.json()["type"]) == (422, "picture-error")
    assert answer.json()["detail"].startswith("clip-wave ")
    assert set((served.running.data / "jobs").iterdir()) <= before


def test_clips_count_for_the_size_of_an_upload(served: Served, portrait: bytes) -> None:
    """The server may hang up while it is still being sent to."""
    try:
        answer = create(served, portrait, {"wave": bytes(3_000_000), "bow": bytes(3_000_000)})
    except httpx.TransportError:
        return
    assert (answer.status_code, answer.json()["type"]) == (413, "too-large")


def test_a_clip_of_another_size_fails_with_its_reason(served: Served, portrait: bytes, tmp_path: Path) -> None:
    write_film(tmp_path / "low.mp4", portrait, height=256)
    made = create(served, portrait, {"wave": (tmp_path / "low.mp4").read_bytes()}, id="lower")
    job = over(served.alice, made.json()["id"])
    assert (job["state"], job["problem"]["type"]) == ("failed", "picture-error")
    assert "one size and rate" in job["problem"]["detail"]
    assert str(served.running.data) not in json.dumps(job)


def test_options_cannot_name_clips(served: Served, portrait: bytes) -> None:
    answer = create(served, portrait, {}, options='{"engine": "fake", "clips": {"wave": "/etc/passwd"}}')
    assert (answer.status_code, answer.json()["type"]) == (422, "option-error")
