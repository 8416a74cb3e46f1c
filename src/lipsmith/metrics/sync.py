"""Score any film: the mouth that FaceMesh finds in it against the sound that goes with it.

``speech.sync`` explains the three curves of the sound, ``speech.verdict`` the verdict. The film's pictures are read
frame by frame at its own rate, its sound block by block, so a frame needs some hundred bytes of memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..drive.mouth_trace import measure_mouth
from ..media.resampler import Resampler
from ..media.sound import open_speech
from ..media.video import open_video_source
from ..speech.lips import lip_opening
from ..speech.sync import Match, match, measure_speech
from ..speech.verdict import Verdict, judge
from ..types import Samples


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How well the mouth in a film agrees with the sound."""

    film: str
    speech: str
    fps: float
    frames: int
    faces: float  # share of frames with a face
    aperture_mean: float  # in eye distances, as all lengths
    aperture_deviation: float
    verdict: Verdict
    controls: Match
    vowels: Match
    level: Match


def score_film(film: Path, speech: Path | None = None) -> SyncReport:
    """Score ``film`` against ``speech``, or against its own soundtrack.

    Raises:
        InputError: the film or the speech cannot be read.
        FaceError: fewer than ten frames show a face.
    """
    video = open_video_source(film, "source")
    trace = measure_mouth(video.frames())
    fps, frames = video.info.fps, len(trace.aperture)
    controls, level, vowels = measure_speech(speech_samples(speech or film), fps, frames)
    jaw, width = controls[:, 0].astype(np.float64), controls[:, 1] - controls[:, 2]
    expected = lip_opening(controls).astype(np.float64), jaw, width.astype(np.float64)
    return SyncReport(
        film=str(film),
        speech=str(speech or film),
        fps=float(fps),
        frames=frames,
        faces=float(trace.found.mean()),
        aperture_mean=float(trace.aperture.mean()),
        aperture_deviation=float(trace.aperture.std()),
        verdict=judge(expected, trace.curves, fps),
        controls=match(expected, trace.curves, fps),
        vowels=match((vowels, vowels, None), trace.curves, fps),
        level=match((level, level, None), trace.curves, fps),
    )


def speech_samples(path: Path) -> Iterator[Samples]:
    """Read any sound, or the soundtrack of a film, as blocks of (n,) mono samples at 16 kHz."""
    speech = open_speech(path)
    resampler = Resampler(speech.rate)
    for block in speech.blocks():
        yield resampler.push(block)
    yield resampler.flush()
