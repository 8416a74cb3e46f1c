"""The server's limit on open files: raised as far as the system allows."""

from __future__ import annotations

import logging

import pytest

from lipsmith.server.open_files import BESIDE, allow_open_files

resource = pytest.importorskip("resource")


@pytest.mark.parametrize(
    ("limits", "connections", "expected", "warned"),
    [
        ((1024, 524_288), 1280, 1280 + BESIDE, False),
        ((1024, 2000), 1280, 2000, True),
        ((65_536, 65_536), 9, None, False),
    ],
)
def test_the_limit_is_raised_as_far_as_needed(
    limits: tuple[int, int], connections: int, expected: int | None, warned: bool,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: given.append(pair))
    with caplog.at_level(logging.WARNING):
        allow_open_files(connections)
    assert given == ([] if expected is None else [(expected, limits[1])])
    assert bool(caplog.records) == warned
