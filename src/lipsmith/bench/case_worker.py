"""The measured process: ``python -m lipsmith.bench.case_worker``, started by ``case.run_in_process``."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines import load_engine
from ..options import GenerateOptions
from ..workers.child import serve
from ..workers.messages import Message
from .case import CaseFigures

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..pipeline.generate import Report

IMPORTS = (
    "av", "cv2", "onnxruntime", "mediapipe.python.solution_base", "lipsmith.face.tracker", "lipsmith.media.video",
    "lipsmith.media.writer",
)  # fmt: skip


def main() -> None:
    """Answer a request with its ``CaseFigures``."""
    serve_measurement(lambda request: asdict(_measured(request)))


def serve_measurement(measured: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer every request with what ``measured`` returns for it."""
    serve(lambda request, _: Message(measured(request.header)))


def _measured(request: dict[str, Any]) -> CaseFigures:
    keep_to(request["threads"])
    began = time.perf_counter()
    for name in IMPORTS:
        importlib.import_module(name)
    load_engine(request["engine"], **request["engine_options"])
    ready = time.perf_counter()
    report = _make(request)
    return _figures(report, time.perf_counter() - ready, ready - began, request["threads"])


def keep_to(threads: int) -> None:
    """Limit the whole process to ``threads`` cores, where the system can; 0: no limit."""
    if not threads:
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    import cv2

    cv2.setNumThreads(threads)


def _make(request: dict[str, Any]) -> Report:
    from ..pipeline.generate import generate

    options = GenerateOptions(engine=request["engine"], fps=request["fps"], engine_options=request["engine_options"])
    return generate(request["picture"], request["speech"], request["output"], options)


def _figures(report: Report, wall: float, imports: float, threads: int) -> CaseFigures:
    assert report.probe is not None
    film, peak = float(report.frames / report.fps), peak_bytes(Path("/proc/self/status"))
    return CaseFigures(
        size=report.probe.size,
        film_seconds=film,
        engine=report.engine,
        threads=threads,
        wall_seconds=wall,
        cpu_seconds=report.cpu_seconds,
        fps_wall=report.frames / wall,
        fps_cpu=report.frames / report.cpu_seconds,
        real_time_wall=film / wall,
        real_time_cpu=film / report.cpu_seconds,
        first_frame_seconds=report.first_frame_seconds,
        import_seconds=imports,
        peak_mb=None if peak is None else peak / 1e6,
        stages_ms={name: 1000 * spent / report.frames for name, spent in report.seconds.items()},
    )


def peak_bytes(status: Path) -> int | None:
    """Peak resident memory of this process; None where the system does not report it, as on Windows.

    ``ru_maxrss`` would inherit the parent's peak, so Linux's file ``status`` comes first.
    """
    try:
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        if importlib.util.find_spec("resource") is None:
            return None
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def resident_bytes(statm: Path) -> int | None:
    """Memory resident now; None where the system does not report it."""
    try:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError):
        return None


if __name__ == "__main__":
    main()
