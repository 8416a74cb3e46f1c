"""Which of an engine's speech encoders each session gets: the best for as many as fit, the cheapest for the rest."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ..drive.speech import SpeechDrive
from ..engines.protocols import EncoderUse, Engine
from ..timing import SPEECH_SAMPLE_RATE
from ..types import Samples
from .admission import Admission

USES: tuple[EncoderUse, ...] = ("live", "live_cheap")
"""Of live sessions, best first."""
_BLOCK = SPEECH_SAMPLE_RATE * 4 // 25  # samples: 160 ms
_WARM_UP = 15  # blocks that are not measured: networks are loaded, and windows of 2.4 s become full
_MEASURED = 10  # blocks
_PATIENCE = 0.5  # seconds of measuring after which the blocks so far do


class EncoderChoice:
    """Chooses the speech encoders of one host's sessions.

    Args:
        admission: knows how much room rendering leaves.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.costs: dict[EncoderUse, float] = {}  # seconds per second of sound, best encoder first

    def measure(self, engine: Engine, fps: Fraction, clock: Callable[[], float]) -> None:
        """Measure what each of the engine's live encoders costs. A second one of the same name is left out."""
        best, cheap = (SpeechDrive(engine, fps, use=use) for use in USES)
        costs: dict[EncoderUse, float] = {USES[0]: _cost(best, clock)}
        if cheap.encoder_name != best.encoder_name:
            costs[USES[1]] = _cost(cheap, clock)
        self.costs = costs

    def admit(self, sessions: int, fps: Fraction) -> None:
        """Check that one more session fits beside ``sessions`` if all hear as cheaply as they can. Raises Busy."""
        self._admission.admit(sessions, fps, (sessions + 1) * self.costs[self._cheapest])

    def assign(self, sessions: int, fps: Fraction) -> list[EncoderUse]:
        """The encoders of ``sessions`` that speak at ``fps``; the first ones get the best."""
        best, cheapest = next(iter(self.costs)), self._cheapest
        for rest in range(sessions + 1):
            uses = [best] * (sessions - rest) + [cheapest] * rest
            if self._admission.slack(sessions, fps, sum(self.costs[use] for use in uses)) >= 0:
                return uses
        return [cheapest] * sessions

    @property
    def _cheapest(self) -> EncoderUse:
        return min(self.costs, key=lambda use: self.costs[use])


def _cost(drive: SpeechDrive, clock: Callable[[], float]) -> float:
    """Seconds that ``drive`` takes for a second of sound; silence would cost some encoders less."""
    noise: Samples = np.random.default_rng(0).normal(0, 0.01, (_WARM_UP + _MEASURED, _BLOCK)).astype(np.float32)
    for block in noise[:_WARM_UP]:
        drive.push(block, 0)
    began, heard = clock(), 0
    while heard < _MEASURED and clock() - began < _PATIENCE:
        drive.push(noise[_WARM_UP + heard], 0)
        heard += 1
    return (clock() - began) / (heard * _BLOCK / SPEECH_SAMPLE_RATE)
