"""Streams of 50 Hz speech features from a network with a fixed input length, such as Whisper's 30 s.

There are three modes. None depends on how the sound is chunked:

* whole (``OverlappingFeatures``): windows overlap by a fifteenth, and each is encoded once, when it is full. The rows
  of overlapping windows are cross-faded over the middle half of the overlap, which leaves no seam.
* live (``LiveFeatures``): a short window slides along and is encoded once for every block of rows. Its rows keep the
  positions that they have in the long windows, without which they would be other features.
* upstream (``BlockFeatures``): adjacent blocks without overlap, each encoded on its own, as in MuseTalk.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import Array, Samples
from .feature_windows import STEP
from .mel_frames import MelFrames
from .whisper_mel import FLOOR_LOG10, HOP, encoder_input, segment_mel

HIDDEN = (5, 384)
"""Layers and channels of one row: Whisper tiny's embedding and its four layers."""
_FRAMES_PER_STEP = STEP // HOP
_OVERLAP = 15  # windows overlap by a fifteenth: 2 s of 30
LIVE_WINDOW = 120
"""Rows of a live window: 2.4 s."""
LIVE_BLOCK = 4
"""Rows from one live window to the next: 80 ms."""
LIVE_AHEAD = 4
"""Rows of a live window after its block: 80 ms."""


class SpeechModel(Protocol):
    """A network that encodes log-mel as 50 Hz feature rows."""

    @property
    def steps(self) -> int:
        """Rows of the longest window, for which it was trained; Whisper: 1500."""
        ...

    def hidden(self, mel: Array, position: int = 0) -> Array:
        """Log-mel (80, 2 * n) -> hidden states (n, 5, 384); its first row is row ``position`` of ``steps``."""
        ...


class FeatureStream(Protocol):
    """Encodes one stream of speech."""

    def push(self, samples: Samples) -> None:
        """Take (n,) more samples at 16 kHz."""
        ...

    def end(self) -> None:
        """End the stream."""
        ...

    def rows(self, first: int, last: int) -> Array | None:
        """Rows ``first`` .. ``last`` - 1, (last - first, 5, 384); None: more sound is needed. Ask in rising order."""
        ...


class OverlappingFeatures:
    """Encodes overlapping windows, each once, when it is full."""

    def __init__(self, model: SpeechModel) -> None:
        self._model = model
        self._overlap = model.steps // _OVERLAP
        self._stride = model.steps - self._overlap
        self._edge, self._ramp = self._overlap // 4, max(1, self._overlap // 2)  # rows in the overlap
        self._mel = MelFrames()
        self._cache: dict[int, Array] = {}  # window -> its rows; at most two

    def push(self, samples: Samples) -> None:
        self._mel.push(samples)

    def end(self) -> None:
        self._mel.end()

    def rows(self, first: int, last: int) -> Array | None:
        windows = self._windows(first, last)
        full = _FRAMES_PER_STEP * (windows[-1] * self._stride + self._model.steps)
        if full > self._mel.complete and self._mel.length is None:
            return None
        self._mel.forget(windows[0] * self._stride * _FRAMES_PER_STEP)
        parts = [self._weighed(window, first, last, windows) for window in windows]
        return parts[0] if len(parts) == 1 else np.sum(parts, axis=0, dtype=np.float32)

    def _windows(self, first: int, last: int) -> range:
        """The windows that contribute to rows ``first`` .. ``last`` - 1."""
        begin = max(0, (first - self._edge - self._ramp) // self._stride)
        end = max(0, (last - 1 - self._edge) // self._stride)
        if self._mel.length is not None:  # a last window without new sound is left out
            steps = -(-self._mel.length // STEP)
            end = min(end, max(0, -(-(steps - self._overlap) // self._stride) - 1))
            begin = min(begin, end)
        return range(begin, end + 1)

    def _weighed(self, window: int, first: int, last: int, windows: range) -> Array:
        start = window * self._stride
        hidden = self._hidden(window)
        if len(windows) == 1:
            return hidden[first - start : last - start]
        rows = np.arange(first, last)
        weights = self._share(rows - start) if window > windows[0] else 1 - self._share(rows - start - self._stride)
        inside = np.clip(rows - start, 0, self._model.steps - 1)  # a row outside has weight 0
        weighed: Array = hidden[inside] * weights.astype(np.float32)[:, None, None]
        return weighed

    def _share(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weight of the later window in rows of the overlap: 0, a ramp over the middle half, 1."""
        share: NDArray[np.float64] = np.clip((places - self._edge + 0.5) / self._ramp, 0, 1)
        return share

    def _hidden(self, window: int) -> Array:
        if window not in self._cache:
            start, length = window * self._stride * _FRAMES_PER_STEP, self._model.steps * _FRAMES_PER_STEP
            frames = self._mel.between(start, start + length)
            self._cache[window] = self._model.hidden(encoder_input(frames, length))
            while len(self._cache) > 2:
                del self._cache[next(iter(self._cache))]
        return self._cache[window]


class LiveFeatures:
    """Encodes a short window for every block of rows: the sound up to shortly after the block.

    The rows that are asked for come from the window of the last one's block. A window begins with the sound or 2.4 s
    before its end, and its rows have the positions that they have in the 30 s of ``OverlappingFeatures``. Its values
    are limited by the loudest one of the stream so far, as those of a long window are by its loudest one.
    """

    def __init__(self, model: SpeechModel) -> None:
        self._model = model
        self._width = min(LIVE_WINDOW, model.steps)
        self._stride = model.steps - model.steps // _OVERLAP
        self._mel = MelFrames()
        self._peak = FLOOR_LOG10  # the loudest value so far
        self._stop = -1  # the end of the window that is kept, in rows
        self._start = 0  # its first row
        self._hidden: Array = np.zeros((0, *HIDDEN), np.float32)

    def push(self, samples: Samples) -> None:
        self._mel.push(samples)

    def end(self) -> None:
        self._mel.end()

    def rows(self, first: int, last: int) -> Array | None:
        stop = -(-last // LIVE_BLOCK) * LIVE_BLOCK + LIVE_AHEAD
        if stop * _FRAMES_PER_STEP > self._mel.complete and self._mel.length is None:
            return None
        if stop != self._stop:
            self._encode(stop)
        return self._hidden[first - self._start : last - self._start]

    def _encode(self, stop: int) -> None:
        self._stop, self._start = stop, max(0, stop - self._width)
        frames = self._mel.between(self._start * _FRAMES_PER_STEP, stop * _FRAMES_PER_STEP)
        self._mel.forget(self._start * _FRAMES_PER_STEP)
        self._peak = max(self._peak, float(frames.max(initial=FLOOR_LOG10)))
        mel = encoder_input(frames, (stop - self._start) * _FRAMES_PER_STEP, self._peak)
        position = min(self._start % self._stride, self._model.steps - self._width)
        self._hidden = self._model.hidden(mel, position)


class BlockFeatures:
    """Encodes adjacent blocks of the model's length, each on its own."""

    def __init__(self, model: SpeechModel) -> None:
        self._model = model
        self._sound: Samples = np.zeros(0, np.float32)
        self._dropped = 0  # blocks before ``_sound``
        self._ended = False
        self._cache: dict[int, Array] = {}  # block -> its rows; at most two

    def push(self, samples: Samples) -> None:
        self._sound = np.concatenate([self._sound, samples])

    def end(self) -> None:
        self._ended = True

    def rows(self, first: int, last: int) -> Array | None:
        steps = self._model.steps
        blocks = range(first // steps, (last - 1) // steps + 1)
        full = self._dropped + len(self._sound) // (steps * STEP)
        if blocks[-1] >= full and not self._ended:
            return None
        self._forget(blocks[0])
        parts = [self._hidden(block)[max(0, first - block * steps) : last - block * steps] for block in blocks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _hidden(self, block: int) -> Array:
        length = self._model.steps * STEP
        if block not in self._cache:
            sound = self._sound[(block - self._dropped) * length :][:length]
            self._cache[block] = self._model.hidden(segment_mel(sound, self._model.steps * _FRAMES_PER_STEP))
            while len(self._cache) > 2:
                del self._cache[next(iter(self._cache))]
        return self._cache[block]

    def _forget(self, block: int) -> None:
        if block > self._dropped:
            self._sound = self._sound[(block - self._dropped) * self._model.steps * STEP :]
            self._dropped = block
