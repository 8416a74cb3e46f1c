"""MuseTalk's own scripts: their YAML files, flags and result paths, carried out by ``generate``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..engines import load_engine
from ..engines.musetalk.options import OFFLINE_FEATHER, REALTIME_FEATHER
from ..errors import EngineUnavailable, InputError, OptionError
from ..options import GenerateOptions
from ..pipeline.film import Report
from ..pipeline.generate import generate
from ..pipeline.speak import speak
from ..stopwatch import Progress
from .musetalk_avatars import Task, Told, prepared

if TYPE_CHECKING:
    from ..engines.musetalk import MuseTalkEngine

Script = Literal["inference", "realtime"]
VIDEOS = (".avi", ".mp4", ".mov", ".flv", ".mkv")
_DEFAULT_UNETS = {"v15": "musetalkV15/unet.pth", "v1": "musetalk/pytorch_model.bin"}
_FEATHER = {"inference": OFFLINE_FEATHER, "realtime": REALTIME_FEATHER}
_BATCH = {"inference": 8, "realtime": 20}


@dataclass(frozen=True, slots=True)
class UpstreamFlags:
    """The flags of ``scripts.inference`` and ``scripts.realtime_inference`` that still mean something."""

    inference_config: str = ""
    version: Literal["v15", "v1"] = "v15"
    result_dir: str = "./results"
    output_vid_name: str = ""
    fps: int = 25
    bbox_shift: int = 0
    extra_margin: int = 10
    parsing_mode: Literal["jaw", "raw", "neck"] = "jaw"
    left_cheek_width: int = 90
    right_cheek_width: int = 90
    audio_padding_length_left: int = 2
    audio_padding_length_right: int = 2
    batch_size: int = 0
    use_float16: bool = False
    gpu_id: int = 0
    unet_model_path: str = ""
    weights: str = "official"
    strict: bool = False


@dataclass(frozen=True, slots=True)
class ObsoleteFlags:
    """Upstream's flags that are taken and not needed: the files' places are known, and nothing is saved as PNG."""

    ffmpeg_path: str = ""
    vae_type: str = "sd-vae"
    unet_config: str = ""
    whisper_dir: str = ""
    use_saved_coord: bool = False
    saved_coord: bool = False
    skip_save_images: bool = False


def inference_tasks(flags: UpstreamFlags) -> list[Task]:
    """What a ``test.yaml`` asks for: films at ``<result_dir>/<version>/<video>_<audio>.mp4``.

    Raises:
        InputError: not YAML, or a task without its files.
    """
    folder, path = Path(flags.result_dir) / flags.version, Path(flags.inference_config)
    tasks = []
    for name, given in _read(path).items():
        task = _mapping(given, name, path, ("video_path", "audio_path"))
        picture, speech = Path(task["video_path"]), Path(task["audio_path"])
        film = flags.output_vid_name or task.get("result_name") or f"{_stem(picture)}_{_stem(speech)}.mp4"
        tasks.append(Task(picture, speech, folder / film, _shift(flags, task)))
    return tasks


def realtime_tasks(flags: UpstreamFlags) -> list[Task]:
    """What a ``realtime.yaml`` asks for: films at ``results/[v15/]avatars/<avatar>/vid_output/<clip>.mp4``.

    Raises:
        InputError: not YAML, or an avatar without its files.
    """
    path = Path(flags.inference_config)
    place = avatars_folder(flags)
    tasks = []
    for name, given in _read(path).items():
        avatar = _mapping(given, name, path, ("video_path", "audio_clips"))
        picture, films = Path(avatar["video_path"]), place / str(name) / "vid_output"
        for clip, speech in _mapping(avatar["audio_clips"], f"{name}.audio_clips", path, ()).items():
            film, shift = films / f"{clip}.mp4", _shift(flags, avatar)
            tasks.append(Task(picture, Path(speech), film, shift, str(name), bool(avatar.get("preparation", True))))
    return tasks


def avatars_folder(flags: UpstreamFlags) -> Path:
    """Where the avatars of a version lie."""
    return Path(flags.result_dir) / ("v15/avatars" if flags.version == "v15" else "avatars")


@dataclass(frozen=True, slots=True)
class Made:
    """One film that was made, and what upstream prints after it."""

    report: Report
    range_text: str | None  # how far the mask's border can be moved; None: no frame showed a face


def run(script: Script, flags: UpstreamFlags, progress: Progress | None = None) -> Iterator[Made]:
    """Make every film in turn; an avatar is prepared once for all its clips, and for later runs.

    Raises:
        LipsmithError: as ``generate`` and ``speak`` do; an avatar that was to be there already and is not.
    """
    tasks = inference_tasks(flags) if script == "inference" else realtime_tasks(flags)
    act = _inference if script == "inference" else _realtime
    for shift, alike in groupby(tasks, key=lambda task: task.bbox_shift):
        engine = _engine(script, flags, shift)
        for report in act(alike, flags, engine, progress):
            yield Made(report, engine.shift_range.text(shift) if engine.shift_range else None)


def _inference(tasks: Iterable[Task], flags: UpstreamFlags, engine: MuseTalkEngine, progress: Told) -> Iterator[Report]:
    for task in tasks:
        task.output.parent.mkdir(parents=True, exist_ok=True)
        options = GenerateOptions(engine="musetalk", fps=_rate(task, flags), still=True)
        yield generate(task.picture, task.speech, task.output, options, progress=progress, engine=engine)


def _realtime(tasks: Iterable[Task], flags: UpstreamFlags, engine: MuseTalkEngine, progress: Told) -> Iterator[Report]:
    for _, clips in groupby(tasks, key=lambda task: task.avatar):
        first, engine.shift_range = next(clips), None  # one that was prepared before tells no range
        with prepared(first, avatars_folder(flags), engine, _rate(first, flags), progress) as avatar:
            for task in chain([first], clips):
                task.output.parent.mkdir(parents=True, exist_ok=True)
                yield speak(avatar, task.speech, task.output, engine=engine, progress=progress)


def _engine(script: Script, flags: UpstreamFlags, shift: int) -> MuseTalkEngine:
    return cast("MuseTalkEngine", load_engine("musetalk", **engine_options(script, flags, shift)))


def engine_options(script: Script, flags: UpstreamFlags, shift: int) -> dict[str, Any]:
    """Today's options for yesterday's flags."""
    v15 = flags.version == "v15"
    return {
        "version": flags.version,
        "weights": _models(flags),
        "device": _device(flags.gpu_id),
        "precision": "fp16" if flags.use_float16 and _device(flags.gpu_id) != "cpu" else "auto",
        "batch_size": flags.batch_size or (_BATCH[script] if _device(flags.gpu_id) != "cpu" else 0),
        "bbox_shift": shift,
        "extra_margin": flags.extra_margin,
        "parsing_mode": flags.parsing_mode if v15 else "raw",
        "left_cheek_width": flags.left_cheek_width,
        "right_cheek_width": flags.right_cheek_width,
        "feather": _FEATHER[script],
        "audio_padding_left": flags.audio_padding_length_left,
        "audio_padding_right": flags.audio_padding_length_right,
        "strict": flags.strict,
    }


def _rate(task: Task, flags: UpstreamFlags) -> str:
    """A video keeps its own frame rate; images and folders take the flag's."""
    return "source" if task.picture.suffix.lower() in VIDEOS else str(flags.fps)


def _shift(flags: UpstreamFlags, task: Mapping[str, Any]) -> int:
    """v1.5 knows no shift; in v1 the YAML's own goes before the flag's."""
    return int(task.get("bbox_shift", flags.bbox_shift)) if flags.version == "v1" else 0


def _models(flags: UpstreamFlags) -> str:
    """The models folder around an explicit ``--unet_model_path``.

    Raises:
        OptionError: the file is not where upstream's layout has it.
    """
    if not flags.unet_model_path:
        return flags.weights
    path, wanted = Path(flags.unet_model_path), _DEFAULT_UNETS[flags.version]
    if path.parts[-2:] != Path(wanted).parts:
        raise OptionError(
            f"unet_model_path is '{path}', but {flags.version} reads models/{wanted}: name that, or leave the flag out."
        )
    return str(path.parent.parent)


def _device(gpu: int) -> str:
    try:
        import torch
    except ImportError as problem:
        raise EngineUnavailable('torch is not installed: pip install "lipsmith[torch]"') from problem
    return f"cuda:{gpu}" if torch.cuda.is_available() else "cpu"


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        import yaml
    except ImportError as problem:
        raise EngineUnavailable('pyyaml is not installed: pip install "lipsmith[torch]"') from problem
    try:
        return _mapping(yaml.safe_load(path.read_text(encoding="utf-8")), "the file", path, ())
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}.") from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise InputError(f"{path} is not YAML: {' '.join(str(problem).split())}") from problem


def _mapping(given: Any, name: object, path: Path, wanted: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise InputError(f"{path}: {name} holds no names with values, as MuseTalk's files do.")
    missing = [key for key in wanted if not given.get(key)]
    if missing:
        raise InputError(f"{path}: {name} lacks {' and '.join(missing)}.")
    return given


__all__ = [
    "Made",
    "ObsoleteFlags",
    "Task",
    "UpstreamFlags",
    "engine_options",
    "inference_tasks",
    "realtime_tasks",
    "run",
]
