"""Dataclasses as JSON, for ``--json``."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path


def plain(value: object) -> object:
    """``value`` in JSON's own types: a dataclass becomes a mapping, a fraction ``"30000/1001"``, NaN null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None  # JSON has no NaN
    return str(value) if isinstance(value, (Fraction, Path)) else value


def counted(number: int, one: str, more: str = "") -> str:
    """``number`` with its noun: "1 film", "2 films"; ``more`` is the plural if it is not made by an s."""
    return f"{number} {one if number == 1 else more or one + 's'}"


def print_json(value: object) -> None:
    """Print ``value`` on standard output."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))
