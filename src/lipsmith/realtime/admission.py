"""Whether one more session fits. To refuse one is better than to let all of them stutter."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

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
        full, rest = divmod(sessions, self._batch)
        needed = full * self._load.predict(self._batch) + (self._load.predict(rest) if rest else 0)
        return (SHARE - hearing) / float(fps) - needed

    def admit(self, sessions: int, fps: Fraction, hearing: float = 0.0) -> None:
        """Check that one more session fits beside ``sessions``; ``hearing`` as in ``slack``, with the new one's.

        Raises:
            Busy: it does not fit.
        """
        if sessions >= self._limit:
            raise Busy(f"{sessions} live sessions are open, as many as are allowed; try again when one has closed.")
        slack = self.slack(sessions + 1, fps, hearing)
        if sessions and slack < 0:
            raise Busy(
                f"{sessions} live sessions are open, and one more would make pictures {-1000 * slack:.0f} ms late at "
                "each tick; try again when one has closed."
            )
