"""A sink's process, its work done in this one: frames through a pipe, films, streams, and the reports about them."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lipsmith.transports import push, sink_worker
from lipsmith.transports.frame_queue import QueuedFrame
from lipsmith.transports.sink_process import SinkProcess, received_frames
from lipsmith.transports.sink_worker import work
from lipsmith.types import FilmInfo
from lipsmith.workers.messages import Message, read_message, write_message
from lipsmith.workers.process import WorkerLost
from tests.support.peers import INFO, beat
from tests.support.rtmp_listener import deaf_port, free_port, listen, listening


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends a process that waits shall not end this one."""
    monkeypatch.setattr(sink_worker, "STALL_SECONDS", 3600.0)


class Pipe(SinkProcess):
    """Writes into memory what ``SinkProcess`` sends to its process."""

    def __init__(self, task: dict[str, Any] | None = None) -> None:
        self._task, self._process = task or {}, self  # type: ignore[assignment]
        self.stream = io.BytesIO()

    def send(self, *given: Any) -> None:
        if isinstance(given[0], QueuedFrame):
            super().send(given[0])
        else:
            write_message(self.stream, *given)


def packed(frames: list[QueuedFrame]) -> bytes:
    """The frames as ``SinkProcess.send`` writes them."""
    pipe = Pipe()
    for one in frames:
        pipe.send(one)
    return pipe.stream.getvalue()


def receiver(data: bytes) -> Callable[[], Message | None]:
    """Receives the messages in ``data``."""
    return partial(read_message, io.BytesIO(data))


def frames(count: int, blind: int = -1) -> list[QueuedFrame]:
    made = [beat(index) for index in range(count)]
    return [QueuedFrame(one.index, None if one.index == blind else one.image, one.samples) for one in made]


def said(task: dict[str, Any], given: list[QueuedFrame]) -> dict[str, Any]:
    """All words of a task."""
    words: dict[str, Any] = {}
    pipe = Pipe(task)
    pipe.open(INFO)
    work(receiver(pipe.stream.getvalue() + packed(given)), lambda **some: words.update(some))
    return words


@pytest.mark.parametrize("info", [INFO, FilmInfo((3, 5), Fraction(30000, 1001), 16_000)])
def test_frames_come_through_as_they_were(info: FilmInfo) -> None:
    given = [beat(index, info) for index in range(4)]
    sent = [QueuedFrame(one.index, one.image if one.index % 2 else None, one.samples) for one in given]
    for got, one in zip(received_frames(receiver(packed(sent)), info), sent, strict=True):
        assert got.index == one.index
        assert np.array_equal(got.samples, one.samples)
        assert (got.image is None) == (one.image is None)
        assert got.image is None or np.array_equal(got.image, one.image)


def test_a_frame_that_is_cut_short_is_none() -> None:
    whole = packed(frames(2))
    for length in range(0, len(whole), 997):
        got = list(received_frames(receiver(whole[:length]), INFO))
        assert len(got) == (0 if length < len(whole) // 2 else 1)


def test_a_film_is_written_and_told_of(tmp_path: Path) -> None:
    task = {"do": "film", "path": str(tmp_path / "film.mp4"), "seconds": 60, "options": {}}
    assert said(task, frames(30, blind=7)) == {"frames": 30, "done": True}
    with av.open(str(tmp_path / "film.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 30


def test_a_film_that_cannot_be_is_told_of_and_leaves_nothing(tmp_path: Path) -> None:
    task = {"do": "film", "path": str(tmp_path / "none" / "film.mp4"), "seconds": 60, "options": {}}
    assert "does not exist" in said(task, frames(1))["trouble"]
    wrong = {**task, "path": str(tmp_path / "film.txt")}
    assert "can be written as" in said(wrong, frames(1))["trouble"]
    assert list(tmp_path.iterdir()) == []


def test_a_film_of_nothing_is_none(tmp_path: Path) -> None:
    task = {"do": "film", "path": str(tmp_path / "film.mp4"), "seconds": 60, "options": {}}
    assert said(task, []) == {"frames": 0, "done": True}
    assert list(tmp_path.iterdir()) == []


@listening
def test_a_stream_is_told_of_when_it_is_connected(tmp_path: Path) -> None:
    port = free_port()
    server = listen(port, tmp_path / "seen.flv")
    words = said({"do": "push", "url": f"rtmp://127.0.0.1:{port}/live/key", "options": {}}, frames(50, blind=3))
    assert words == {"connected": True}
    assert server.wait(120) == 0
    with av.open(str(tmp_path / "seen.flv")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 49


def test_a_line_that_cannot_be_made_is_told_of() -> None:
    with deaf_port() as port:
        words = said({"do": "push", "url": f"rtmp://127.0.0.1:{port}/live/key", "options": {}}, frames(2))
    assert words == {"trouble": "Connection refused"}


def test_a_protocol_that_pyav_lacks_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(push.FORMATS, "nosuch", "mpegts")
    words = said({"do": "push", "url": "nosuch://127.0.0.1:9", "options": {}}, frames(1))
    assert words == {"unsupported": True}


def test_without_a_task_nothing_happens() -> None:
    work(receiver(b""), lambda **_: pytest.fail("it spoke"))


def test_a_process_that_is_gone_takes_nothing() -> None:
    apart = SinkProcess({"do": "push", "url": "rtmp://127.0.0.1/live", "options": {}})
    assert apart.wait()
    apart.kill()
    apart.end(60)
    assert apart.over
    with pytest.raises(WorkerLost, match="gone"):
        apart.send(frames(1)[0])
