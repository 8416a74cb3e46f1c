"""Templates are called anything, avatars are called as folders can be: the way there and back."""

from __future__ import annotations

import re

_AVATAR = re.compile(r"[^\W_][\w.-]*")
_FOREIGN = re.compile(r"[^\w.-]|_")
_WRITTEN = re.compile(r"_u([0-9a-f]+)_")
_PREFIX = "t."


def avatar_name(template: str) -> str:
    """The avatar's name of a template: its own where that can be, else with the letters that cannot be spelled out."""
    if _AVATAR.fullmatch(template) and not template.endswith(".") and not template.startswith(_PREFIX):
        return template
    spelled = _FOREIGN.sub(lambda found: f"_u{ord(found[0]):x}_", template)
    return _PREFIX + (f"{spelled[:-1]}_u2e_" if spelled.endswith(".") else spelled)


def template_name(avatar: str) -> str:
    """The template whose avatar has this name."""
    if not avatar.startswith(_PREFIX):
        return avatar
    told = _WRITTEN.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)), avatar.removeprefix(_PREFIX))
    return told if avatar_name(told) == avatar else avatar


__all__ = ["avatar_name", "template_name"]
