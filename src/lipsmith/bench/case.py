"""One film made in a fresh process, so that its time, processor time and peak memory are its own."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from .. import errors
from ..errors import LipsmithError
from ..workers.process import WorkerLost, WorkerProcess, module_command
from ..workers.supervised import SupervisedWorker, TaskFailed
from .material import write_portrait, write_speech

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
    """What was measured. Everything but ``import_seconds`` is counted from the end of the imports."""

    size: tuple[int, int]
    film_seconds: float
    engine: str
    threads: int
    wall_seconds: float
    cpu_seconds: float  # of the whole process, all its threads
    fps_wall: float
    fps_cpu: float  # frames per second of processor time: what an idle machine would reach on one core
    real_time_wall: float  # 4: four times faster than real time
    real_time_cpu: float
    first_frame_seconds: float
    import_seconds: float
    peak_mb: float | None  # peak resident memory, 1e6 bytes; None: this system does not report it
    stages_ms: dict[str, float]  # stage -> wall ms per frame of film
    render_cpu_ms: float  # processor time per frame, of a second run on one core: drawing faces and pasting them
    encode_cpu_ms: float  # the same of that run: writing the film
    render_per_encode: float  # the ratio of these two, which travels between machines


def measure(case: Case) -> CaseFigures:
    """Make the film of the case in a process of its own.

    Raises:
        LipsmithError: the film could not be made: the error of the process itself, or how the process ended.
    """
    with tempfile.TemporaryDirectory(prefix="lipsmith-bench-") as name:
        folder = Path(name)
        picture = case.picture or write_portrait(folder, case.size)
        speech = write_speech(folder, case.seconds)
        request = {
            "picture": str(picture),
            "speech": str(speech),
            "output": str(folder / "film.mp4"),
            "engine": case.engine,
            "engine_options": dict(case.engine_options),
            "fps": case.fps,
        }
        found = run_in_process("lipsmith.bench.case_worker", request, case.threads)
        return CaseFigures(**found | {"size": tuple(found["size"])})


def run_in_process(module: str, request: Mapping[str, object], threads: int) -> dict[str, Any]:
    """What the worker ``module`` answers to ``request`` in a process of its own. Raises as ``measure``.

    Args:
        threads: cores the process may use; 0: all.
    """
    limits = {name: str(threads) for name in THREAD_LIMITS} if threads else {}
    with tempfile.TemporaryFile() as stderr:
        worker = SupervisedWorker(partial(WorkerProcess, module_command(module), environment=limits, stderr=stderr))
        try:
            return worker.call({**request, "threads": threads}, math.inf).header
        except (TaskFailed, WorkerLost) as failure:
            raise _error_of(failure, stderr) from failure
        finally:
            worker.close()


def _error_of(failure: TaskFailed | WorkerLost, stderr: IO[bytes]) -> LipsmithError:
    """The error that the process raised, or how it ended and the last line that it wrote."""
    stderr.seek(0)
    last = ([line for line in stderr.read().decode(errors="replace").splitlines() if line.strip()] or ["no output"])[-1]
    if isinstance(failure, WorkerLost):
        return LipsmithError(f"{failure} Its last words: {last}")
    if failure.body["type"] == errors.UNEXPECTED["type"]:
        return LipsmithError(f"The measured process failed: {last}")
    known: list[type[LipsmithError]] = [getattr(errors, name) for name in errors.__all__]
    kinds = (kind for kind in known if kind("").kind == failure.body["type"])
    return next(kinds, LipsmithError)(failure.body["detail"])
