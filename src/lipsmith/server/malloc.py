"""What a server that runs for months does so that its memory stays that of its sessions. Only glibc needs it.

glibc gives threads heaps of their own (malloc(3), mallopt(3)). Each viewer brings threads for its coders and takes them
along, and what they freed stays scattered over those heaps: half a megabyte and more a viewer.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

ARENA_MAX, ARENAS = -8, 2
"""Name of the setting in malloc.h, and how many heaps all threads share."""


def share_heaps() -> None:
    """To be called before threads are begun."""
    libc = _glibc()
    if libc is not None:
        libc.mallopt(ARENA_MAX, ARENAS)


def give_back() -> None:
    """Give what is free at the ends of pages back to the system; some ms, in which other threads go on."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> Any:
    """The C library where it is glibc; else None."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
