"""The measured process of ``bench speak``: ``python -m lipsmith.bench.speak_worker WISH``, answering JSON.

A wish names what to do: ``everything`` (a film from the source), ``create`` (an avatar), or ``speak`` (a film from the
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
from .case_worker import IMPORTS, answer, keep_to, peak_bytes, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..pipeline.film import Report
    from ..stopwatch import Stage

MODULES = (*IMPORTS, "safetensors.numpy", "filelock", "lipsmith.engines.warp.engine", "lipsmith.media.probe")
LOOKING = ("mediapipe.python.solution_base", "lipsmith.face.tracker")
"""Who speaks from the store never imports these."""
TORCH = ("torch", "diffusers", "transformers")
"""Only the engines with networks import these, and that takes seconds."""
TOLD = ("size", "frames", "bytes", "engine")


def main() -> None:
    """Import, do the wish, and write the figures to standard output."""
    answer(_measured)


def _measured(wish: dict[str, Any]) -> dict[str, Any]:
    keep_to(wish["threads"])
    left_out = LOOKING if wish["do"] == "speak" else ()
    for name in MODULES + (TORCH if wish["engine"] == "musetalk" else ()):
        if name not in left_out:
            importlib.import_module(name)
    tasks: dict[str, Callable[[dict[str, Any], Counted], dict[str, Any]]] = {
        "everything": _everything,
        "create": _create,
        "speak": _speak,
    }
    return tasks[wish["do"]](wish, Counted())


class Counted:
    """Seconds and memory since the imports."""

    def __init__(self) -> None:
        self._resident = resident_bytes(Path("/proc/self/statm"))
        self._began, self._cpu = time.perf_counter(), time.process_time()

    def seconds(self) -> float:
        """Wall clock."""
        return time.perf_counter() - self._began

    def resident_mb(self) -> float | None:
        """How much more memory is resident now; None where the system does not tell."""
        now = resident_bytes(Path("/proc/self/statm"))
        return None if now is None or self._resident is None else (now - self._resident) / 1e6

    def peak_mb(self) -> float | None:
        """How much more memory there ever was; None where the system does not tell."""
        peak = peak_bytes(Path("/proc/self/status"))
        return None if peak is None or self._resident is None else (peak - self._resident) / 1e6

    def spent(self, film: Report, first_frame: float) -> dict[str, Any]:
        """The members of ``Spent``; ``first_frame`` in seconds since the imports."""
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


def _everything(wish: dict[str, Any], counted: Counted) -> dict[str, Any]:
    chosen = wish["engine_options"]
    options = GenerateOptions(engine=wish["engine"], fps=wish["fps"], faces=wish["faces"], engine_options=chosen)
    film = generate(wish["picture"], wish["speech"], wish["output"], options)
    return counted.spent(film, film.first_frame_seconds)  # its watch starts as the counting does


def _create(wish: dict[str, Any], counted: Counted) -> dict[str, Any]:
    options = AvatarOptions(fps=wish["fps"], faces=wish["faces"])
    looked: list[float] = []

    def tell(stage: Stage) -> None:
        if stage.name == "prepare" and not looked:
            looked.append(counted.seconds())

    engine = load_engine(wish["engine"], **wish["engine_options"])
    info = AvatarStore(Path(wish["shelf"])).create(wish["id"], Path(wish["picture"]), engine, options, progress=tell)
    wall = counted.seconds()
    return {"wall_seconds": wall, "look_seconds": looked[0], "memory_mb": counted.peak_mb(), "frames": info.frames}


def _speak(wish: dict[str, Any], counted: Counted) -> dict[str, Any]:
    options = SpeakOptions()
    with AvatarStore(Path(wish["shelf"])).open(wish["id"]) as avatar:
        info, opened, opened_mb = avatar.info, counted.seconds(), counted.resident_mb()
        engine = engine_for(avatar, options)
        loaded = counted.seconds()
        film = speak(avatar, wish["speech"], wish["output"], options, engine=engine)
        spent = counted.spent(film, loaded + film.first_frame_seconds)
        second = speak(avatar, wish["short"], wish["output"], options, engine=engine)
    return {
        "film": spent,
        "open_seconds": opened,
        "opened_mb": opened_mb,
        "engine_seconds": loaded - opened,
        "second_seconds": second.first_frame_seconds,
        "info": {"fps": float(info.fps), **{name: getattr(info, name) for name in TOLD}},
    }


if __name__ == "__main__":
    main()
