"""The command-line flags of ``integrated_musetalk_service.py`` and ``ultra_fast_realtime_inference.py``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal, NoReturn

from ...errors import OptionError

Script = Literal["integrated_musetalk_service.py", "ultra_fast_realtime_inference.py"]
Verb = Literal["preprocess", "inference", "check_cache", "service_info"]
VERBS: tuple[Verb, ...] = ("preprocess", "inference", "check_cache", "service_info")
_VERB_HELP = {
    "preprocess": "预处理模板 (prepare a template)",
    "inference": "生成视频 (make a film)",
    "check_cache": "检查模板缓存 (is the template prepared?)",
    "service_info": "服务信息 (about the service)",
}
_REQUIRED = {
    "preprocess": ("template_id", "template_image_path"),
    "inference": ("template_id", "audio_path", "output_path"),
    "check_cache": ("template_id",),
    "service_info": (),
}


@dataclass(frozen=True, slots=True)
class ServiceFlags:
    """The flags of one call."""

    verb: Verb
    template_id: str = ""
    device: str = "cuda:0"
    cache_dir: str = "./template_cache"
    batch_size: int = 32
    fp16: bool = True
    template_image_path: str = ""
    bbox_shift: int = 0
    parsing_mode: str = "jaw"
    force_refresh: bool = False
    audio_path: str = ""
    output_path: str = ""
    fps: int = 25
    unet_config: str = "models/musetalk/musetalk.json"
    unet_model_path: str = "models/musetalk/pytorch_model.bin"
    vae_type: str = "sd-vae"
    whisper_dir: str = "models/whisper"
    verbose: bool = False
    benchmark: bool = False
    benchmark_runs: int = 3


class _Parser(argparse.ArgumentParser):
    """Raises OptionError where argparse would print and exit, because the caller waits for JSON."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message}; see {self.prog} --help")


def parse(script: Script, arguments: Sequence[str]) -> ServiceFlags:
    """The flags of one command line.

    Raises:
        OptionError: an unknown flag, an invalid value, or no verb.
    """
    given = vars(_parser(script).parse_args(list(arguments)))
    mode, video = given.pop("mode"), given.pop("template_video")
    named = [verb for verb in VERBS if given.pop(verb)]
    known = {one.name for one in fields(ServiceFlags)}
    flags = ServiceFlags(verb=named[0] if named else mode or "inference", **{k: given[k] for k in known & given.keys()})
    if video or mode:
        flags = _with_legacy_defaults(flags, video)
    if not script.startswith("ultra") and not named and not mode:
        raise OptionError(f"one of {', '.join(f'--{verb}' for verb in VERBS)} is needed")
    return flags


def check(flags: ServiceFlags) -> None:
    """Raise OptionError if the call lacks a flag that its verb needs, or a number is out of range."""
    missing = [f"--{name}" for name in _REQUIRED[flags.verb] if not getattr(flags, name)]
    if missing:
        raise OptionError(f"--{flags.verb} needs {', '.join(missing)}")
    for name in ("batch_size", "fps", "benchmark_runs"):
        if getattr(flags, name) < 1:
            raise OptionError(f"--{name} is {getattr(flags, name)}; it can be 1 or more")


def _with_legacy_defaults(flags: ServiceFlags, video: str) -> ServiceFlags:
    """The older spelling: the template may be named by its file alone, and the output path may be left out."""
    picture = flags.template_image_path or video
    template = flags.template_id or Path(video).stem
    film = flags.output_path or (f"{template}_{Path(flags.audio_path).stem}.mp4" if flags.audio_path else "")
    return replace(flags, template_id=template, template_image_path=picture, output_path=film)


def _parser(script: Script) -> _Parser:
    parser = _Parser(
        prog=script, description="Lipsmith: 数字人口型服务 (the C# service's contract, see docs/csharp.md)"
    )
    verbs = parser.add_mutually_exclusive_group()
    for verb in VERBS:
        verbs.add_argument(f"--{verb}", action="store_true", help=_VERB_HELP[verb])
    verbs.add_argument("--mode", choices=VERBS[:2], help="旧写法 (the older spelling)")
    _common(parser)
    if script.startswith("ultra"):
        parser.add_argument("--benchmark", action="store_true", help="性能测试 (time several runs)")
        parser.add_argument("--benchmark_runs", type=int, default=3)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    """Add the flags of both scripts, with the defaults of ``ServiceFlags``."""
    defaults = {one.name: one.default for one in fields(ServiceFlags)}
    for name in ("template_id", "template_image_path", "template_video", "audio_path", "output_path"):
        parser.add_argument(f"--{name}", default="")
    help_texts = {
        "device": "计算设备 (cuda:0, cpu)",
        "cache_dir": "缓存目录 (where templates are stored)",
        "parsing_mode": "融合区域 (which part of the face is replaced: jaw, raw, neck)",
        "unet_config": "不需要 (accepted and ignored)",
        "unet_model_path": "UNet 权重 (in MuseTalk's models folder)",
        "vae_type": "不需要 (accepted and ignored)",
        "whisper_dir": "不需要 (accepted and ignored)",
    }
    for name, text in help_texts.items():
        parser.add_argument(f"--{name}", default=defaults[name], help=text)
    for name in ("batch_size", "bbox_shift", "fps"):
        parser.add_argument(f"--{name}", type=int, default=defaults[name])
    parser.add_argument("--fp16", action="store_true", default=True, help="半精度 (half precision, on a GPU)")
    parser.add_argument("--force_refresh", action="store_true", help="重新预处理 (prepare again)")
    parser.add_argument("--verbose", action="store_true", help="详细输出 (more details)")
