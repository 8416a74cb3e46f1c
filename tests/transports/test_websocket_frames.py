"""The WebSocket protocol without a socket."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsmith.errors import InputError, LipsmithError
from lipsmith.transports.websocket_frames import (
    END,
    HEADER,
    KEY,
    Frame,
    FrameKind,
    Hello,
    Window,
    read_ack,
    read_command,
    read_hello,
    sound_in,
    sound_out,
    unpack,
)


@given(st.sampled_from(list(FrameKind)), st.integers(0, 2**64 - 1), st.binary(max_size=300), st.integers(0, 3))
def test_what_is_packed_comes_out_again(kind: FrameKind, time: int, payload: bytes, flags: int) -> None:
    frame = Frame(kind, time, payload, flags)
    assert unpack(frame.pack()) == frame
    assert len(frame.pack()) == 16 + len(payload)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    with suppress(InputError):
        assert unpack(data).pack() == data


@given(st.text(max_size=100) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_a_word_or_a_sentence(text: str) -> None:
    with pytest.raises(LipsmithError, match=r"\.$"):
        read_hello(read_command(text) | {"nobody": 1})


@pytest.mark.parametrize(
    "said",
    [{"rate": "fast"}, {"rate": 44_100}, {"quality": 0}, {"window": 10_000}, {"picture": "gif"}, {"pictur": "jpeg"},
     {"rate": None}, {"window": 1.5}],
)  # fmt: skip
def test_a_hello_that_cannot_be_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(LipsmithError):
        read_hello({"type": "hello", **said})


def test_a_hello_has_defaults() -> None:
    assert read_hello(read_command('{"type": "hello", "picture": "h264"}')) == Hello("h264", 24_000, 80, 12)


@pytest.mark.parametrize("time", [None, "1", 1.5, -1, True, [1]])
def test_an_ack_without_a_time_is_refused(time: object) -> None:
    with pytest.raises(LipsmithError, match="0 or more"):
        read_ack({"type": "ack", "time": time})


def test_sound_goes_through_to_a_step_of_16_bits() -> None:
    wave = np.linspace(-1, 1, 99, dtype=np.float32)
    frame = Frame(FrameKind.SOUND_IN, 0, sound_out(wave, 7).payload, END)
    heard, last = sound_in(unpack(frame.pack()))
    assert last
    assert np.abs(heard - wave).max() < 2 / 32768


@pytest.mark.parametrize("frame", [Frame(FrameKind.SOUND_IN, 0, b"\0\0\0"), Frame(FrameKind.JPEG, 0, b"\0\0", KEY)])
def test_half_samples_and_pictures_are_no_sound(frame: Frame) -> None:
    with pytest.raises(LipsmithError, match="two bytes a sample"):
        sound_in(frame)


def test_the_header_says_how_long_it_is() -> None:
    with pytest.raises(LipsmithError, match="5 bytes of payload, and 2 came"):
        unpack(HEADER.pack(1, 0, 0, 5, 0) + b"ab")


def run(window: Window, seconds: float, ack_after: int | None) -> int:
    """Pictures sent in ``seconds`` at 25 fps to a client who acknowledges what is ``ack_after`` frames old."""
    sent = 0
    for frame in range(int(seconds * 25)):
        window.sent_sound(frame * 960, 960)
        if window.may_send_picture():
            window.sent_picture(frame * 960)
            sent += 1
        if ack_after is not None and frame >= ack_after:
            window.ack((frame - ack_after) * 960)
    return sent


def test_a_client_that_keeps_up_sees_everything() -> None:
    window = Window(12, 24_000)
    assert run(window, 60, ack_after=10) == 60 * 25
    assert not window.gone


def test_a_slow_client_loses_pictures_and_stays() -> None:
    window = Window(12, 24_000)
    assert run(window, 60, ack_after=30) < 60 * 25
    assert window.skipped > 0
    assert not window.gone


def test_a_client_that_stops_reading_gets_a_window_of_pictures_and_ten_seconds_of_sound() -> None:
    window = Window(12, 24_000)
    assert run(window, 9.9, ack_after=None) == 12
    assert not window.gone
    window.sent_sound(250 * 960, 960)
    assert window.gone


@given(st.lists(st.integers(0, 2**40)))
def test_acks_of_the_future_buy_nothing(times: list[int]) -> None:
    window = Window(3, 24_000)
    run(window, 1, None)
    for time in times:
        window.ack(time)
    run_on = Window(3, 24_000)
    run(run_on, 1, None)
    window.sent_sound(25 * 960 + 300 * 960, 960)
    assert window.gone
