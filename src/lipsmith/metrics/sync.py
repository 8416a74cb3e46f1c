"""Scores any film: the mouth that FaceMesh sees in it against the sound that goes with it.

Three curves of the sound stand beside the measured mouth, each told apart in the report:

* ``level``: loudness in dB. Knows nothing of phones.
* ``vowels``: power between 500 and 1200 Hz, where open vowels are strong, in dB. Knows nothing of phones either.
* ``student``: what our own student would do. It follows phones best, but a film that it drove is no stranger to it:
  there it measures how well the film obeys, not whether the student is right.

A film is looked at picture by picture at its own rate, and heard block by block: what is kept of it is some hundred
bytes a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import FaceError
from ..face.landmarks import Landmarker
from ..media.resampler import Resampler
from ..media.sound import open_speech
from ..media.video import open_video_source
from ..speech.lips import lip_opening
from ..speech.mouth_encoder import MouthEncoder
from ..timing import HEARING_RATE, sample_at
from ..types import Array, Image, Samples
from .curves import Curve, align, correlation, smoothed

_FURTHEST = Fraction(8, 25)  # s: sound that is further off than this is not found
_FEWEST = 10  # frames with a face, below which there is nothing to score
_INNER = ((13, 14), (82, 87), (312, 317))  # upper and lower inner lip: the middle, and halfway to the corners
_HALF_WINDOW = HEARING_RATE // 40  # samples: 25 ms to either side of a frame's middle
_HANN = np.hanning(2 * _HALF_WINDOW)
_VOWELS = slice(25, 61)  # bins of 20 Hz: 500 to 1200 Hz
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
    footage = open_video_source(film, "source")
    trace = measure_mouth(footage.frames())
    fps, frames = footage.info.fps, len(trace.aperture)
    drives, level, vowels = listen(heard(speech or film), fps, frames)
    mouth = lip_opening(drives).astype(np.float64), drives[:, 0].astype(np.float64), drives[:, 1] - drives[:, 2]
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


def heard(path: Path) -> Iterator[Samples]:
    """Blocks of (n,) samples at 16 kHz of any sound, or of a film's soundtrack."""
    speech = open_speech(path)
    hearing = Resampler(speech.rate)
    for block in speech.blocks():
        yield hearing.push(block)
    yield hearing.flush()


def listen(blocks: Iterable[Samples], fps: Fraction, frames: int) -> tuple[Array, Curve, Curve]:
    """What blocks of (n,) samples at 16 kHz say of ``frames`` frames at ``fps``, as far as these reach.

    Returns:
        (frames, 8) drives of the student, the last one held where the sound is shorter; (frames,) level and vowels:
        dB of the 50 ms around the middle of each frame, smoothed over 40 ms, within 50 dB of the loudest.
    """
    motion, windows = MouthEncoder(fps), _Windows(fps, frames)
    drives: list[Array] = []
    levels: list[tuple[float, float]] = []
    for block in blocks:
        drives += motion.push(block)
        levels += [_level(window) for window in windows.push(block)]
        if len(drives) >= frames and len(levels) >= frames:
            break
    drives += motion.flush() if len(drives) < frames else []
    drives = drives or [np.zeros(8, np.float32)]
    levels += [_level(window) for window in windows.flush()]
    level, vowels = (_evened(curve, fps) for curve in np.array(levels, np.float64).T)
    return np.stack((drives + drives[-1:] * (frames - len(drives)))[:frames]), level, vowels


class _Windows:
    """Cuts out of a stream of sound the 50 ms around the middle of every film frame."""

    def __init__(self, fps: Fraction, frames: int) -> None:
        self._fps, self._frames = fps, frames
        self._frame = 0  # whose window comes next
        self._sound = np.zeros(_HALF_WINDOW, np.float32)  # as much silence goes before the first sample
        self._dropped = -_HALF_WINDOW  # the stream's index of the first sample still held

    def push(self, samples: Samples) -> list[Samples]:
        """The windows, each (800,), that (n,) more samples complete."""
        self._sound = np.concatenate([self._sound, samples])
        whole: list[Samples] = []
        while self._frame < self._frames and (start := self._start()) + 2 * _HALF_WINDOW <= len(self._sound):
            whole.append(self._sound[start : start + 2 * _HALF_WINDOW])
            self._frame += 1
        done = min(self._start(), len(self._sound))
        self._sound, self._dropped = self._sound[done:], self._dropped + done
        return whole

    def flush(self) -> list[Samples]:
        """The windows of all frames that are left, with silence after the sound."""
        empty: Samples = np.zeros(2 * _HALF_WINDOW, np.float32)
        whole = self.push(empty)
        return whole + [empty] * (self._frames - self._frame)

    def _start(self) -> int:
        middle = (sample_at(self._frame, self._fps) + sample_at(self._frame + 1, self._fps)) // 2
        return middle - _HALF_WINDOW - self._dropped


def _level(window: Samples) -> tuple[float, float]:
    """Mean power of a (800,) window, and the part of it between 500 and 1200 Hz under a Hann window; in dB."""
    sound = window.astype(np.float64)
    spectrum = np.abs(np.fft.rfft(sound * _HANN)[_VOWELS]) ** 2
    powers = np.mean(sound**2), 2 * spectrum.sum() / len(sound) / (_HANN @ _HANN)
    level, vowels = (float(10 * np.log10(power + 1e-10)) for power in powers)
    return level, vowels


def _evened(levels: Curve, fps: Fraction) -> Curve:
    return smoothed(np.maximum(levels, levels.max() - 50), float(fps / 25))
