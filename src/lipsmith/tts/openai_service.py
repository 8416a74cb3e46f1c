"""A voice behind HTTP with OpenAI's interface: ``POST {base}/audio/speech``, sound streamed as it is made."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass, fields
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, get_type_hints
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from ..errors import OptionError, VoiceError
from ..libraries import install_hint
from ..options import build, check, parse_settings
from .protocols import DEFAULT_STYLE, SpeechStyle, SpokenSound
from .wav import SoundBytes

if TYPE_CHECKING:
    import httpx

KEY = "LIPSMITH_VOICE_KEY"
"""Environment variable with the service's key, the only place that it is read from."""
MOST_SECONDS = 180
"""Longest sound of one sentence; a service that sends more is broken."""
SLOWEST, FASTEST = 0.25, 4.0
QUOTED = 200
"""Letters of a service's error that are quoted."""
_LOCAL = ("localhost", "127.0.0.1", "::1")
_SOUNDS = (
    "audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave", "audio/pcm", "audio/l16", "audio/raw", "audio/basic",
    "application/octet-stream", "binary/octet-stream", "",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """Settings sent with every sentence.

    Raises:
        OptionError: a value out of range.
    """

    model: str = "tts-1"
    voice: str = "alloy"
    format: Literal["wav", "pcm"] = "wav"  # that is asked for; the first bytes say what comes
    rate: int = 24_000  # Hz of bare PCM
    speed: float = 1.0
    timeout: float = 20.0  # seconds without a byte, after which a sentence fails

    def __post_init__(self) -> None:
        check(self)
        for name, least, most in (("rate", 8_000, 192_000), ("speed", SLOWEST, FASTEST), ("timeout", 0.05, 300.0)):
            if not least <= getattr(self, name) <= most:
                raise OptionError(f"The voice's {name} is {getattr(self, name):g}; it can be {least:g} to {most:g}.")


def service_voice(address: str) -> ServiceVoice:
    """The voice at ``address``, whose query holds fields of ``ServiceOptions``.

    Raises:
        OptionError: the address is no http address, or has unknown settings.
        VoiceError: httpx is not installed.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.fragment:
        seen = "What stands there" if "@" in address else f"'{address}'"  # a name and a password may stand before it
        raise OptionError(
            f"{seen} is no address of a voice; write openai:http://host:port/v1, with ?model=...&voice=... "
            f"after it. The key belongs into ${KEY}."
        )
    hints, given = get_type_hints(ServiceOptions), dict(parse_qsl(parts.query, keep_blank_values=True))
    plain = {one.name for one in fields(ServiceOptions) if hints[one.name] not in (int, float)}
    settings: dict[str, Any] = {name: value for name, value in given.items() if name in plain}
    settings |= parse_settings(f"{name}={value}" for name, value in given.items() if name not in plain)
    base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return ServiceVoice(base, build(ServiceOptions, settings), os.environ.get(KEY, ""))


class ServiceVoice:
    """Asks the service at ``base`` sentence by sentence.

    Redirects are not followed: they could carry the key elsewhere.
    """

    languages: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()

    def __init__(self, base: str, options: ServiceOptions, key: str = "") -> None:
        if find_spec("httpx") is None:
            raise VoiceError(f"A voice behind HTTP needs httpx; this brings it: {install_hint('voice')}")
        self._base, self._options, self._key = base, options, key
        self._client: httpx.AsyncClient | None = None

    @property
    def name(self) -> str:
        """``openai:`` and the service's name of the voice. The address is not shown."""
        return f"openai:{self._options.voice}"

    async def speak(self, text: str, style: SpeechStyle = DEFAULT_STYLE) -> AsyncGenerator[SpokenSound, None]:
        """As ``Voice.speak``; the service detects the language itself."""
        import httpx

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        request = self._open_client().stream(
            "POST", f"{self._base}/audio/speech", json=self._request(text, style), headers=headers
        )
        try:
            async with request as answer:
                async for sound in self._sounds(answer):
                    yield sound
        except httpx.TimeoutException as reason:
            seconds = f"{self._options.timeout:g}"
            raise VoiceError(f"The voice's service sent nothing for {seconds} s: is it overloaded?") from reason
        except httpx.HTTPError as reason:
            text = f"{type(reason).__name__}: {reason}"[:QUOTED]
            raise VoiceError(f"The voice's service does not answer ({text}): is it running there?") from reason

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _request(self, text: str, style: SpeechStyle) -> dict[str, Any]:
        how = self._options
        return {
            "model": how.model,
            "voice": style.voice or how.voice,
            "input": text,
            "response_format": how.format,
            "speed": min(FASTEST, max(SLOWEST, how.speed * style.speed)),
        }

    def _open_client(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            remote = urlsplit(self._base).hostname not in _LOCAL  # only remote services go through a proxy
            timeout = httpx.Timeout(self._options.timeout, connect=min(5.0, self._options.timeout))
            self._client = httpx.AsyncClient(timeout=timeout, trust_env=remote, follow_redirects=False)
        return self._client

    async def _sounds(self, answer: httpx.Response) -> AsyncGenerator[SpokenSound, None]:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if answer.status_code != 200 or kind not in _SOUNDS:
            raise VoiceError(await _trouble(answer, kind))
        sound, count = SoundBytes(self._options.rate), 0
        async for data in answer.aiter_bytes():
            samples = sound.push(data)
            count += len(samples)
            if count > MOST_SECONDS * sound.rate:
                raise VoiceError(f"The voice's service sent over {MOST_SECONDS} s of sound for one sentence.")
            if len(samples):
                yield SpokenSound(samples, sound.rate)
        sound.finish()
        if not count:
            raise VoiceError("The voice's service answered without any sound.")


async def _trouble(answer: httpx.Response, kind: str) -> str:
    """The sentence about an answer that is no sound."""
    if answer.status_code == 200:
        return f"The voice's service sent {kind[:60]}; WAV or PCM was asked for. Does it speak OpenAI's audio/speech?"
    body = b""
    async for data in answer.aiter_bytes():
        body += data
        if len(body) > QUOTED:
            break
    quoted = " ".join(body[:QUOTED].decode("utf-8", "replace").split())
    remedy = f" Its key belongs into ${KEY}." if answer.status_code in (401, 403) else ""
    return f"The voice's service answered {answer.status_code}: {quoted or answer.reason_phrase}.{remedy}"


__all__ = ["KEY", "ServiceOptions", "ServiceVoice", "service_voice"]
