"""The Gradio page on loopback, used through Gradio's own client."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

if find_spec("gradio") is None:  # not imported here: it takes seconds
    pytest.skip("gradio is not installed", allow_module_level=True)
import httpx
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from lipsmith.media.probe import probe

FIELDS: list[Any] = ["warp", "largest", "25", 0, 10, "jaw", 90, 90]


def start(*flags: str) -> subprocess.Popen[str]:
    """In a process of its own: Gradio leaves event loops behind, which would be warned of in other tests."""
    words = [sys.executable, "-m", "lipsmith", "ui", *flags]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    process = start("--port", "0", "--upload-mb", "1")
    assert process.stdout
    line = process.stdout.readline()
    assert "http://127.0.0.1:" in line
    yield line.split()[-1]
    process.terminate()
    process.communicate(timeout=150)
    assert process.returncode in (0, 130)


@pytest.fixture(scope="module")
def client(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    made = Client(
        address,
        verbose=False,
        download_files=str(tmp_path_factory.mktemp("fetched")),
        analytics_enabled=False,
        httpx_kwargs={"timeout": 150},
    )
    yield made
    made.close()


def test_the_first_frame_is_tested(client: Client, astronaut_file: Path, short_speech: Path) -> None:
    media = [None, handle_file(str(astronaut_file)), handle_file(str(short_speech))]
    box, sheet, told = client.predict(*media, *FIELDS, api_name="/test_first_frame")
    assert Path(box).stat().st_size > 1_000
    assert Path(sheet).stat().st_size > 1_000
    assert "bbox_shift: Total frame" in told


def test_a_film_is_generated(client: Client, astronaut_file: Path, short_speech: Path) -> None:
    media = [None, handle_file(str(astronaut_file)), handle_file(str(short_speech))]
    film, told = client.predict(*media, *FIELDS, api_name="/generate")
    found = film["video"] if isinstance(film, dict) else film
    assert probe(Path(found)).frames == 13
    assert "by the engine warp" in told


def test_errors_are_sentences_on_the_page(client: Client, short_speech: Path) -> None:
    with pytest.raises(AppError, match="Give a video or a picture"):
        client.predict(None, None, handle_file(str(short_speech)), *FIELDS, api_name="/generate")


def test_files_of_this_machine_cannot_be_named(client: Client, address: str) -> None:
    named: Any = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError):
        client.predict(None, named, None, *FIELDS, api_name="/test_first_frame")
    assert httpx.get(f"{address}gradio_api/file=/etc/passwd", trust_env=False, timeout=150).status_code in (403, 404)


def test_uploads_are_limited(address: str) -> None:
    files = {"files": ("big.wav", b"0" * 1_500_000)}
    assert httpx.post(f"{address}gradio_api/upload", files=files, trust_env=False, timeout=150).status_code == 413


def test_nothing_is_told_to_or_fetched_from_others(address: str) -> None:
    text = httpx.get(address, trust_env=False, timeout=150).text
    for elsewhere in ("fonts.googleapis", "fonts.gstatic", "cdnjs", "google-analytics", "googletagmanager"):
        assert elsewhere not in text
    settings = httpx.get(f"{address}config", trust_env=False, timeout=150).json()
    assert settings["analytics_enabled"] is False


def test_a_port_that_is_taken_is_told(address: str) -> None:
    process = start("--port", address.rstrip("/").rpartition(":")[2])
    assert "say another --port" in process.communicate(timeout=150)[1]
    assert process.returncode == 2
