"""MuseTalk's own scripts: their YAML files, flags and result paths, with films made by ``generate`` and ``speak``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..engines import load_engine
from ..engines.musetalk.options import OFFLINE_FEATHER, REALTIME_FEATHER, Landmarks
from ..errors import EngineUnavailable, InputError, OptionError
from ..libraries import install_hint
from ..options import GenerateOptions
from ..pipeline.film import Report
from ..pipeline.generate import generate
from ..pipeline.speak import speak
from ..stopwatch import Progress
from .musetalk_avatars import Task, open_prepared

if TYPE_CHECKING:
    from ..engines.musetalk import MuseTalkEngine

Script = Literal["inference", "realtime"]
VIDEOS = (".avi", ".mp4", ".mov", ".flv", ".mkv")
_DEFAULT_UNETS = {"v15": "musetalkV15/unet.pth", "v1": "musetalk/pytorch_model.bin"}
_FEATHER = {"inference": OFFLINE_FEATHER, "realtime": REALTIME_FEATHER}
_BATCH = {"inference": 8, "realtime": 20}


@dataclass(frozen=True, slots=True)
class UpstreamFlags:
    """The flags of ``scripts.inference`` and ``scripts.realtime_inference`` that have an effect."""

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
    landmarks: Landmarks = "facemesh"
    strict: bool = False
    threads: int = 0
    engine_options: Mapping[str, Any] = field(default_factory=dict, metadata={"flag": False})  # of --set; these win


@dataclass(frozen=True, slots=True)
class ObsoleteFlags:
    """MuseTalk's flags that are accepted and ignored: weights are found by themselves, and nothing is saved as PNG."""

    ffmpeg_path: str = ""
    vae_type: str = "sd-vae"
    unet_config: str = ""
    whisper_dir: str = ""
    use_saved_coord: bool = False
    saved_coord: bool = False
    skip_save_images: bool = False


def inference_tasks(flags: UpstreamFlags) -> list[Task]:
    """The films of a ``test.yaml``, at ``<result_dir>/<version>/<video>_<audio>.mp4``.

    As in upstream, a task's ``result_name`` names its film, else ``--output_vid_name`` does.

    Raises:
        InputError: the file is not YAML, a task does not name its files, or two tasks name one film.
    """
    folder, path = Path(flags.result_dir) / flags.version, Path(flags.inference_config)
    tasks: dict[Path, tuple[str, Task]] = {}  # film -> name of the task, and the task
    for name, given in _read(path).items():
        task = _mapping(given, name, path, ("video_path", "audio_path"))
        picture, speech = Path(str(task["video_path"])), Path(str(task["audio_path"]))
        film = folder / (
            str(task.get("result_name") or "") or flags.output_vid_name or f"{_stem(picture)}_{_stem(speech)}.mp4"
        )
        if film in tasks:
            first, _ = tasks[film]
            raise InputError(f"{path}: {first} and {name} both write {film}; give each a result_name of its own.")
        tasks[film] = (name, Task(picture, speech, film, _shift(flags, task, name, path)))
    return [task for _, task in tasks.values()]


def realtime_tasks(flags: UpstreamFlags) -> list[Task]:
    """The films of a ``realtime.yaml``, at ``<result_dir>/[v15/]avatars/<avatar>/vid_output/<clip>.mp4``.

    Raises:
        InputError: the file is not YAML, or an avatar does not name its files.
    """
    path = Path(flags.inference_config)
    folder = avatars_folder(flags)
    tasks = []
    for name, given in _read(path).items():
        avatar = _mapping(given, name, path, ("video_path", "audio_clips"))
        picture, films = Path(str(avatar["video_path"])), folder / str(name) / "vid_output"
        for clip, speech in _mapping(avatar["audio_clips"], f"{name}.audio_clips", path, ()).items():
            film, shift = films / f"{clip}.mp4", _shift(flags, avatar, name, path)
            tasks.append(
                Task(picture, Path(str(speech)), film, shift, str(name), bool(avatar.get("preparation", True)))
            )
    return tasks


def avatars_folder(flags: UpstreamFlags) -> Path:
    """The folder of a version's avatars."""
    return Path(flags.result_dir) / ("v15/avatars" if flags.version == "v15" else "avatars")


@dataclass(frozen=True, slots=True)
class MadeFilm:
    """One film that was made, and what MuseTalk prints after it."""

    report: Report
    range_text: str | None  # how far --bbox_shift can move the mask; None: no frame showed a face


def run(script: Script, flags: UpstreamFlags, progress: Progress | None = None) -> Iterator[MadeFilm]:
    """Make every film in turn. An avatar is prepared once for all its clips, and for later runs.

    Raises:
        LipsmithError: as ``generate`` and ``speak`` do; or an avatar with ``preparation: false`` does not exist.
    """
    tasks = inference_tasks(flags) if script == "inference" else realtime_tasks(flags)
    make = _inference if script == "inference" else _realtime
    for shift, group in groupby(tasks, key=lambda task: task.bbox_shift):
        engine = _engine(script, flags, shift)
        for report in make(group, flags, engine, progress):
            shown = engine.options.bbox_shift  # --set may have changed it
            yield MadeFilm(report, engine.shift_range.text(shown) if engine.shift_range else None)


def _inference(
    tasks: Iterable[Task], flags: UpstreamFlags, engine: MuseTalkEngine, progress: Progress | None
) -> Iterator[Report]:
    for task in tasks:
        task.output.parent.mkdir(parents=True, exist_ok=True)
        options = GenerateOptions(engine="musetalk", fps=_rate(task, flags), still=True)
        yield generate(task.picture, task.speech, task.output, options, progress=progress, engine=engine)


def _realtime(
    tasks: Iterable[Task], flags: UpstreamFlags, engine: MuseTalkEngine, progress: Progress | None
) -> Iterator[Report]:
    for _, clips in groupby(tasks, key=lambda task: task.avatar):
        first, engine.shift_range = next(clips), None  # an avatar from an earlier run reports no range
        with open_prepared(first, avatars_folder(flags), engine, _rate(first, flags), progress) as avatar:
            for task in chain([first], clips):
                task.output.parent.mkdir(parents=True, exist_ok=True)
                yield speak(avatar, task.speech, task.output, engine=engine, progress=progress)


def _engine(script: Script, flags: UpstreamFlags, shift: int) -> MuseTalkEngine:
    return cast("MuseTalkEngine", load_engine("musetalk", **engine_options(script, flags, shift)))


def engine_options(script: Script, flags: UpstreamFlags, shift: int) -> dict[str, Any]:
    """Options of the engine MuseTalk for the flags of its scripts; those of ``--set`` win."""
    v15 = flags.version == "v15"
    by_flags = {
        "version": flags.version,
        "weights": _weights(flags),
        "device": _device(flags.gpu_id),
        "precision": "fp16" if flags.use_float16 and _device(flags.gpu_id) != "cpu" else "auto",
        "landmarks": flags.landmarks,
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
        "threads": flags.threads,
    }
    return {**by_flags, **flags.engine_options}


def _rate(task: Task, flags: UpstreamFlags) -> str:
    """A video keeps its own frame rate; images and folders take the flag's."""
    return "source" if task.picture.suffix.lower() in VIDEOS else str(flags.fps)


def _shift(flags: UpstreamFlags, task: Mapping[str, Any], name: object, path: Path) -> int:
    """The mask's shift in px. v1.5 has none; in v1 a value in the YAML overrides the flag.

    Raises:
        InputError: the task ``name`` of the file ``path`` has a value that is no whole number.
    """
    if flags.version != "v1":
        return 0
    given = task.get("bbox_shift", flags.bbox_shift)
    try:
        if isinstance(given, bool) or int(given) != float(given):
            raise ValueError(given)
        return int(given)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{path}: {name} has the bbox_shift {given!r}; it must be a whole number of px.") from None


def _weights(flags: UpstreamFlags) -> str:
    """The models folder that holds ``--unet_model_path``, if that is given, else ``--weights``.

    Raises:
        OptionError: the file does not lie as in MuseTalk's models folder.
    """
    if not flags.unet_model_path:
        return flags.weights
    path, expected = Path(flags.unet_model_path), _DEFAULT_UNETS[flags.version]
    if path.parts[-2:] != Path(expected).parts:
        raise OptionError(
            f"unet_model_path is '{path}', but {flags.version} reads models/{expected}: give that, or leave out the "
            "flag."
        )
    return str(path.parent.parent)


def _device(gpu: int) -> str:
    try:
        import torch
    except ImportError as problem:
        raise EngineUnavailable(f"torch is not installed; this brings it: {install_hint('torch')}") from problem
    return f"cuda:{gpu}" if torch.cuda.is_available() else "cpu"


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        import yaml
    except ImportError as problem:
        raise EngineUnavailable(f"pyyaml is not installed; this brings it: {install_hint('torch')}") from problem
    try:
        return _mapping(yaml.safe_load(path.read_text(encoding="utf-8")), "the file", path, ())
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}.") from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise InputError(f"{path} is not YAML: {' '.join(str(problem).split())}") from problem


def _mapping(given: Any, name: object, path: Path, required: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise InputError(f"{path}: {name} holds no names with values, as MuseTalk's files do.")
    missing = [key for key in required if not given.get(key)]
    if missing:
        raise InputError(f"{path}: {name} lacks {' and '.join(missing)}.")
    return given


__all__ = [
    "MadeFilm",
    "ObsoleteFlags",
    "Task",
    "UpstreamFlags",
    "engine_options",
    "inference_tasks",
    "realtime_tasks",
    "run",
]
