"""What docs/server.md says is so: its calls work as they stand, its tables name everything there is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lipsmith.cli import run
from lipsmith.errors import UNEXPECTED, JobInterrupted, JobTimeout, problem_of
from lipsmith.server.auth.keys import read_keys
from lipsmith.server.problems import TABLE
from tests.support.live_server import Served, over, tone, until, write_film
from tests.support.settings_table import settings_table

PAGE = (Path(__file__).parents[2] / "docs" / "server.md").read_text()


def calls() -> list[str]:
    """Every curl of the page, one line each."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("curl")]


def named_by(call: str) -> str:
    """The variable of the page for what this call makes."""
    if "/recordings " in call and "POST" in call:
        return "RECORDING"
    if "--json" in call:
        return "PUSH" if "/pushes" in call else "SESSION"
    return "JOB" if "-F " in call else ""


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_calls_work_in_the_order_of_the_page(served: Served, portrait: bytes, tmp_path: Path) -> None:
    (tmp_path / "portrait.jpg").write_bytes(portrait)
    (tmp_path / "speech.wav").write_bytes(tone(0.6))
    write_film(tmp_path / "wave.mp4", portrait)
    keys = {"KEY": served.alices_key, "OPERATOR_KEY": served.operators_key}
    place = {**os.environ, "URL": served.running.url, **keys}
    (tmp_path / "speech.pcm").write_bytes(tone(0.5)[44:])
    made: list[str] = []
    for call in calls():
        if "/cancel" in call or "anna" in call.partition("-F id")[0]:
            over(served.alice, made[-1])
        if "$JOB/result" in call:
            assert over(served.alice, made[0])["state"] == "done"
        if "/stop" in call:
            recording = f"/v1/jobs/{place['RECORDING']}"
            until(lambda path=recording: (served.alice.get(path).json()["stage"] or {"done": 0})["done"] > 0)
        words = call.replace("curl", "curl --noproxy '*' -S --fail-with-body", 1)
        done = subprocess.run(
            ["bash", "-c", words], cwd=tmp_path, env=place, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, (call, done.stdout, done.stderr)
        if (name := named_by(call)) and done.stdout.startswith('{"id":'):
            place.setdefault(name, json.loads(done.stdout)["id"])
            made += [json.loads(done.stdout)["id"]] if name == "JOB" else []
    assert len(made) == 4
    assert over(served.alice, made[-1])["state"] == "done"
    assert (tmp_path / "film.mp4").read_bytes()[:1000] == (tmp_path / "beginning.bin").read_bytes()
    assert (tmp_path / "session.mp4").read_bytes()[4:8] == b"ftyp"
    assert (tmp_path / "anna.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_of_settings_is_that_of_the_class() -> None:
    assert PAGE.partition("## Settings")[2].partition("\n\n## ")[0].rpartition("\n\n")[2] == settings_table()


def test_the_table_of_errors_names_every_problem() -> None:
    work = [UNEXPECTED, problem_of(JobTimeout("")), problem_of(JobInterrupted(""))]
    kinds = {kind: status for kind, (status, _) in TABLE.items()} | {one["type"]: one["status"] for one in work}
    assert [
        f"{kind} {status}" for kind, status in kinds.items() if not re.search(rf"\| {status} \|.*`{kind}`", PAGE)
    ] == []


def test_the_command_makes_keys_that_the_server_knows(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "key", "--name", "studio"]) == 0
    key, line = capsys.readouterr().out.split("\n")[:2]
    assert read_keys(None, line).owner(key) == "studio"


def test_the_command_does_not_listen_to_everybody_without_keys(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LIPSMITH_KEYS", raising=False)
    assert run(["serve", "--host", "0.0.0.0"]) == 2
    assert "--insecure" in capsys.readouterr().err
