"""eSpeak NG really speaks, in a process of its own, and a process that breaks costs one sentence."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import aclosing

import numpy as np
import pytest

from lipsmith.errors import OptionError, VoiceError
from lipsmith.tts.espeak import EspeakVoice
from lipsmith.tts.espeak_library import has_espeak
from lipsmith.tts.protocols import SpeechStyle, SpokenSound, Voice, read_aloud, readable, style_for
from lipsmith.tts.registry import open_voice
from lipsmith.types import Samples

pytestmark = pytest.mark.skipif(not has_espeak(), reason="eSpeak NG is not installed")


@pytest.fixture(scope="module")
def voice() -> Iterator[EspeakVoice]:
    opened = EspeakVoice("en-us")
    yield opened
    asyncio.run(opened.close())


async def said(voice: Voice, text: str, language: str = "") -> tuple[Samples, int]:
    sounds = [sound async for sound in read_aloud(voice, readable(text), SpeechStyle(language))]
    return np.concatenate([sound.samples for sound in sounds]), sounds[0].rate


@pytest.mark.parametrize(
    ("text", "language", "least", "most"),
    [
        ("Hello, this is a voice. It says two sentences.", "", 2.0, 6.0),
        ("你好，我是数字人。今天天气很好。", "", 2.5, 7.0),
        ("Guten Tag, wie geht es?", "de", 1.0, 4.0),
        ("ni hao", "zh-CN", 0.3, 2.0),
    ],
)
def test_it_speaks_aloud_as_long_as_a_person_would(
    voice: EspeakVoice, text: str, language: str, least: float, most: float
) -> None:
    samples, rate = asyncio.run(said(voice, text, language))
    assert samples.dtype == np.float32
    assert least < len(samples) / rate < most
    assert 0.02 < np.sqrt(np.mean(samples**2)) < 0.5
    assert np.abs(samples).max() <= 1


def test_a_style_changes_the_voice_and_its_speed(voice: EspeakVoice) -> None:
    async def sound(style: SpeechStyle) -> Samples:
        return np.concatenate([one.samples async for one in read_aloud(voice, ["This is said by somebody."], style)])

    async def scene() -> list[Samples]:
        asked = [("", 1.0), ("f2", 1.0), ("", 2.0), ("", 0.5)]
        return [await sound(style_for(voice, "en", name, speed)) for name, speed in asked]

    usual, other, fast, slow = asyncio.run(scene())
    assert len(other) != len(usual) or not np.allclose(other, usual)
    assert 1.6 * len(fast) < len(usual) < 0.7 * len(slow)
    for wrong in (("en", "f77", 1.0), ("xx", "", 1.0), ("en", "", 9.0)):
        with pytest.raises(OptionError):
            style_for(voice, *wrong)


def test_it_says_when_each_phone_begins(voice: EspeakVoice) -> None:
    async def spoken() -> list[SpokenSound]:
        return [sound async for sound in voice.speak("Peter, go.")]

    sounds, done, phones = asyncio.run(spoken()), 0, []
    for sound in sounds:
        assert all(0 <= phone.sample < len(sound.samples) for phone in sound.phones)
        phones += [(done + phone.sample, phone.ipa) for phone in sound.phones]
        done += len(sound.samples)
    assert phones == sorted(phones, key=lambda phone: phone[0])
    assert "".join(ipa for _, ipa in phones).startswith("piːɾɚɡoʊ")
    assert "" in [ipa for _, ipa in phones]


def test_every_language_that_it_lists_can_be_chosen(voice: EspeakVoice) -> None:
    assert {"cmn", "en-gb", "fr-fr", "ja", "yue"} <= set(voice.languages)

    async def sounding() -> list[str]:
        styles = [SpeechStyle(language) for language in voice.languages]
        return [style.language for style in styles if [sound async for sound in voice.speak("1 a", style)]]

    assert len(asyncio.run(sounding())) > 0.95 * len(voice.languages)  # three lack their dictionary


def test_letters_choose_the_language(voice: EspeakVoice) -> None:
    guessed, _ = asyncio.run(said(voice, "你好吗"))
    told, _ = asyncio.run(said(voice, "你好吗", "cmn"))
    english, _ = asyncio.run(said(voice, "你好吗", "en-us"))
    assert len(guessed) == pytest.approx(len(told), rel=0.02)
    assert len(english) > 2 * len(told)


def test_sentences_of_many_take_turns_and_do_not_mix(voice: EspeakVoice) -> None:
    texts = ["One apple.", "Two long pears are here.", "三个苹果。"] * 3

    async def together() -> list[tuple[Samples, int]]:
        return await asyncio.gather(*(said(voice, text) for text in texts))

    lengths = [len(samples) for samples, _ in asyncio.run(together())]
    assert all(lengths[place] == pytest.approx(lengths[place % 3], rel=0.02) for place in range(9))
    assert lengths[1] > 1.3 * lengths[0]


def test_one_may_stop_listening_in_the_middle(voice: EspeakVoice) -> None:
    async def begin() -> SpokenSound:
        async with aclosing(read_aloud(voice, readable("This is quite a long sentence. And another."))) as sounds:
            return await anext(sounds)

    first = asyncio.run(begin())
    assert len(first.samples) / first.rate == pytest.approx(0.25, abs=0.001)
    assert len(asyncio.run(said(voice, "Once more."))[0]) > 5_000


def test_markup_is_read_and_not_obeyed(voice: EspeakVoice) -> None:
    samples, rate = asyncio.run(said(voice, '<audio src="/etc/passwd"/> [[h@l]] \x00\x1b hello'))
    assert len(samples) / rate > 2


def test_a_tempo_shortens_and_a_variant_sounds_different() -> None:
    lengths = []
    for how in (EspeakVoice("en", 2.0), EspeakVoice("en+f3")):
        samples, _ = asyncio.run(said(how, "The same words again."))
        lengths.append(len(samples))
        asyncio.run(how.close())
    assert lengths[0] < 0.7 * lengths[1]


def test_a_lost_process_costs_one_sentence() -> None:
    script = (
        "import os\nfrom lipsmith.tts import espeak_worker as w\nfrom lipsmith.workers.child import serve\n"
        "answer = w.answer_with(w.EspeakLibrary.open())\n"
        "def breaking(request, progress):\n"
        "    if 'break' in request.header.get('text', ''): os._exit(3)\n"
        "    return answer(request, progress)\n"
        "serve(breaking)\n"
    )
    voice = EspeakVoice("en", command=(sys.executable, "-c", script))
    with pytest.raises(VoiceError, match="begins again"):
        asyncio.run(said(voice, "break"))
    assert len(asyncio.run(said(voice, "Here I am."))[0]) > 5_000
    asyncio.run(voice.close())


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("espeak:klingonisch", "does not know"), ("espeak:en+../x", "variant"), ("loud", "openai:URL"),
        ("openai", "openai:URL"), ("none:x", "openai:URL"), ("openai:ftp://host", "no address"),
        ("openai:http://host/v1?modell=x", "'model'"), ("openai:http://host/v1?speed=9", "0.25 to 4"),
        ("openai:http://host/v1?format=mp3", "wav"), ("openai:http://user:word@host/v1", "LIPSMITH_VOICE_KEY"),
    ],
)  # fmt: skip
def test_words_that_name_no_voice_are_told(word: str, told: str) -> None:
    with pytest.raises(OptionError, match=told):
        open_voice(word)


def test_words_that_name_one() -> None:
    assert open_voice("none") is None
    for word, name in (("auto", "espeak:en-us"), ("espeak:zh", "espeak:cmn"), ("espeak:de+f3", "espeak:de+f3")):
        voice = open_voice(word)
        assert voice is not None
        assert voice.name == name
        asyncio.run(voice.close())


def test_nothing_readable_is_told() -> None:
    with pytest.raises(OptionError, match="nothing to say"):
        readable("... 🙂")
    assert readable("One\tline\x00.  Two.") == ["One line .", "Two."]
