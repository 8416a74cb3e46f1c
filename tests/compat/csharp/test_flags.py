"""The C# service's flags, errors and output, apart from any work."""

from __future__ import annotations

import io
import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsmith import errors
from lipsmith.avatars.paths import check_name
from lipsmith.compat.csharp.engine import musetalk_options
from lipsmith.compat.csharp.flags import ServiceFlags, check, parse
from lipsmith.compat.csharp.names import avatar_name, template_name
from lipsmith.compat.csharp.output import HEADING, LineOutput, failure
from lipsmith.stopwatch import Stage

SERVICE, FAST = "integrated_musetalk_service.py", "ultra_fast_realtime_inference.py"


def test_every_flag_of_the_contract_is_taken() -> None:
    words = shlex.split(
        "--preprocess --template_id a --device cuda:1 --cache_dir c --batch_size 4 --fp16 --template_image_path p.jpg"
        " --bbox_shift -3 --parsing_mode raw --force_refresh --audio_path s.wav --output_path o.mp4 --fps 30"
        " --unet_config u.json --unet_model_path u.bin --vae_type v --whisper_dir w --verbose"
    )
    assert parse(SERVICE, words) == ServiceFlags(
        "preprocess", "a", "cuda:1", "c", 4, True, "p.jpg", -3, "raw", True, "s.wav", "o.mp4", 30, "u.json", "u.bin",
        "v", "w", True,
    )  # fmt: skip


def test_defaults_are_the_contract_s() -> None:
    flags = parse(SERVICE, ["--service_info"])
    assert (flags.device, flags.cache_dir, flags.batch_size, flags.fp16) == ("cuda:0", "./template_cache", 32, True)
    assert (flags.bbox_shift, flags.parsing_mode, flags.force_refresh, flags.fps) == (0, "jaw", False, 25)


@pytest.mark.parametrize("verb", ["preprocess", "inference", "check_cache", "service_info"])
def test_one_verb_is_needed_and_only_one(verb: str) -> None:
    assert parse(SERVICE, [f"--{verb}"]).verb == verb
    with pytest.raises(errors.OptionError, match="not allowed with"):
        parse(SERVICE, [f"--{verb}", "--mode", "inference"])
    with pytest.raises(errors.OptionError, match=f"--{verb}.* is needed"):
        parse(SERVICE, ["--template_id", "a"])


def test_the_older_spelling() -> None:
    flags = parse(SERVICE, ["--mode", "preprocess", "--template_video", "films/小哈 1.mp4"])
    assert (flags.verb, flags.template_id, flags.template_image_path) == ("preprocess", "小哈 1", "films/小哈 1.mp4")
    flags = parse(SERVICE, ["--mode", "inference", "--template_id", "t", "--audio_path", "in/hello.wav"])
    assert (flags.verb, flags.output_path) == ("inference", "t_hello.mp4")
    check(flags)


def test_the_second_command_infers_and_times() -> None:
    flags = parse(FAST, ["--template_id", "t", "--audio_path", "a.wav", "--output_path", "o.mp4"])
    assert (flags.verb, flags.benchmark, flags.benchmark_runs) == ("inference", False, 3)
    assert parse(FAST, ["--benchmark", "--benchmark_runs", "5"]).benchmark_runs == 5
    with pytest.raises(errors.OptionError, match="benchmark"):
        parse(SERVICE, ["--inference", "--benchmark"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--preprocess --template_id a", "needs --template_image_path"),
        ("--inference --template_id a", "needs --audio_path, --output_path"),
        ("--check_cache", "needs --template_id"),
        ("--service_info --batch_size 0", "--batch_size is 0"),
        ("--service_info --fps -1", "--fps is -1"),
    ],
)
def test_what_is_missing_is_named(words: str, said: str) -> None:
    with pytest.raises(errors.OptionError, match=said):
        check(parse(SERVICE, words.split()))


@pytest.mark.parametrize("words", ["--service_info --batch_size many", "--service_info --colour red"])
def test_impossible_values_are_refused(words: str) -> None:
    with pytest.raises(errors.OptionError, match="--help"):
        parse(SERVICE, words.split())


@pytest.mark.parametrize(
    ("problem", "code", "chinese", "english"),
    [
        (errors.AvatarMissing("no 'a'"), "cache_missing", "请先运行预处理", "run --preprocess first"),
        (MemoryError(), "out_of_memory", "减小 --batch_size 或启用 --fp16", "smaller --batch_size, or --fp16"),
        (RuntimeError("CUDA out of memory. Tried"), "out_of_memory", "内存不足", "Out of memory"),
        (errors.EngineUnavailable("full (CUDA out of memory)"), "out_of_memory", "内存不足", "Out of memory"),
        (errors.FaceError("no face"), "no_face", "检查图片质量, 或调整 --bbox_shift", "change --bbox_shift"),
        (errors.AvatarStale("x"), "cache_stale", "--force_refresh", "--force_refresh"),
        (errors.AvatarBroken("x"), "cache_broken", "--force_refresh", "--force_refresh"),
        (errors.SoundError("x"), "bad_input", "输入", "input"),
        (errors.WeightsMissing("x"), "engine_unavailable", "引擎", "engine"),
        (errors.OutputError("x"), "cannot_write", "无法写入", "written"),
        (KeyboardInterrupt(), "interrupted", "中断", "interrupted"),
        (ZeroDivisionError("x"), "unexpected", "意外", "unexpected"),
    ],
)
def test_errors_speak_both_languages(problem: BaseException, code: str, chinese: str, english: str) -> None:
    said = failure(problem)
    assert said["error_code"] == code
    assert chinese in said["error"]
    assert english in said["error"]
    assert str(problem) in said["error"]
    assert "\n" not in said["error"]


def test_the_answer_is_a_rule_a_heading_and_json() -> None:
    stream = io.StringIO()
    pipe = LineOutput(stream)
    for done in range(101):
        pipe.progress(Stage("speak", done, 100))
    pipe.answer({"success": True, "template_id": "小哈"})
    lines = stream.getvalue().split("\n")
    answer = ["", "=" * 50, HEADING, "{", '  "success": true,', '  "template_id": "小哈"', "}", ""]
    assert lines[-8:] == answer
    assert len(lines) - 8 == 11
    assert json.loads(stream.getvalue().partition(HEADING)[2]) == {"success": True, "template_id": "小哈"}


def test_a_reader_that_went_away_stops_nothing() -> None:
    stream = io.StringIO()
    stream.close()
    LineOutput(stream).answer({})


def test_flags_become_musetalk_s_options() -> None:
    options = musetalk_options(ServiceFlags("inference", bbox_shift=4, unet_model_path="gone/unet.pth"))
    assert options == {
        "weights": "official", "version": "v15", "bbox_shift": 4, "parsing_mode": "jaw", "device": "cuda:0",
        "precision": "fp16", "batch_size": 32,
    }  # fmt: skip
    options = musetalk_options(ServiceFlags("inference", device="cpu", unet_model_path="tiny"))
    assert (options["weights"], options["precision"], options["batch_size"]) == ("tiny", "auto", 0)
    with pytest.raises(errors.OptionError, match="parsing_mode is 'ears'"):
        musetalk_options(ServiceFlags("inference", parsing_mode="ears"))


@pytest.mark.parametrize(
    "name", ["xiaoha", "小哈", "a.b-c_d", "小哈 1", "../up", "a/b", "", " ", ".", "a.", "t.x", "_u20_", "😀"]
)
def test_a_template_called_anything_has_an_avatar_and_is_found_again(name: str) -> None:
    avatar = avatar_name(name)
    assert template_name(avatar) == name
    if name not in ("", " "):
        assert check_name(avatar) == avatar


@given(st.text(max_size=12), st.text(max_size=12))
def test_two_templates_never_share_an_avatar(one: str, other: str) -> None:
    assert template_name(avatar_name(one)) == one
    assert (avatar_name(one) == avatar_name(other)) == (one == other)
