"""Which voice a caller of a server may choose: one of the voices of the server's own provider, and its speed."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

from ..errors import OptionError
from ..options import nearest
from .kokoro import LANGUAGE_OF, voice_called
from .languages import known_as
from .protocols import Voice

SLOWEST, FASTEST = 0.5, 2.0
"""Speeds that every provider knows."""


def chosen_voice(provider: str, own: Voice, wanted: str = "", speed: float | None = None) -> str:
    """The name for ``open_voice`` of the voice that a caller wants.

    Args:
        provider: the name of the server's own voice, as for ``open_voice``.
        own: that voice.
        wanted: a language or voice of the same provider, perhaps with its kind before it; "": the server's own.
        speed: how many times as fast as usual; None: as the server's own.

    Raises:
        OptionError: another provider, an unknown voice, or a speed out of range.
    """
    if speed is not None and not SLOWEST <= speed <= FASTEST:
        raise OptionError(f"speed is {speed:g}; it can be {SLOWEST:g} to {FASTEST:g}.")
    kind = own.name.partition(":")[0]
    rest = provider.partition(":")[2] or own.name.partition(":")[2]
    base, _, query = rest.partition("?")
    settings = dict(parse_qsl(query, keep_blank_values=True))
    if wanted:
        base = _named(kind, own, wanted.removeprefix(f"{kind}:")) or base
    if speed is not None:
        settings["speed"] = f"{speed:g}"
    return f"{kind}:{base}?{urlencode(settings)}" if settings else f"{kind}:{base}"


def voices_of(own: Voice) -> list[str]:
    """The names of the voices that can be chosen beside the languages."""
    kind, _, name = own.name.partition(":")
    return {"kokoro": list(LANGUAGE_OF), "espeak": list[str]()}.get(kind, [name])


def _named(kind: str, own: Voice, name: str) -> str:
    """What stands for the voice ``name`` behind its kind; "": it is the server's own."""
    if kind == "espeak":
        return _espeak(own, name)
    if kind == "kokoro":
        return voice_called(name)
    if f"{kind}:{name}" != own.name:
        raise OptionError(f"voice is '{name[:40]}'; this server reads aloud by {own.name} only.")
    return ""


def _espeak(own: Voice, name: str) -> str:
    language, sign, variant = name.partition("+")
    if sign and not re.fullmatch(r"[A-Za-z0-9_-]{1,20}", variant):
        raise OptionError(f"voice is '{name[:40]}'; a variant is a word like f3 or m1: {language[:20]}+f3.")
    try:
        return known_as(language, own.languages) + sign + variant
    except OptionError:
        known = nearest(language[:40], own.languages)
        raise OptionError(f"There is no voice '{name[:40]}'; a voice here is a language. {known}") from None


__all__ = ["FASTEST", "SLOWEST", "chosen_voice", "voices_of"]
