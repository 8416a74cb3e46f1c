"""What the C# program's calls do: prepare a template, make it speak, report what is prepared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from ...engines import load_engine
from ...errors import AvatarMissing
from ...version import __version__
from .engine import DEFAULT, ServingEngine, fallback_notice, requested_engine, template_engine
from .flags import ServiceFlags, Verb
from .names import avatar_name, template_name
from .output import Answer, LineOutput
from .store import fallback_avatar, open_template, remember_source, source_path, template_store

if TYPE_CHECKING:
    from ...avatars.avatar import Avatar, AvatarInfo
    from ...types import SourceFrame

SERVICE = "IntegratedMuseTalkService"
CAPABILITIES = ("template_preprocessing", "realtime_inference", "cache_management", "performance_optimization")
RESAMPLED = (
    "模板帧率为 {0}, 已重新采样为 {1}。 Frames of the template, prepared at {0} fps, are repeated or left out for {1}."
)
_MEGABYTE = 1 << 20  # bytes, as the older service counted


def execute(flags: ServiceFlags, pipe: LineOutput) -> Answer:
    """Carry out a call whose flags were checked.

    Raises:
        LipsmithError: it failed.
    """
    if flags.verb == "inference" and flags.benchmark:
        return benchmark(flags, pipe)
    return _VERBS[flags.verb](flags, pipe)


def preprocess(flags: ServiceFlags, pipe: LineOutput) -> Answer:
    """Prepare the template, unless it was already prepared from the same picture with the same options."""
    from ...avatars.options import AvatarOptions

    served = requested_engine(flags)
    _print_introduction(flags, served, pipe)
    pipe.write_line(f"📸 模板图片 (picture): {flags.template_image_path}")
    started = time.perf_counter()
    store, options = template_store(flags), AvatarOptions(fps=str(flags.fps))
    picture = Path(flags.template_image_path)
    info = store.create(
        avatar_name(flags.template_id),
        picture,
        served.engine,
        options,
        refresh=flags.force_refresh,
        progress=pipe.progress,
    )
    remember_source(flags)
    with store.open(avatar_name(flags.template_id)) as avatar:
        source_frame = avatar.source_frame(0)
    metadata = {
        **_metadata(flags, info, source_frame),
        "processing_time": time.perf_counter() - started,
    }
    pipe.write_line(f"✅ 预处理成功 (prepared): {flags.template_id}")
    answer = {"success": True, "template_id": flags.template_id, "metadata": metadata}
    return {**answer, "message": f"模板 {flags.template_id} 预处理完成", **served.answer_keys()}


def inference(flags: ServiceFlags, pipe: LineOutput) -> Answer:
    """Make a film of the template speaking."""
    started = time.perf_counter()
    with _open_speaker(flags, pipe) as (avatar, served):
        frames = _speak(avatar, served, flags, pipe)
    elapsed = time.perf_counter() - started
    pipe.write_line(f"✅ 推理成功 (spoken): {flags.output_path}")
    return {
        **_speech_answer(flags, True),
        "output_path": flags.output_path,
        "processing_time": elapsed,
        "fps": _number(avatar.info.fps),
        "message": f"推理完成，耗时 {elapsed:.2f}秒",
        "frames": frames,
        **served.answer_keys(),
    }


def benchmark(flags: ServiceFlags, pipe: LineOutput) -> Answer:
    """Make the film several times and report the times; the last film stays."""
    times: list[float] = []
    with _open_speaker(flags, pipe) as (avatar, served):
        for run in range(flags.benchmark_runs):
            started = time.perf_counter()
            frames = _speak(avatar, served, flags, None)
            times.append(time.perf_counter() - started)
            pipe.write_line(f"⏱️ 第 {run + 1} 次 (run): {times[-1]:.3f} s, {frames / times[-1]:.1f} FPS")
    runs = {"runs": flags.benchmark_runs, "frames": frames, "times": times, "average_time": mean(times)}
    speeds = {"average_fps": frames / mean(times), "best_fps": frames / min(times)}
    message = f"基准测试完成，平均 {speeds['average_fps']:.1f} FPS"
    film = {"output_path": flags.output_path, "fps": _number(avatar.info.fps), "message": message}
    return {**_speech_answer(flags, True), **runs, **speeds, **film, **served.answer_keys()}


@contextmanager
def _open_speaker(flags: ServiceFlags, pipe: LineOutput) -> Iterator[tuple[Avatar, ServingEngine]]:
    """The opened template and its engine; both for the default engine if the template's cannot run here."""
    with ExitStack() as stack:
        avatar = stack.enter_context(open_template(flags, pipe))
        served = template_engine(avatar.info.engine, avatar.info.options, flags)
        if isinstance(served, str):
            avatar = stack.enter_context(fallback_avatar(avatar, flags, pipe))
            served = ServingEngine(load_engine(DEFAULT, **avatar.info.options), "cpu", fallback_notice(served))
        if avatar.info.fps != flags.fps and avatar.info.frames > 1:
            resampled = RESAMPLED.format(avatar.info.fps, flags.fps)
            served = replace(served, notice=f"{served.notice} {resampled}" if served.notice else resampled)
        avatar.play_at(Fraction(flags.fps))
        _print_introduction(flags, served, pipe)
        yield avatar, served


def check_cache(flags: ServiceFlags, pipe: LineOutput) -> Answer:
    """Whether the template is prepared and whole, and its metadata."""
    try:
        with open_template(flags, pipe) as avatar:
            info, source_frame = avatar.info, avatar.source_frame(0)
    except AvatarMissing:
        return failed_answer(flags, {"message": f"缓存不存在: {flags.template_id}"})
    return {
        "exists": True,
        "template_id": flags.template_id,
        "metadata": _metadata(flags, info, source_frame),
        "cache_size_mb": info.bytes / _MEGABYTE,
        "message": f"缓存存在: {flags.template_id}",
    }


def service_info(flags: ServiceFlags, _: LineOutput) -> Answer:
    """About the service, its engine and the templates that are prepared."""
    templates = template_store(flags).list()
    served = requested_engine(flags)
    return {
        "service_name": SERVICE,
        "version": __version__,
        "device": flags.device,
        "cache_dir": flags.cache_dir,
        "batch_size": flags.batch_size,
        "cache_info": {
            "cache_dir": flags.cache_dir,
            "template_count": len(templates),
            "total_size_mb": sum(info.bytes for info in templates) / _MEGABYTE,
            "templates": [_metadata(flags, info) for info in templates],
        },
        "capabilities": list(CAPABILITIES),
        **served.answer_keys(),
    }


def failed_answer(flags: ServiceFlags, failed: Mapping[str, Any]) -> Answer:
    """The answer to a call that failed, with all keys that its caller expects; ``failed`` says why."""
    template = {"template_id": flags.template_id}
    if flags.verb == "preprocess":
        return {"success": False, **template, "message": f"模板 {flags.template_id} 预处理失败", **failed}
    if flags.verb == "inference":
        return {
            **_speech_answer(flags, False),
            "output_path": None,
            "processing_time": 0.0,
            "message": "推理失败",
            **failed,
        }
    if flags.verb == "check_cache":
        unusable = {"message": f"缓存不可用: {flags.template_id}"}
        return {"exists": False, **template, "metadata": None, "cache_size_mb": 0.0, **unusable, **failed}
    about = {"service_name": SERVICE, "version": __version__, "device": flags.device, "cache_dir": flags.cache_dir}
    return {**about, "batch_size": flags.batch_size, "cache_info": None, "capabilities": list(CAPABILITIES), **failed}


def _speak(avatar: Avatar, served: ServingEngine, flags: ServiceFlags, pipe: LineOutput | None) -> int:
    """Make the film and return its number of frames."""
    from ...pipeline.speak import speak

    output = Path(flags.output_path)
    output.parent.mkdir(parents=True, exist_ok=True)
    progress = pipe.progress if pipe else None
    return speak(avatar, Path(flags.audio_path), output, engine=served.engine, progress=progress).frames


def _print_introduction(flags: ServiceFlags, served: ServingEngine, pipe: LineOutput) -> None:
    pipe.write_line(f"🎭 模板 (template): {flags.template_id}")
    pipe.write_line(f"📱 引擎 (engine): {served.engine.info.name}, {served.device}")
    if served.notice:
        pipe.write_line(f"⚠️ {served.notice}")


def _speech_answer(flags: ServiceFlags, success: bool) -> Answer:
    return {"success": success, "template_id": flags.template_id, "audio_path": flags.audio_path}


def _number(fps: Any) -> int | float:
    return int(fps) if fps.denominator == 1 else float(fps)


def _metadata(flags: ServiceFlags, info: AvatarInfo, source_frame: SourceFrame | None = None) -> Answer:
    """The metadata of a template, from its avatar and, if it was read, its first frame."""
    face = source_frame.faces[0] if source_frame and source_frame.faces else None
    latents = getattr(face.material, "latents", None) if face else None
    return {
        "template_id": template_name(info.id),
        "template_image_path": source_path(flags, info),
        "bbox_shift": info.options.get("bbox_shift", 0),
        "parsing_mode": info.options.get("parsing_mode", "jaw"),
        "bbox": list(face.crop.box) if face and face.crop.box else None,
        "processed_at": datetime.fromisoformat(info.created).timestamp(),
        "cache_path": str(Path(flags.cache_dir) / info.id),
        "frame_count": info.frames,
        "input_latent_shape": None if latents is None else [1, *latents.shape],
        "fps": _number(info.fps),
        "size": list(info.size),
        "faces": info.faces,
        "engine": info.engine,
        "version": info.engine_version,
    }


_VERBS: Mapping[Verb, Callable[[ServiceFlags, LineOutput], Answer]] = {
    "preprocess": preprocess,
    "inference": inference,
    "check_cache": check_cache,
    "service_info": service_info,
}

__all__ = ["execute", "failed_answer"]
