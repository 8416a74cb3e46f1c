"""Whether one more session fits: a refusal is better than everybody's stutter."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

import numpy as np

from ..errors import Busy

KEPT = 64
"""Calls that the estimate remembers: some seconds, so that it follows the machine's load."""
SHARE = 0.8
"""Of the time between two ticks that rendering may take; the rest is for hearing, loading plates and coding."""


class LoadModel:
    """How long a call to ``render`` takes: T(B) = a + b * B seconds for B rows, both at least 0."""

    def __init__(self) -> None:
        self._calls: deque[tuple[int, float]] = deque(maxlen=KEPT)

    def __len__(self) -> int:
        return len(self._calls)

    def measured(self, rows: int, seconds: float) -> None:
        """A call of ``rows`` rows took that long."""
        if rows:
            self._calls.append((rows, seconds))

    def fit(self) -> tuple[float, float]:
        """(a, b) by least squares over the last calls; calls of one size say nothing of a, which is then 0.

        There the median counts, for a machine does other things at times.
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
        """Seconds of a call of ``rows`` rows."""
        a, b = self.fit()
        return a + b * rows


class Admission:
    """Counts on every session speaking at once.

    Args:
        load: what rendering costs here.
        batch: rows in one call at most.
        most: sessions in any case.
    """

    def __init__(self, load: LoadModel, batch: int, most: int = 64) -> None:
        self._load, self._batch, self._most = load, batch, most

    def slack(self, sessions: int, fps: Fraction) -> float:
        """Seconds left of every tick's share when ``sessions`` speak at ``fps``; negative: pictures will be late."""
        full, rest = divmod(sessions, self._batch)
        needed = full * self._load.predict(self._batch) + (self._load.predict(rest) if rest else 0)
        return SHARE / float(fps) - needed

    def admit(self, sessions: int, fps: Fraction) -> None:
        """One more may come beside ``sessions``.

        Raises:
            Busy: it may not; those that are there keep their quality.
        """
        if sessions >= self._most:
            raise Busy(f"{sessions} live sessions are open, as many as are allowed; try again when one has closed.")
        if sessions and self.slack(sessions + 1, fps) < 0:
            late = -1000 * self.slack(sessions + 1, fps)
            raise Busy(
                f"{sessions} live sessions are open, and one more would make pictures {late:.0f} ms late at each tick; "
                "try again when one has closed."
            )
