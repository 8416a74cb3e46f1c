"""Records as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from lipsmith.cli.records import plain, print_json


@dataclass(frozen=True)
class Inner:
    fps: Fraction


@dataclass(frozen=True)
class Outer:
    path: Path
    inner: Inner
    sizes: tuple[int, ...]
    seconds: dict[str, float]
    nothing: None = None


def test_a_record_becomes_plain_values() -> None:
    record = Outer(Path("a/b.mp4"), Inner(Fraction(30000, 1001)), (1, 2), {"render": 0.123456789})
    assert plain(record) == {
        "path": "a/b.mp4",
        "inner": {"fps": "30000/1001"},
        "sizes": [1, 2],
        "seconds": {"render": 0.123457},
        "nothing": None,
    }


def test_what_could_not_be_measured_is_null() -> None:
    assert plain([float("nan"), float("inf"), 1.5]) == [None, None, 1.5]


def test_json_keeps_letters_of_every_language(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"film": Path("影片.mp4")})
    out = capsys.readouterr().out
    assert "影片.mp4" in out
    assert json.loads(out) == {"film": "影片.mp4"}
