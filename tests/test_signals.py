"""A closed terminal ends a command as Ctrl-C does, and no partial file stays: real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsmith import signals
from lipsmith.signals import end_on_signals
from lipsmith.whole_file import whole_file

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
CODE = "import sys; sys.argv[1:] = {words!r}; from lipsmith.cli import main; main()"
STOPPED = "lipsmith: Stopped: nothing is left half written.\n"


@pytest.fixture(autouse=True)
def signals_stay_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is set or raised in this process must not end the work of later tests.

    Commands inherit what is done on SIGHUP: these tests hold under nohup too.
    """
    monkeypatch.setattr(signals, "_interrupted", threading.Event())
    before = {one: signal.getsignal(one) for one in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four minutes: no film is done before it is stopped."""
    path = tmp_path_factory.mktemp("speech") / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\x10" * 8000 * 240)
    return path


def wait_for(folder: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    """Until the command has begun to write."""
    for _ in range(10_000):
        if list(folder.rglob(pattern)):
            return
        assert process.poll() is None
        time.sleep(0.02)
    raise AssertionError(f"no {pattern}")


def test_a_terminal_that_is_closed_ends_a_film(astronaut_file: Path, speech: Path, tmp_path: Path) -> None:
    import fcntl
    import termios

    films, spool = tmp_path / "films", tmp_path / "spool"
    films.mkdir()
    spool.mkdir()
    words = ["generate", str(astronaut_file), str(speech), "-o", str(films / "film.mp4"), "--engine", "fake", "-q"]
    terminal, inside = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CODE.format(words=words)], stdin=inside, stdout=inside, stderr=inside, text=True,
        env={**os.environ, "TMPDIR": str(spool)}, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(inside)
    wait_for(films, "*.part", process)
    os.close(terminal)  # the kernel sends the first hangup
    for _ in range(2):  # and shells send theirs; they do not interrupt the clearing away
        process.send_signal(signal.SIGHUP)
    assert process.wait(100) != 0
    assert [*films.iterdir(), *spool.iterdir()] == []


def test_a_hangup_ends_an_avatar_that_is_made(astronaut_file: Path, tmp_path: Path) -> None:
    pictures, store = tmp_path / "pictures", tmp_path / "avatars"
    pictures.mkdir()
    store.mkdir()
    for number in range(900):
        (pictures / f"{number:04d}.jpg").symlink_to(astronaut_file)
    words = ["avatar", "create", "anna", str(pictures), "--engine", "fake", "-q"]
    with subprocess.Popen(
        [sys.executable, "-c", CODE.format(words=words)], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "LIPSMITH_AVATARS": str(store)},
    ) as process:  # fmt: skip
        wait_for(store, "*.making", process)  # the lock of whoever makes it
        time.sleep(0.5)
        process.send_signal(signal.SIGHUP)
        assert process.stderr
        assert process.stderr.read().endswith(STOPPED)
        assert process.wait(100) == 130
    assert [path for path in store.rglob("*") if path.is_file() and path.parent.name != ".locks"] == []


def test_a_hangup_that_is_ignored_stays_ignored_as_under_nohup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    end_on_signals()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_a_file_that_is_left_early_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with whole_file(path) as partial:
        partial.write_bytes(b"whole")

    def interrupted() -> None:
        with whole_file(path) as partial:
            partial.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("file", b"whole")]
