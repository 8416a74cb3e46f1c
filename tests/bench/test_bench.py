"""The bench measures real films in processes of their own."""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from lipsmith.bench import Case, Figures, measure, memory_law, obedience_of
from lipsmith.bench.alone import _peak_bytes
from lipsmith.bench.material import write_portrait, write_speech
from lipsmith.bench.memory import judge
from lipsmith.cli import run
from lipsmith.errors import FaceError, LipsmithError
from lipsmith.metrics.obedience import Obedience

FIGURES = Figures(
    (64, 48), 1.0, "fake", 1, 0.5, 0.4, 50.0, 62.5, 2.0, 2.5, 0.1, 0.3, 100.0, {"render": 1.5, "encode": 4.0}
)

OBEDIENCE = Obedience(40, 0, 0.98, 0.004, 0.97, 0.02, 0.001, 0, 0, 0.0)


@pytest.fixture(scope="module")
def figures() -> Figures:
    return measure(Case((256, 256), 1.0, "fake"))


def test_a_case_is_measured(figures: Figures) -> None:
    assert (figures.size, figures.film_seconds, figures.engine, figures.threads) == ((256, 256), 1.0, "fake", 1)
    assert figures.real_time_wall == pytest.approx(figures.film_seconds / figures.wall_seconds)
    assert figures.fps_cpu == pytest.approx(25 * figures.real_time_cpu)
    assert 0 < figures.first_frame_seconds < figures.wall_seconds
    assert {"detect", "render", "encode"} <= set(figures.stages_ms)
    assert sum(figures.stages_ms.values()) * 25 / 1000 <= figures.wall_seconds


def test_one_core_cannot_work_longer_than_the_clock(figures: Figures) -> None:
    assert figures.cpu_seconds <= figures.wall_seconds * 1.1


def test_the_peak_is_the_process_s_own(figures: Figures) -> None:
    assert 60 < figures.peak_mb < 700


def test_the_peak_is_read_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmPeak:\t 900 kB\nVmHWM:\t 512 kB\n")
    assert _peak_bytes(tmp_path / "status") == 512 * 1024
    assert _peak_bytes(tmp_path / "none") > 10_000_000


def test_a_film_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    with pytest.raises(LipsmithError, match="face"):
        measure(Case((64, 64), 0.5, "fake", picture=tmp_path / "black.png"))


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
    assert judge([1, 10], [FIGURES, replace(FIGURES, peak_mb=109.0)]).holds
    law = judge([1, 10], [FIGURES, replace(FIGURES, peak_mb=111.0)])
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
    monkeypatch.setattr("lipsmith.bench.obedience_of", lambda _: OBEDIENCE)
    words = ["bench", "--sizes", "64x48,32x32", "--memory", "1,2", "--obedience"]
    assert run(words) == 0
    out = capsys.readouterr().out
    assert "64x48, 1 s of film by fake, 1 core(s)" in out
    assert "2.5 times faster than real time" in out
    assert "encode 4.00, render 1.50" in out
    assert "1 min 100 MB, 2 min 100 MB; growth 0.0%: holds" in out
    assert "aperture: correlation 0.980, error 0.0040" in out
    assert run([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [case["size"] for case in found["cases"]] == [[64, 48], [32, 32]]
    assert found["memory"]["holds"] is True
    assert found["obedience"]["press_gap"] == 0.001


def test_a_picture_of_ones_own_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Case] = []
    monkeypatch.setattr("lipsmith.bench.measure", lambda case: seen.append(case) or FIGURES)
    assert run(["bench", "--picture", "me.png", "--seconds", "3", "--threads", "0"]) == 0
    assert seen == [Case((512, 512), 3.0, "auto", 0, Path("me.png"))]


def test_obedience_wants_a_face(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    with pytest.raises(FaceError, match="No face"):
        obedience_of(tmp_path / "black.png")
