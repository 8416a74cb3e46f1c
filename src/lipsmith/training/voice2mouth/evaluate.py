"""Scores whoever hears (the student or a head) on speech with known phone times, and on sounds without speech."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...corpus.utterance import LabelledUtterance
from ...speech.curve_streams import CurveStream
from ...speech.curves import align, correlation
from ...speech.lips import lip_opening
from ...speech.mouth_encoder import MouthEncoder
from ...speech.phones import CLOSURES, Segment
from ...speech.student import MIDDLE, STEP
from ...speech.teacher import mouth_curves
from ...timing import SPEECH_SAMPLE_RATE
from ...types import Array, Samples
from .noise import KINDS, noise_sound

Gesture = Callable[[Array], bool]
Curves = Callable[[], CurveStream]
"""Begins a stream: a student's or a head's, as at run time."""
FPS = Fraction(25)
_NEAR = 320  # samples around a phone in which its gesture is searched: 20 ms, so that each phone has a step
_FAR = 1280  # samples: a closed mouth further than 80 ms from a labial is a false closure
_ROUND, _JAW, _SPREAD, _PUCKER, _PRESS, _BITE = frozenset("uowyɥʊ"), 0, 1, 2, 5, 6


@dataclass(frozen=True, slots=True)
class SpeechScore:
    """Predicted curves compared with the teacher's. Correlations are Pearson's over all steps."""

    minutes: float
    jaw: float
    opening: float
    pucker: float
    spread: float
    jaw_by_voice: dict[str, float]
    lag_frames: float  # at 25 fps; positive: the predicted jaw is ahead of the target
    closures: int  # number of p, b, m
    closure_hits: float  # share of them with press >= .5 within 20 ms
    closed_lips: float  # share of them in which the lip opening falls to .01 of the eye distance
    false_closures: float  # share of the frames with press >= .5 that have no p, b, m within 80 ms
    bite_hits: float  # share of f, v with bite >= .4 within 20 ms
    rounding_hits: float  # share of rounded vowels and glides with pucker >= .4 within 20 ms


def predict_drives(curves: Curves, samples: Samples) -> Array:
    """The drives, (frames, 8) at 25 fps, for (n,) samples at 16 kHz."""
    motion = MouthEncoder(FPS, curves())
    drives = motion.push(samples) + motion.flush()
    return np.stack(drives) if drives else np.zeros((0, 8), np.float32)


def target_curves(utterance: LabelledUtterance, frames: int) -> Array:
    """The teacher's curves at the middle of each frame, (frames, 8) at 25 fps, without emphasis."""
    curves = mouth_curves(utterance.segments, len(utterance.samples))
    at = np.minimum((np.arange(frames) * STEP + MIDDLE) // (SPEECH_SAMPLE_RATE // 100), len(curves) - 1)
    target: Array = curves[at]
    return target


def score_speech(curves: Curves, utterances: Sequence[LabelledUtterance]) -> SpeechScore:
    """Score on all utterances together."""
    predicted = [predict_drives(curves, utterance.samples) for utterance in utterances]
    target = [target_curves(utterance, len(drives)) for utterance, drives in zip(utterances, predicted, strict=True)]
    predicted_all, target_all = np.concatenate(predicted), np.concatenate(target)
    closures = _hits(utterances, predicted, CLOSURES, lambda near: near[:, _PRESS].max() >= 0.5)
    touching = _hits(utterances, predicted, CLOSURES, lambda near: lip_opening(near).min() <= 0.01)
    bites = _hits(utterances, predicted, frozenset("fvʋ"), lambda near: near[:, _BITE].max() >= 0.4)
    rounds = _hits(utterances, predicted, _ROUND, lambda near: near[:, _PUCKER].max() >= 0.4)
    lags = [
        (align(g[:, _JAW], t[:, _JAW], 4).lag, len(g)) for g, t in zip(predicted, target, strict=True) if len(g) > 25
    ]
    return SpeechScore(
        minutes=round(len(predicted_all) / 25 / 60, 2),
        jaw=correlation(predicted_all[:, _JAW], target_all[:, _JAW]),
        opening=correlation(lip_opening(predicted_all), lip_opening(target_all)),
        pucker=correlation(predicted_all[:, _PUCKER], target_all[:, _PUCKER]),
        spread=correlation(predicted_all[:, _SPREAD], target_all[:, _SPREAD]),
        jaw_by_voice=_by_voice(utterances, predicted, target),
        lag_frames=float(np.average([lag for lag, _ in lags], weights=[n for _, n in lags])) if lags else 0.0,
        closures=len(closures),
        closure_hits=_mean(closures),
        closed_lips=_mean(touching),
        false_closures=_false_closures(utterances, predicted),
        bite_hits=_mean(bites),
        rounding_hits=_mean(rounds),
    )


def score_stillness(curves: Curves, seed: int, seconds: int = 20) -> dict[str, float]:
    """Mean lip opening in eye distances, for silence, a hiss at -50 dB and each kind of noise."""
    generator = np.random.default_rng([seed, 77])
    count = seconds * SPEECH_SAMPLE_RATE
    sounds = {kind: noise_sound(kind, generator, count, 0.3) for kind in KINDS}
    sounds["silence"] = np.zeros(count, np.float32)
    sounds["hiss"] = generator.normal(0, 10 ** (-50 / 20), count).astype(np.float32)
    return {kind: float(lip_opening(predict_drives(curves, sound)).mean()) for kind, sound in sounds.items()}


def _near(segment: Segment, drives: Array, reach: int) -> Array:
    middles = np.arange(len(drives)) * STEP + MIDDLE
    return drives[(middles >= segment.start - reach) & (middles < segment.stop + reach)]


def _hits(
    utterances: Sequence[LabelledUtterance], predicted: Sequence[Array], symbols: frozenset[str], hit: Gesture
) -> list[bool]:
    """For each segment of ``symbols``, whether its gesture is present."""
    return [
        bool(hit(near))
        for utterance, drives in zip(utterances, predicted, strict=True)
        for segment in utterance.segments
        if segment.symbol in symbols and len(near := _near(segment, drives, _NEAR))
    ]


def _false_closures(utterances: Sequence[LabelledUtterance], predicted: Sequence[Array]) -> float:
    false: list[bool] = []
    for utterance, drives in zip(utterances, predicted, strict=True):
        labials = [segment for segment in utterance.segments if segment.symbol in "pbmɸβ"]
        for frame in np.flatnonzero(drives[:, _PRESS] >= 0.5):
            at = int(frame) * STEP + MIDDLE
            false.append(not any(s.start - _FAR <= at < s.stop + _FAR for s in labials))
    return _mean(false)


def _by_voice(
    utterances: Sequence[LabelledUtterance], predicted: Sequence[Array], target: Sequence[Array]
) -> dict[str, float]:
    engines = [utterance.voice.split("+")[0] for utterance in utterances]
    found: dict[str, float] = {}
    for engine in sorted(set(engines)):
        rows = [index for index, name in enumerate(engines) if name == engine]
        predicted_all, target_all = (
            np.concatenate([curves[i][:, _JAW] for i in rows]) for curves in (predicted, target)
        )
        found[engine] = correlation(predicted_all, target_all)
    return found


def _mean(hits: Sequence[bool]) -> float:
    return float(np.mean(hits)) if hits else 0.0
