"""Which engine serves a call of the C# program: MuseTalk as it asks for, or the default engine, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...engines import Engine, engine_table, load_engine
from ...errors import OptionError
from .flags import ServiceFlags

ASKED, DEFAULT = "musetalk", "warp"
MODES = ("jaw", "raw", "neck")
_UNETS = {"musetalkV15": "v15", "musetalk": "v1"}  # the UNet's folder -> what it is
_MADE_UP = ("tiny", "random")


@dataclass(frozen=True, slots=True)
class Serving:
    """The engine that serves."""

    engine: Engine
    device: str
    notice: str | None = None  # why it is not the one that was asked for

    def told(self) -> dict[str, Any]:
        """For the JSON; ``notice`` only where there is one."""
        said = {"notice": self.notice} if self.notice else {}
        return {"engine": self.engine.info.name, "device_used": self.device, **said}


def serving(flags: ServiceFlags) -> Serving:
    """MuseTalk on the device that was named, where both are there; else the default engine.

    Raises:
        OptionError: an option that MuseTalk does not have.
        EngineUnavailable: not even the default engine runs here.
    """
    options = musetalk_options(flags)
    lack = _missing(options) or _no_device(flags.device)
    if lack is None:
        return Serving(load_engine(ASKED, **options), flags.device)
    return Serving(load_engine(DEFAULT), "cpu", notice(lack))


def kept(name: str, options: Mapping[str, Any], flags: ServiceFlags) -> Serving | str:
    """The engine that a template was prepared with, on the device that was named; or why it cannot run here.

    Raises:
        EngineUnavailable: an engine that is no MuseTalk is not there.
    """
    if name != ASKED:
        idle = f"the template was prepared with '{name}', which needs no GPU"
        return Serving(load_engine(name, **options), "cpu", None if flags.device == "cpu" else notice(idle))
    asked = {**options, **_place(flags)}
    weights, version = _weights(flags.unet_model_path)
    if weights in _MADE_UP or (weights != "official" and version == options.get("version")):
        asked["weights"] = weights
    lack = _missing(asked) or _no_device(flags.device)
    return lack or Serving(load_engine(ASKED, **asked), flags.device)


def musetalk_options(flags: ServiceFlags) -> dict[str, Any]:
    """MuseTalk's options for the call's flags.

    Raises:
        OptionError: a parsing mode that there is not.
    """
    if flags.parsing_mode not in MODES:
        raise OptionError(f"--parsing_mode is '{flags.parsing_mode}'; it can be {', '.join(MODES)}")
    weights, version = _weights(flags.unet_model_path)
    shaped = {"bbox_shift": flags.bbox_shift, "parsing_mode": flags.parsing_mode if version == "v15" else "raw"}
    return {"weights": weights, "version": version, **shaped, **_place(flags)}


def notice(lack: str) -> str:
    """Why the default engine serves."""
    return f"请求的设备或模型不可用, 已使用默认引擎。 What was asked for is not here, so another serves: {lack}"


def _missing(options: Mapping[str, Any]) -> str | None:
    """What MuseTalk lacks here with these options; None: nothing."""
    spec = engine_table()[ASKED]
    return spec.unavailable_reason(spec.build(options))


def _place(flags: ServiceFlags) -> dict[str, Any]:
    """Where to draw, how precisely, and how many faces together: a CPU draws one, in a precision of its own."""
    if flags.device.startswith("cpu"):
        return {"device": "cpu", "precision": "auto", "batch_size": 0}
    return {"device": flags.device, "precision": "fp16" if flags.fp16 else "auto", "batch_size": flags.batch_size}


def _weights(path: str) -> tuple[str, str]:
    """The models folder around a UNet that is there, and its version; else the official places, and the newer one."""
    if path in _MADE_UP:
        return path, "v15"
    unet = Path(path)
    if unet.is_file() and unet.parent.name in _UNETS:
        return str(unet.parent.parent), _UNETS[unet.parent.name]
    return "official", "v15"


def _no_device(name: str) -> str | None:
    """Why torch cannot use a device; None: it can. Torch is only asked for what is no CPU."""
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


__all__ = ["Serving", "kept", "musetalk_options", "notice", "serving"]
