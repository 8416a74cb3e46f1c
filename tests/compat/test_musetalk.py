"""MuseTalk's YAML files and flags: what they ask for, and where the films go."""

from pathlib import Path

import pytest

from lipsmith.compat.musetalk import UpstreamFlags, engine_options, inference_tasks, realtime_tasks
from lipsmith.compat.musetalk_avatars import Task
from lipsmith.engines.musetalk.options import MuseTalkOptions
from lipsmith.errors import InputError, OptionError
from lipsmith.options import build

pytest.importorskip("yaml")

INFERENCE = """
task_0:
 video_path: "data/video/yongen.mp4"
 audio_path: "data/audio/yongen.wav"
task_1:
 video_path: "data/video/sun.v2.mp4"
 audio_path: "data/audio/sun.wav"
 bbox_shift: -7
"""
REALTIME = """
avator_1:
  preparation: True
  bbox_shift: 5
  video_path: "data/video/yongen.mp4"
  audio_clips:
      audio_0: "data/audio/yongen.wav"
      audio_1: "data/audio/eng.wav"
"""


@pytest.fixture
def flags(tmp_path: Path) -> UpstreamFlags:
    path = tmp_path / "test.yaml"
    path.write_text(INFERENCE)
    return UpstreamFlags(str(path))


def test_films_of_a_test_yaml_lie_where_upstream_lays_them(flags: UpstreamFlags) -> None:
    assert inference_tasks(flags) == [
        Task(Path("data/video/yongen.mp4"), Path("data/audio/yongen.wav"), Path("results/v15/yongen_yongen.mp4"), 0),
        Task(Path("data/video/sun.v2.mp4"), Path("data/audio/sun.wav"), Path("results/v15/sun_sun.mp4"), 0),
    ]


def test_v1_reads_the_shift(flags: UpstreamFlags) -> None:
    given = {"inference_config": flags.inference_config, "version": "v1", "bbox_shift": 3, "result_dir": "out"}
    tasks = inference_tasks(build(UpstreamFlags, given))
    assert [task.bbox_shift for task in tasks] == [3, -7]
    assert [str(task.output) for task in tasks] == ["out/v1/yongen_yongen.mp4", "out/v1/sun_sun.mp4"]


def test_the_name_in_the_yaml_wins_over_the_flag_as_in_upstream(flags: UpstreamFlags) -> None:
    path = Path(flags.inference_config)
    path.write_text(INFERENCE + ' result_name: "named.mp4"\n')
    asked = UpstreamFlags(str(path), output_vid_name="film.mp4")
    assert [task.output.name for task in inference_tasks(asked)] == ["film.mp4", "named.mp4"]


def test_numbers_in_the_yaml_are_names(flags: UpstreamFlags) -> None:
    path = Path(flags.inference_config)
    path.write_text("task_0:\n video_path: 7\n audio_path: 8\n result_name: 2024\n")
    (task,) = inference_tasks(UpstreamFlags(str(path)))
    assert (str(task.picture), str(task.speech), task.output.name) == ("7", "8", "2024")


def test_two_tasks_that_would_write_one_film_are_refused(flags: UpstreamFlags) -> None:
    asked = UpstreamFlags(flags.inference_config, output_vid_name="film.mp4")
    with pytest.raises(InputError, match=r"task_0 and task_1 both write results/v15/film\.mp4; give each a"):
        inference_tasks(asked)


@pytest.mark.parametrize(("version", "folder", "shift"), [("v15", "v15/avatars", 0), ("v1", "avatars", 5)])
def test_clips_of_a_realtime_yaml_lie_with_their_avatar(tmp_path: Path, version: str, folder: str, shift: int) -> None:
    path = tmp_path / "realtime.yaml"
    path.write_text(REALTIME)
    tasks = realtime_tasks(build(UpstreamFlags, {"inference_config": str(path), "version": version}))
    assert [str(task.output) for task in tasks] == [
        f"results/{folder}/avator_1/vid_output/audio_{k}.mp4" for k in range(2)
    ]
    assert {task.bbox_shift for task in tasks} == {shift}
    assert {(task.avatar, task.preparation) for task in tasks} == {("avator_1", True)}


def test_flags_become_options_that_the_engine_knows() -> None:
    pytest.importorskip("torch")
    asked = UpstreamFlags("x.yaml", extra_margin=15, parsing_mode="neck", unet_model_path="m/musetalkV15/unet.pth")
    options = build(MuseTalkOptions, engine_options("realtime", asked, 0))
    assert (options.extra_margin, options.mode, options.weights, options.feather) == (15, "neck", "m", 0.1)
    old = build(MuseTalkOptions, engine_options("inference", UpstreamFlags("x.yaml", "v1"), -7))
    assert (old.bbox_shift, old.mode, old.margin, old.feather) == (-7, "raw", 0, 0.05)


def test_settings_reach_every_option_of_the_engine_and_win() -> None:
    pytest.importorskip("torch")
    changed = {"hearing": "live", "extra_margin": 3}
    asked = UpstreamFlags("x.yaml", landmarks="dwpose", engine_options=changed)
    options = build(MuseTalkOptions, engine_options("inference", asked, 0))
    assert (options.landmarks, options.hearing, options.extra_margin) == ("dwpose", "live", 3)


def test_a_unet_of_the_other_version_is_reported() -> None:
    pytest.importorskip("torch")
    asked = UpstreamFlags("x.yaml", "v1", unet_model_path="models/musetalkV15/unet.pth")
    with pytest.raises(OptionError, match=r"v1 reads models/musetalk/pytorch_model\.bin"):
        engine_options("inference", asked, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [("task_0: [", "is not YAML"), ("- a", "holds no names"), ("task_0: {video_path: a}", "task_0 lacks audio_path")],
)
def test_files_that_are_something_else_are_reported(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "test.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        inference_tasks(UpstreamFlags(str(path)))
    with pytest.raises(InputError, match="cannot be read"):
        inference_tasks(UpstreamFlags(str(tmp_path / "none.yaml")))


@pytest.mark.parametrize("value", ["hello", "1.5", "[1]", "true", ".nan"])
def test_a_shift_that_is_no_number_is_named_with_its_task(value: str, tmp_path: Path) -> None:
    path = tmp_path / "test.yaml"
    path.write_text(f"task_0:\n  video_path: a.mp4\n  audio_path: b.wav\n  bbox_shift: {value}\n")
    with pytest.raises(InputError, match=r"test.yaml: task_0 has the bbox_shift .*; it must be a whole number of px"):
        inference_tasks(UpstreamFlags(str(path), "v1"))
    assert inference_tasks(UpstreamFlags(str(path)))[0].bbox_shift == 0  # v1.5 has none


def test_threads_reach_the_engine() -> None:
    assert engine_options("inference", UpstreamFlags("x.yaml", threads=3), 0)["threads"] == 3
