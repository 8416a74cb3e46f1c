"""Drives that come from speech: the engine's own encoder gets a 16 kHz copy of the sound that plays."""

from __future__ import annotations

import zlib
from fractions import Fraction

import numpy as np

from ..engines.protocols import EncoderUse, Engine, IdleMotion, NamedEncoder, PortraitMotion
from ..timing import SPEECH_SAMPLE_RATE, frame_count, sample_at
from ..types import Array, Image, Samples


class SpeechDrive:
    """The ``DriveSource`` of one stream of speech.

    Args:
        engine: whose speech encoder gives the drives.
        fps: video frames per second; one drive for each.
        rate: Hz of the pushed sound.
        use: a file or a live stream.
        seed: of a still picture's motion, see ``picture_seed``; None: the engine's own.
    """

    def __init__(
        self,
        engine: Engine,
        fps: Fraction,
        rate: int = SPEECH_SAMPLE_RATE,
        *,
        use: EncoderUse = "file",
        seed: int | None = None,
    ) -> None:
        from ..media.resampler import Resampler

        self._fps = fps
        self._encoder = engine.speech_encoder(fps, use)
        if seed is not None and isinstance(self._encoder, PortraitMotion):
            self._encoder.seed_motion(seed)
        self._resampler = Resampler(rate)
        self._heard = 0  # samples at 16 kHz

    @property
    def encoder_name(self) -> str:
        """Which of the engine's speech encoders hears; "" for an engine that has one only."""
        return self._encoder.name if isinstance(self._encoder, NamedEncoder) else ""

    @property
    def moves_in_silence(self) -> bool:
        """Whether the drives move a still face while nobody speaks; see ``IdleMotion``."""
        return isinstance(self._encoder, IdleMotion) and self._encoder.moves_in_silence

    @property
    def easing(self) -> Array | None:
        """See ``PortraitMotion.easing``; None: all numbers of a drive go as fast as the mouth."""
        return self._encoder.easing if isinstance(self._encoder, PortraitMotion) else None

    def push(self, samples: Samples, frames: int) -> list[Array]:
        """Encode (n,) more samples; return the drives that are now decided. ``frames`` is not needed here."""
        return self._hear(self._resampler.push(samples))

    def finish(self, frames: int) -> list[Array]:
        """Return the remaining drives. A film that is longer than its sound ends with silence.

        A last frame that the sound only begins is not filled up: the encoder must know where the sound ends.
        """
        drives = self._hear(self._resampler.flush())
        if frames > frame_count(self._heard, self._fps):
            drives += self._hear(np.zeros(sample_at(frames, self._fps) - self._heard, np.float32))
        return drives + self._encoder.flush()

    def begin_at(self, frame: int) -> None:
        """Let a face that moves by itself continue after ``frame`` frames of silence."""
        if isinstance(self._encoder, IdleMotion):
            self._encoder.begin_at(frame)

    def _hear(self, samples: Samples) -> list[Array]:
        self._heard += len(samples)
        return self._encoder.push(samples)


def picture_seed(image: Image) -> int:
    """The seed of a picture's motion, below 2^32, made from its (H, W, 3) pixels: no two pictures move alike."""
    return zlib.crc32(np.ascontiguousarray(image).data)
