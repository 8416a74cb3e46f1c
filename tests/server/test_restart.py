"""Servers die and stop; jobs do not get lost, nor done twice."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lipsmith.jobs.runner import JobRunner, RunnerOptions
from lipsmith.jobs.sqlite import SqliteQueue
from tests.support.live_server import FAKE, PATIENT, Running, start, start_patient, tone, until


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Running]]:
    servers: list[Running] = []
    yield servers
    for server in servers:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)
        assert server.process.stdout
        server.process.stdout.close()


def send(client: httpx.Client, portrait: bytes = b"a portrait", speech: bytes = b"a speech") -> str:
    files = {"picture": ("p.jpg", portrait), "speech": ("s.wav", speech)}
    answer = client.post("/v1/jobs", files=files, data={"options": FAKE})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def states(client: httpx.Client) -> list[str]:
    return [job["state"] for job in client.get("/v1/jobs?limit=100").json()["jobs"]]


def films(data: Path) -> dict[str, int]:
    """Of every job with a result, when its film was written."""
    return {path.parent.parent.name: path.stat().st_mtime_ns for path in data.glob("jobs/*/result/film.mp4")}


def test_ten_jobs_survive_the_death_of_their_server(tmp_path: Path, portrait: bytes, started: list[Running]) -> None:
    started.append(start(tmp_path, "--lease-seconds", "1"))
    with started[0].client() as client:
        jobs = [send(client, portrait, tone(0.4 if place != 1 else 20)) for place in range(10)]
        until(lambda: "done" in states(client) and "running" in states(client))
    started[0].stop(signal.SIGKILL)
    made = films(tmp_path)
    assert made
    assert len(made) < 10
    started.append(start(tmp_path, "--lease-seconds", "1"))
    with started[1].client() as client:
        until(lambda: states(client).count("done") == 10, 240)
        attempts = {job: client.get(f"/v1/jobs/{job}").json()["attempts"] for job in jobs}
        assert all(client.get(f"/v1/jobs/{job}/result").status_code == 200 for job in jobs)
    assert sorted(attempts.values())[-2:] in ([1, 1], [1, 2])
    assert {job: attempts[job] for job in made} == dict.fromkeys(made, 1)
    assert made.items() <= films(tmp_path).items()
    assert not list(tmp_path.glob("jobs/*/attempt-*"))


def test_sigterm_lets_the_running_job_finish_and_leaves_what_waits_to_the_next_server(
    tmp_path: Path, started: list[Running]
) -> None:
    started.append(start_patient(tmp_path))
    with started[0].client() as client:
        first, second = send(client), send(client)
        until(lambda: client.get(f"/v1/jobs/{first}").json()["state"] == "running")
        started[0].process.send_signal(signal.SIGTERM)
        until(lambda: client.get("/readyz").status_code == 503)
        answer = client.post("/v1/jobs", files={"picture": ("p.jpg", b"p"), "speech": ("s.wav", b"s")})
        assert (answer.status_code, answer.json()["type"]) == (503, "draining")
        assert int(answer.headers["retry-after"]) > 0
        assert client.get(f"/v1/jobs/{first}").json()["state"] == "running"
        (tmp_path / "go").touch()
    assert started[0].process.wait(120) == 0
    assert rows(tmp_path) == {first: ("done", 1), second: ("queued", 0)}
    store = SqliteQueue(tmp_path / "jobs.sqlite")
    runner = JobRunner(store, RunnerOptions(tmp_path), PATIENT)
    runner.start()
    until(lambda: store.counts() == {"done": 2})
    runner.drain(0)
    store.close()


def test_sigterm_puts_back_what_takes_too_long_and_ends_events(tmp_path: Path, started: list[Running]) -> None:
    started.append(start_patient(tmp_path, drain_seconds=1))
    with started[0].client() as client:
        job = send(client)
        until(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "running")
        with client.stream("GET", f"/v1/jobs/{job}/events") as answer:
            started[0].process.send_signal(signal.SIGTERM)
            assert "data: " in answer.read().decode()
    assert started[0].process.wait(120) == 0
    assert rows(tmp_path) == {job: ("queued", 0)}


def rows(data: Path) -> dict[str, tuple[str, int]]:
    """Of every job in the table, its state and how often it was begun."""
    with sqlite3.connect(data / "jobs.sqlite") as db:
        found = {job: (state, attempts) for job, state, attempts in db.execute("SELECT id, state, attempts FROM jobs")}
    db.close()
    return found
