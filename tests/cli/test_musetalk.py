"""``generate --engine musetalk`` and ``lipsmith musetalk``, with tiny random weights."""

import json
from pathlib import Path

import numpy as np
import pytest

from lipsmith.cli import run

for name in ("torch", "diffusers", "transformers", "yaml"):
    pytest.importorskip(name)

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import wave

    path = tmp_path_factory.mktemp("speech") / "words.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        noise = np.random.default_rng(2).integers(-3000, 3000, 6400)
        file.writeframes(noise.astype("<i2").tobytes())
    return path


def test_a_portrait_speaks_by_an_engine_with_its_own_options(
    astronaut_file: Path, speech: Path, tmp_path: Path, capsys: Captured
) -> None:
    film = tmp_path / "film.mp4"
    words = ["generate", str(astronaut_file), str(speech), "-o", str(film), "--engine", "musetalk", "--json", "--quiet"]
    given = ["--weights", "tiny", "--batch-size", "4", "--bbox", "150,40,290,240", "--parsing-mode", "raw"]
    assert run([*words, *given, "--set", "device=cpu"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["engine"], report["engine_version"]) == ("musetalk", "v15")
    assert (report["frames"], report["rendered"]) == (10, 10)
    assert report["seconds"]["render"] > 0


def test_an_option_that_the_engine_does_not_know_is_refused(
    astronaut_file: Path, speech: Path, capsys: Captured
) -> None:
    words = ["generate", str(astronaut_file), str(speech), "-o", "film.mp4", "--engine", "musetalk"]
    assert run([*words, "--set", "weights=tiny", "--set", "bbox_shft=3"]) == 2
    assert "Did you mean 'bbox_shift'?" in capsys.readouterr().err


def test_without_weights_the_named_engine_says_what_helps(
    astronaut_file: Path, speech: Path, tmp_path: Path, capsys: Captured
) -> None:
    words = ["generate", str(astronaut_file), str(speech), "-o", str(tmp_path / "film.mp4"), "--engine", "musetalk"]
    assert run([*words, "--set", f"weights={tmp_path}"]) == 5
    assert "lipsmith weights fetch musetalk" in capsys.readouterr().err


def test_a_realtime_yaml_prepares_once_and_obeys_its_entries(
    astronaut_file: Path, speech: Path, tmp_path: Path, capsys: Captured
) -> None:
    pytest.importorskip("filelock")
    asked = tmp_path / "realtime.yaml"
    words = ["musetalk", "realtime", "--inference_config", str(asked), "--result_dir", str(tmp_path)]
    words += ["--weights", "tiny", "--ffmpeg_path", "ignored"]

    def entry(preparation: str, *names: str) -> None:
        clips = "{" + ", ".join(f"{name}: '{speech}'" for name in names) + "}"
        asked.write_text(
            f"av:\n  preparation: {preparation}\n  video_path: '{astronaut_file}'\n  audio_clips: {clips}\n"
        )

    entry("false", "a")
    assert run(words) == 3
    assert "The avatar av was not prepared" in (err := capsys.readouterr().err)
    assert "write `preparation: true`" in err
    entry("true", "a", "b")
    assert run(words) == 0
    seen = capsys.readouterr()
    assert seen.err.count("Looking") == 1  # at the picture, for both clips
    assert seen.out.count("Total frame:「1」 Manually adjust range : [ -") == 2
    films = tmp_path / "v15" / "avatars" / "av" / "vid_output"
    assert sorted(film.name for film in films.iterdir()) == ["a.mp4", "b.mp4"]
    (films / "a.mp4").unlink()
    entry("false", "a")
    assert run([*words, "--quiet"]) == 0
    assert (films / "a.mp4").exists()
    assert run([*words, "--quiet", "--extra_margin", "3"]) == 3
    assert "Write `preparation: true` in its entry" in capsys.readouterr().err
    entry("true", "a")
    assert run([*words, "--quiet", "--extra_margin", "3"]) == 0


def test_an_inference_yaml_says_what_upstream_says(
    astronaut_file: Path, speech: Path, tmp_path: Path, capsys: Captured
) -> None:
    asked = tmp_path / "test.yaml"
    asked.write_text(f"task_0:\n  video_path: '{astronaut_file}'\n  audio_path: '{speech}'\n  bbox_shift: 3\n")
    words = [
        "musetalk",
        "inference",
        "--inference_config",
        str(asked),
        "--result_dir",
        str(tmp_path),
        "--version",
        "v1",
    ]
    assert run([*words, "--weights", "tiny"]) == 0
    out = capsys.readouterr().out
    assert out.count("Manually adjust range") == 1
    assert "the current value: 3" in out
    assert (tmp_path / "v1" / "astronaut_words.mp4").exists()


def test_settings_change_the_engine_of_the_scripts(
    astronaut_file: Path, speech: Path, tmp_path: Path, capsys: Captured
) -> None:
    asked = tmp_path / "test.yaml"
    asked.write_text(f"task_0:\n  video_path: '{astronaut_file}'\n  audio_path: '{speech}'\n")
    words = ["musetalk", "inference", "--inference_config", str(asked), "--result_dir", str(tmp_path), "--quiet"]
    assert run([*words, "--set", "weights=tiny", "--landmarks", "facemesh", "--set", "hearing=live"]) == 0
    assert (tmp_path / "v15" / "astronaut_words.mp4").exists()
    assert run([*words, "--weights", "tiny", "--set", "bbox_shft=3"]) == 2
    assert "Did you mean 'bbox_shift'?" in capsys.readouterr().err


def test_without_a_yaml_it_says_what_to_give(capsys: Captured) -> None:
    assert run(["musetalk", "inference"]) == 2
    assert "--inference_config" in capsys.readouterr().err
