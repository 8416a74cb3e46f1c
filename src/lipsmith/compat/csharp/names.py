"""Converts template names, which can be any text, to avatar names, which are folder names, and back."""

from __future__ import annotations

import re

_AVATAR = re.compile(r"[^\W_][\w.-]*")
_NOT_ALLOWED = re.compile(r"[^\w.-]|_")
_CODE_POINT = re.compile(r"_u([0-9a-f]+)_")
_PREFIX = "t."


def avatar_name(template: str) -> str:
    """The avatar's name for a template: the same if valid, else with code points in place of invalid letters."""
    if _AVATAR.fullmatch(template) and not template.endswith(".") and not template.startswith(_PREFIX):
        return template
    spelled = _NOT_ALLOWED.sub(lambda found: f"_u{ord(found[0]):x}_", template)
    return _PREFIX + (f"{spelled[:-1]}_u2e_" if spelled.endswith(".") else spelled)


def template_name(avatar: str) -> str:
    """The template whose avatar has this name."""
    if not avatar.startswith(_PREFIX):
        return avatar
    name = _CODE_POINT.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)), avatar.removeprefix(_PREFIX))
    return name if avatar_name(name) == avatar else avatar


__all__ = ["avatar_name", "template_name"]
