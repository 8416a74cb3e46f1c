"""A server without workers takes jobs in, and ``lipsmith jobs work`` does them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.live_server import FAKE, start, tone


def test_a_job_of_a_server_without_workers_is_done_from_the_command_line(tmp_path: Path, portrait: bytes) -> None:
    server = start(tmp_path, "--workers", "0", "--voice", "none")
    with server.client() as client:
        files = {"picture": ("p.jpg", portrait), "speech": ("s.wav", tone(0.4))}
        job = client.post("/v1/jobs", files=files, data={"options": FAKE}).json()
        assert client.get(job["links"]["self"]).json()["state"] == "queued"
        command = [sys.executable, "-m", "lipsmith", "jobs", "work", "--data", str(tmp_path), "--once"]
        subprocess.run(command, check=True, timeout=200)
        done = client.get(job["links"]["self"]).json()
        assert (done["state"], done["attempts"], done["report"]["output"]) == ("done", 1, "film.mp4")
        film = client.get(done["links"]["result"])
        assert (film.status_code, film.headers["content-type"]) == (200, "video/mp4")
    server.stop()
    assert server.process.stdout
    server.process.stdout.close()
