"""Scores a student on speech whose phone times are known, and on sounds in which no mouth moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...corpus.utterance import LabelledUtterance
from ...speech.curves import align, correlation
from ...speech.motion import MouthMotion
from ...speech.mouth import lip_opening
from ...speech.phones import Segment
from ...speech.student import MIDDLE, STEP, Student
from ...speech.teacher import mouth_curves
from ...timing import HEARING_RATE
from ...types import Array, Samples
from .noise import KINDS, noise_sound

Gesture = Callable[[Array], bool]
FPS = Fraction(25)
_NEAR = 320  # samples around a phone in which its gesture counts: 20 ms, so that every phone has a step
_FAR = 1280  # samples beyond which a closed mouth is a false closure: 80 ms
_ROUND, _JAW, _SPREAD, _PUCKER, _PRESS, _BITE = frozenset("uowyɥʊ"), 0, 1, 2, 5, 6


@dataclass(frozen=True, slots=True)
class SpeechScore:
    """A student against the phone-timed truth. Correlations are Pearson's over all steps."""

    minutes: float
    jaw: float
    opening: float
    pucker: float
    spread: float
    jaw_by_voice: dict[str, float]
    lag_frames: float  # that the student's jaw runs ahead of the truth, at 25 fps
    closures: int  # p, b, m spoken
    closure_hits: float  # share of them with press >= .5 within 20 ms
    closed_lips: float  # share of them in which the drawn lips come within .01 of the eye distance
    false_closures: float  # share of the student's closures with no p, b, m within 80 ms
    bite_hits: float  # share of f, v with bite >= .4 within 20 ms
    rounding_hits: float  # share of rounded vowels and glides with pucker >= .4 within 20 ms


def drives_of(student: Student, samples: Samples) -> Array:
    """(frames, 8) at 25 fps for (n,) samples at 16 kHz."""
    motion = MouthMotion(FPS, student)
    drives = motion.push(samples) + motion.flush()
    return np.stack(drives) if drives else np.zeros((0, 8), np.float32)


def truth_of(utterance: LabelledUtterance, frames: int) -> Array:
    """(frames, 8): what the phone times alone ask for at the middle of each 25 fps frame."""
    curves = mouth_curves(utterance.segments, len(utterance.samples))
    at = np.minimum((np.arange(frames) * STEP + MIDDLE) // (HEARING_RATE // 100), len(curves) - 1)
    truth: Array = curves[at]
    return truth


def score_speech(student: Student, utterances: Sequence[LabelledUtterance]) -> SpeechScore:
    """Score every utterance and pool them."""
    given = [drives_of(student, utterance.samples) for utterance in utterances]
    truth = [truth_of(utterance, len(drives)) for utterance, drives in zip(utterances, given, strict=True)]
    said, meant = np.concatenate(given), np.concatenate(truth)
    closures = _shares(utterances, given, frozenset("pbm"), lambda near: near[:, _PRESS].max() >= 0.5)
    touching = _shares(utterances, given, frozenset("pbm"), lambda near: lip_opening(near).min() <= 0.01)
    bites = _shares(utterances, given, frozenset("fvʋ"), lambda near: near[:, _BITE].max() >= 0.4)
    rounds = _shares(utterances, given, _ROUND, lambda near: near[:, _PUCKER].max() >= 0.4)
    lags = [(align(g[:, _JAW], t[:, _JAW], 4).lag, len(g)) for g, t in zip(given, truth, strict=True) if len(g) > 25]
    return SpeechScore(
        minutes=round(len(said) / 25 / 60, 2),
        jaw=correlation(said[:, _JAW], meant[:, _JAW]),
        opening=correlation(lip_opening(said), lip_opening(meant)),
        pucker=correlation(said[:, _PUCKER], meant[:, _PUCKER]),
        spread=correlation(said[:, _SPREAD], meant[:, _SPREAD]),
        jaw_by_voice=_by_voice(utterances, given, truth),
        lag_frames=float(np.average([lag for lag, _ in lags], weights=[n for _, n in lags])) if lags else 0.0,
        closures=len(closures),
        closure_hits=_mean(closures),
        closed_lips=_mean(touching),
        false_closures=_false_closures(utterances, given),
        bite_hits=_mean(bites),
        rounding_hits=_mean(rounds),
    )


def score_stillness(student: Student, seed: int, seconds: int = 20) -> dict[str, float]:
    """Mean lip opening (of the eye distance) over silence, a hiss at -50 dB and each kind of wordless sound."""
    generator = np.random.default_rng([seed, 77])
    count = seconds * HEARING_RATE
    sounds = {kind: noise_sound(kind, generator, count, 0.3) for kind in KINDS}
    sounds["silence"] = np.zeros(count, np.float32)
    sounds["hiss"] = generator.normal(0, 10 ** (-50 / 20), count).astype(np.float32)
    return {kind: float(lip_opening(drives_of(student, sound)).mean()) for kind, sound in sounds.items()}


def _near(segment: Segment, drives: Array, reach: int) -> Array:
    middles = np.arange(len(drives)) * STEP + MIDDLE
    return drives[(middles >= segment.start - reach) & (middles < segment.stop + reach)]


def _shares(
    utterances: Sequence[LabelledUtterance], given: Sequence[Array], symbols: frozenset[str], hit: Gesture
) -> list[bool]:
    """For every segment of ``symbols``, whether its gesture is there."""
    return [
        bool(hit(near))
        for utterance, drives in zip(utterances, given, strict=True)
        for segment in utterance.segments
        if segment.symbol in symbols and len(near := _near(segment, drives, _NEAR))
    ]


def _false_closures(utterances: Sequence[LabelledUtterance], given: Sequence[Array]) -> float:
    false: list[bool] = []
    for utterance, drives in zip(utterances, given, strict=True):
        labials = [segment for segment in utterance.segments if segment.symbol in "pbmɸβ"]
        for frame in np.flatnonzero(drives[:, _PRESS] >= 0.5):
            at = int(frame) * STEP + MIDDLE
            false.append(not any(s.start - _FAR <= at < s.stop + _FAR for s in labials))
    return _mean(false)


def _by_voice(
    utterances: Sequence[LabelledUtterance], given: Sequence[Array], truth: Sequence[Array]
) -> dict[str, float]:
    engines = [utterance.voice.split("+")[0] for utterance in utterances]
    found: dict[str, float] = {}
    for engine in sorted(set(engines)):
        rows = [index for index, name in enumerate(engines) if name == engine]
        said, meant = (np.concatenate([curves[i][:, _JAW] for i in rows]) for curves in (given, truth))
        found[engine] = correlation(said, meant)
    return found


def _mean(hits: Sequence[bool]) -> float:
    return float(np.mean(hits)) if hits else 0.0
