"""Changes the sample rate of a stream of sound, in chunks of any size."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, gcd
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..timing import SPEECH_SAMPLE_RATE

if TYPE_CHECKING:
    from ..types import Samples

ZERO_CROSSINGS = 24
"""Of the sinc, on each side: 1.5 ms of look-ahead at 16 kHz."""
CUTOFF = 0.92
"""As a share of the lower Nyquist frequency; with this Kaiser window, aliases are 80 dB down."""
KAISER_BETA = 8.0


@dataclass(slots=True)
class Resampler:
    """Streaming mono resampler. Its output has zero phase and does not depend on the chunk sizes, bit for bit.

    A windowed-sinc interpolator (J. O. Smith, "Digital Audio Resampling"): output k is the band-limited sound at time
    k / target_rate. n samples in give ceil(n * target_rate / rate) samples out.
    """

    rate: int  # Hz of the input
    target_rate: int = SPEECH_SAMPLE_RATE  # Hz of the output
    _history: NDArray[np.float64] = field(init=False)  # input from sample ``_history_start`` on
    _history_start: int = field(init=False)
    _pushed: int = field(init=False, default=0)
    _produced: int = field(init=False, default=0)
    _up: int = field(init=False)
    _down: int = field(init=False)
    _half_width: int = field(init=False)  # input samples on each side of an output
    _filters: NDArray[np.float64] = field(init=False)  # (phases, 2 * half_width)

    def __post_init__(self) -> None:
        common = gcd(self.rate, self.target_rate)
        self._up, self._down = self.target_rate // common, self.rate // common
        self._half_width = ceil(ZERO_CROSSINGS * max(1, self.rate / self.target_rate))
        self._history_start, self._history = -self._half_width, np.zeros(self._half_width)
        self._filters = _filter_bank(self._up, self._half_width, CUTOFF * min(1.0, self.target_rate / self.rate))

    def push(self, samples: Samples) -> Samples:
        """Take (n,) samples at ``rate``; return the (m,) samples at ``target_rate`` that are now complete."""
        self._pushed += len(samples)
        if self._up == self._down:
            return np.asarray(samples, np.float32)
        self._history = np.concatenate([self._history, samples])
        ready = self._pushed - self._half_width  # outputs whose centre lies before this are complete
        return self._produce(max(self._produced, -(-ready * self._up // self._down)))

    def flush(self) -> Samples:
        """End the stream: return the remaining samples. Push nothing afterwards."""
        if self._up == self._down:
            return np.zeros(0, np.float32)
        self._history = np.concatenate([self._history, np.zeros(self._half_width + 1)])
        return self._produce(-(-self._pushed * self._up // self._down))

    def _produce(self, end: int) -> Samples:
        """Return outputs ``_produced`` .. ``end``, worked out in small pieces to bound the memory."""
        parts = [self._filter(start, min(start + 1024, end)) for start in range(self._produced, end, 1024)]
        self._produced = end
        keep = end * self._down // self._up - self._half_width + 1 - self._history_start
        if keep > 0:
            self._history, self._history_start = self._history[keep:], self._history_start + keep
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _filter(self, start: int, end: int) -> Samples:
        position = np.arange(start, end, dtype=np.int64) * self._down
        centre, phase = position // self._up, position % self._up
        windows = np.lib.stride_tricks.sliding_window_view(self._history, 2 * self._half_width)
        rows = windows[centre - self._half_width + 1 - self._history_start]
        return np.asarray((rows * self._filters[phase]).sum(axis=1), np.float32)


def _filter_bank(phases: int, half_width: int, cutoff: float) -> NDArray[np.float64]:
    """(phases, 2 * half_width): row p weighs inputs -half_width + 1 .. half_width around an output at p / phases."""
    distance = np.arange(-half_width + 1, half_width + 1)[None, :] - np.arange(phases)[:, None] / phases
    inside = np.clip(1 - (distance / half_width) ** 2, 0, 1)
    weights = cutoff * np.sinc(cutoff * distance) * np.i0(KAISER_BETA * np.sqrt(inside)) / np.i0(KAISER_BETA)
    normal: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normal
