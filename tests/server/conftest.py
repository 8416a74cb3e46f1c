"""The server that the tests of this folder share, and small uploads for it; see live_server."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

NEEDED = (
    "fastapi", "uvicorn", "prometheus_client", "python_multipart", "httpx", "pydantic_settings", "sse_starlette",
)  # fmt: skip
collect_ignore_glob = [] if all(find_spec(name) for name in NEEDED) else ["test_*.py", "*/test_*.py"]

if not collect_ignore_glob:
    from tests.support.live_server import Served, start_served, tone


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from start_served(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def portrait(astronaut_file: Path) -> bytes:
    return astronaut_file.read_bytes()


@pytest.fixture(scope="session")
def speech() -> bytes:
    return tone(0.6)
