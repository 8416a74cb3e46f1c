"""Choose the engine for a call of the C# program: MuseTalk as requested, or the default engine with a notice why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...engines import Engine, engine_table, load_engine
from ...errors import OptionError
from .flags import ServiceFlags

REQUESTED, DEFAULT = "musetalk", "warp"
MODES = ("jaw", "raw", "neck")
_UNETS = {"musetalkV15": "v15", "musetalk": "v1"}  # the UNet's folder -> its version
_RANDOM_WEIGHTS = ("tiny", "random")


@dataclass(frozen=True, slots=True)
class ServingEngine:
    """The engine that serves a call."""

    engine: Engine
    device: str
    notice: str | None = None  # why it is not the requested one

    def answer_keys(self) -> dict[str, Any]:
        """Its keys in the answer's JSON; ``notice`` only if there is one."""
        notice = {"notice": self.notice} if self.notice else {}
        return {"engine": self.engine.info.name, "device_used": self.device, **notice}


def requested_engine(flags: ServiceFlags) -> ServingEngine:
    """MuseTalk on the requested device if both are available, else the default engine on the CPU.

    Raises:
        OptionError: MuseTalk refuses an option.
        EngineUnavailable: the default engine cannot run here either.
    """
    options = musetalk_options(flags)
    reason = _unavailable_reason(options) or _device_fault(flags.device)
    if reason is None:
        return ServingEngine(load_engine(REQUESTED, **options), flags.device)
    return ServingEngine(load_engine(DEFAULT), "cpu", fallback_notice(reason))


def template_engine(name: str, options: Mapping[str, Any], flags: ServiceFlags) -> ServingEngine | str:
    """The engine that a template was prepared for, on the requested device; or the reason why it cannot run here.

    Raises:
        EngineUnavailable: an engine other than MuseTalk is not available.
    """
    if name != REQUESTED:
        no_gpu = f"the template was prepared with '{name}', which needs no GPU"
        return ServingEngine(
            load_engine(name, **options), "cpu", None if flags.device == "cpu" else fallback_notice(no_gpu)
        )
    changed = {**options, **_device_options(flags)}
    weights, version = _weights(flags.unet_model_path)
    if weights in _RANDOM_WEIGHTS or (weights != "official" and version == options.get("version")):
        changed["weights"] = weights
    reason = _unavailable_reason(changed) or _device_fault(flags.device)
    return reason or ServingEngine(load_engine(REQUESTED, **changed), flags.device)


def musetalk_options(flags: ServiceFlags) -> dict[str, Any]:
    """MuseTalk's options for the call's flags.

    Raises:
        OptionError: an unknown parsing mode.
    """
    if flags.parsing_mode not in MODES:
        raise OptionError(f"--parsing_mode is '{flags.parsing_mode}'; it can be {', '.join(MODES)}")
    weights, version = _weights(flags.unet_model_path)
    mask = {"bbox_shift": flags.bbox_shift, "parsing_mode": flags.parsing_mode if version == "v15" else "raw"}
    return {"weights": weights, "version": version, **mask, **_device_options(flags)}


def fallback_notice(reason: str) -> str:
    """Say why the default engine serves, in Chinese and English."""
    return f"请求的设备或模型不可用, 已使用默认引擎。 Another engine or device serves: {reason}"


def _unavailable_reason(options: Mapping[str, Any]) -> str | None:
    """Why MuseTalk cannot run here with these options; None: it can."""
    spec = engine_table()[REQUESTED]
    return spec.unavailable_reason(spec.build(options))


def _device_options(flags: ServiceFlags) -> dict[str, Any]:
    """Device, precision and batch size. A CPU chooses the last two itself."""
    if flags.device.startswith("cpu"):
        return {"device": "cpu", "precision": "auto", "batch_size": 0}
    return {"device": flags.device, "precision": "fp16" if flags.fp16 else "auto", "batch_size": flags.batch_size}


def _weights(path: str) -> tuple[str, str]:
    """The models folder and version of the UNet at ``path``; else the official weights, and the newer version."""
    if path in _RANDOM_WEIGHTS:
        return path, "v15"
    unet = Path(path)
    if unet.is_file() and unet.parent.name in _UNETS:
        return str(unet.parent.parent), _UNETS[unet.parent.name]
    return "official", "v15"


def _device_fault(name: str) -> str | None:
    """Why torch cannot use a device; None if it can. For the CPU torch is not imported."""
    if name == "cpu":
        return None
    try:
        import torch

        torch.empty(1, device=name)
    except ImportError:
        return "torch is not installed"
    except (RuntimeError, AssertionError) as problem:
        return f"device '{name}': {str(problem).splitlines()[0]}"
    return None


__all__ = ["ServingEngine", "fallback_notice", "musetalk_options", "requested_engine", "template_engine"]
