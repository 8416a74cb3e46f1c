"""Live sessions filmed over HTTP: a film is there when it is stopped, whoever stops it, and its owner's alone."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import httpx
import numpy as np
import pytest

from lipsmith.jobs.queue import NewJob
from lipsmith.jobs.runner import JobRunner, RunnerOptions
from lipsmith.jobs.sqlite import SqliteQueue
from lipsmith.provenance.metadata import find_provenance
from lipsmith.server.sessions.handle import SessionHandle
from lipsmith.server.sessions.recordings import FULL, NO_ROOM, SessionRecorder, SessionRecording
from tests.support.live_server import Running, Served, make_avatar, opened, over, start, tone, until
from tests.support.quick_session import quick_session
from tests.support.session_events import heard, names


@pytest.fixture(scope="module")
def avatar(served: Served, portrait: bytes) -> str:
    return make_avatar(served.alice, portrait, "filmed")


@pytest.fixture
def session(served: Served, avatar: str) -> Iterator[str]:
    with opened(served.alice, avatar) as made:
        yield made["links"]["self"]


def begin(client: httpx.Client, session: str, frames: int = 1) -> dict[str, Any]:
    """A recording that has some frames at least."""
    answer = client.post(f"{session}/recordings")
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    assert (job["kind"], job["state"], answer.headers["location"]) == ("recording", "running", job["links"]["self"])
    until(lambda: (client.get(job["links"]["self"]).json()["stage"] or {"done": 0})["done"] >= frames)
    return job


def frames_of(film: bytes) -> int:
    with av.open(io.BytesIO(film)) as container:
        return sum(1 for _ in container.decode(video=0))


def loudness(film: bytes) -> float:
    with av.open(io.BytesIO(film)) as container:
        return max(float(np.abs(frame.to_ndarray()).max()) for frame in container.decode(audio=0))


def test_what_is_said_is_in_the_film_which_is_fetched_in_parts(served: Served, session: str) -> None:
    with heard(served, session.rpartition("/")[2]) as events:
        job = begin(served.alice, session)
        served.alice.post(f"{session}/speak", files={"speech": ("s.wav", tone(0.6))})
        until(lambda: "finished" in names(events))
        done = served.alice.post(f"{session}/recordings/{job['id']}/stop").json()
        assert (done["state"], done["links"]["result"]) == ("done", f"/v1/jobs/{job['id']}/result")
        assert served.alice.post(f"{session}/recordings/{job['id']}/stop").json() == done
        assert served.alice.get(f"{session}/recordings").json()["jobs"] == [done]
        until(lambda: "recording_ended" in names(events))
    assert (dict(events)["recording_ended"]["about"], dict(events)["recording_ended"]["reason"]) == (job["id"], "")
    answer = served.alice.get(done["links"]["result"])
    assert answer.headers["content-type"] == "video/mp4"
    assert frames_of(answer.content) == done["report"]["frames"] >= 15
    assert loudness(answer.content) > 0.1
    with av.open(io.BytesIO(answer.content)) as container:
        mark = find_provenance(dict(container.metadata))
    assert mark
    assert "fake" in json.dumps(mark)
    part = served.alice.get(done["links"]["result"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, answer.content[100:200])
    token = served.alice.post(f"/v1/jobs/{job['id']}/token").json()
    with served.running.client() as page:
        assert page.get(token["url"]).content == answer.content


def test_a_session_is_filmed_once_at_a_time_and_again_afterwards(served: Served, session: str) -> None:
    first = begin(served.alice, session)
    refused = served.alice.post(f"{session}/recordings")
    assert (refused.status_code, refused.json()["type"]) == (409, "already-recording")
    served.alice.post(f"{session}/recordings/{first['id']}/stop")
    second = begin(served.alice, session)
    listed = served.alice.get(f"{session}/recordings").json()["jobs"]
    assert [(one["id"], one["state"]) for one in listed] == [(second["id"], "running"), (first["id"], "done")]


def test_a_film_is_finished_when_its_session_is_closed(served: Served, session: str) -> None:
    job = begin(served.alice, session)
    assert served.alice.delete(session).status_code == 204
    done = over(served.alice, job["id"])
    assert done["state"] == "done"
    assert frames_of(served.alice.get(done["links"]["result"]).content) == done["report"]["frames"]
    assert not list(served.running.data.glob(f"jobs/{job['id']}/**/*.part"))


def test_another_client_neither_sees_nor_stops_it(served: Served, session: str) -> None:
    job = begin(served.alice, session)
    for method, path in [
        ("POST", f"{session}/recordings"),
        ("GET", f"{session}/recordings"),
        ("POST", f"{session}/recordings/{job['id']}/stop"),
        ("GET", f"/v1/jobs/{job['id']}"),
        ("GET", f"/v1/jobs/{job['id']}/result"),
        ("POST", f"/v1/jobs/{job['id']}/cancel"),
    ]:
        assert served.bob.request(method, path).status_code == 404
    assert served.alice.get(f"/v1/jobs/{job['id']}/result").json()["type"] == "no-result"
    other = "0" * 16
    assert served.alice.post(f"{session}/recordings/{other}/stop").status_code == 404


@pytest.mark.parametrize("forget", [False, True])
def test_who_cancels_or_deletes_the_job_throws_the_film_away(served: Served, session: str, forget: bool) -> None:
    job = begin(served.alice, session)
    here, folder = f"/v1/jobs/{job['id']}", served.running.data / "jobs" / job["id"]
    answer = served.alice.delete(here) if forget else served.alice.post(f"{here}/cancel")
    assert answer.is_success
    until(lambda: not (folder / "attempt-1").exists() and folder.exists() is not forget)
    assert served.alice.get(here).status_code == (404 if forget else 200)
    until(lambda: served.alice.post(f"{session}/recordings").status_code == 201)


def test_films_survive_the_end_of_their_server(portrait: bytes, tmp_path: Path) -> None:
    """Killed in the middle, the film is finished without it and found by the next one, which stops in order."""
    server = start(tmp_path, "--voice", "none")
    with server.client() as client:
        make_avatar(client, portrait, "f")
        first = filmed(client)
    finish(server, signal.SIGKILL)
    until((tmp_path / "jobs" / first / "attempt-1" / "film.mp4").exists)
    server = start(tmp_path, "--voice", "none")
    with server.client() as client:
        second = filmed(client)
        done = over(client, first)
        assert done["state"] == "done", done
        assert frames_of(client.get(done["links"]["result"]).content) >= 10
    assert finish(server, signal.SIGTERM) == 0
    store = SqliteQueue(tmp_path / "jobs.sqlite")
    row = store.get(second)
    store.close()
    assert row
    assert row.report
    film = tmp_path / "jobs" / second / "result" / "film.mp4"
    assert (row.state, row.report["frames"]) == ("done", frames_of(film.read_bytes()))


def filmed(client: httpx.Client) -> str:
    """The id of a film, some frames long, of a new session."""
    session = client.post("/v1/sessions", json={"avatar": "f"}).json()["links"]["self"]
    return str(begin(client, session, frames=10)["id"])


def finish(server: Running, sign: int) -> int:
    code = server.stop(sign)
    assert server.process.stdout
    server.process.stdout.close()
    return code


def rooms(folder: Path) -> tuple[SqliteQueue, JobRunner]:
    (folder / "jobs").mkdir()
    store = SqliteQueue(folder / "jobs.sqlite")
    return store, JobRunner(store, RunnerOptions(folder, workers=0))


@pytest.mark.parametrize(("minutes", "room", "reason"), [(0.001, True, FULL), (60, False, NO_ROOM)])
def test_a_film_ends_by_itself_and_the_session_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: float, room: bool, reason: str
) -> None:
    store, runner = rooms(tmp_path)
    monkeypatch.setattr(runner, "make_room", lambda _: room)
    options: Any = SimpleNamespace(record_minutes=minutes, lease_seconds=10, folder=tmp_path)
    recorder = SessionRecorder(store, runner, options)

    async def scene() -> None:
        async with quick_session() as (handle, ticks):
            row = await recorder.start(named(handle))
            async with asyncio.timeout(60):
                while not (told := [event for tick in ticks for event in tick.events if event.about == row.id]):
                    await asyncio.sleep(0.01)
            assert [(event.name, event.reason) for event in told] == [("recording_ended", reason)]
            done = await recorder.stop(handle, row.id)
            assert done.state in ("done", "failed")  # without room it may end before a picture came
            assert done.state == "done" or (done.problem or {})["detail"].startswith("Nothing was recorded")
            if room:
                assert done.report == {"output": "film.mp4", "frames": 24, "seconds": 24 / 400}
            await handle.close()

    asyncio.run(scene())
    store.close()


def recover(runner: JobRunner, store: SqliteQueue, counts: dict[str, int]) -> None:
    """Look for abandoned jobs until ``counts`` of the states are there."""

    def recovered() -> bool:
        runner.recover()
        return dict(store.counts()) == counts

    until(recovered)


def named(handle: SessionHandle) -> SessionHandle:
    avatar: Any = SimpleNamespace(info=SimpleNamespace(id="anna", engine="fake", engine_version="1"))
    handle.avatar = avatar
    return handle


def test_a_film_that_cannot_be_written_is_a_failed_job_that_tells_no_folder(tmp_path: Path) -> None:
    store, runner = rooms(tmp_path)
    options: Any = SimpleNamespace(record_minutes=1, lease_seconds=10, folder=tmp_path)
    recorder = SessionRecorder(store, runner, options)

    async def scene() -> None:
        async with quick_session() as (handle, _):
            row = await recorder.start(named(handle))
            (film,) = handle.attached(SessionRecording)
            film.sink.abort()  # as if its process had crashed
            failed = await recorder.stop(handle, row.id)
            assert failed.state == "failed"
            assert failed.problem
            assert failed.problem["type"] == "output-error"
            assert str(tmp_path) not in json.dumps(failed.problem)
            again = await recorder.start(handle)
            assert (await recorder.stop(handle, again.id)).state in ("done", "failed")

    asyncio.run(scene())
    store.close()


def test_a_film_whose_server_and_process_are_gone_is_given_up(tmp_path: Path) -> None:
    store, runner = rooms(tmp_path)
    asked = {"asked": {"session": "0" * 16}, "task": {"format": "mp4"}}
    job = store.submit_running(NewJob("a" * 16, "alice", "recording", asked, 0), -1)
    left = tmp_path / "jobs" / job.id / "attempt-1"
    left.mkdir(parents=True)
    (left / ".lipsmith-0.part").write_bytes(b"half")
    runner.hold(job.id)
    runner.recover()
    found = store.get(job.id)
    assert found
    assert found.state == "running"
    runner.let_go(job.id)
    recover(runner, store, {"failed": 1})
    found = store.get(job.id)
    assert found
    assert (found.state, (found.problem or {})["type"]) == ("failed", "interrupted")
    assert not left.exists()
    store.close()


def test_a_film_whose_process_is_gone_before_its_first_frame_fails_and_holds_nobody_up(tmp_path: Path) -> None:
    async def scene() -> None:
        async with quick_session() as (handle, _):
            recorder = Dying(store, runner, options)
            row = await recorder.start(named(handle))
            assert (await recorder.stop(handle, row.id)).state == "failed"
            await asyncio.wait_for(handle.close(), 60)

    store, runner = rooms(tmp_path)
    options: Any = SimpleNamespace(record_minutes=1, lease_seconds=10, folder=tmp_path)
    asyncio.run(scene())
    store.close()


class Dying(SessionRecorder):
    """Their processes end at once."""

    def _begin(self, handle: SessionHandle) -> SessionRecording:
        film = super()._begin(handle)
        film.sink.abort()
        until(lambda: film.sink.over)
        return film


def test_a_sign_of_life_after_the_film_is_done_does_not_call_it_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commit(*given: Any) -> None:
        JobRunner.commit(runner, *given)
        assert not films[0].prolong()

    films: list[SessionRecording] = []

    async def scene() -> None:
        async with quick_session() as (handle, _):
            row = await recorder.start(named(handle))
            (film,) = films[:] = handle.attached(SessionRecording)
            await asyncio.to_thread(until, lambda: film.sink.frames > 0)
            assert (await recorder.stop(handle, row.id)).state == "done"
            assert film.reason == ""

    store, runner = rooms(tmp_path)
    monkeypatch.setattr(runner, "commit", commit)
    options: Any = SimpleNamespace(record_minutes=1, lease_seconds=10, folder=tmp_path)
    recorder = SessionRecorder(store, runner, options)
    asyncio.run(scene())
    store.close()


def test_a_film_that_could_not_be_reported_is_found_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full where the store is: the film is whole, and must not be thrown away."""

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def scene() -> str:
        async with quick_session() as (handle, _):
            row = await recorder.start(named(handle))
            (film,) = handle.attached(SessionRecording)
            await asyncio.to_thread(until, lambda: film.sink.frames > 0)
            monkeypatch.setattr(runner, "commit", full)
            with pytest.raises(OSError, match="No space"):
                await handle.live.detach(film)
            await handle.close()
            return row.id

    store, runner = rooms(tmp_path)
    options: Any = SimpleNamespace(record_minutes=1, lease_seconds=0.2, folder=tmp_path)
    recorder = SessionRecorder(store, runner, options)
    job = asyncio.run(scene())
    recover(runner, store, {"done": 1})
    row = store.get(job)
    assert row
    assert row.state == "done"
    assert (tmp_path / "jobs" / job / "result" / "film.mp4").exists()
    store.close()


def test_films_that_are_thrown_away_take_no_room(tmp_path: Path) -> None:
    store, runner = rooms(tmp_path)
    asked = {"asked": {"session": "0" * 16}, "task": {"format": "mp4"}}
    for job, lease in (("a" * 16, 60), ("b" * 16, -1)):
        row = store.submit_running(NewJob(job, "alice", "recording", asked, 0), lease)
        store.resize(row, 5_000_000_000)
    store.cancel("a" * 16, "alice")
    recover(runner, store, {"cancelled": 1, "failed": 1})
    assert store.used() == 0
    store.close()
