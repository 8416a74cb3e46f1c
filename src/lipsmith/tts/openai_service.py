"""A voice behind HTTP that speaks as OpenAI's does: ``POST {base}/audio/speech``, sound as it is made."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass, fields
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, get_type_hints
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from ..errors import OptionError, VoiceError
from ..options import build, check, parse_settings
from .protocols import SpokenSound
from .wav import SoundBytes

if TYPE_CHECKING:
    import httpx

KEY = "LIPSMITH_VOICE_KEY"
"""Environment variable with the service's key: the only place it is read from."""
MOST_SECONDS = 180
"""Of sound for one sentence; a service that goes on is out of order."""
TOLD = 200  # letters of what a service says of its trouble
_LOCAL = ("localhost", "127.0.0.1", "::1")
_SOUNDS = (
    "audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave", "audio/pcm", "audio/l16", "audio/raw", "audio/basic",
    "application/octet-stream", "binary/octet-stream", "",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What is asked of the service with every sentence.

    Raises:
        OptionError: a value that cannot be.
    """

    model: str = "tts-1"
    voice: str = "alloy"
    format: Literal["wav", "pcm"] = "wav"  # asked for; what comes is told by its first bytes
    rate: int = 24_000  # Hz of bare PCM
    speed: float = 1.0
    timeout: float = 20.0  # seconds without a byte

    def __post_init__(self) -> None:
        check(self)
        for name, least, most in (("rate", 8_000, 192_000), ("speed", 0.25, 4.0), ("timeout", 0.05, 300.0)):
            if not least <= getattr(self, name) <= most:
                raise OptionError(f"The voice's {name} is {getattr(self, name):g}; it can be {least:g} to {most:g}.")


def service_voice(address: str) -> ServiceVoice:
    """The voice at ``address``, whose query holds fields of ``ServiceOptions``.

    Raises:
        OptionError: no http address, or unknown settings.
        VoiceError: httpx is not installed.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
        raise OptionError(
            f"'{address}' is no address of a voice; it can be openai:http://host:port/v1, with ?model=...&voice=... "
            f"behind it. A key stands in ${KEY}."
        )
    hints, given = get_type_hints(ServiceOptions), dict(parse_qsl(parts.query, keep_blank_values=True))
    plain = {one.name for one in fields(ServiceOptions) if hints[one.name] not in (int, float)}
    settings: dict[str, Any] = {name: value for name, value in given.items() if name in plain}
    settings |= parse_settings(f"{name}={value}" for name, value in given.items() if name not in plain)
    base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return ServiceVoice(base, build(ServiceOptions, settings), os.environ.get(KEY, ""))


class ServiceVoice:
    """Asks ``base`` sentence by sentence. Redirects are not followed: they could carry the key elsewhere."""

    languages: tuple[str, ...] = ()

    def __init__(self, base: str, options: ServiceOptions, key: str = "") -> None:
        if find_spec("httpx") is None:
            raise VoiceError('A voice behind HTTP wants httpx: pip install "lipsmith[voice]" brings it.')
        self._base, self._options, self._key = base, options, key
        self._client: httpx.AsyncClient | None = None

    @property
    def name(self) -> str:
        """``openai:`` and the service's name of the voice; where it is stays untold."""
        return f"openai:{self._options.voice}"

    async def speak(self, text: str, language: str = "") -> AsyncGenerator[SpokenSound, None]:
        """As ``Voice.speak``; the service finds the language out by itself."""
        import httpx

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        request = self._opened().stream("POST", f"{self._base}/audio/speech", json=self._wish(text), headers=headers)
        try:
            async with request as answer:
                async for sound in self._heard(answer):
                    yield sound
        except httpx.TimeoutException as reason:
            seconds = f"{self._options.timeout:g}"
            raise VoiceError(f"The voice's service sent nothing for {seconds} s: is it overloaded?") from reason
        except httpx.HTTPError as reason:
            told = f"{type(reason).__name__}: {reason}"[:TOLD]
            raise VoiceError(f"The voice's service does not answer ({told}): is it running there?") from reason

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _wish(self, text: str) -> dict[str, Any]:
        how = self._options
        return {
            "model": how.model,
            "voice": how.voice,
            "input": text,
            "response_format": how.format,
            "speed": how.speed,
        }

    def _opened(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            abroad = urlsplit(self._base).hostname not in _LOCAL  # a proxy is for other machines
            timeout = httpx.Timeout(self._options.timeout, connect=min(5.0, self._options.timeout))
            self._client = httpx.AsyncClient(timeout=timeout, trust_env=abroad, follow_redirects=False)
        return self._client

    async def _heard(self, answer: httpx.Response) -> AsyncGenerator[SpokenSound, None]:
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
    """What is wrong with an answer that is no sound."""
    if answer.status_code == 200:
        return f"The voice's service sent {kind[:60]}; WAV or PCM was asked for. Does it speak OpenAI's audio/speech?"
    body = b""
    async for data in answer.aiter_bytes():
        body += data
        if len(body) > TOLD:
            break
    told = " ".join(body[:TOLD].decode("utf-8", "replace").split())
    remedy = f" Its key stands in ${KEY}." if answer.status_code in (401, 403) else ""
    return f"The voice's service answered {answer.status_code}: {told or answer.reason_phrase}.{remedy}"


__all__ = ["KEY", "ServiceOptions", "ServiceVoice", "service_voice"]
