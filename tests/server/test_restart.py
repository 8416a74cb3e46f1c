"""Servers die and stop; jobs do not get lost, nor done twice."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live_server import FAKE, Running, over, start, tone, until


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Running]]:
    servers: list[Running] = []
    yield servers
    for server in servers:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)
        assert server.process.stdout
        server.process.stdout.close()


def send(client: httpx.Client, portrait: bytes, speech: bytes) -> str:
    files = {"picture": ("p.jpg", portrait), "speech": ("s.wav", speech)}
    answer = client.post("/v1/jobs", files=files, data={"options": FAKE})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def states(client: httpx.Client) -> list[str]:
    return [job["state"] for job in client.get("/v1/jobs?limit=100").json()["jobs"]]


def test_ten_jobs_survive_the_death_of_their_server(tmp_path: Path, portrait: bytes, started: list[Running]) -> None:
    started.append(start(tmp_path))
    with started[0].client() as client:
        jobs = [send(client, portrait, tone(3)) for _ in range(10)]
        until(lambda: "done" in states(client) and "running" in states(client))
        made = {path.parent.parent.name: path.stat().st_mtime_ns for path in tmp_path.glob("jobs/*/result/film.mp4")}
    started[0].stop(signal.SIGKILL)
    assert made
    assert len(made) < 10
    started.append(start(tmp_path))
    with started[1].client() as client:
        until(lambda: states(client).count("done") == 10, 120)
        attempts = {job: client.get(f"/v1/jobs/{job}").json()["attempts"] for job in jobs}
        assert all(client.get(f"/v1/jobs/{job}/result").status_code == 200 for job in jobs)
    assert sorted(attempts.values())[-2:] in ([1, 1], [1, 2])
    assert {job: attempts[job] for job in made} == dict.fromkeys(made, 1)
    assert (
        made.items()
        <= {
            path.parent.parent.name: path.stat().st_mtime_ns for path in tmp_path.glob("jobs/*/result/film.mp4")
        }.items()
    )
    assert not list(tmp_path.glob("jobs/*/attempt-*"))


def test_sigterm_lets_the_running_job_finish_and_takes_no_more(
    tmp_path: Path, portrait: bytes, started: list[Running]
) -> None:
    started.append(start(tmp_path))
    with started[0].client() as client:
        first, second = send(client, portrait, tone(10)), send(client, portrait, tone(10))
        until(lambda: client.get(f"/v1/jobs/{first}").json()["state"] == "running")
        started[0].process.send_signal(signal.SIGTERM)
        until(lambda: client.get("/readyz").status_code == 503)
        answer = client.post("/v1/jobs", files={"picture": ("p.jpg", portrait), "speech": ("s.wav", tone(1))})
        assert (answer.status_code, answer.json()["type"]) == (503, "draining")
        assert int(answer.headers["retry-after"]) > 0
    assert started[0].process.wait(60) == 0
    with sqlite3.connect(tmp_path / "jobs.sqlite") as db:
        assert dict(db.execute("SELECT id, state FROM jobs")) == {first: "done", second: "queued"}
    db.close()


def test_sigterm_puts_back_what_takes_too_long_and_ends_events(
    tmp_path: Path, portrait: bytes, started: list[Running]
) -> None:
    started.append(start(tmp_path, "--drain-seconds", "1"))
    with started[0].client() as client:
        job = send(client, portrait, tone(60))
        until(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "running")
        with client.stream("GET", f"/v1/jobs/{job}/events") as answer:
            started[0].process.send_signal(signal.SIGTERM)
            assert "data: " in answer.read().decode()
    assert started[0].process.wait(60) == 0
    with sqlite3.connect(tmp_path / "jobs.sqlite") as db:
        assert list(db.execute("SELECT state, attempts FROM jobs")) == [("queued", 0)]
    db.close()


def test_a_job_that_waited_is_done_by_the_next_server(tmp_path: Path, portrait: bytes, started: list[Running]) -> None:
    started.append(start(tmp_path, "--workers", "0"))
    with started[0].client() as client:
        job = send(client, portrait, tone(0.5))
    assert started[0].stop() == 0
    started.append(start(tmp_path))
    with started[1].client() as client:
        assert over(client, job)["state"] == "done"
