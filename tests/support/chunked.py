"""Speech given to an encoder in pieces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipsmith.engines.protocols import SpeechEncoder
from lipsmith.types import Array, Samples


def drives(encoder: SpeechEncoder, samples: Samples, sizes: Sequence[int] = ()) -> Array:
    """All that it answers to pieces of ``sizes`` and the rest, stacked."""
    at, given = 0, list[Array]()
    for size in sizes:
        given += encoder.push(samples[at : at + size])
        at += size
    given += encoder.push(samples[at:])
    return np.stack(given + encoder.flush())
