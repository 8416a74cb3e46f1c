"""The measured process: ``python -m lipsmith.bench.hearing_worker``, started by ``hearing.hearing_figures``."""

from __future__ import annotations

import importlib
import time
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..timing import SPEECH_SAMPLE_RATE
from .case_worker import keep_to, serve_measurement
from .hearing import HearingFigures

if TYPE_CHECKING:
    from ..speech.curve_streams import Hearing
    from ..types import Samples

_BLOCK = 3200  # samples pushed at a time: 200 ms
_WARM_UP = 32_000  # samples that are heard before time is taken


def main() -> None:
    """Answer a request with its ``HearingFigures``."""
    serve_measurement(lambda request: asdict(_measured(request)))


def _measured(request: dict[str, Any]) -> HearingFigures:
    keep_to(request["threads"])
    importlib.import_module("onnxruntime")
    from ..speech.encoder_model import load_encoder
    from ..speech.encoder_windows import STEP, SlidingWindows
    from ..speech.mouth_heads import load_heads

    sound = _sound(Path(request["speech"]))
    began = time.perf_counter()
    load_encoder()
    windows = load_heads().live.windows
    loaded = time.perf_counter() - began
    assert isinstance(windows, SlidingWindows)
    live, block = _share("live", sound), windows.block * STEP / SPEECH_SAMPLE_RATE
    seconds = len(sound) / SPEECH_SAMPLE_RATE
    file, small = _share("file", sound), _share("small", sound)
    return HearingFigures(seconds, loaded, file, live, 1000 * live * block, 1000 * block, small)


def _sound(path: Path) -> Samples:
    from ..media.resampler import Resampler
    from ..media.sound import open_speech

    speech = open_speech(path)
    resampler = Resampler(speech.rate)
    return np.concatenate([*(resampler.push(block) for block in speech.blocks()), resampler.flush()])


def _share(hearing: Hearing, sound: Samples) -> float:
    """Seconds of processor time for a second of (n,) ``sound`` at 16 kHz."""
    from ..speech.curve_streams import curve_stream
    from ..speech.mouth_encoder import MouthEncoder

    MouthEncoder(Fraction(25), curve_stream(hearing)).push(sound[:_WARM_UP])
    encoder, began = MouthEncoder(Fraction(25), curve_stream(hearing)), time.process_time()
    for start in range(0, len(sound), _BLOCK):
        encoder.push(sound[start : start + _BLOCK])
    encoder.flush()
    return (time.process_time() - began) / (len(sound) / SPEECH_SAMPLE_RATE)


if __name__ == "__main__":
    main()
