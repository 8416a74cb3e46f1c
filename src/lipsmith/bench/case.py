"""One film made alone in a fresh process, so that its time, processor time and peak of memory are its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import EngineUnavailable, FaceError, InputError, LipsmithError, OptionError, OutputError
from .material import write_portrait, write_speech

ERRORS = (OptionError, InputError, FaceError, OutputError, EngineUnavailable)
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured."""

    size: tuple[int, int]  # width, height in px of the film
    seconds: float = 20.0  # of film
    engine: str = "auto"
    threads: int = 1  # cores the process may use; 0: all
    picture: Path | None = None  # a video or portrait of your own; then ``size`` is its own
    engine_options: Mapping[str, Any] = field(default_factory=dict)  # the engine's own
    fps: str = "25"  # of the film


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """What was measured. Everything but ``import_seconds`` is counted after the imports."""

    size: tuple[int, int]
    film_seconds: float
    engine: str
    threads: int
    wall_seconds: float
    cpu_seconds: float  # of the whole process, all its threads
    fps_wall: float
    fps_cpu: float  # frames per second of processor time: what a quiet machine would reach on one core
    real_time_wall: float  # 4: four times faster than real time
    real_time_cpu: float
    first_frame_seconds: float
    import_seconds: float
    peak_mb: float | None  # the most memory resident at any time, 1e6 bytes; None: this system does not tell
    stages_ms: dict[str, float]  # wall ms per frame of film, by stage


def measure(case: Case) -> CaseFigures:
    """Make the case's film in a process of its own.

    Raises:
        LipsmithError: the film could not be made: the very error, or how the process ended.
    """
    with tempfile.TemporaryDirectory(prefix="lipsmith-bench-") as name:
        folder = Path(name)
        picture = case.picture or write_portrait(folder, case.size)
        speech = write_speech(folder, case.seconds)
        wish: dict[str, object] = {
            "picture": str(picture),
            "speech": str(speech),
            "engine": case.engine,
        }
        wish |= {"engine_options": dict(case.engine_options), "fps": case.fps}
        found = run_alone("lipsmith.bench.case_worker", wish | {"output": str(folder / "film.mp4")}, case.threads)
        return CaseFigures(**found | {"size": tuple(found["size"])})


def run_alone(module: str, wish: Mapping[str, object], threads: int) -> dict[str, Any]:
    """What the program ``module`` answers to ``wish`` in a process of its own. Raises as ``measure``."""
    limits = {name: str(threads) for name in THREAD_LIMITS} if threads else {}
    command = [sys.executable, "-m", module, json.dumps({**wish, "threads": threads})]
    done = subprocess.run(command, env={**os.environ, **limits}, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise _error_of(done.returncode, done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _error_of(code: int, said: str) -> LipsmithError:
    """What a failed process wanted to say: its own error again, or its exit code and last line."""
    last = (said.strip().splitlines() or ["no word"])[-1]
    for kind in ERRORS:
        if kind.exit_code == code:
            return kind(last)
    end = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
    return LipsmithError(f"The measured process {end}: {last}")
