"""Streams of 50 Hz speech features from a network with a fixed input length, such as Whisper's 30 s.

There are three modes. None depends on how the sound is chunked:

* offline (``OverlappingFeatures``): windows overlap by a fifteenth, and each is encoded once, when it is full. The rows
  of overlapping windows are cross-faded over the middle half of the overlap, which leaves no seam.
* live (``OverlappingFeatures`` with ``hop``): the same windows, encoded again every few rows with the sound so far.
  Rows come 32.5 ms after the end of the last row asked for.
* upstream (``BlockFeatures``): adjacent blocks without overlap, each encoded on its own, as in MuseTalk.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import Array, Samples
from .feature_windows import STEP
from .whisper_mel import BANDS, HOP, REACH, WhisperMelStream, encoder_input, segment_mel

HIDDEN = (5, 384)
"""Layers and channels of one row: Whisper tiny's embedding and its four layers."""
_FRAMES_PER_STEP = STEP // HOP
_OVERLAP = 15  # windows overlap by a fifteenth: 2 s of 30


class SpeechModel(Protocol):
    """A network that encodes a fixed length of log-mel as 50 Hz feature rows."""

    @property
    def steps(self) -> int:
        """Rows of one window; Whisper: 1500."""
        ...

    def hidden(self, mel: Array) -> Array:
        """Log-mel (80, 2 * steps) -> hidden states (steps, 5, 384)."""
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
    """Encodes overlapping windows: once when full, or again every ``hop`` rows."""

    def __init__(self, model: SpeechModel, hop: int | None = None) -> None:
        self._model, self._hop = model, hop
        self._overlap = model.steps // _OVERLAP
        self._stride = model.steps - self._overlap
        self._edge, self._ramp = self._overlap // 4, max(1, self._overlap // 2)  # rows in the overlap
        self._mel = WhisperMelStream()
        self._frames: Array = np.zeros((0, BANDS), np.float32)
        self._dropped = 0  # mel frames before those in ``_frames``
        self._complete = 0  # mel frames of the stream that are complete
        self._steps: int | None = None  # rows of the whole sound; None: it has not ended
        self._samples = 0
        self._cache: dict[tuple[int, int], Array] = {}  # (window, mel frames) -> its rows; at most two

    def push(self, samples: Samples) -> None:
        self._samples += len(samples)
        self._frames = np.concatenate([self._frames, self._mel.push(samples)])
        self._complete = self._dropped + len(self._frames)

    def end(self) -> None:
        self._steps = -(-self._samples // STEP)
        self._frames = np.concatenate([self._frames, self._mel.push(np.zeros(2 * REACH + HOP, np.float32))])

    def rows(self, first: int, last: int) -> Array | None:
        windows = self._windows(first, last)
        known = self._known(last, windows[-1])
        if known is None:
            return None
        self._forget(windows[0])
        parts = [self._weighed(window, known, first, last, windows) for window in windows]
        return parts[0] if len(parts) == 1 else np.sum(parts, axis=0, dtype=np.float32)

    def _known(self, last: int, window: int) -> int | None:
        """Mel frames needed for rows up to ``last``, or all if the stream has ended; None: they are not complete."""
        if self._hop:
            wanted = _FRAMES_PER_STEP * -(-last // self._hop) * self._hop + 1
        else:
            wanted = _FRAMES_PER_STEP * (window * self._stride + self._model.steps)
        if wanted <= self._complete:
            return wanted
        return None if self._steps is None else self._dropped + len(self._frames)

    def _windows(self, first: int, last: int) -> range:
        """The windows that contribute to rows ``first`` .. ``last`` - 1."""
        begin = max(0, (first - self._edge - self._ramp) // self._stride)
        end = max(0, (last - 1 - self._edge) // self._stride)
        if self._steps is not None and not self._hop:  # a last window without new sound is left out
            end = min(end, max(0, -(-(self._steps - self._overlap) // self._stride) - 1))
            begin = min(begin, end)
        return range(begin, end + 1)

    def _weighed(self, window: int, known: int, first: int, last: int, windows: range) -> Array:
        start = window * self._stride
        hidden = self._hidden(window, known)
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

    def _hidden(self, window: int, known: int) -> Array:
        start = window * self._stride * _FRAMES_PER_STEP
        length = self._model.steps * _FRAMES_PER_STEP
        count = max(0, min(known - start, length))
        if (window, count) not in self._cache:
            frames = self._frames[start - self._dropped :][:count]
            self._cache[window, count] = self._model.hidden(encoder_input(frames, length))
            while len(self._cache) > 2:
                del self._cache[next(iter(self._cache))]
        return self._cache[window, count]

    def _forget(self, window: int) -> None:
        """Drop the mel frames before a window; they are not needed again."""
        done = window * self._stride * _FRAMES_PER_STEP - self._dropped
        if done > 0:
            self._frames = self._frames[done:]
            self._dropped += done


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
