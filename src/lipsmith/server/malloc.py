"""Keeps the memory of a server that runs for months from growing. Only glibc needs it.

glibc gives each thread a heap of its own (malloc(3), mallopt(3)). The encoders of each viewer have threads, which end
with the viewer. What they freed stays scattered over those heaps: half a megabyte and more for each viewer.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

ARENA_MAX, ARENAS = -8, 2
"""Number of the setting in malloc.h, and how many heaps all threads share."""


def share_heaps() -> None:
    """Limit the number of heaps. Call it before any thread starts."""
    libc = _glibc()
    if libc is not None:
        libc.mallopt(ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return free memory to the system. It takes some ms, in which other threads go on."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> Any:
    """The C library where it is glibc; else None."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
