"""The measured process: ``python -m lipsmith.bench.alone WISH``, where the wish is JSON; answers JSON ``Figures``."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines import load_engine
from ..options import GenerateOptions
from .case import Figures

if TYPE_CHECKING:
    from ..generate import Report

IMPORTS = (
    "av", "cv2", "onnxruntime", "mediapipe.python.solution_base", "lipsmith.face.track", "lipsmith.media.video",
    "lipsmith.media.writer",
)  # fmt: skip


def main() -> None:
    """Import, make the film, and write the figures to standard output."""
    wish: dict[str, Any] = json.loads(sys.argv[1])
    _keep_to(wish["threads"])
    began = time.perf_counter()
    for name in IMPORTS:
        importlib.import_module(name)
    load_engine(wish["engine"])
    ready = time.perf_counter()
    report = _make(wish)
    figures = _figures(report, time.perf_counter() - ready, ready - began, wish["threads"])
    sys.stdout.write(json.dumps(asdict(figures)))


def _keep_to(threads: int) -> None:
    """Keep the whole process to ``threads`` cores, where the system can; libraries then start no more threads."""
    if not threads:
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    import cv2

    cv2.setNumThreads(threads)


def _make(wish: dict[str, Any]) -> Report:
    from ..generate import generate

    options = GenerateOptions(engine=wish["engine"])
    return generate(wish["picture"], wish["speech"], wish["output"], options)


def _figures(report: Report, wall: float, imports: float, threads: int) -> Figures:
    assert report.probe is not None
    film = float(report.frames / report.fps)
    return Figures(
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
        peak_mb=_peak_bytes(Path("/proc/self/status")) / 1e6,
        stages_ms={name: 1000 * spent / report.frames for name, spent in report.seconds.items()},
    )


def _peak_bytes(status: Path) -> int:
    """The most memory this process ever held. ``ru_maxrss`` would inherit the parent's, so Linux's own file first."""
    try:
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
