"""A real server in a process of its own, on loopback, and small uploads for it."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from lipsmith.media.writer import FilmWriter
from lipsmith.server.auth.keys import new_key
from lipsmith.types import AVFrame, FilmInfo
from tests.support.tones import tone as tone
from tests.support.waiting import until as until

FAKE = '{"engine": "fake"}'
ROOT = str(Path(__file__).parents[2])
PATIENT = (sys.executable, str(Path(__file__).with_name("patient_worker.py")))
"""Workers whose jobs last until their data folder holds a file ``go``."""


@dataclass
class Running:
    """One server."""

    process: subprocess.Popen[str]
    url: str
    data: Path

    def client(self, key: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=150, trust_env=False)

    def stop(self, sign: int = signal.SIGTERM) -> int:
        self.process.send_signal(sign)
        return self.process.wait(150)


def start(data: Path, *flags: str, keys: str = "") -> Running:
    words = ["-m", "lipsmith", "serve", "--port", "0", "--data", str(data), "--lease-seconds", "2", *flags]
    return _started(data, words, keys)


def start_patient(data: Path, drain_seconds: int = 60) -> Running:
    """A server with patient workers."""
    return _started(data, ["-m", "tests.support.patient_server", str(data), str(drain_seconds)])


def _started(data: Path, words: list[str], keys: str = "") -> Running:
    place = {**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])}
    place["LIPSMITH_LOG_LEVEL"] = "warning"
    if keys:
        place["LIPSMITH_KEYS"] = keys
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True, env=place)
    assert process.stdout
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, line
    return Running(process, found[0], data)


@dataclass
class Served:
    """The server that most tests share, two clients of it, and its operator."""

    running: Running
    alice: httpx.Client
    bob: httpx.Client
    alices_key: str
    ports: tuple[int, ...]  # to which sessions may be pushed: rtmp://127.0.0.1:PORT/live/
    operator: httpx.Client
    operators_key: str

    def dub(self, portrait: bytes, speech: bytes, **form: str) -> dict[str, Any]:
        """A job of Alice's."""
        files = {"picture": ("portrait.jpg", portrait), "speech": ("speech.wav", speech)}
        answer = self.alice.post("/v1/jobs", files=files, data={"options": FAKE, **form})
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job


def start_served(data: Path) -> Iterator[Served]:
    (alice, alices), (bob, bobs), (operator, operators) = (
        new_key("alice"), new_key("bob"), new_key("prometheus", operator=True),
    )  # fmt: skip
    flags = ("--upload-mb", "5", "--megapixels", "2", "--media-minutes", "2", "--own-queue", "4")
    from tests.support.rtmp_listener import free_port  # not for the scripts beside this file

    ports = tuple(free_port() for _ in range(3))
    places = ["rtmp://127.0.0.1/live/", *(f"rtmp://127.0.0.1:{port}/live/" for port in ports)]
    running = start(data, *flags, "--push-to", ",".join(places), keys=f"{alices};{bobs};{operators}")
    with running.client(alice) as one, running.client(bob) as other, running.client(operator) as third:
        yield Served(running, one, other, alice, ports, third, operator)
    running.stop()
    assert running.process.stdout
    running.process.stdout.close()


def write_film(path: Path, picture: bytes, frames: int = 5, height: int = 512) -> None:
    """A film at 25 frames a second that shows the upper ``height`` rows of ``picture``."""
    with Image.open(io.BytesIO(picture)) as opened:
        image = np.asarray(opened.convert("RGB"))[:height]
    info = FilmInfo((image.shape[1], height), Fraction(25), 16_000)
    with FilmWriter(path, info) as film:
        for index in range(frames):
            film.write(AVFrame(index, image, np.zeros(640, np.float32)))


def make_avatar(client: httpx.Client, portrait: bytes, name: str, options: str = FAKE) -> str:
    """An avatar of the client's, ready to speak; returns its name."""
    form = {"id": name, "options": options}
    answer = client.post("/v1/avatars", files={"picture": ("portrait.jpg", portrait)}, data=form)
    assert answer.status_code == 202, answer.text
    assert over(client, answer.json()["id"])["state"] == "done"
    return name


@contextmanager
def opened(client: httpx.Client, avatar: str) -> Iterator[dict[str, Any]]:
    """A live session that plays at 16 kHz."""
    answer = client.post("/v1/sessions", json={"avatar": avatar, "rate": 16_000})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    yield made
    client.delete(made["links"]["self"])


def over(client: httpx.Client, job: str) -> dict[str, Any]:
    """The job, when it is over."""
    until(lambda: client.get(f"/v1/jobs/{job}").json()["state"] not in ("queued", "running"))
    found: dict[str, Any] = client.get(f"/v1/jobs/{job}").json()
    return found
