"""What hearing costs: the networks that turn speech into mouth controls, measured in a process of their own."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from .case import run_in_process
from .material import write_speech


@dataclass(frozen=True, slots=True)
class HearingFigures:
    """Processor time of each way of hearing, on one core."""

    seconds: float  # of speech
    load_seconds: float  # until the speech encoder and its heads are loaded; after the imports
    file_share: float  # seconds per second of speech: the speech encoder, for files
    live_share: float  # the same for a live stream
    live_window_ms: float  # one window of a live stream
    live_block_ms: float  # sound from one window to the next
    small_share: float  # the small network


def hearing_figures(seconds: float = 60.0) -> HearingFigures:
    """Hear ``seconds`` of the demo's speech in each way."""
    with tempfile.TemporaryDirectory(prefix="lipsmith-bench-") as folder:
        request = {"speech": str(write_speech(Path(folder), seconds))}
        return HearingFigures(**run_in_process("lipsmith.bench.hearing_worker", request, 1))
