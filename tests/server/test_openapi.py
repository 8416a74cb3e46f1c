"""The OpenAPI page is true: whatever it allows or forbids is answered as it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.live_server import Served

EXAMPLES = os.environ.get("LIPSMITH_API_EXAMPLES", "3")
"""For each call and each way to make one; more take longer and find more."""
RUN = """
import schemathesis
schemathesis.serializer.alias("application/sdp", "text/plain")
from schemathesis.cli import schemathesis as run
run()
"""


def test_every_operation_is_explained_and_has_examples(served: Served) -> None:
    with served.running.client() as anyone:
        page = anyone.get("/v1/openapi.json").json()
    operations = [one for path in page["paths"].values() for one in path.values()]
    assert len(operations) >= 17
    assert all(one.get("description") for one in operations)
    schemas = page["components"]["schemas"]
    for name in ("Job", "Avatar", "LiveSession", "Preview", "Token", "ProblemBody"):
        assert schemas[name]["examples"], name


def test_whatever_is_sent_is_answered_as_the_page_says(served: Served, tmp_path: Path) -> None:
    """Schemathesis over everything: no 5xx, no undocumented answer, no accepted nonsense; bounded to stay short."""
    pytest.importorskip("schemathesis")
    words = [
        "run", f"{served.running.url}/v1/openapi.json", "--header", f"Authorization: Bearer {served.alices_key}",
        "--phases", "examples,fuzzing", "--max-examples", EXAMPLES, "--seed", "1", "--suppress-health-check", "all",
        "--checks", "not_a_server_error,content_type_conformance,response_schema_conformance,status_code_conformance",
        "--request-timeout", "30", "--max-failures", "3", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", RUN, *words],
        cwd=tmp_path, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
