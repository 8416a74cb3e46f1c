"""The bench measures real films in processes of their own."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import wave
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from lipsmith.bench import (
    Case,
    CaseFigures,
    HearingFigures,
    control_accuracy_of,
    hearing_figures,
    measure,
    memory_law,
)
from lipsmith.bench.case_worker import peak_bytes
from lipsmith.bench.material import write_portrait, write_speech
from lipsmith.bench.memory import judge
from lipsmith.cli import run
from lipsmith.errors import EngineUnavailable, FaceError, LipsmithError, OptionError
from lipsmith.metrics.control_accuracy import ControlAccuracy

FIGURES = CaseFigures(
    (64, 48), 1.0, "fake", 1, 0.5, 0.4, 50.0, 62.5, 2.0, 2.5, 0.1, 0.3, 100.0, {"render": 1.5, "encode": 4.0},
    1.2, 3.0, 0.4,
)  # fmt: skip

HEARING = HearingFigures(60.0, 0.1, 0.005, 0.06, 4.8, 80.0, 0.002)
OBEDIENCE = ControlAccuracy(40, 0, 0.98, 0.004, 0.97, 0.02, 0.001, 0, 0, 0.0, 0.05)


@pytest.fixture(scope="module")
def figures() -> CaseFigures:
    return measure(Case((256, 256), 1.0, "fake"))


def test_a_case_is_measured(figures: CaseFigures) -> None:
    assert (figures.size, figures.film_seconds, figures.engine, figures.threads) == ((256, 256), 1.0, "fake", 1)
    assert figures.real_time_wall == pytest.approx(figures.film_seconds / figures.wall_seconds)
    assert figures.fps_cpu == pytest.approx(25 * figures.real_time_cpu)
    assert 0 < figures.first_frame_seconds < figures.wall_seconds
    assert {"detect", "render", "encode"} <= set(figures.stages_ms)
    assert sum(figures.stages_ms.values()) * 25 / 1000 <= figures.wall_seconds


def test_rendering_is_compared_with_encoding_in_one_run(figures: CaseFigures) -> None:
    assert 0 < figures.render_per_encode < math.inf
    assert figures.render_per_encode == pytest.approx(figures.render_cpu_ms / figures.encode_cpu_ms)
    assert min(figures.render_cpu_ms, figures.encode_cpu_ms) > 0


def test_one_core_cannot_work_longer_than_the_clock(figures: CaseFigures) -> None:
    assert figures.cpu_seconds <= figures.wall_seconds * 1.1


LOOK = """
from pathlib import Path
from lipsmith.bench.case_worker import peak_bytes
before = peak_bytes(Path("/proc/self/status"))
block = b"x" * 150_000_000
del block
print(before, peak_bytes(Path("/proc/self/status")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's own peak")
def test_the_peak_is_the_process_s_own_and_remembers_what_was_given_back() -> None:
    ballast = b"x" * 300_000_000  # resident here, and no affair of the other process
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    del ballast
    before, after = (int(word) for word in done.stdout.split())
    assert before < 200_000_000
    assert 140_000_000 < after - before < 160_000_000


def test_a_system_that_does_not_tell_the_peak_is_not_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert peak_bytes(tmp_path / "none") is None
    monkeypatch.setattr("lipsmith.bench.measure", lambda _: replace(FIGURES, peak_mb=None))
    monkeypatch.setattr("lipsmith.bench.memory.measure", lambda _: replace(FIGURES, peak_mb=None))
    assert run(["bench", "--sizes", "64x48"]) == 0
    assert "peak of memory not known on this system" in capsys.readouterr().out
    assert run(["bench", "--sizes", "64x48", "--memory", "1,2"]) == 1
    assert "leave --memory out" in capsys.readouterr().err


def test_the_peak_is_read_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmPeak:\t 900 kB\nVmHWM:\t 512 kB\n")
    assert peak_bytes(tmp_path / "status") == 512 * 1024


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no peak")
def test_the_peak_without_linux_s_file_is_at_least_what_was_held(tmp_path: Path) -> None:
    held = b"x" * 50_000_000
    assert (peak_bytes(tmp_path / "none") or 0) > len(held)


def test_a_film_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    with pytest.raises(FaceError, match=r"^No face"):
        measure(Case((64, 64), 0.5, "fake", picture=tmp_path / "black.png"))


FAILING = """
import os, sys
from lipsmith.errors import EngineUnavailable, OptionError
from lipsmith.workers.child import serve
def fail(request, progress):
    sys.stderr.write("a warning\\n\\n")
    {}
serve(fail)
"""


@pytest.mark.parametrize(
    ("failure", "kind", "sentence"),
    [
        ("raise OptionError('There is no engine wrap.')", OptionError, "There is no engine wrap."),
        ("raise EngineUnavailable('It lacks weights.')", EngineUnavailable, "It lacks weights."),
        ("1 / 0", LipsmithError, "process failed: ZeroDivisionError: division by zero"),
        ("os.kill(os.getpid(), 9)", LipsmithError, "was ended by signal 9. Its last words: a warning"),
        ("sys.exit(4)", LipsmithError, "ended with exit code 4. Its last words: a warning"),
    ],
)
def test_a_failed_process_keeps_its_error_and_sentence(
    failure: str, kind: type[LipsmithError], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = (sys.executable, "-c", FAILING.format(failure))
    monkeypatch.setattr("lipsmith.bench.case.module_command", lambda _: command)
    with pytest.raises(LipsmithError) as caught:
        measure(Case((64, 48), 0.5, "fake"))
    assert type(caught.value) is kind
    assert str(caught.value).endswith(sentence)


def test_the_portrait_fills_any_shape(tmp_path: Path) -> None:
    for size in ((512, 512), (320, 180), (180, 320)):
        with Image.open(write_portrait(tmp_path, size)) as picture:
            assert picture.size == size
            assert len(picture.resize((16, 16)).getcolors() or []) > 100  # a picture everywhere, no flat border


@pytest.mark.parametrize("seconds", [0.5, 25.0])
def test_the_speech_is_as_long_as_wanted(seconds: float, tmp_path: Path) -> None:
    with wave.open(str(write_speech(tmp_path, seconds))) as file:
        assert file.getnframes() == round(seconds * file.getframerate())


def test_the_law_compares_with_the_first_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge([1, 10], [100.0, 109.0]).holds
    law = judge([1, 10], [100.0, 111.0])
    assert (law.minutes, law.peaks_mb, law.holds) == ((1, 10), (100.0, 111.0), False)
    assert law.growth == pytest.approx(0.11)
    seen: list[float] = []
    monkeypatch.setattr("lipsmith.bench.memory.measure", lambda case: seen.append(case.seconds) or FIGURES)
    assert memory_law(Case((64, 48)), [0.5, 2]).holds
    assert seen == [30.0, 120.0]


def test_the_command_prints_figures_for_people_and_programs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsmith.bench.measure", lambda case: replace(FIGURES, size=case.size))
    monkeypatch.setattr("lipsmith.bench.memory.measure", lambda _: FIGURES)
    monkeypatch.setattr("lipsmith.bench.control_accuracy_of", lambda _: OBEDIENCE)
    monkeypatch.setattr("lipsmith.bench.hearing_figures", lambda: HEARING)
    words = ["bench", "--sizes", "64x48,32x32", "--memory", "1,2", "--obedience", "--hearing"]
    assert run(words) == 0
    out = capsys.readouterr().out
    assert "64x48, 1 s of film by fake, 1 core\n" in out
    assert "2.5 times faster than real time" in out
    assert "encode 4.00, render 1.50" in out
    assert "render / x264     0.40  (processor time on one core: render 1.20, encode 3.00 ms per frame)" in out
    assert "1 min 100 MB, 2 min 100 MB; growth 0.0%: holds" in out
    assert "aperture: correlation 0.980, error 0.0040" in out
    assert "largest change between two frames 0.0500, 0 above 0.08" in out
    assert "for files 0.0050; live 0.0600; small network 0.0020" in out
    assert run([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [case["size"] for case in found["cases"]] == [[64, 48], [32, 32]]
    assert found["cases"][0]["render_per_encode"] == 0.4
    assert found["memory"]["holds"] is True
    assert found["obedience"]["press_gap"] == 0.001
    assert found["obedience"]["largest_jump"] == 0.05
    assert found["hearing"]["live_window_ms"] == 4.8


def test_hearing_is_measured_in_a_process_of_its_own() -> None:
    found = hearing_figures(2.0)
    assert found.seconds == 2.0
    assert 0 < found.live_window_ms == pytest.approx(found.live_share * found.live_block_ms)
    assert min(found.load_seconds, found.file_share, found.small_share) > 0


def test_a_picture_of_ones_own_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Case] = []
    monkeypatch.setattr("lipsmith.bench.measure", lambda case: seen.append(case) or FIGURES)
    assert run(["bench", "--picture", "me.png", "--seconds", "3", "--threads", "0"]) == 0
    assert seen == [Case((512, 512), 3.0, "auto", 0, Path("me.png"))]


def test_obedience_wants_a_face(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    with pytest.raises(FaceError, match="No face"):
        control_accuracy_of(tmp_path / "black.png")


def test_the_engine_s_own_options_and_the_rate_reach_the_film(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Case] = []
    monkeypatch.setattr("lipsmith.bench.measure", lambda case: seen.append(case) or FIGURES)
    words = ["bench", "--sizes", "64x48", "--engine", "fake", "--set", "context=1", "--fps", "2"]
    assert run(words) == 0
    assert (seen[0].engine_options, seen[0].fps) == ({"context": 1}, "2")
    assert measure(replace(seen[0], size=(256, 256), seconds=1.0)).stages_ms.keys() >= {"render"}
