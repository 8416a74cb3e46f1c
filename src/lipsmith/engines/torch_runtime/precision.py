"""Full fp32 on GPUs: without TF32, which rounds the factors of products to 10 bits of mantissa."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_LOCK = Lock()
_DEPTH = [0]
_FOUND: list[tuple[bool, bool]] = []


@contextmanager
def full_fp32(wanted: bool = True) -> Iterator[None]:
    """Products and convolutions of fp32 are computed in fp32 inside, if ``wanted``.

    torch has one setting for all threads. The first who enters keeps it, and the last who leaves restores it: who
    draws beside them meanwhile is exact too.
    """
    if not wanted:
        yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    import torch

    with _LOCK:
        if _DEPTH[0] == 0:
            _FOUND.append((torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32))
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        _DEPTH[0] += 1


def _leave() -> None:
    import torch

    with _LOCK:
        _DEPTH[0] -= 1
        if _DEPTH[0] == 0:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = _FOUND.pop()


__all__ = ["full_fp32"]
