"""On the air: the sound that goes out keeps the width of what is said."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from lipsmith.engines.fake import FakeEngine
from lipsmith.media.sound import Speech, open_speech
from lipsmith.transports.broadcast import broadcast, playing_rate
from lipsmith.types import AVFrame, FilmInfo, Samples
from tests.support.session_doubles import QuickAvatar


def speech_at(rate: int, folder: Path, tone: float = 440.0) -> Speech:
    path = folder / f"{rate}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((16_384 * np.sin(2 * np.pi * tone * np.arange(rate // 2) / rate)).astype("<i2").tobytes())
    return open_speech(path)


class Recorder:
    """Keeps the sound that a sink gets."""

    def __init__(self) -> None:
        self.rate, self.sound = 0, list[Samples]()

    def open(self, info: FilmInfo) -> None:
        self.rate = info.rate

    def write(self, frame: AVFrame) -> None:
        self.sound.append(frame.samples)

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("rates", "playing"), [([], 24_000), ([16_000], 24_000), ([24_000, 44_100], 48_000), ([96_000], 48_000)]
)
def test_the_widest_speech_says_at_which_rate_all_plays(rates: list[int], playing: int, tmp_path: Path) -> None:
    assert playing_rate([speech_at(rate, tmp_path) for rate in rates]) == playing


def test_a_tone_of_15_khz_goes_out_as_it_is(tmp_path: Path) -> None:
    engine, sink = FakeEngine(), Recorder()
    asyncio.run(broadcast(QuickAvatar(engine), engine, [speech_at(48_000, tmp_path, 15_000)], [sink]))
    sound = np.concatenate(sink.sound)
    spoken = sound[np.flatnonzero(sound)[0] :][:24_000]
    power = np.abs(np.fft.rfft(spoken * np.hanning(len(spoken)))) ** 2
    assert sink.rate == 48_000
    assert np.argmax(power) * 48_000 / len(spoken) == pytest.approx(15_000, abs=10)
    assert np.abs(spoken).max() == pytest.approx(0.5, abs=0.01)
