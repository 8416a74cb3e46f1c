"""``lipsmith live``: on the air in real time, into a film and a real listener, and off it in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from lipsmith.avatars.store import AvatarStore
from lipsmith.bench.material import write_portrait
from lipsmith.cli import run
from lipsmith.engines import load_engine
from lipsmith.media.probe import probe
from lipsmith.media.sound import open_speech
from lipsmith.transports.broadcast import broadcast
from lipsmith.types import AVFrame, FilmInfo
from tests.support.rtmp_listener import deaf_port, free_port, listen, listening, taken

SECONDS = 0.8


@pytest.fixture
def avatar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LIPSMITH_AVATARS", str(tmp_path / "store"))
    monkeypatch.delenv("LIPSMITH_PUSH", raising=False)
    AvatarStore().create("anna", write_portrait(tmp_path, (96, 96)), load_engine("fake", context=1))
    return "anna"


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((9000 * np.sin(np.arange(int(16_000 * SECONDS)) / 4)).astype("<i2").tobytes())
    return path


def loud_seconds(film: Path) -> float:
    sound = open_speech(film)
    heard = np.concatenate(list(sound.blocks()))
    width = sound.rate // 50
    levels = np.abs(heard[: len(heard) // width * width]).reshape(-1, width).max(1)
    return float((levels > 0.1).sum() * 0.02)


def test_what_is_said_is_filmed_whole(
    avatar: str, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "air.mp4"
    assert run(["live", avatar, str(speech), str(speech), "--record", str(film), "--stay", "3", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["spoken"], report["troubles"], report["film"]) == (2, [], str(film))
    assert run(["live", avatar, str(speech), "--record", str(film)]) == 6  # it is there already
    assert "--overwrite" in capsys.readouterr().err
    seen = probe(film)
    assert seen.mark is not None
    assert seen.mark["engine"].startswith("fake ")
    frames = seen.frames
    assert frames is not None
    assert frames == pytest.approx(report["frames"], abs=1)
    assert frames >= (2 * SECONDS + 0.4) * 25  # a clock that stood still for a while is no failure
    assert loud_seconds(film) == pytest.approx(2 * SECONDS, abs=0.08)


def test_the_avatar_must_be_seen_and_have_something_to_say(
    avatar: str, speech: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, said in (
        ([str(speech)], "--push URL, --record FILM or --camera"),
        ([str(speech), "--push", "http://host/x"], "cannot be pushed to"),
        (["--record", "a.mp4"], "what is to be spoken"),
        ([str(speech), "--record", "a.mp4", "--stay", "-1"], "stay is -1"),
    ):
        assert run(["live", avatar, *words]) == 2
        assert said in capsys.readouterr().err
    assert run(["live", "nobody", str(speech), "--record", "a.mp4"]) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_takes_it_off_the_air_and_the_film_is_whole(avatar: str, tmp_path: Path, number: int) -> None:
    film = tmp_path / "air.mp4"
    words = [sys.executable, "-m", "lipsmith", "live", avatar, "--forever", "--record", str(film)]
    with deaf_port() as port:
        words += ["--push", f"rtmp://127.0.0.1:{port}/live/key"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stderr
        assert "is on the air" in process.stderr.readline()
        assert "refused" in process.stderr.readline()  # the first picture has gone out, to the film too
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "s on the air, 0 speeches said" in out
    assert (probe(film).frames or 0) > 0


def test_a_stream_that_never_flowed_is_no_success(
    avatar: str, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with deaf_port() as port:
        push = ["live", avatar, str(speech), "--push", f"rtmp://127.0.0.1:{port}/live/key"]
        assert run(push) == 6
        assert "note: the stream was never connected: " in capsys.readouterr().out
        assert run([*push, "--record", str(tmp_path / "air.mp4"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["never_connected"]) == 1


@listening
def test_a_listener_hears_the_stream(avatar: str, speech: Path, tmp_path: Path) -> None:
    port, film = free_port(), tmp_path / "heard.mkv"
    listener = listen(port, film)
    words = [sys.executable, "-m", "lipsmith", "live", avatar, str(speech), "--forever"]
    place = {**os.environ, "LIPSMITH_PUSH": f"rtmp://127.0.0.1:{port}/live/key"}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=place)
    while taken(film) <= 25:
        assert (process.poll(), listener.poll()) == (None, None)
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=120)
    assert process.returncode == 0
    assert listener.wait(120) == 0
    assert "stream: connected" in said[1]
    assert "key" not in "".join(said)
    assert (probe(film).frames or 0) > 25


def test_a_sink_that_breaks_is_closed_and_reported(avatar: str, speech: Path, tmp_path: Path) -> None:
    class Broken:
        closed = 0

        def open(self, info: FilmInfo) -> None: ...

        def write(self, frame: AVFrame) -> None:
            raise ValueError("the cable is out")

        def close(self) -> None:
            self.closed += 1

    with AvatarStore().open(avatar) as opened:
        report = asyncio.run(broadcast(opened, load_engine("fake", context=1), [open_speech(speech)], [Broken()]))
    assert report.spoken == 1
    assert report.troubles == ("the cable is out",)
