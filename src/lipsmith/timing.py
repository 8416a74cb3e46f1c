"""One exact grid of video frames and audio samples: integers and fractions, so nothing drifts.

Frame ``k`` at ``fps`` begins at sample ``floor(k * rate / fps)``. Seconds appear in user interfaces only.
"""

from __future__ import annotations

from fractions import Fraction

SPEECH_SAMPLE_RATE = 16_000
"""Hz; all speech encoders get sound at this rate."""


def sample_at(frame: int, fps: Fraction, rate: int = SPEECH_SAMPLE_RATE) -> int:
    """Index of the first sample that plays while video frame ``frame`` shows."""
    return frame * rate * fps.denominator // fps.numerator


def frame_count(samples: int, fps: Fraction, rate: int = SPEECH_SAMPLE_RATE) -> int:
    """Video frames that cover ``samples``. A partial frame at the end counts as one."""
    frames = samples * fps.numerator // (rate * fps.denominator)
    while sample_at(frames, fps, rate) < samples:
        frames += 1
    return frames


def seconds(frames: int, fps: Fraction) -> float:
    """Length of ``frames`` in seconds, for user interfaces."""
    return float(frames / fps)
