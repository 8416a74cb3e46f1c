"""Whether one more session fits. To refuse one is better than to let all of them stutter.

A process may have several session hosts. They share its processor, so they share one ``LoadBudget``.
"""

from __future__ import annotations

import weakref
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from ..errors import Busy

KEPT = 64
"""Calls that the estimate is made from: those of some seconds, so that it follows the load of the machine."""
SHARE = 0.8
"""Of the time between two ticks, what speech encoding and rendering may take. The rest is for loading and coding."""


class LoadModel:
    """How long a call to ``render`` takes: T(B) = a + b * B seconds for B rows, both at least 0."""

    def __init__(self) -> None:
        self._calls: deque[tuple[int, float]] = deque(maxlen=KEPT)

    def __len__(self) -> int:
        return len(self._calls)

    def measured(self, rows: int, seconds: float) -> None:
        """Note that a call of ``rows`` rows took ``seconds``."""
        if rows:
            self._calls.append((rows, seconds))

    def fit(self) -> tuple[float, float]:
        """(a, b) in seconds, by least squares over the last calls.

        If all calls have the same number of rows, or the fit is negative, a is 0 and b is the median time per row.
        """
        if not self._calls:
            return 0.0, 0.0
        rows, times = np.array(self._calls, np.float64).T
        spread = float(((rows - rows.mean()) ** 2).sum())
        if spread > 0:
            slope = float(((rows - rows.mean()) * (times - times.mean())).sum()) / spread
            base = float(times.mean()) - slope * float(rows.mean())
            if slope >= 0 and base >= 0:
                return base, slope
        return 0.0, float(np.median(times / rows))

    def predict(self, rows: int) -> float:
        """Expected seconds of a call of ``rows`` rows."""
        a, b = self.fit()
        return a + b * rows


class Demand(Protocol):
    """What takes time of the processor. ``realtime.host.SessionHost`` is one."""

    @property
    def session_count(self) -> int:
        """Its open sessions."""
        ...

    def share(self, cheapest: bool) -> float:
        """Seconds per second that they take if all speak; ``cheapest``: with the cheapest speech encoder for all."""
        ...

    def assign_encoders(self, others: float) -> None:
        """Choose the speech encoders of its sessions, beside ``others`` seconds per second."""
        ...


@dataclass(frozen=True, slots=True)
class OtherHosts:
    """What the other hosts of the process take together."""

    sessions: int = 0
    share: float = 0.0  # seconds per second if all of them speak and are heard as cheaply as possible


class LoadBudget:
    """All that takes time of one process's processor, in the order of its beginning. For one event loop."""

    def __init__(self) -> None:
        self._members: list[weakref.ref[Demand]] = []

    def join(self, demand: Demand) -> None:
        """Count ``demand`` until it leaves or is forgotten."""
        self._members.append(weakref.ref(demand))

    def leave(self, demand: Demand) -> None:
        """Count it no longer."""
        self._members = [one for one in self._members if one() not in (None, demand)]

    def beside(self, demand: Demand) -> OtherHosts:
        """What the others take."""
        others = [one for one in self._open() if one is not demand]
        return OtherHosts(sum(one.session_count for one in others), sum(one.share(cheapest=True) for one in others))

    def assign_encoders(self) -> None:
        """Have every member choose its sessions' speech encoders anew: the first ones get the best."""
        members, taken = self._open(), 0.0
        for place, one in enumerate(members):
            one.assign_encoders(taken + sum(later.share(cheapest=True) for later in members[place + 1 :]))
            taken += one.share(cheapest=False)

    def _open(self) -> list[Demand]:
        found = [one() for one in self._members]
        return [one for one in found if one is not None and one.session_count]


PROCESS_BUDGET = LoadBudget()
"""That of this process."""


class Admission:
    """Decides about new sessions. It assumes that all sessions speak at once.

    Args:
        load: what rendering costs on this machine.
        batch: most rows in one call.
        limit: most sessions, however fast the machine is.
    """

    def __init__(self, load: LoadModel, batch: int, limit: int = 64) -> None:
        self._load, self._batch, self._limit = load, batch, limit

    def slack(self, sessions: int, fps: Fraction, hearing: float = 0.0) -> float:
        """Seconds of each tick's share that are left when ``sessions`` speak at ``fps``; negative: too slow.

        ``hearing``: what their speech encoders take together, in seconds per second of sound.
        """
        return (SHARE - hearing) / float(fps) - self._render_seconds(sessions)

    def render_share(self, sessions: int, fps: Fraction) -> float:
        """Seconds per second that rendering takes when ``sessions`` speak at ``fps``."""
        return self._render_seconds(sessions) * float(fps)

    def _render_seconds(self, sessions: int) -> float:
        full, rest = divmod(sessions, self._batch)
        return full * self._load.predict(self._batch) + (self._load.predict(rest) if rest else 0)

    def admit(self, sessions: int, fps: Fraction, hearing: float = 0.0, others: OtherHosts | None = None) -> None:
        """Check that one more session fits beside ``sessions`` of this host, and beside those of the others.

        Args:
            hearing: as in ``slack``, with the new one's.

        Raises:
            Busy: it does not fit.
        """
        others = others or OtherHosts()
        count = sessions + others.sessions
        are = f"{count} live session{' is' if count == 1 else 's are'} open"
        if sessions >= self._limit:
            raise Busy(f"{are}, as many as are allowed: try again when one has been closed.")
        if count and self.slack(sessions + 1, fps, hearing + others.share) < 0:
            raise Busy(f"{are}, and this machine has no room for one more: try again when one has been closed.")
