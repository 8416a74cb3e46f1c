"""How often something may be done: a steady rate, and a burst after a pause."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Holds up to ``burst`` tokens, to which ``rate`` a second are added. It is full at first.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._seen_at = burst, clock()

    def take(self, count: float = 1.0) -> bool:
        """Take ``count`` tokens, at most ``burst``; False: there are not so many, and none is taken."""
        self._refill()
        if self._tokens < count:
            return False
        self._tokens -= count
        return True

    def wait(self, count: float = 1.0) -> float:
        """Seconds until there are ``count`` tokens."""
        self._refill()
        return max(0.0, count - self._tokens) / self._rate

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + self._rate * (now - self._seen_at))
        self._seen_at = now


__all__ = ["TokenBucket"]
