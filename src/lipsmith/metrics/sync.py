"""Scores any film: the mouth that FaceMesh sees in it against the sound that goes with it.

Three curves of the sound stand beside the measured mouth, each told apart in the report:

* ``level``: loudness in dB. Knows nothing of phones.
* ``vowels``: power between 500 and 1200 Hz, where open vowels are strong, in dB. Knows nothing of phones either.
* ``student``: what our own student would do. It follows phones best, but a film that it drove is no stranger to it:
  there it measures how well the film obeys, not whether the student is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import FaceError
from ..face.landmarks import Landmarker
from ..media.sound import Hearing, open_speech
from ..media.video import open_picture
from ..speech.motion import MouthMotion
from ..speech.mouth import lip_opening
from ..timing import HEARING_RATE, sample_at
from ..types import Array, Image, Samples
from .curves import Curve, align, correlation, smoothed

_FURTHEST = Fraction(8, 25)  # s: sound that is further off than this is not found
_FEWEST = 10  # frames with a face, below which there is nothing to score
_INNER = ((13, 14), (82, 87), (312, 317))  # upper and lower inner lip: the middle, and halfway to the corners
_CORNERS, _NOSE_CHIN, _EYES = (78, 308), (2, 152), (33, 263)


@dataclass(frozen=True, slots=True, eq=False)
class MouthTrace:
    """A mouth over time, in distances between the outer eye corners. Frames without a face are filled in between."""

    aperture: Curve  # (n,) inner lips apart
    jaw: Curve  # (n,) from the nose's base to the chin
    width: Curve  # (n,) between the inner corners
    found: NDArray[np.bool_]  # (n,) whether a face was seen


@dataclass(frozen=True, slots=True)
class Match:
    """One curve of the sound against the measured mouth."""

    aperture: float  # correlation with the lips' opening as the film is
    aperture_aligned: float  # ... with the sound moved by ``lag_ms``
    jaw_aligned: float  # correlation with the jaw, so moved
    width_aligned: float | None  # correlation with the width; None: this curve says nothing about it
    lag_ms: float  # that the sound's curve runs ahead of the mouth where they fit best; 0 is in time


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How well a film's mouth goes with its sound."""

    film: str
    speech: str
    fps: float
    frames: int
    faces: float  # share of frames with a face
    aperture_mean: float  # of the eye distance
    aperture_deviation: float
    level: Match
    vowels: Match
    student: Match


def score_film(film: Path, speech: Path | None = None) -> SyncReport:
    """Score ``film`` against ``speech``, or against its own soundtrack.

    Raises:
        InputError: the film or the speech cannot be read.
        FaceError: a face in fewer than ten frames.
    """
    footage = open_picture(film)
    trace = measure_mouth(footage.frames())
    fps, frames = footage.info.fps, len(trace.aperture)
    sound = heard(speech or film)
    drives = drives_for(sound, fps, frames)
    mouth = lip_opening(drives).astype(np.float64), drives[:, 0].astype(np.float64), drives[:, 1] - drives[:, 2]
    level, vowels = level_curve(sound, fps, frames), level_curve(sound, fps, frames, (500, 1200))
    return SyncReport(
        film=str(film),
        speech=str(speech or film),
        fps=float(fps),
        frames=frames,
        faces=float(trace.found.mean()),
        aperture_mean=float(trace.aperture.mean()),
        aperture_deviation=float(trace.aperture.std()),
        level=match(trace, (level, level, None), fps),
        vowels=match(trace, (vowels, vowels, None), fps),
        student=match(trace, mouth, fps),
    )


def measure_mouth(frames: Iterator[Image]) -> MouthTrace:
    """Follow the largest face through (H, W, 3) RGB frames.

    Raises:
        FaceError: a face in fewer than ten frames.
    """
    rows: list[tuple[float, float, float]] = []
    with closing(Landmarker(max_faces=1, tracking=True)) as landmarker:
        for image in frames:
            faces = landmarker.find(image)
            rows.append(mouth_of(faces[0].landmarks) if faces else (np.nan,) * 3)
    measured = np.array(rows, np.float64).reshape(-1, 3)
    found = np.isfinite(measured[:, 0])
    if found.sum() < _FEWEST:
        raise FaceError(
            f"A face was seen in {int(found.sum())} frames; scoring needs {_FEWEST}. Give a film of a face."
        )
    at = np.arange(len(measured))
    aperture, jaw, width = (np.interp(at, at[found], measured[found, k]) for k in range(3))
    return MouthTrace(aperture, jaw, width, found)


def mouth_of(landmarks: Array) -> tuple[float, float, float]:
    """Aperture, jaw and width of (478, 3) landmarks, each over the distance of the outer eye corners."""

    def apart(one: int, other: int) -> float:
        return float(np.linalg.norm(landmarks[one].astype(np.float64) - landmarks[other]))

    eyes = max(1e-6, apart(*_EYES))
    return (
        sum(apart(*pair) for pair in _INNER) / len(_INNER) / eyes,
        apart(*_NOSE_CHIN) / eyes,
        apart(*_CORNERS) / eyes,
    )


def match(trace: MouthTrace, sound: tuple[Curve, Curve, Curve | None], fps: Fraction) -> Match:
    """Compare curves of the sound for aperture, jaw and width with the trace. The lag found on aperture serves all."""
    aperture, jaw, width = sound
    found = align(aperture, trace.aperture, float(_FURTHEST * fps))
    return Match(
        aperture=found.still,
        aperture_aligned=found.best,
        jaw_aligned=_moved(jaw, trace.jaw, found.lag),
        width_aligned=None if width is None else _moved(width, trace.width, found.lag),
        lag_ms=found.lag * 1000 / float(fps),
    )


def _moved(curve: Curve, truth: Curve, lag: float) -> float:
    edge = int(np.ceil(abs(lag)))
    at = np.arange(len(curve))
    inside = slice(edge, len(curve) - edge)
    return correlation(np.interp(at - lag, at, curve)[inside], truth[inside])


def heard(path: Path) -> Samples:
    """(n,) at 16 kHz of any sound, or of a film's soundtrack."""
    speech = open_speech(path)
    hearing = Hearing(speech.rate)
    parts = [hearing.push(block) for block in speech.blocks()]
    return np.concatenate([*parts, hearing.flush()])


def drives_for(samples: Samples, fps: Fraction, frames: int) -> Array:
    """(frames, 8): the student over (n,) samples at 16 kHz; the last drive is held where the sound is shorter."""
    motion = MouthMotion(fps)
    drives = motion.push(samples) + motion.flush() or [np.zeros(8, np.float32)]
    return np.stack((drives + drives[-1:] * max(0, frames - len(drives)))[:frames])


def level_curve(samples: Samples, fps: Fraction, frames: int, band: tuple[float, float] | None = None) -> Curve:
    """(frames,) dB of 50 ms around the middle of each frame, smoothed over a frame, within 50 dB of the loudest."""
    sound = _within(samples, band) if band else samples.astype(np.float64)
    levels = np.empty(frames)
    for frame in range(frames):
        middle = (sample_at(frame, fps) + sample_at(frame + 1, fps)) // 2
        part = sound[max(0, middle - 400) : middle + 400]
        levels[frame] = 10 * np.log10(np.mean(part**2) + 1e-10) if len(part) else -100.0
    return smoothed(np.maximum(levels, levels.max() - 50), 1.0)


def _within(samples: Samples, band: tuple[float, float]) -> Curve:
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(len(samples), 1 / HEARING_RATE)
    spectrum[(frequency < band[0]) | (frequency > band[1])] = 0
    return np.fft.irfft(spectrum, len(samples))
