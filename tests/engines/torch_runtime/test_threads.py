"""How many threads torch gets: those of idle cores, or as many as were asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsmith.engines.torch_runtime import threads
from lipsmith.engines.torch_runtime.threads import (
    idle_cores,
    suitable_threads,
    usable_cores,
    use_threads,
    wait_asleep,
)


@pytest.fixture
def restored() -> Iterator[None]:
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def machine(patch: pytest.MonkeyPatch, usable: int, idle: float | None) -> None:
    patch.setattr(threads, "usable_cores", lambda: usable)
    patch.setattr(threads, "idle_cores", lambda: idle)


@pytest.mark.parametrize(
    ("usable", "idle", "wanted"),
    [
        (8, 8.0, 8),  # nothing else runs
        (8, 5.1, 5),  # three busy cores are left to others
        (8, 0.0, 1),  # no core is idle: one thread waits for none
        (2, 0.4, 1),
        (4, 60.0, 4),  # a container's four cores of a large machine
        (8, None, 8),  # not known
    ],
)
def test_a_busy_machine_gets_fewer_threads(
    usable: int, idle: float | None, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, usable, idle)
    assert suitable_threads() == wanted


def test_torch_takes_what_was_asked_for_or_what_suits(monkeypatch: pytest.MonkeyPatch, restored: None) -> None:
    import torch

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "_torchs_own", lambda: 4)
    machine(monkeypatch, 8, 2.2)
    assert (use_threads(), torch.get_num_threads()) == (2, 2)
    assert (use_threads(3), torch.get_num_threads()) == (3, 3)
    machine(monkeypatch, 8, 8.0)
    assert use_threads() == 4  # never more than torch's own choice, and again as many when the machine is idle
    machine(monkeypatch, 8, 0.0)
    assert use_threads() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert use_threads() == 4


def test_idle_cores_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 50 1000 10 0 0 0 0 0\ncpu0 1 2 3\n")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    later = "cpu  120 5 55 1045 15 0 0 0 0 0\ncpu0 1 2 3\n"  # 80 passed, of which 50 idle
    monkeypatch.setattr(threads.time, "sleep", lambda _: stat.write_text(later))
    assert idle_cores(stat) == pytest.approx(8 * 50 / 80)
    assert idle_cores(stat) is None  # no time passed


def test_without_counters_the_load_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "getloadavg", lambda: (2.5, 9.0, 9.0), raising=False)
    assert idle_cores(tmp_path / "none") == 5.5
    monkeypatch.setattr(os, "getloadavg", lambda: (20.0, 0.0, 0.0))
    assert idle_cores(tmp_path / "none") == 0
    monkeypatch.delattr(os, "getloadavg")
    assert idle_cores(tmp_path / "none") is None


@pytest.mark.parametrize(("text", "wanted"), [("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("", 8)])
def test_a_container_s_quota_is_kept(text: str, wanted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    (tmp_path / "cpu.max").write_text(text)
    assert usable_cores(tmp_path / "cpu.max") == wanted
    assert usable_cores(tmp_path / "none") == 8


def test_threads_wait_asleep_unless_the_user_chose() -> None:
    found: dict[str, str] = {}
    wait_asleep(found)
    assert found == {"OMP_WAIT_POLICY": "PASSIVE"}
    for chosen in ({"OMP_WAIT_POLICY": "ACTIVE"}, {"GOMP_SPINCOUNT": "5"}):
        found = dict(chosen)
        wait_asleep(found)
        assert found == chosen


def test_it_is_decided_before_torch_is_imported() -> None:
    words = "import os, sys, lipsmith.engines.musetalk; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if name not in threads._CHOICES}
    told = subprocess.run([sys.executable, "-c", words], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["PASSIVE", "False"]
