"""Queue and thread, recordings, and the virtual camera."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lipsmith.errors import EngineUnavailable, OptionError, OutputError
from lipsmith.media.probe import read_provenance
from lipsmith.media.writer import FilmOptions
from lipsmith.transports.camera import CameraSink
from lipsmith.transports.frame_queue import FrameQueue, FrameThread, QueuedFrame
from lipsmith.transports.recording import Recording, RecordingProcess
from lipsmith.types import FilmInfo, Image
from tests.support.peers import INFO, beat


@given(st.lists(st.booleans(), max_size=80))
def test_the_queue_is_bounded_and_drops_pictures_before_sound(moves: list[bool]) -> None:
    queue, written, taken = FrameQueue(), 0, list[QueuedFrame]()
    for put in moves:
        if put:
            frame = beat(written)
            queue.put(QueuedFrame(frame.index, frame.image, frame.samples))
            written += 1
        elif (one := queue.take()) is not None:
            taken.append(one)
        waiting = list(queue._frames)
        assert len(waiting) <= 6
        assert sum(one.image is not None for one in waiting) <= 3
        assert [one.index for one in waiting] == list(range(written - len(waiting), written))
    numbers = [one.index for one in taken]
    assert numbers == sorted(set(numbers))
    if not queue.rebased:
        assert numbers == list(range(len(numbers)))


def test_whoever_works_slowly_keeps_nobody_waiting_and_stops() -> None:
    gate, seen = threading.Event(), list[int]()

    def work(one: QueuedFrame) -> None:
        gate.wait(100)
        seen.append(one.index)

    line = FrameThread("slow", work)
    line.open(INFO)
    for index in range(100):
        line.write(beat(index))
    gate.set()
    line.close()
    assert len(seen) <= 7
    assert seen[-1] == 99
    line.close()


def test_a_line_keeps_as_much_as_it_was_made_for() -> None:
    gate, seen = threading.Event(), list[QueuedFrame]()

    def work(one: QueuedFrame) -> None:
        gate.wait(100)
        seen.append(one)

    line = FrameThread("patient", work, FrameQueue(pictures=10, ticks=50))
    line.open(INFO)
    for index in range(40):
        line.write(beat(index))
    gate.set()
    line.close()
    assert [one.index for one in seen] == list(range(40))
    assert 10 <= sum(one.image is not None for one in seen) <= 11


def test_what_breaks_in_the_thread_is_raised_at_the_end() -> None:
    def work(one: QueuedFrame) -> None:
        raise OSError("no space")

    line = FrameThread("broken", work)
    line.open(INFO)
    line.write(beat(0))
    with pytest.raises(OSError, match="no space"):
        line.close()
    line.write(beat(1))
    line.close()


def test_a_recording_lasts_as_long_as_the_session(tmp_path: Path) -> None:
    film = tmp_path / "session.mp4"
    recording = Recording(film)
    recording.open(INFO)
    for index in [*range(10, 20), *range(25, 40)]:
        recording.write(beat(index, every=10))
        while len(recording._thread.queue):
            threading.Event().wait(0.002)
    recording.close()
    recording.close()
    with av.open(str(film)) as container:
        lit = [frame.to_ndarray(format="gray").mean() > 120 for frame in container.decode(video=0)]
    with av.open(str(film)) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert len(lit) == 30
    assert [place for place, one in enumerate(lit) if one] == [0, 20]
    assert len(sound) / INFO.rate == pytest.approx(30 / 25, abs=0.09)


def test_a_recording_ends_where_it_must(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "short.mp4", seconds=0.4)
    recording.open(INFO)
    for index in range(30):
        recording.write(beat(index))
        while len(recording._thread.queue):
            threading.Event().wait(0.002)
    recording.close()
    assert recording.full
    with av.open(str(tmp_path / "short.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 10


def test_what_waits_when_a_recording_is_closed_is_in_the_film(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "whole.mp4")
    recording.open(INFO)
    for index in range(60):  # faster than any disk
        recording.write(beat(index))
    recording.close()
    with av.open(str(tmp_path / "whole.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60


def test_a_recording_in_a_process_of_its_own_is_the_same_film(tmp_path: Path) -> None:
    films = [tmp_path / "thread.mp4", tmp_path / "process.mp4"]
    apart = RecordingProcess(films[1], 1.2, FilmOptions())
    assert apart.wait()
    recordings: tuple[Recording | RecordingProcess, ...] = (Recording(films[0], 1.2), apart)
    for recording in recordings:
        recording.open(INFO)
        for index in range(20):
            recording.write(beat(index))
        recording.close()
    pictures, sounds = zip(*(_decoded(film) for film in films), strict=True)
    assert len(pictures[0]) == 20
    assert np.array_equal(*pictures)
    assert np.array_equal(*sounds)
    assert read_provenance(films[1]) == read_provenance(films[0])


def test_a_recording_apart_ends_when_it_is_long_enough(tmp_path: Path) -> None:
    film = tmp_path / "short.mp4"
    recording = RecordingProcess(film, 0.4, FilmOptions())
    assert recording.wait()
    recording.open(INFO)
    deadline, index = time.monotonic() + 200, 0
    while not recording.over:
        assert time.monotonic() < deadline
        recording.write(beat(index))
        index += 1
        threading.Event().wait(0.002)
    recording.write(beat(index))
    recording.close()
    assert film.exists()
    assert len(_decoded(film)[0]) == 10


def test_a_recording_apart_that_is_given_up_leaves_no_film(tmp_path: Path) -> None:
    recording = RecordingProcess(tmp_path / "none.mp4", 10, FilmOptions())
    assert recording.wait()
    recording.open(INFO)
    recording.write(beat(0))
    recording.abort()
    with pytest.raises(OutputError, match="could not be written"):
        recording.close()
    assert not (tmp_path / "none.mp4").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals end programs there")
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_all_processes_leaves_the_film_to_the_program(tmp_path: Path, sign: int) -> None:
    """As systemd stops a service."""
    film = tmp_path / "whole.mp4"
    recording = RecordingProcess(film, 10, FilmOptions())
    assert recording.wait()
    os.kill(recording._process._process.pid, sign)
    recording.open(INFO)
    for index in range(5):
        recording.write(beat(index))
    recording.close()
    assert len(_decoded(film)[0]) == 5


def _decoded(film: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    with av.open(str(film)) as container:
        pictures = np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])
    with av.open(str(film)) as container:
        return pictures, np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def test_without_a_frame_there_is_no_film(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "none.mp4")
    recording.open(INFO)
    recording.close()
    assert list(tmp_path.iterdir()) == []


def test_a_film_of_no_kind_is_refused_at_the_beginning(tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        Recording(tmp_path / "session.txt").open(INFO)


class FakeCamera:
    def __init__(self, info: FilmInfo) -> None:
        self.info, self.shown, self.closed = info, list[Image](), False

    def send(self, frame: Image) -> None:
        self.shown.append(frame)

    def close(self) -> None:
        self.closed = True


def test_a_camera_shows_pictures() -> None:
    cameras: list[FakeCamera] = []

    def open_fake(info: FilmInfo) -> FakeCamera:
        cameras.append(FakeCamera(info))
        return cameras[-1]

    sink = CameraSink(open_fake)
    sink.open(INFO)
    sink.write(beat(0))
    sink.close()
    sink.close()
    assert cameras[0].closed
    assert np.array_equal(cameras[0].shown[0], beat(0).image)


def test_a_machine_without_a_camera_says_what_brings_one() -> None:
    if importlib.util.find_spec("pyvirtualcam") and Path("/dev/video0").exists():
        pytest.skip("this machine may have a virtual camera")
    with pytest.raises(EngineUnavailable, match=r"pyvirtualcam|v4l2loopback"):
        CameraSink().open(INFO)
