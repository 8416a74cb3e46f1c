"""Kokoro speaks in a process of its own, sentence by sentence, with its phones; what is missing is one clear sentence.

The network is a stand-in. ``LIPSMITH_TEST_KOKORO`` names a folder of models with the real one; then it speaks too.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from lipsmith.errors import InputError, OptionError, VoiceError
from lipsmith.libraries import install_hint
from lipsmith.tts.espeak_library import has_espeak
from lipsmith.tts.kokoro import VOICES, KokoroVoice, native_voice, voice_called
from lipsmith.tts.kokoro_model import HOP, read_voices
from lipsmith.tts.kokoro_phonemes import LANGUAGES
from lipsmith.tts.protocols import SpeechStyle, SpokenPhone, SpokenSound, Voice, read_aloud, readable
from lipsmith.tts.registry import open_voice
from lipsmith.types import Samples
from tests.support.kokoro_files import write_files

pytest.importorskip("onnxruntime")
REAL = os.environ.get("LIPSMITH_TEST_KOKORO", "")
with_espeak = pytest.mark.skipif(not has_espeak(), reason="eSpeak NG is not installed")


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models with the stand-in, which is the only one that is looked in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIPSMITH_MODELS", str(tmp_path))
    monkeypatch.setattr("lipsmith.weights.lookup.cache_folder", lambda: tmp_path / "cache")
    write_files(tmp_path / "kokoro")
    return tmp_path


@pytest.fixture
def voice(models: Path) -> Iterator[Voice]:
    opened = open_voice("kokoro")
    assert opened is not None
    yield opened
    asyncio.run(opened.close())


async def spoken(voice: Voice, text: str, language: str = "") -> list[SpokenSound]:
    return [sound async for sound in read_aloud(voice, readable(text), SpeechStyle(language))]


def joined(sounds: list[SpokenSound]) -> tuple[Samples, list[SpokenPhone]]:
    """The whole sound, and its phones at their place in it."""
    phones, done = [], 0
    for sound in sounds:
        assert all(0 <= phone.sample < len(sound.samples) for phone in sound.phones)
        phones += [SpokenPhone(done + phone.sample, phone.ipa) for phone in sound.phones]
        done += len(sound.samples)
    return np.concatenate([sound.samples for sound in sounds]), phones


@with_espeak
def test_it_speaks_with_its_phones(voice: Voice) -> None:
    assert voice.name == "kokoro:af_heart"
    samples, phones = joined(asyncio.run(spoken(voice, "Hello, Peter. Good morning.")))
    assert samples.dtype == np.float32
    assert len(samples) % HOP == 0
    assert samples[0] == pytest.approx(0.1, abs=0.01)  # the stand-in's first voice
    ipa = [phone.ipa for phone in phones if phone.ipa]
    assert ipa[:3] == ["h", "ə", "l"]
    assert "oʊ" in ipa
    assert [phone.sample for phone in phones] == sorted(phone.sample for phone in phones)
    assert phones[0].sample == 0


@with_espeak
def test_another_language_is_spoken_by_a_voice_of_it(voice: Voice, models: Path) -> None:
    with pytest.raises(VoiceError, match="none called 'ef_dora'"):  # the stand-in has no such voice
        asyncio.run(spoken(voice, "Hola.", "es"))
    assert asyncio.run(spoken(voice, "Hello.", "en-GB"))  # its own accent
    with pytest.raises(OptionError, match="does not know the language 'cmn'"):
        asyncio.run(spoken(voice, "你好"))


@with_espeak
def test_sentences_of_many_take_turns_and_one_may_stop_listening(voice: Voice) -> None:
    texts = ["One apple.", "Two long pears are here, and three more."] * 2

    async def together() -> list[list[SpokenSound]]:
        async with aclosing(voice.speak("Nobody listens to the end of this.")) as sounds:
            await anext(sounds)
        return await asyncio.gather(*(spoken(voice, text) for text in texts))

    lengths = [len(joined(sounds)[0]) for sounds in asyncio.run(together())]
    assert lengths[0] == lengths[2] < lengths[1] == lengths[3]


@with_espeak
def test_a_text_of_any_length_is_spoken(voice: Voice) -> None:
    async def one_piece() -> list[SpokenSound]:
        return [sound async for sound in voice.speak("many words and no end of them " * 60)]

    samples, phones = joined(asyncio.run(one_piece()))
    assert len(phones) > 1200
    assert len(samples) > 1200 * HOP


@with_espeak
def test_a_lost_process_costs_one_sentence(models: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom lipsmith.tts import kokoro_worker as w\n"
        "from lipsmith.workers.child import serve\n"
        "model = w.KokoroModel.open(*map(Path, sys.argv[1:3]))\n"
        "answer = w.answer_with(w.EspeakLibrary.open(), lambda: model)\n"
        "def breaking(request, progress):\n"
        "    if 'break' in request.header['text']: os._exit(3)\n"
        "    return answer(request, progress)\n"
        "serve(breaking)\n"
    )
    voice = KokoroVoice("af_sky", command=(sys.executable, "-c", script))
    with pytest.raises(VoiceError, match=r"Kokoro ended in the middle.*begins again"):
        asyncio.run(spoken(voice, "break"))
    assert asyncio.run(spoken(voice, "Here I am."))
    asyncio.run(voice.close())


def test_what_is_missing_is_one_sentence_with_the_command(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as without:
        without.setattr("lipsmith.tts.kokoro.has_espeak", lambda: False)
        with pytest.raises(VoiceError, match=re.escape(install_hint("voice"))):
            open_voice("kokoro")
    (models / "kokoro" / "voices-v1.0.bin").unlink()
    with pytest.raises(VoiceError, match=r"121 MB.*`lipsmith weights fetch kokoro`"):
        open_voice("kokoro:af_sky")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("kokoro:af_hart", "Did you mean 'af_heart'"), ("kokoro:de", "af_heart"), ("kokoro:af_sky+", "one\\+another"),
        ("kokoro:af_sky?speed=9", "0.5 to 2"), ("kokoro:af_sky?pace=1", "pace"), ("kokoro:af_sky?speed=x", "speed"),
    ],
)  # fmt: skip
def test_names_that_mean_nothing_are_told(name: str, told: str) -> None:
    with pytest.raises(OptionError, match=told):
        open_voice(name)


def test_names_of_voices() -> None:
    assert [voice_called(name) for name in ("af_sky", "AF_Sky+bm_lewis", "fr", "en", "pt-BR")] == [
        "af_sky", "af_sky+bm_lewis", "ff_siwis", "af_heart", "pf_dora",
    ]  # fmt: skip
    assert [native_voice("am_puck", language) for language in ("es", "fr-fr", "en-gb")] == [
        "em_alex", "ff_siwis", "bm_daniel",
    ]  # fmt: skip
    assert list(VOICES) == list(LANGUAGES)


@pytest.mark.skipif(not REAL, reason="needs Kokoro's weights: LIPSMITH_TEST_KOKORO=FOLDER")
@with_espeak
@pytest.mark.parametrize(
    ("name", "text", "least", "most"),
    [
        ("kokoro:af_heart", "Hello, this is a voice. It says two sentences.", 2.5, 6.0),
        ("kokoro:bm_george+bf_emma?speed=1.2", "Peter Piper picked a peck of pickled pepper.", 1.5, 4.0),
        ("kokoro:es", "Buenos días, ¿cómo está usted?", 1.2, 4.0),
    ],
)
def test_the_real_network_speaks_as_long_as_a_person_would(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, least: float, most: float
) -> None:
    monkeypatch.setenv("LIPSMITH_MODELS", REAL)
    voice = open_voice(name)
    assert voice is not None
    sounds = asyncio.run(spoken(voice, text))
    asyncio.run(voice.close())
    samples, phones = joined(sounds)
    rate = sounds[0].rate
    assert least < len(samples) / rate < most
    assert 0.02 < np.sqrt(np.mean(samples**2)) < 0.5
    stops = [phone.sample for phone in phones[1:]] + [len(samples)]
    loud = {
        phone.ipa: float(np.sqrt(np.mean(samples[phone.sample : stop] ** 2)))
        for phone, stop in zip(phones, stops, strict=True)
    }
    vowels = [level for ipa, level in loud.items() if ipa and ipa[0] in "aeiouɑɔəɛɪʊʌɒæ"]
    assert np.median(vowels) > 20 * loud[""]


@pytest.mark.skipif(not REAL, reason="needs Kokoro's weights: LIPSMITH_TEST_KOKORO=FOLDER")
def test_the_real_file_has_our_voices() -> None:
    try:
        found = read_voices(Path(REAL) / "kokoro" / "voices-v1.0.bin")
    except InputError as problem:
        pytest.fail(str(problem))
    assert {name for names in VOICES.values() for name in names} <= set(found)
