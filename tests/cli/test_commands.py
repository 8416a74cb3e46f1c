"""The command line as its users meet it: words, flags, exit codes, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import wave
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import lipsmith
from lipsmith.cli import run
from lipsmith.cli.engine_flags import flag_help
from lipsmith.cli.generate import HELP, summary
from lipsmith.engines.musetalk import MuseTalkOptions
from lipsmith.options import GenerateOptions
from lipsmith.pipeline.film import Report

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="session")
def sentence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of a voice-like sound, 16 kHz."""
    return write_wav(tmp_path_factory.mktemp("cli") / "sentence.wav", 1.0)


def write_wav(path: Path, seconds: float) -> Path:
    times = np.arange(round(seconds * 16_000)) / 16_000
    sound = np.sign(np.sin(2 * np.pi * 120 * times)) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * times))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((8000 * sound).astype("<i2").tobytes())
    return path


def test_the_version_is_printed(capsys: Captured) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"lipsmith {lipsmith.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_names_every_command(arguments: list[str], capsys: Captured) -> None:
    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in ("generate", "demo", "engines", "doctor", "bench", "train", "metrics"))


def test_every_option_of_a_film_is_a_flag_and_is_explained(capsys: Captured) -> None:
    assert {field.name for field in fields(GenerateOptions) if field.metadata.get("flag", True)} == set(HELP)
    assert run(["generate", "--help"]) == 0
    out = capsys.readouterr().out
    flags = [name.replace("_", "-") for name in (*HELP, "no-mark", "output", "preview", "json", "quiet")]
    assert all(f"--{flag}" in out for flag in flags)
    assert "lipsmith generate portrait.jpg speech.wav -o film.mp4" in out
    assert " --overwrite " in out
    warp, musetalk = out.split("Options of the engine warp:")[1].split("Options of the engine musetalk:")
    assert re.search(r"--gain <float> +How far the mouth opens, 0 to 3;[^-]*\[default: 1.0\]", warp)
    assert re.search(r"--interior auto\|drawn [^-]*\[default: auto\]", warp)
    assert re.search(r"--idle / --no-idle [^[]*\[default: idle\]", warp)
    assert all(f"--{name.replace('_', '-')} " in musetalk for name in flag_help()["musetalk"])
    assert set(flag_help()["musetalk"]) <= {field.name for field in fields(MuseTalkOptions)}


def test_the_help_of_an_avatar_says_whose_options_are_whose(capsys: Captured) -> None:
    assert run(["avatar", "create", "--help"]) == 0
    common, musetalk = capsys.readouterr().out.split("Options of the engine musetalk:")
    assert "Options of the engine warp:" in common
    assert all(f"--{name.replace('_', '-')} " in musetalk for name in flag_help()["musetalk"])


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["genrate"], "Did you mean 'generate'? See 'lipsmith --help'.", 2),
        (["generate", "a.png", "b.wav", "--faecs", "all"], "--faces", 2),
        (["generate"], "Missing argument 'PICTURE'", 2),
        (["generate", "a.png", "b.wav"], "-o film.mp4", 2),
        (["generate", "a.png", "b.wav", "-o", "c.mp4", "--crf", "high"], "--crf is 'high'", 2),
        (["generate", "a.png", "b.wav", "-o", "c.mp4", "--length", "spech"], "speech, picture, longest", 2),
        (["generate", "a.png", "b.wav", "-o", "c.mp4", "--preset", "fats"], "ultrafast", 2),
        (["generate", "a.png", "b.wav", "-o", "c.mp4", "--engine", "wrap"], "Did you mean 'warp'?", 2),
        (
            ["generate", "a.png", "b.wav", "-o", "c.mp4", "--engine", "warp", "--bbox-shift", "5"],
            "choose the engine musetalk",
            2,
        ),
        (["generate", "a.png", "b.wav", "-o", "c.mp4", "--feather", "1", "--set", "feather=1"], "given twice", 2),
        (["generate", "no.png", "no.wav", "-o", "c.mp4"], "no.png", 3),
        (["demo", "-o", "/proc/none/demo.mp4"], "/proc/none", 6),
        (["bench", "--sizes", "big"], "512x512", 2),
        (["bench", "--memory", "one"], "1,10", 2),
        (["bench", "--seconds", "0"], "more than 0", 2),
        (["bench", "--threads", "-1"], "0 for all", 2),
        (["generate", "a.png", "b.wav", "-o", "c.mp4", "--seed", "-1"], "seed is -1", 2),
    ],
)
def test_a_mistake_gets_one_sentence_and_its_exit_code(
    arguments: list[str], words: str, code: int, capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == code
    seen = capsys.readouterr()
    assert words in seen.err
    assert seen.err.count("\n") == 1
    assert seen.out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_unexpected_error_is_one_line_and_says_how_to_see_more(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("lipsmith.engines.engine_table", fail)
    assert run(["engines"]) == 1
    assert capsys.readouterr().err == (
        "lipsmith: Unexpected ZeroDivisionError: by zero. LIPSMITH_DEBUG=1 shows where; please report it.\n"
    )
    monkeypatch.setenv("LIPSMITH_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run(["engines"])


def test_a_missing_library_is_named(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr("lipsmith.engines.engine_table", fail)
    monkeypatch.setattr("lipsmith.libraries.missing_libraries", lambda: ["libgl1"])
    monkeypatch.setattr("lipsmith.libraries.opencv_loads", lambda: False)
    assert run(["engines"]) == 5
    assert "apt-get install -y libgl1" in capsys.readouterr().err
    monkeypatch.setattr("lipsmith.libraries.opencv_loads", lambda: True)  # then it is not for want of a library
    assert run(["engines"]) == 1
    assert "Unexpected ImportError" in capsys.readouterr().err


def test_generate_writes_a_film_and_a_summary(
    astronaut_file: Path, sentence: Path, tmp_path: Path, capsys: Captured
) -> None:
    film = tmp_path / "film.mp4"
    assert run(["generate", str(astronaut_file), str(sentence), "-o", str(film), "--engine", "fake"]) == 0
    seen = capsys.readouterr()
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert f"{film}: 1.0 s at 25 fps, 25 of 25 frames spoken by the engine fake" in seen.out
    assert "er than real time" in seen.out
    assert "Making it speak: 25/25 frames" in seen.err


def test_json_is_all_that_is_printed(astronaut_file: Path, sentence: Path, tmp_path: Path, capsys: Captured) -> None:
    words = ["--engine", "fake", "--json", "--fps", "30000/1001", "--still", "--no-mark", "--crf", "30"]
    assert run(["generate", str(astronaut_file), str(sentence), "-o", str(tmp_path / "film.mp4"), *words]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["frames"], report["fps"], report["engine"], report["cutaways"]) == (30, "30000/1001", "fake", 0)
    assert report["output"] == str(tmp_path / "film.mp4")
    assert report["probe"]["video_codec"] == "h264"
    assert report["probe"]["mark"] is None
    assert report["real_time_factor"] > 0
    assert {"render", "encode"} <= set(report["seconds"])


def test_preview_alone_writes_a_sheet_and_no_film(
    astronaut_file: Path, sentence: Path, tmp_path: Path, capsys: Captured
) -> None:
    sheet = tmp_path / "sheet.png"
    words = ["--preview", str(sheet), "--engine", "fake", "--quiet"]
    assert run(["generate", str(astronaut_file), str(sentence), *words]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr() == ("", "")


def test_preview_and_output_write_both_and_one_report_names_them(
    astronaut_file: Path, sentence: Path, tmp_path: Path, capsys: Captured
) -> None:
    film, sheet, alone = (tmp_path / name for name in ("film.mp4", "sheet.png", "alone.png"))
    words = ["generate", str(astronaut_file), str(sentence), "--engine", "fake"]
    assert run([*words, "-o", str(film), "--preview", str(sheet), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["output"], report["sheet"]) == (str(film), str(sheet))
    assert report["probe"]["frames"] == 25
    assert run([*words, "--preview", str(alone), "--quiet"]) == 0
    assert sheet.read_bytes() == alone.read_bytes()


def test_the_demo_makes_its_folder_and_a_sheet_beside_the_film(tmp_path: Path, capsys: Captured) -> None:
    film = tmp_path / "new" / "demo.mp4"
    assert run(["demo", "-o", str(film), "--engine", "fake", "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] > 100
    assert film.stat().st_size > 10_000
    with Pillow.open(film.with_suffix(".png")) as sheet:
        assert sheet.size[0] == 6 * 244 + 4
        assert sheet.size[1] > 2 * 240


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.skipif(os.name == "nt", reason="Windows has no POSIX signals")
def test_a_stopped_film_leaves_nothing(number: signal.Signals, astronaut_file: Path, tmp_path: Path) -> None:
    for name in ("films", "spool"):
        (tmp_path / name).mkdir()
    speech = write_wav(tmp_path / "long.wav", 240)
    words = [
        "generate",
        str(astronaut_file),
        str(speech),
        "-o",
        str(tmp_path / "films" / "film.mp4"),
        "--engine",
        "fake",
    ]
    code = f"import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); sys.argv[1:] = {words!r}; "
    code += "from lipsmith.cli import main; main()"
    place = {**os.environ, "TMPDIR": str(tmp_path / "spool")}
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=place) as process:
        assert process.stderr is not None
        while "Looking" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(number)
        last = process.stderr.read()
    assert process.returncode == 130
    assert last.endswith("lipsmith: Stopped: nothing is left half written.\n")
    assert list((tmp_path / "films").iterdir()) == []
    assert list((tmp_path / "spool").iterdir()) == []


def test_engines_are_listed(capsys: Captured) -> None:
    assert run(["engines"]) == 0
    out = capsys.readouterr().out
    assert "warp" in out
    assert "can run" in out
    assert re.search(r"^--engine auto takes (warp|musetalk) here\.$", out, re.M)
    assert run(["engines", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["fake"] == {
        "name": "fake", "summary": rows["fake"]["summary"], "needs": "nothing", "window": 1,
        "lacks": None, "limited": None
    }  # fmt: skip


def test_an_engine_that_cannot_run_says_why(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    from lipsmith.engines import EngineSpec

    def refuse(_: object) -> None:
        raise AssertionError("an engine that lacks something is not loaded")

    def reason(_: object) -> str:
        return "there is no GPU[big] here"

    spec = EngineSpec("big", "1", "a big one", "a GPU", refuse, unavailable_reason=reason)  # type: ignore[arg-type]
    monkeypatch.setattr("lipsmith.engines.engine_table", lambda: {"big": spec})
    assert run(["engines", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["lacks"] == "there is no GPU[big] here"
    assert run(["engines"]) == 0
    assert "\nbig cannot run: there is no GPU[big] here\n" in capsys.readouterr().out


def test_doctor_reports_and_fails_when_something_is_wrong(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    from lipsmith.doctor import Finding

    found = [Finding("codecs", "aac", "encodes"), Finding("codecs", "libx264", "missing", False, "pip install av")]
    monkeypatch.setattr("lipsmith.doctor.examine", lambda: found)
    assert run(["doctor"]) == 1
    assert "-> pip install av" in capsys.readouterr().out
    monkeypatch.setattr("lipsmith.doctor.examine", lambda: found[:1])
    assert run(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"topic": "codecs", "name": "aac", "value": "encodes", "good": True, "remedy": None}
    ]


def test_the_summary_tells_what_was_left_and_why() -> None:
    report = Report(
        output=Path("film.mp4"), engine="fake", engine_version="1", passed_over=("big: no GPU here.",), frames=50,
        fps=Fraction(25), rendered=39, cutaways=1, unable={"it is turned away too far": 10}, faces=1, seconds={},
        cpu_seconds=4.0, first_frame_seconds=0.1, frames_per_second=0.44, real_time_factor=0.0176,
        notices=("picture.png was scaled.",), probe=None,
    )  # fmt: skip
    lines = [
        "film.mp4: 2.0 s at 25 fps, 39 of 50 frames spoken by the engine fake",
        "0.44 frames per second reached: 56.8 times slower than real time",
        "note: picture.png was scaled.",
        "note: 10 frames left unchanged: it is turned away too far",
        "note: 1 frame without a face that speaks passed through",
    ]
    assert summary(report).splitlines() == lines
    assert "\n1 frame per second reached: " in summary(replace(report, frames_per_second=1.04))
    last = "note: auto prefers big, which cannot run here: `lipsmith engines` says why"
    assert summary(report, asked=True).splitlines() == [*lines, last]
