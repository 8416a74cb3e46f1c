"""Mel bands: triangular filters over the bins of a power spectrum, and the power in each band."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..timing import SPEECH_SAMPLE_RATE


def triangles(edges: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """(bins, bands) float64 triangles of height 1, from (bands + 2,) ``edges`` in Hz, for a spectrum of 0..8 kHz."""
    frequencies = np.linspace(0, SPEECH_SAMPLE_RATE / 2, bins)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    shapes: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return shapes


def split_bank(bank: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Both halves of a (bins, bands) filter bank, as ``band_power`` takes them."""
    return [np.ascontiguousarray(half) for half in np.split(bank, 2, axis=1)]


def band_power(power: NDArray[np.float64], halves: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(k, bands) band powers of (k, bins) power spectra, the same bits for a frame alone and among others.

    It multiplies frame by frame, because a product of many frames may round differently for another count, and by half
    banks, because BLAS shares larger products among threads, which wait for each other on a busy machine.
    """
    return np.stack([np.concatenate([row @ half for half in halves]) for row in power])
