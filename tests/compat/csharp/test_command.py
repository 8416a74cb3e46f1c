"""The two commands as a C# program calls them: a process, arguments one by one, standard output read to its end."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import wave
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.compat.csharp.actions import execute
from lipsmith.compat.csharp.flags import parse
from lipsmith.compat.csharp.output import HEADING, LineOutput
from lipsmith.engines.musetalk.mask import paste_mask
from tests.support.goldens import named_normal
from tests.support.upstream_files import Made, service_rows, write_service

SERVICE = (sys.executable, "-m", "lipsmith.compat.csharp.command")
FAST = (sys.executable, "-c", "from lipsmith.compat.csharp.command import ultra_fast; ultra_fast()")
PLAIN = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
"""A service's locale, and a pipe that by itself could carry no Chinese: as on Windows."""
PLAIN.pop("PYTHONUTF8", None)


@dataclass(frozen=True)
class Called:
    """What the C# program sees."""

    code: int
    lines: list[str]  # before the blank line
    answer: dict[str, Any]
    errors: str


def call(program: tuple[str, ...], *words: str | Path) -> Called:
    """Both pipes redirected, nothing on standard input."""
    done = subprocess.run(
        [*program, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, env=PLAIN, check=False, timeout=250
    )
    text = done.stdout.decode("utf-8")
    progress, blank, answer = text.partition(f"\n{'=' * 50}\n{HEADING}\n")
    if not blank:  # nothing was said before
        assert text.startswith(f"\n{'=' * 50}\n"), (text, done.stderr.decode("utf-8", "replace"))
    assert "\\u" not in answer
    parsed = json.loads(answer)
    assert answer == json.dumps(parsed, indent=2, ensure_ascii=False) + "\n"
    return Called(done.returncode, progress.splitlines(), parsed, done.stderr.decode("utf-8", "replace"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, astronaut_file: Path) -> Path:
    """A folder with spaces and Chinese in its name: a small portrait, and half a second of speech."""
    folder = tmp_path_factory.mktemp("数字人 模板")
    with Pillow.open(astronaut_file) as picture:
        picture.resize((256, 256)).save(folder / "小哈 1.png")
    Pillow.new("RGB", (256, 256), "green").save(folder / "无脸.png")
    with wave.open(str(folder / "你好.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        tone = 9000 * np.sin(np.arange(8_000) * 0.06) * np.sin(np.arange(8_000) * 0.002)
        file.writeframes(tone.astype("<i2").tobytes())
    return folder


@pytest.fixture(scope="module")
def prepared(place: Path) -> Called:
    return call(
        SERVICE, "--preprocess", "--template_id", "小哈", "--template_image_path", place / "小哈 1.png", "--cache_dir",
        place / "cache",
    )  # fmt: skip


def test_preprocess_answers_with_the_contract_s_keys(prepared: Called, place: Path) -> None:
    assert prepared.code == 0, prepared
    assert list(prepared.answer)[:4] == ["success", "template_id", "metadata", "message"]
    assert prepared.answer["success"] is True
    metadata = prepared.answer["metadata"]
    assert metadata["template_id"] == "小哈"
    assert metadata["template_image_path"] == str(place / "小哈 1.png")
    assert isinstance(metadata["processed_at"], float)
    assert metadata["frame_count"] >= 1
    assert len(prepared.lines) > 2


def test_the_default_engine_serves_where_the_device_is_not_there(prepared: Called) -> None:
    assert prepared.answer["engine"] == "warp"
    assert prepared.answer["device_used"] == "cpu"
    assert "默认引擎" in prepared.answer["notice"]


def test_inference_makes_the_film(prepared: Called, place: Path) -> None:
    film = place / "输出 films" / "你好.mp4"
    done = call(
        SERVICE, "--inference", "--template_id", "小哈", "--audio_path", place / "你好.wav", "--output_path", film,
        "--fps", "25", "--batch_size", "8", "--device", "cuda:0", "--cache_dir", place / "cache",
    )  # fmt: skip
    assert done.code == 0, done
    assert {"success", "template_id", "audio_path", "output_path", "processing_time", "fps", "message"} <= set(
        done.answer
    )
    assert done.answer["output_path"] == str(film)
    assert done.answer["fps"] == 25
    with av.open(str(film)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 13 == done.answer["frames"]


def test_a_template_that_is_prepared_is_not_prepared_again(prepared: Called, place: Path) -> None:
    again = call(
        SERVICE, "--preprocess", "--template_id", "小哈", "--template_image_path", place / "小哈 1.png", "--cache_dir",
        place / "cache",
    )  # fmt: skip
    assert again.code == 0, again
    assert again.answer["metadata"]["processed_at"] == prepared.answer["metadata"]["processed_at"]


def test_check_cache_and_service_info(prepared: Called, place: Path) -> None:
    there = call(SERVICE, "--check_cache", "--template_id", "小哈", "--cache_dir", place / "cache")
    assert list(there.answer)[:5] == ["exists", "template_id", "metadata", "cache_size_mb", "message"]
    assert there.answer["exists"] is True
    assert there.answer["cache_size_mb"] > 0
    assert there.answer["metadata"]["frame_count"] == prepared.answer["metadata"]["frame_count"]
    gone = call(SERVICE, "--check_cache", "--template_id", "没有", "--cache_dir", place / "cache")
    assert (gone.code, gone.answer["exists"], gone.answer["metadata"]) == (0, False, None)
    info = call(SERVICE, "--service_info", "--cache_dir", place / "cache")
    assert info.code == 0
    assert list(info.answer)[:7] == [
        "service_name", "version", "device", "cache_dir", "batch_size", "cache_info", "capabilities",
    ]  # fmt: skip
    assert info.answer["cache_info"]["template_count"] >= 1
    (listed,) = [one for one in info.answer["cache_info"]["templates"] if one["template_id"] == "小哈"]
    for metadata in (listed, there.answer["metadata"], prepared.answer["metadata"]):
        assert metadata["template_image_path"] == str(place / "小哈 1.png")


def test_the_documented_errors(place: Path, prepared: Called) -> None:
    cache = ("--cache_dir", place / "cache")
    missing = call(
        SERVICE,
        "--inference",
        "--template_id",
        "没有",
        "--audio_path",
        place / "你好.wav",
        "--output_path",
        "x.mp4",
        *cache,
    )
    assert (missing.code, missing.answer["success"], missing.answer["error_code"]) == (1, False, "cache_missing")
    assert "请先运行预处理" in missing.answer["error"]
    faceless = call(
        SERVICE, "--preprocess", "--template_id", "无脸", "--template_image_path", place / "无脸.png", *cache
    )
    assert (faceless.code, faceless.answer["error_code"]) == (1, "no_face")
    assert "--bbox_shift" in faceless.answer["error"]
    assert call(SERVICE, "--check_cache", "--template_id", "无脸", *cache).answer["exists"] is False


@pytest.mark.parametrize("words", [["--preprocess"], ["--inference", "--template_id", "a", "--batch_size", "x"]])
def test_a_wrong_call_answers_in_json_too(words: list[str]) -> None:
    done = call(SERVICE, *words)
    assert (done.code, done.answer["success"], done.answer["error_code"]) == (1, False, "bad_argument")


def test_the_second_command_times_its_runs(place: Path, prepared: Called) -> None:
    film = place / "benchmark.mp4"
    done = call(
        FAST, "--template_id", "小哈", "--audio_path", place / "你好.wav", "--output_path", film, "--benchmark",
        "--benchmark_runs", "2", "--cache_dir", place / "cache",
    )  # fmt: skip
    assert done.code == 0, done
    assert (done.answer["runs"], len(done.answer["times"])) == (2, 2)
    assert film.is_file()


def test_several_calls_at_once_on_one_cache(place: Path, prepared: Called) -> None:
    cache = ("--cache_dir", place / "cache")
    picture, speech = place / "小哈 1.png", place / "你好.wav"
    calls = [
        ("--preprocess", "--template_id", "同时", "--template_image_path", picture),
        ("--preprocess", "--template_id", "同时", "--template_image_path", picture),
        ("--preprocess", "--template_id", "另一个", "--template_image_path", picture),
        ("--inference", "--template_id", "小哈", "--audio_path", speech, "--output_path", place / "一.mp4"),
        ("--inference", "--template_id", "小哈", "--audio_path", speech, "--output_path", place / "二.mp4"),
        ("--service_info",),
    ]
    with ThreadPoolExecutor(len(calls)) as together:
        done = list(together.map(lambda words: call(SERVICE, *words, *cache), calls))
    assert [one.code for one in done] == [0] * len(calls), done
    assert (place / "一.mp4").stat().st_size == (place / "二.mp4").stat().st_size > 1000
    kept = call(SERVICE, "--service_info", *cache).answer["cache_info"]["templates"]
    assert {"同时", "另一个", "小哈"} <= {one["template_id"] for one in kept}


def test_the_older_spelling(place: Path) -> None:
    cache = ("--cache_dir", place / "cache")
    done = call(SERVICE, "--mode", "preprocess", "--template_video", place / "小哈 1.png", *cache)
    assert (done.code, done.answer["template_id"]) == (0, "小哈 1"), done


def test_help_is_printed_in_any_locale() -> None:
    done = subprocess.run([*SERVICE, "--help"], capture_output=True, env=PLAIN, check=True)
    assert "--template_image_path" in done.stdout.decode("utf-8")


def write_older(cache: Path, picture: Path) -> None:
    """What the older service left: one picture twice, prepared for MuseTalk."""
    cache.mkdir()
    with Pillow.open(picture) as opened:
        image = np.asarray(opened.convert("RGB"))
    box, region = (80, 20, 180, 140), np.ones((512, 512), bool)
    made = Made(image, box, paste_mask(region, box, 0.1), named_normal("latents", (1, 8, 32, 32)))
    write_service(cache, "旧 模板", service_rows([made, made]))


def test_a_template_of_the_older_service_speaks_with_what_is_here(place: Path) -> None:
    """MuseTalk's weights are not there: the default engine serves, and says so."""
    cache, film = place / "older", place / "旧.mp4"
    write_older(cache, place / "小哈 1.png")
    words = (
        "--template_id",
        "旧 模板",
        "--audio_path",
        place / "你好.wav",
        "--output_path",
        film,
        "--cache_dir",
        cache,
    )
    done = call(FAST, *words)
    assert done.code == 0, done
    assert (done.answer["engine"], done.answer["frames"]) == ("warp", 13)
    assert "默认引擎" in done.answer["notice"]
    assert any("导入旧缓存" in line for line in done.lines)
    assert film.is_file()
    flags, said = parse("ultra_fast_realtime_inference.py", [str(word) for word in words]), io.StringIO()
    assert execute(flags, LineOutput(said))["success"] is True
    assert not any(stage in said.getvalue() for stage in ("导入旧缓存", "检测面部"))
    there = execute(replace(flags, verb="check_cache"), LineOutput(said))
    assert there["metadata"]["frame_count"] == 1


def test_a_hostile_template_of_the_older_service_is_refused(place: Path) -> None:
    cache = place / "hostile"
    cache.mkdir()
    (cache / "坏_preprocessed.pkl").write_bytes(b"cos\nsystem\n(X\x04\x00\x00\x00truetR.")
    done = call(
        SERVICE, "--inference", "--template_id", "坏", "--audio_path", place / "你好.wav", "--output_path", "x.mp4",
        "--cache_dir", cache,
    )  # fmt: skip
    assert (done.code, done.answer["error_code"]) == (1, "bad_input")
    assert "os.system" in done.answer["error"]


def test_a_call_that_is_stopped_answers_and_leaves_nothing(place: Path) -> None:
    words = ("--preprocess", "--template_image_path", place / "小哈 1.png", "--cache_dir", place / "stopped")
    for name in (f"停 {number}" for number in range(9)):  # who was ready before we could stop it is asked again
        with subprocess.Popen(
            [*SERVICE, *map(str, words), "--template_id", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=PLAIN,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            process.stdout.readline()  # its first line: it has begun
            process.terminate()
            rest = process.stdout.read().decode("utf-8")
        if process.returncode:
            break
    assert process.returncode == 1
    assert json.loads(rest.partition(HEADING)[2])["error_code"] == "interrupted"
    assert call(SERVICE, "--check_cache", "--template_id", name, *words[-2:]).answer["exists"] is False


def test_a_reader_that_leaves_early_stops_nothing(place: Path, prepared: Called) -> None:
    film = place / "无人.mp4"
    words = ("--inference", "--template_id", "小哈", "--audio_path", place / "你好.wav", "--output_path", film)
    with subprocess.Popen(
        [*SERVICE, *map(str, words), "--cache_dir", str(place / "cache")], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env=PLAIN,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.close()
    assert process.returncode == 0
    assert film.is_file()
