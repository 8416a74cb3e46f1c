"""A caller chooses among the voices of the server's own provider, never another one or an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from lipsmith.errors import OptionError
from lipsmith.tts.choice import chosen_voice, voices_of
from lipsmith.tts.protocols import Voice


@dataclass
class Own:
    """A voice that is named and never speaks."""

    name: str
    languages: tuple[str, ...] = ()


def own(name: str, *languages: str) -> Voice:
    return cast("Voice", Own(name, languages))


ESPEAK, KOKORO, SERVICE = own("espeak:en-us", "cmn", "de", "en-us"), own("kokoro:af_heart"), own("openai:alloy")
ADDRESS = "openai:http://127.0.0.1:8880/v1?model=kokoro&voice=alloy"


@pytest.mark.parametrize(
    ("provider", "voice", "wanted", "speed", "name"),
    [
        ("auto", ESPEAK, "", None, "espeak:en-us"),
        ("espeak:de+f3", own("espeak:de+f3", "de"), "", 0.5, "espeak:de+f3?speed=0.5"),
        ("auto", ESPEAK, "de", None, "espeak:de"),
        ("auto", ESPEAK, "espeak:zh-CN+f3", 1.5, "espeak:cmn+f3?speed=1.5"),
        ("kokoro", KOKORO, "", None, "kokoro:af_heart"),
        ("kokoro:bm_george?speed=1.1", own("kokoro:bm_george"), "", None, "kokoro:bm_george?speed=1.1"),
        ("kokoro:bm_george?speed=1.1", own("kokoro:bm_george"), "af_sky", 2.0, "kokoro:af_sky?speed=2"),
        (ADDRESS, SERVICE, "", None, "openai:http://127.0.0.1:8880/v1?model=kokoro&voice=alloy"),
        (ADDRESS, SERVICE, "alloy", 1.2, "openai:http://127.0.0.1:8880/v1?model=kokoro&voice=alloy&speed=1.2"),
    ],
)
def test_a_voice_of_the_own_provider_is_named(
    provider: str, voice: Voice, wanted: str, speed: float | None, name: str
) -> None:
    assert chosen_voice(provider, voice, wanted, speed) == name


@pytest.mark.parametrize(
    ("provider", "voice", "wanted", "speed", "said"),
    [
        ("auto", ESPEAK, "klingonisch", None, "no voice 'klingonisch'"),
        ("auto", ESPEAK, "kokoro:af_sky", None, "no voice 'kokoro:af_sky'"),
        ("auto", ESPEAK, "openai:http://10.0.0.1/v1", None, "no voice 'openai:http://10.0.0.1/v1'"),
        ("auto", ESPEAK, "de+../f3", None, "f3 or m1"),
        ("auto", ESPEAK, "de?speed=9", None, "no voice 'de?speed=9'"),
        ("auto", ESPEAK, "de", 2.1, "speed is 2.1; it can be 0.5 to 2"),
        ("auto", ESPEAK, "de", float("nan"), "speed is nan"),
        ("kokoro", KOKORO, "af_skye", None, "af_sky"),
        ("kokoro", KOKORO, "af_sky?speed=9", None, "Kokoro has no voice"),
        (ADDRESS, SERVICE, "nova", None, "reads aloud by openai:alloy only"),
        (ADDRESS, SERVICE, "openai:http://10.0.0.1/v1", None, "reads aloud by openai:alloy only"),
    ],
)
def test_another_is_refused(provider: str, voice: Voice, wanted: str, speed: float | None, said: str) -> None:
    with pytest.raises(OptionError) as refused:
        chosen_voice(provider, voice, wanted, speed)
    assert said in str(refused.value)
    assert "127.0.0.1:8880" not in str(refused.value)


def test_the_voices_that_can_be_chosen_are_listed() -> None:
    assert voices_of(ESPEAK) == []
    assert "af_sky" in voices_of(KOKORO)
    assert voices_of(SERVICE) == ["alloy"]
