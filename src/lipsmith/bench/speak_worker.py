"""The measured process of ``bench speak``: ``python -m lipsmith.bench.speak_worker``.

A request says what to do: ``everything`` (a film from the source), ``create`` (an avatar) or ``speak`` (a film from the
store). Times and memory are counted from the moment when all modules are imported.
"""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..avatars.options import AvatarOptions
from ..avatars.store import AvatarStore
from ..engines import load_engine
from ..options import GenerateOptions
from ..pipeline.generate import generate
from ..pipeline.speak import SpeakOptions, engine_for, speak
from .case_worker import IMPORTS, keep_to, peak_bytes, resident_bytes, serve_measurement

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..pipeline.film import Report
    from ..stopwatch import Stage

MODULES = (*IMPORTS, "safetensors.numpy", "filelock", "lipsmith.engines.warp.engine", "lipsmith.media.probe")
FACE_MODULES = ("mediapipe.python.solution_base", "lipsmith.face.tracker")
"""Speaking from the store never imports these."""
TORCH = ("torch", "diffusers", "transformers")
"""Only the engines with large networks import these, which takes seconds."""
INFO_FIELDS = ("size", "frames", "bytes", "engine")


def main() -> None:
    """Answer a request with its figures."""
    serve_measurement(_measured)


def _measured(request: dict[str, Any]) -> dict[str, Any]:
    keep_to(request["threads"])
    left_out = FACE_MODULES if request["do"] == "speak" else ()
    for name in MODULES + (TORCH if request["engine"] == "musetalk" else ()):
        if name not in left_out:
            importlib.import_module(name)
    tasks: dict[str, Callable[[dict[str, Any], UsageCounter], dict[str, Any]]] = {
        "everything": _everything,
        "create": _create,
        "speak": _speak,
    }
    return tasks[request["do"]](request, UsageCounter())


class UsageCounter:
    """Seconds and memory since the imports."""

    def __init__(self) -> None:
        self._resident = resident_bytes(Path("/proc/self/statm"))
        self._began, self._cpu = time.perf_counter(), time.process_time()

    def seconds(self) -> float:
        """Seconds of wall clock."""
        return time.perf_counter() - self._began

    def resident_mb(self) -> float | None:
        """Growth of resident memory; None where the system does not report it."""
        now = resident_bytes(Path("/proc/self/statm"))
        return None if now is None or self._resident is None else (now - self._resident) / 1e6

    def peak_mb(self) -> float | None:
        """Growth of resident memory at its peak; None where the system does not report it."""
        peak = peak_bytes(Path("/proc/self/status"))
        return None if peak is None or self._resident is None else (peak - self._resident) / 1e6

    def spent(self, film: Report, first_frame: float) -> dict[str, Any]:
        """The fields of ``StageFigures``; ``first_frame`` is in seconds since the imports."""
        wall = self.seconds()
        return {
            "frames": film.frames,
            "wall_seconds": wall,
            "cpu_seconds": time.process_time() - self._cpu,
            "fps": film.frames / wall,
            "first_frame_seconds": first_frame,
            "memory_mb": self.peak_mb(),
            "stages_ms": {name: 1000 * spent / film.frames for name, spent in film.seconds.items()},
        }


def _everything(request: dict[str, Any], usage: UsageCounter) -> dict[str, Any]:
    chosen = request["engine_options"]
    options = GenerateOptions(
        engine=request["engine"], fps=request["fps"], faces=request["faces"], engine_options=chosen
    )
    film = generate(request["picture"], request["speech"], request["output"], options)
    return usage.spent(film, film.first_frame_seconds)  # the stopwatch of ``generate`` starts where the counting does


def _create(request: dict[str, Any], usage: UsageCounter) -> dict[str, Any]:
    options = AvatarOptions(fps=request["fps"], faces=request["faces"])
    analyzed: list[float] = []

    def progress(stage: Stage) -> None:
        if stage.name == "prepare" and not analyzed:
            analyzed.append(usage.seconds())

    engine = load_engine(request["engine"], **request["engine_options"])
    info = AvatarStore(Path(request["store"])).create(
        request["id"], Path(request["picture"]), engine, options, progress=progress
    )
    wall = usage.seconds()
    return {"wall_seconds": wall, "look_seconds": analyzed[0], "memory_mb": usage.peak_mb(), "frames": info.frames}


def _speak(request: dict[str, Any], usage: UsageCounter) -> dict[str, Any]:
    options = SpeakOptions()
    with AvatarStore(Path(request["store"])).open(request["id"]) as avatar:
        info, opened, opened_mb = avatar.info, usage.seconds(), usage.resident_mb()
        engine = engine_for(avatar, options)
        loaded = usage.seconds()
        film = speak(avatar, request["speech"], request["output"], options, engine=engine)
        spent = usage.spent(film, loaded + film.first_frame_seconds)
        second = speak(avatar, request["short"], request["output"], options, engine=engine)
    return {
        "film": spent,
        "open_seconds": opened,
        "opened_mb": opened_mb,
        "engine_seconds": loaded - opened,
        "second_seconds": second.first_frame_seconds,
        "info": {"fps": float(info.fps), **{name: getattr(info, name) for name in INFO_FIELDS}},
    }


if __name__ == "__main__":
    main()
