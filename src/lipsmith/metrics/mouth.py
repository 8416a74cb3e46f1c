"""Scores whoever hears: the mouth expected from a film's sound against the mouth that FaceMesh finds in its pictures.

For films of people that talk, with their own sound. No engine draws anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..drive.mouth_trace import MouthTrace, measure_mouth
from ..media.video import open_video_source
from ..speech.curve_streams import CurveStream
from ..speech.lips import lip_opening
from ..speech.mouth_encoder import MouthEncoder
from ..speech.sync import match
from ..types import MOUTH_CONTROLS, Array, Samples
from .sync import speech_samples

_JAW, _SPREAD, _PUCKER, _PRESS = (MOUTH_CONTROLS.index(name) for name in ("jaw", "spread", "pucker", "press"))


@dataclass(frozen=True, slots=True)
class MouthScore:
    """The expected mouth compared with the measured one. Correlations are Pearson's over time, at the best lag."""

    film: str
    frames: int
    lag_ms: float  # how far the sound runs ahead of the mouth; searched on the aperture, used for all
    aperture: float
    jaw: float
    width: float
    opening: float  # mean lip opening, as a share of the measured mean
    swing: float  # deviation of the lip opening, as a share of the measured one
    pressed: float  # share of the frames with press > .5


def score_mouth(film: Path, curves: Callable[[], CurveStream]) -> MouthScore:
    """Score one film. ``curves`` begins a stream, as at run time.

    Raises:
        InputError: the film cannot be read, or has no sound.
        FaceError: fewer than ten frames show a face.
    """
    video = open_video_source(film, "source")
    trace = measure_mouth(video.frames())
    drives = expected_drives(speech_samples(film), curves(), video.info.fps, len(trace.aperture))
    return compare(str(film), drives, trace, video.info.fps)


def expected_drives(blocks: Iterable[Samples], curves: CurveStream, fps: Fraction, frames: int) -> Array:
    """(frames, 8) controls for the sound in ``blocks`` of (n,) samples at 16 kHz; the last one is repeated."""
    encoder = MouthEncoder(fps, curves)
    found: list[Array] = []
    for block in blocks:
        found += encoder.push(block)
    found = found + encoder.flush() or [np.zeros(len(MOUTH_CONTROLS), np.float32)]
    return np.stack((found + found[-1:] * (frames - len(found)))[:frames])


def compare(name: str, drives: Array, trace: MouthTrace, fps: Fraction) -> MouthScore:
    """Compare (frames, 8) expected controls with the measured mouth of the film ``name``."""
    opening = lip_opening(drives).astype(np.float64)
    width = (drives[:, _SPREAD] - drives[:, _PUCKER]).astype(np.float64)
    found = match((opening, drives[:, _JAW].astype(np.float64), width), trace.curves, fps)
    return MouthScore(
        film=name,
        frames=len(drives),
        lag_ms=found.lag_ms,
        aperture=found.aperture_aligned,
        jaw=found.jaw_aligned,
        width=found.width_aligned or 0.0,
        opening=float(opening.mean() / max(1e-6, trace.aperture.mean())),
        swing=float(opening.std() / max(1e-6, trace.aperture.std())),
        pressed=float(np.mean(drives[:, _PRESS] > 0.5)),
    )
