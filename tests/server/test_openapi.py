"""The OpenAPI page is true: whatever it allows or forbids is answered as it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lipsmith.server.request_options import FILM_OPTIONS, SPEAK_OPTIONS
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


def texts_of(node: Any) -> Iterator[str]:
    """Every text of the page that people read."""
    if isinstance(node, list):
        for one in node:
            yield from texts_of(one)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in ("description", "summary", "title") and isinstance(value, str):
                yield value
            yield from texts_of(value)


def test_it_is_written_for_strangers(served: Served) -> None:
    page = served.bob.get("/v1/openapi.json").json()
    texts = list(texts_of(page))
    assert len(texts) > 150
    for text in texts:
        assert "``" not in text, text
        assert "operator" in text or not re.search(r"(?<!\w)--[a-z]", text), text  # a client has no flags
        assert "lipsmith " not in text, text  # nor commands
    operations = [one for path in page["paths"].values() for one in path.values()]
    names = [*page["components"]["schemas"], *(one["operationId"] for one in operations)]
    assert not [name for name in names if "_v1_" in name or name.startswith("Body_")]
    assert len(names) == len(set(names))
    assert {tag for one in operations for tag in one["tags"]} == {one["name"] for one in page["tags"]}


def test_the_form_of_a_film_begins_empty(served: Served) -> None:
    """A page that tries a call fills in examples; a made-up avatar or voice would be refused."""
    members = served.bob.get("/v1/openapi.json").json()["components"]["schemas"]["CreateJobForm"]["properties"]
    filled = {name: one["examples"][0] for name, one in members.items() if "examples" in one}
    empty = dict.fromkeys(("picture", "avatar", "speech", "text", "language", "voice", "speed"), "")
    assert filled == {**empty, "options": "{}"}


def test_a_stranger_finds_the_options_of_films(served: Served) -> None:
    about = served.bob.get("/v1/openapi.json").json()["paths"]["/v1/jobs"]["post"]["description"]
    of_pictures, of_avatars = about.split("An avatar already has")
    for name in SPEAK_OPTIONS:
        assert f"`{name}`" in of_avatars
    for name in FILM_OPTIONS:
        assert f"`{name}`" in of_pictures


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
