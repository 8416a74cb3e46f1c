"""Which of an engine's speech encoders each session gets: the best for as many as fit, the cheapest for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from ..drive.speech import SpeechDrive
from ..engines.protocols import EncoderUse, Engine
from ..errors import OptionError
from ..options import option_infos
from ..timing import SPEECH_SAMPLE_RATE
from ..types import Samples
from .admission import Admission, OtherHosts

USES: tuple[EncoderUse, ...] = ("live", "live_cheap")
"""Of live sessions, best first."""
_BLOCK = SPEECH_SAMPLE_RATE * 4 // 25  # samples: 160 ms
_WARM_UP = 15  # blocks that are not measured: networks are loaded, and windows of 2.4 s become full
_MEASURED = 10  # blocks
_PATIENCE = 0.5  # seconds of measuring after which the blocks so far do
_KEPT = 600.0  # seconds after which it is measured again: the machine may have been busy
_LATEST = 2  # seconds that an encoder may be behind the sound; a session speaks that much later


@dataclass(frozen=True, slots=True)
class EncoderCost:
    """What was measured of one speech encoder."""

    seconds: float  # per second of sound
    measured_at: float  # on the clock


@dataclass(slots=True)
class CostTable:
    """What is known of speech encoders. Hosts of engines that hear alike share it, so each is measured once."""

    _known: dict[Any, EncoderCost] = field(default_factory=dict)

    def of(self, engine: Engine, fps: Fraction, use: EncoderUse, clock: Callable[[], float]) -> EncoderCost:
        """The cost of the engine's encoder for ``use``, measured if need be."""
        drive = SpeechDrive(engine, fps, use=use)
        key = (type(engine), engine.info, fps, drive.encoder_name, *_hearing_options(engine).items())
        known = self._known.get(key)
        if known is None or clock() - known.measured_at > _KEPT:
            known = self._known[key] = _measured(drive, clock)
        return known


PROCESS_COSTS = CostTable()
"""Those of this process."""


class EncoderChoice:
    """Chooses the speech encoders of one host's sessions.

    Args:
        admission: knows how much room rendering leaves.
        table: shared with other hosts; None: of its own.
    """

    def __init__(self, admission: Admission, table: CostTable | None = None) -> None:
        self._admission, self._table = admission, table or CostTable()
        self.costs: dict[EncoderUse, float] = {}  # seconds per second of sound, best encoder first

    def measure(self, engine: Engine, fps: Fraction, clock: Callable[[], float]) -> None:
        """Measure what each of the engine's live encoders costs. A second one of the same name is left out.

        Raises:
            OptionError: the best one answers too late for a live session.
        """
        best, cheap = (SpeechDrive(engine, fps, use=use) for use in USES)
        names = (best.encoder_name, cheap.encoder_name)
        if not _answers_in_time(best, fps):
            raise OptionError(_too_late(engine))
        costs: dict[EncoderUse, float] = {USES[0]: self._table.of(engine, fps, USES[0], clock).seconds}
        if len(set(names)) > 1:
            costs[USES[1]] = self._table.of(engine, fps, USES[1], clock).seconds
        self.costs = costs

    def admit(self, sessions: int, fps: Fraction, others: OtherHosts | None = None) -> None:
        """Check that one more session fits beside ``sessions`` if all hear as cheaply as they can. Raises Busy."""
        self._admission.admit(sessions, fps, (sessions + 1) * self.costs[self._cheapest], others)

    def assign(self, sessions: int, fps: Fraction, others: float = 0.0) -> list[EncoderUse]:
        """The encoders of ``sessions`` that speak at ``fps``; the first ones get the best.

        Args:
            others: seconds per second that the other hosts of this process take.
        """
        best, cheapest = next(iter(self.costs)), self._cheapest
        for rest in range(sessions + 1):
            uses = [best] * (sessions - rest) + [cheapest] * rest
            if self._admission.slack(sessions, fps, others + sum(self.costs[use] for use in uses)) >= 0:
                return uses
        return [cheapest] * sessions

    @property
    def cheapest_cost(self) -> float:
        """Seconds per second of sound of the cheapest encoder."""
        return self.costs[self._cheapest]

    @property
    def _cheapest(self) -> EncoderUse:
        return min(self.costs, key=lambda use: self.costs[use])


def _measured(drive: SpeechDrive, clock: Callable[[], float]) -> EncoderCost:
    """Measured with noise; silence would cost some encoders less."""
    noise: Samples = np.random.default_rng(0).normal(0, 0.01, (_WARM_UP + _MEASURED, _BLOCK)).astype(np.float32)
    for block in noise[:_WARM_UP]:
        drive.push(block, 0)
    began, heard = clock(), 0
    while heard < _MEASURED and clock() - began < _PATIENCE:
        drive.push(noise[_WARM_UP + heard], 0)
        heard += 1
    return EncoderCost((clock() - began) / (heard * _BLOCK / SPEECH_SAMPLE_RATE), clock())


def _answers_in_time(drive: SpeechDrive, fps: Fraction) -> bool:
    """Whether the first frame has its drive when ``_LATEST`` seconds after it were heard, at the latest."""
    blocks = -(-(_LATEST + 1 / fps) * SPEECH_SAMPLE_RATE // _BLOCK)
    return any(drive.push(np.zeros(_BLOCK, np.float32), 0) for _ in range(int(blocks)))


def _hearing_options(engine: Engine) -> dict[str, Any]:
    """The options that may change what hearing costs: those of this machine, and those that every session says anew."""
    found = [one for one in option_infos(type(engine.options)) if one.local or not one.kept]
    return {one.name: getattr(engine.options, one.name) for one in found}


def _too_late(engine: Engine) -> str:
    infos = {one.name: one for one in option_infos(type(engine.options)) if not one.kept}
    given = [f"{name} '{value}'" for name, value in _hearing_options(engine).items()
             if name in infos and value != infos[name].default]  # fmt: skip
    with_options = f" with {', '.join(given)}" if given else ""
    remedy = "leave that out" if given else "use another engine"
    return (
        f"{engine.info.name}{with_options} hears more than {_LATEST} s of speech before the mouth moves, too late "
        f"for a live session: {remedy}."
    )
