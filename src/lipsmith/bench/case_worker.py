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

    from ..pipeline.film import Report
    from .render_cost import RenderCost

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
    options = GenerateOptions(engine=request["engine"], fps=request["fps"], engine_options=request["engine_options"])
    report = _make(request, options)
    wall, peak = time.perf_counter() - ready, peak_bytes(Path("/proc/self/status"))
    return _figures(report, (wall, ready - began), peak, request["threads"], _cost(request, options))


def keep_to(threads: int) -> None:
    """Limit the whole process to ``threads`` cores, where the system can; 0: no limit."""
    if not threads:
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    import cv2

    cv2.setNumThreads(threads)


def _make(request: dict[str, Any], options: GenerateOptions) -> Report:
    from ..pipeline.generate import generate

    return generate(request["picture"], request["speech"], request["output"], options)


def _cost(request: dict[str, Any], options: GenerateOptions) -> RenderCost:
    """What rendering and encoding cost on one core, so that x264 starts no threads of its own."""
    from .render_cost import render_cost

    keep_to(1)
    return render_cost(Path(request["picture"]), Path(request["speech"]), options)


def _figures(
    report: Report, seconds: tuple[float, float], peak: int | None, threads: int, cost: RenderCost
) -> CaseFigures:
    """``seconds``: wall clock of the film, and of the imports before it; ``peak``: bytes."""
    assert report.probe is not None
    film, (wall, imports) = float(report.frames / report.fps), seconds
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
        render_cpu_ms=cost.render_ms,
        encode_cpu_ms=cost.encode_ms,
        render_per_encode=cost.ratio,
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
