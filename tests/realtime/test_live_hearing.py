"""Live sessions of MuseTalk hear short windows, whatever their avatar was made with. Networks are tiny and random."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import numpy as np
import pytest

from lipsmith.engines.fake import FakeEngine
from lipsmith.engines.musetalk import MuseTalkEngine, MuseTalkOptions
from lipsmith.engines.musetalk.options import Hearing
from lipsmith.engines.protocols import EncoderUse
from lipsmith.realtime.host import SessionHost
from lipsmith.realtime.session import SessionOptions
from lipsmith.speech.whisper import WhisperEncoder, random_whisper
from lipsmith.types import Array, Image, Samples
from tests.support.chunked import drives
from tests.support.goldens import synth_audio
from tests.support.session_doubles import Info, QuickAvatar

pytest.importorskip("torch")
pytest.importorskip("transformers")

RATE = 16_000
PAL = Fraction(25)
SPEECH: Samples = synth_audio(3.5).astype(np.float32) / 32_768


class HearsLikeMuseTalk(FakeEngine):
    """Draws squares, by the drives of MuseTalk's own speech encoder."""

    def __init__(self, engine: MuseTalkEngine) -> None:
        super().__init__()
        self._engine = engine

    def speech_encoder(self, fps: Fraction, use: EncoderUse = "file") -> WhisperEncoder:  # type: ignore[override]
        return self._engine.speech_encoder(fps, use)

    def _picture(self, material: object, drive: Array) -> Image:
        assert drive.shape == (50, 384)
        return super()._picture(material, np.array([50.0], np.float32))


class PalAvatar(QuickAvatar):
    """At 25 frames a second."""

    info = Info(fps=PAL)


@pytest.fixture(scope="module")
def whisper() -> object:
    return random_whisper(tiny=True)


def musetalk(whisper: object, hearing: Hearing = "auto", strict: bool = False) -> MuseTalkEngine:
    engine = MuseTalkEngine(MuseTalkOptions(weights="tiny", device="cpu", hearing=hearing, strict=strict))
    vars(engine)["_whisper"] = whisper
    return engine


@pytest.mark.parametrize("strict", [False, True])
def test_a_third_of_a_second_of_sound_is_enough_for_the_first_picture(whisper: object, strict: bool) -> None:
    """The utterance is not ended: what is drawn is drawn from the sound that came, 0.3 s."""

    async def talk() -> tuple[list[str], float]:
        host = SessionHost(HearsLikeMuseTalk(musetalk(whisper, strict=strict)))
        session = await host.open(PalAvatar(FakeEngine()), RATE, SessionOptions(patience=1_000))
        listener, names = session.listen(pictures=0), list[str]()
        session.say(SPEECH[:4800])
        async for tick in listener:
            names += [event.name for event in tick.events]
            if {"speaking", "finished", "failed"} & {*names}:
                break
        hearing = host.stats().hearing
        await host.close()
        return names, hearing

    names, hearing = asyncio.run(talk())
    assert names[-1] == "speaking"  # its first picture shows
    assert hearing > 0  # what it costs is counted


def test_films_hear_whole_and_sessions_short_windows(whisper: object) -> None:
    def heard(hearing: Hearing, use: EncoderUse) -> Array:
        return drives(musetalk(whisper, hearing).speech_encoder(PAL, use), SPEECH)

    whole, live = heard("whole", "file"), heard("live", "live")
    assert not np.allclose(whole, live, atol=1e-3)
    assert np.array_equal(heard("auto", "file"), whole)
    assert np.array_equal(heard("auto", "live"), live)
    assert np.array_equal(heard("auto", "live_cheap"), live)
    assert np.array_equal(heard("live", "file"), live)  # live = offline, where both hear alike
    assert np.array_equal(heard("whole", "live"), whole)
