"""Pushing to ffmpeg, which listens as a streaming server does, in a process of its own."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import av
import numpy as np
import pytest

from lipsmith.errors import OptionError, OutputError
from lipsmith.media.probe import read_provenance
from lipsmith.provenance.metadata import provenance_tags
from lipsmith.transports.push import PushOptions, PushSink, check_target, hidden
from tests.support.peers import INFO, Seen, beat
from tests.support.rtmp_listener import deaf_port, free_port, has_protocol, listen, listening
from tests.support.waiting import until


def push(sink: PushSink, first: int, done: int) -> int:
    """Write frames until connection ``done`` was made and has taken 75; returns the next frame's number."""
    index, last = first, None
    while last is None or index < last:
        sink.write(beat(index))
        index += 1
        if last is None and sink.connections >= done:
            last = index + 75
        time.sleep(0.02)
        while len(sink._thread.queue) > 2:  # no faster than it is coded
            time.sleep(0.005)
    return index


def watch(film: Path) -> Seen:
    seen = Seen()
    with av.open(str(film)) as container:
        for packet in container.demux():
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    seen.pictures.append((float(frame.time), float(frame.to_ndarray(format="gray").mean())))
                elif isinstance(frame, av.AudioFrame):
                    seen.sound.append((float(frame.time), frame.to_ndarray()[0], frame.sample_rate))
    return seen


@listening
def test_a_stream_arrives_in_step_and_is_begun_anew_when_the_listener_dies(tmp_path: Path) -> None:
    port = free_port()
    sink = PushSink(f"rtmp://127.0.0.1:{port}/live/key", PushOptions(engine="warp 1"))
    sink.open(INFO)
    server = listen(port, tmp_path / "one.flv")
    index = push(sink, 0, 1)
    server.kill()
    server.wait()
    for _ in range(100):
        sink.write(beat(index))
        index += 1
        time.sleep(0.02)
    server = listen(port, tmp_path / "two.flv")
    push(sink, index, 2)
    sink.close()
    server.wait(120)
    seen = watch(tmp_path / "two.flv")
    flashes, beeps = seen.flashes(), seen.beeps()
    assert len(flashes) >= 2
    skews = [min((beep - flash for beep in beeps), key=abs) for flash in flashes[:2]]
    assert np.abs(skews).max() < 0.03, skews
    assert read_provenance(tmp_path / "two.flv") == provenance_tags("warp 1")


def test_nobody_there_keeps_nobody_waiting() -> None:
    with deaf_port() as port:
        sink = PushSink(f"rtmp://127.0.0.1:{port}/live/key")
        sink.open(INFO)
        for index in range(100):
            sink.write(beat(index))

        def in_trouble() -> bool:
            sink.write(beat(0))
            return bool(sink.trouble)

        until(in_trouble)
        assert "refused" in sink.trouble
        assert not sink.connected
        sink.close()


def test_a_server_that_says_nothing_stops_nobody() -> None:
    """It accepts and is silent, for which FFmpeg waits: that happens elsewhere, and closing ends it."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        sink = PushSink(f"rtmp://127.0.0.1:{mute.getsockname()[1]}/live/key")
        sink.open(INFO)
        sink.write(beat(0))
        mute.settimeout(60)
        with mute.accept()[0]:
            for index in range(1, 200):
                sink.write(beat(index))
            assert not sink.connected
            sink.close()
        assert not sink._thread.working


@pytest.mark.parametrize(
    "url",
    ["http://host/x", "file:///etc/passwd", "rtmp:///x", "pipe:1", "", "rtmp://a b/", "rtmp://[::1/x", "rtmp://[x]/y"],
)
def test_addresses_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(OptionError, match="cannot be pushed to"):
        check_target(url)


def test_stream_keys_are_not_told() -> None:
    assert hidden("rtmp://user:word@host:1935/live/secret") == "rtmp://host/..."


@pytest.mark.skipif(has_protocol("srt"), reason="this build of PyAV has SRT")
def test_a_protocol_that_pyav_lacks_is_an_output_error() -> None:
    sink = PushSink("srt://127.0.0.1:9", PushOptions())
    sink.open(INFO)
    for index in range(10_000):  # until the process has answered
        if sink.failed:
            break
        sink.write(beat(index))
        time.sleep(0.01)
    with pytest.raises(OutputError, match="lacks srt"):
        sink.close()
    sink.close()


def test_options_that_cannot_be_are_refused() -> None:
    with pytest.raises(OptionError):
        PushOptions(key_seconds=0)
