"""The live bench opens real sessions; its figures are judged by machines, not by tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lipsmith.bench import live
from lipsmith.bench.case_worker import resident_bytes
from lipsmith.bench.live import LiveCase, LiveFigures, measure_live, spread
from lipsmith.cli import run


@pytest.fixture(scope="module")
def found() -> LiveFigures:
    """Short words, over a film of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "SPOKEN", 0.4)
        patch.setattr(live, "PAUSE", 0.2)
        return measure_live(LiveCase(2, 1.0, (256, 256), film=1.0))


def test_two_sessions_are_measured(found: LiveFigures) -> None:
    assert found.wished == 2
    assert 1 <= found.sessions <= 2
    assert found.pushed_ms.count == found.streamed_ms.count == found.interrupt_ms.count == found.sessions
    assert found.samples_missing == 0
    assert found.plate_step == 1
    assert found.ticks > 25
    assert found.render_ms > 0
    assert found.cores > 0


def test_the_spread_of_nothing_is_nothing() -> None:
    assert spread([]).count == 0
    assert spread([0.001, 0.003]).p50 == pytest.approx(2)


def test_a_system_that_does_not_tell_its_memory_is_not_guessed(tmp_path: Path) -> None:
    assert resident_bytes(tmp_path / "none") is None


def test_the_command_prints_a_table_and_json(
    found: LiveFigures, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cases: list[LiveCase] = []

    def measured(case: LiveCase, tell: Callable[[str], None]) -> LiveFigures:
        cases.append(case)
        tell("so far")
        return found

    monkeypatch.setattr(live, "measure_live", measured)
    assert run(["bench", "live", "--sessions", "1,2"]) == 0
    assert "interruption -> silence" in capsys.readouterr().out
    assert run(["bench", "live", "--sessions", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["engine"] == "warp"
    assert cases == [LiveCase(1), LiveCase(2), LiveCase(1)]
    assert run(["bench", "live", "--sessions", "none"]) == 2
    assert run(["bench", "live", "--film", "-1"]) == 2
