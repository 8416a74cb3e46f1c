"""Whole runs smoothed, frame by frame, with the weights of ``face.smooth``."""

from __future__ import annotations

import numpy as np

from lipsmith.face.smoothing import zero_phase_weights
from lipsmith.types import Array


def zero_phase(values: Array) -> Array:
    """(n, ...) frames of one run, smoothed."""
    smoothed = np.empty_like(values)
    for position in range(len(values)):
        frames, weights = zero_phase_weights(position, len(values))
        smoothed[position] = np.tensordot(weights, values[frames.start : frames.stop], 1)
    return smoothed
