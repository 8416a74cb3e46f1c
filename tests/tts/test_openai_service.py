"""The voice behind HTTP, against a real service on loopback: sound as it comes, and one sentence for every trouble."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing

import numpy as np
import pytest

from lipsmith.errors import OptionError, VoiceError
from lipsmith.tts.openai_service import KEY, ServiceVoice, service_voice
from lipsmith.tts.protocols import DEFAULT_STYLE, SpeechStyle
from lipsmith.types import Samples
from tests.support.speech_service import Service, pcm, service, wav

pytest.importorskip("httpx")


@pytest.fixture
def speaker() -> Iterator[Service]:
    with service() as made:
        yield made


async def heard(voice: ServiceVoice, text: str = "Hello.", style: SpeechStyle = DEFAULT_STYLE) -> tuple[Samples, int]:
    try:
        sounds = [sound async for sound in voice.speak(text, style)]
    finally:
        await voice.close()
    return np.concatenate([sound.samples for sound in sounds]), sounds[-1].rate


def voice_of(speaker: Service, settings: str = "") -> ServiceVoice:
    return service_voice(f"{speaker.base}/{settings}")


def test_a_text_may_ask_for_another_voice_and_speed(speaker: Service) -> None:
    asyncio.run(heard(voice_of(speaker, "?voice=anna&speed=1.5"), "Hello.", SpeechStyle("", "nova", 0.5)))
    asked, _ = speaker.asked[0]
    assert (asked["voice"], asked["speed"]) == ("nova", 0.75)


def test_it_asks_as_openai_wants_and_hears_a_wav(speaker: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "secret-word")
    voice = voice_of(speaker, "?model=m&voice=anna&speed=1.5")
    samples, rate = asyncio.run(heard(voice, "你好。"))
    asked, key = speaker.asked[0]
    assert asked == {
        "path": "/v1/audio/speech",
        "model": "m",
        "voice": "anna",
        "input": "你好。",
        "response_format": "wav",
        "speed": 1.5,
    }
    assert key == "Bearer secret-word"
    assert "secret-word" not in voice.name
    assert (len(samples), rate) == (12_000, 24_000)
    assert np.allclose(samples, np.frombuffer(pcm(), "<i2") / 32768)


@pytest.mark.parametrize(
    ("body", "settings", "length", "rate"),
    [
        (pcm(0.5, 16_000), "?format=pcm&rate=16000", 8_000, 16_000),
        (wav(pcm(0.5, 22_050), 22_050, known=True) + b"LIST junk behind", "", 11_025, 22_050),
        (wav(np.repeat(np.frombuffer(pcm(), "<i2"), 2).tobytes(), channels=2), "", 12_000, 24_000),
        (wav((np.frombuffer(pcm(), "<i2") / 32768).astype("<f4").tobytes(), kind=3, bits=32), "", 12_000, 24_000),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_every_cut_of_every_form_gives_the_same_sound(
    speaker: Service, body: bytes, settings: str, length: int, rate: int, size: int
) -> None:
    cuts = body[: 50 * size], body[50 * size :]
    speaker.pieces = lambda _: iter([cuts[0][at : at + size] for at in range(0, len(cuts[0]), size)] + [cuts[1]])
    samples, found = asyncio.run(heard(voice_of(speaker, settings)))
    assert (len(samples), found) == (length, rate)
    assert 0.3 < np.sqrt(np.mean(samples**2)) < 0.4


def test_the_beginning_sounds_before_the_end_is_made(speaker: Service) -> None:
    def slowly(go_on: threading.Event) -> Iterator[bytes]:
        yield wav(pcm(0.1))
        go_on.wait(150)
        yield pcm(0.1)

    speaker.pieces = slowly

    async def listen() -> tuple[int, int]:
        voice = voice_of(speaker)
        async with aclosing(voice.speak("Hello.")) as sounds:
            first = await anext(sounds)
            assert not speaker.go_on.is_set()
            speaker.go_on.set()
            rest = [sound async for sound in sounds]
        await voice.close()
        return len(first.samples), sum(len(sound.samples) for sound in rest)

    assert asyncio.run(listen()) == (2_400, 2_400)


def test_who_stops_listening_hangs_up(speaker: Service) -> None:
    def endless(_: threading.Event) -> Iterator[bytes]:
        yield wav(pcm(0.1))
        for _ in range(10_000):
            yield pcm(0.1)

    speaker.pieces = endless

    async def listen() -> None:
        voice = voice_of(speaker)
        async with aclosing(voice.speak("Hello.")) as sounds:
            await anext(sounds)
        await voice.close()

    asyncio.run(listen())
    assert speaker.left.wait(150)


@pytest.mark.parametrize(
    ("status", "kind", "body", "told"),
    [
        (401, "application/json", b'{"error": "bad key"}', "401.*bad key.*LIPSMITH_VOICE_KEY"),
        (429, "text/plain", b"slow down", "429: slow down"),
        (500, "text/html", b"<h1>" + b"x" * 100_000, "answered 500"),
        (302, "text/plain", b"", "answered 302"),
        (200, "application/json", b"{}", "application/json; WAV or PCM"),
        (200, "audio/mpeg", b"\xff\xfb", "audio/mpeg; WAV or PCM"),
        (200, "audio/wav", b"", "without any sound"),
        (200, "audio/wav", wav(b""), "without any sound"),
        (200, "audio/wav", b"RIFF....WAVEfm", "before its sound"),
        (200, "audio/wav", wav(b"1234", bits=24), "24 bits"),
        (200, "audio/wav", wav(b"1234", channels=9), "9 channels"),
        (200, "audio/wav", wav(b"1234", rate=1), "1 Hz"),
        (200, "audio/wav", b"RIFF....WAVEjunk\xff\xff\xff\x7f" + b"x" * 100, "no sound in its first"),
        (200, "audio/pcm", pcm(181, 8_000), "over 180 s"),
    ],
)
def test_every_trouble_is_told_in_a_sentence(speaker: Service, status: int, kind: str, body: bytes, told: str) -> None:
    speaker.status, speaker.kind, speaker.pieces = status, kind, lambda _: iter([body])
    speaker.extra = {"Location": "http://127.0.0.1:1/"} if status == 302 else {}
    with pytest.raises(VoiceError, match=told) as trouble:
        asyncio.run(heard(voice_of(speaker, "?rate=8000")))
    assert len(str(trouble.value)) < 400


def test_silence_of_the_service_ends_in_time(speaker: Service) -> None:
    def mute(go_on: threading.Event) -> Iterator[bytes]:
        yield wav(pcm(0.1))
        go_on.wait(150)

    speaker.pieces = mute
    with pytest.raises(VoiceError, match=r"nothing for 0\.2 s"):
        asyncio.run(heard(voice_of(speaker, "?timeout=0.2")))


def test_a_sound_that_breaks_off_is_told(speaker: Service) -> None:
    speaker.extra = {"Content-Length": "100000"}
    with pytest.raises(VoiceError, match="RemoteProtocolError"):
        asyncio.run(heard(voice_of(speaker)))


def test_no_service_is_told() -> None:
    with service() as gone:
        pass
    with pytest.raises(VoiceError, match="is it running"):
        asyncio.run(heard(voice_of(gone)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 7.5])
def test_what_is_no_sound_within_stays_within_bounds(speaker: Service, value: float) -> None:
    body = np.full(1_000, value, "<f4").tobytes()
    speaker.pieces = lambda _: iter([wav(body, kind=3, bits=32)])
    samples, _ = asyncio.run(heard(voice_of(speaker)))
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(OptionError, match="no address of a voice") as told:
        service_voice("https://user:topsecret@host/v1")
    assert "topsecret" not in str(told.value)
