"""Voices by name: ``espeak:en``, ``kokoro:af_heart`` or ``openai:http://host/v1``."""

from __future__ import annotations

from ..errors import OptionError, VoiceError
from ..options import nearest
from .espeak import open_espeak
from .espeak_library import has_espeak
from .kokoro import open_kokoro
from .openai_service import service_voice
from .protocols import Voice

KINDS = ("auto", "espeak", "kokoro", "none", "openai")


def open_voice(name: str) -> Voice | None:
    """The voice called ``name``; None for ``none``, and for ``auto`` where eSpeak NG does not run.

    ``espeak``, ``espeak:LANGUAGE`` (``espeak:en-gb+f3?speed=1.2`` with a variant and a speed), ``kokoro``,
    ``kokoro:VOICE`` (``kokoro:bm_george?speed=1.1``), ``openai:URL`` with settings as its query:
    ``openai:http://127.0.0.1:8880/v1?model=kokoro&voice=af_sky``.

    Raises:
        OptionError: an unknown name or language, or a malformed URL.
        VoiceError: the voice's package or weights are not on this machine.
    """
    kind, _, rest = name.partition(":")
    if kind not in KINDS or (rest and kind in ("auto", "none")) or (kind == "openai" and not rest):
        raise OptionError(f"voice is '{name}'; it can be espeak, espeak:LANGUAGE, kokoro, kokoro:VOICE, openai:URL, "
                          f"auto or none. {nearest(kind, KINDS)}")  # fmt: skip
    if kind == "openai":
        return service_voice(rest)
    if kind == "kokoro":
        return open_kokoro(rest)
    if kind == "none" or (kind == "auto" and not has_espeak()):
        return None
    try:
        return open_espeak(rest)
    except VoiceError:
        if kind == "auto":
            return None
        raise


__all__ = ["open_voice"]
