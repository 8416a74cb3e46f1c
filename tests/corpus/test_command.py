"""Synthesisers that fail, hang or write nonsense cost a sentence and nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lipsmith.corpus import command
from lipsmith.corpus.command import command_output
from lipsmith.corpus.festival import Festival
from lipsmith.corpus.flite import Flite
from lipsmith.corpus.utterance import Delivery

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in synthesisers are shell scripts")
DELIVERY = Delivery("slt", "en")
BROKEN = {
    "fails": "exit 1",
    "dies": "kill -9 $$",
    "hangs": "exec sleep 60",
    "is silent": "exit 0",
    "writes no wave": 'for last; do :; done; case "$last" in *.wav) echo text > "$last";; esac; echo a:0.1',
    "prints nonsense": "echo a:b c",
}


@pytest.fixture(params=BROKEN)
def broken(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "synthesiser"
    path.write_text(f"#!/bin/sh\n{BROKEN[request.param]}\n")
    path.chmod(0o755)
    monkeypatch.setattr(command, "TIMEOUT", 0.2)
    return str(path)


def test_a_broken_flite_says_nothing(broken: str) -> None:
    assert Flite(broken).speak("hello there", DELIVERY) is None


def test_a_broken_festival_says_nothing(broken: str) -> None:
    festival = Festival(broken)
    festival.voices = ("slt",)
    assert festival.speak("hello there", DELIVERY) is None


def test_what_a_command_prints_is_read_whatever_its_letters() -> None:
    words = [sys.executable, "-S", "-c", r"import sys; sys.stdout.buffer.write(b'ok \xff')"]
    assert command_output(words) == "ok \ufffd"
    assert command_output([*words[:3], "print('version 1'); exit(1)"]) is None
    assert command_output([*words[:3], "print('version 1'); exit(1)"], allow_failure=True) == "version 1\n"
    assert command_output(["/no/such/command"]) is None
