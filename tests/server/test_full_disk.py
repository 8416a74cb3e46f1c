"""A disk that fills and frees: every call says so meanwhile, and jobs go on by themselves afterwards.

The disk is real: a small file system in memory, which only root may mount.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.live_server import FAKE, Running, make_avatar, opened, start, tone
from tests.support.waiting import until

DISK_MB = 300
GO_ON_SECONDS = 10.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def server(disk: Path) -> Iterator[Running]:
    running = start(disk / "data", "--session-idle-seconds", "600")
    yield running
    running.stop()
    assert running.process.stdout
    running.process.stdout.close()


def fill(disk: Path) -> Path:
    """Write until nothing more fits."""
    path = disk / "of-another-program"
    with path.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            return path


def send(client: httpx.Client, portrait: bytes, seconds: float) -> httpx.Response:
    files = {"picture": ("p.jpg", portrait), "speech": ("s.wav", tone(seconds))}
    return client.post("/v1/jobs", files=files, data={"options": FAKE})


def says_full(answer: httpx.Response) -> bool:
    if answer.status_code != 507:
        return False
    return bool(answer.json()["type"] == "no-space" and int(answer.headers["retry-after"]) > 0)


@pytest.mark.slow
def test_jobs_go_on_within_seconds_after_a_full_disk_is_freed(disk: Path, server: Running, portrait: bytes) -> None:
    with server.client() as client:
        first = send(client, portrait, 60).json()["id"]
        others = [send(client, portrait, 0.4).json()["id"] for _ in range(3)]
        until(lambda: client.get(f"/v1/jobs/{first}").json()["state"] == "running")
        until((disk / "data" / "reserve").exists)
        fill(disk)
        until(lambda: client.get("/readyz").status_code == 503)
        assert "disk is full" in client.get("/readyz").json()["detail"]
        assert client.get("/healthz").status_code == 200
        time.sleep(5)  # so full for longer than the lease of the running job
        cancelled = others.pop()
        assert client.post(f"/v1/jobs/{cancelled}/cancel").json()["state"] == "cancelled"  # by the reserve
        assert not (disk / "data" / "reserve").exists()
        fill(disk)
        assert all(_state(client, job) == "queued" for job in others)
        (disk / "of-another-program").unlink()
        freed = time.monotonic()
        until(
            lambda: _begun(client, first) == 2 or _begun(client, others[0]) == 1
        )  # as the first one ended, or did not
        going_on = time.monotonic() - freed
        until(lambda: client.get("/readyz").status_code == 200)
        ready = time.monotonic() - freed
        print(f"jobs go on after {going_on:.1f} s, ready after {ready:.1f} s")
        assert max(going_on, ready) < GO_ON_SECONDS
        until(lambda: all(_state(client, job) == "done" for job in [first, *others]))


@pytest.mark.slow
def test_while_the_disk_is_full_every_call_says_so_and_deleting_works(
    disk: Path, server: Running, portrait: bytes
) -> None:
    with server.client() as client:
        make_avatar(client, portrait, "anna")
        jobs = [send(client, portrait, 0.4).json()["id"] for _ in range(6)]
        until(lambda: all(_state(client, job) == "done" for job in jobs))
        until((disk / "data" / "reserve").exists)
        sound, picture = {"speech": ("s.wav", tone(0.4))}, {"picture": ("p.jpg", portrait)}
        with opened(client, "anna") as session:
            here = session["links"]["self"]
            calls: dict[str, Callable[[], httpx.Response]] = {
                "jobs": lambda: send(client, portrait, 0.4),
                "avatars": lambda: client.post("/v1/avatars", files=picture, data={"id": "berta", "options": FAKE}),
                "previews": lambda: client.post("/v1/previews", files=picture, data={"options": FAKE}),
                "big preview": lambda: client.post(
                    "/v1/previews", files={**picture, "speech": ("s.wav", tone(30))}, data={"options": FAKE}
                ),
                "speak": lambda: client.post(f"{here}/speak", files=sound),
                "recordings": lambda: client.post(f"{here}/recordings"),
                "text": lambda: client.post(f"{here}/text", json={"text": "Hello."}),
                "session": lambda: client.post("/v1/sessions", json={"avatar": "anna"}),
                "interrupt": lambda: client.post(f"{here}/interrupt"),
                "list": lambda: client.get("/v1/jobs"),
                "result": lambda: client.get(f"/v1/jobs/{jobs[0]}/result"),
                "metrics": lambda: client.get("/metrics"),
            }
            fill(disk)
            answers = {name: call() for name, call in calls.items()}
            print({name: answer.status_code for name, answer in answers.items()})
            full = {name for name, answer in answers.items() if says_full(answer)}
            assert {"jobs", "avatars", "previews", "big preview", "speak", "recordings"} <= full
            assert all(answer.is_success for name, answer in answers.items() if name not in full)
            assert client.delete(f"/v1/jobs/{jobs[0]}").status_code == 204
            assert client.get(f"/v1/jobs/{jobs[0]}").status_code == 404
            fill(disk)
            later = [client.delete(f"/v1/jobs/{job}") for job in jobs[1:3]]
            later += [client.post(f"/v1/jobs/{jobs[3]}/cancel"), client.delete("/v1/avatars/anna")]
            print([answer.status_code for answer in later])
            assert [answer.status_code for answer in later] == [204, 204, 200, 204]  # what goes makes the room it needs
            (disk / "of-another-program").unlink()
            until(lambda: client.get("/readyz").status_code == 200)
            until((disk / "data" / "reserve").exists)
            assert send(client, portrait, 0.4).status_code == 202
            assert client.delete(f"/v1/jobs/{jobs[4]}").status_code == 204


@pytest.mark.slow
def test_a_server_starts_on_a_full_disk(disk: Path, server: Running) -> None:
    until((disk / "data" / "reserve").exists)
    server.stop()
    fill(disk)
    again = start(disk / "data")
    with again.client() as client:
        assert client.get("/v1/jobs").json()["jobs"] == []
        assert client.get("/readyz").status_code == 503
    again.stop()
    assert again.process.stdout
    again.process.stdout.close()


def _state(client: httpx.Client, job: str) -> str:
    return str(client.get(f"/v1/jobs/{job}").json()["state"])


def _begun(client: httpx.Client, job: str) -> int:
    return int(client.get(f"/v1/jobs/{job}").json()["attempts"])
