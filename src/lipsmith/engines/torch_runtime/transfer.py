"""Arrays to a device, and results back, without a wait for all that the device has to do.

On CUDA the copies go through pinned memory and are ordered by the stream. ``begin_download`` returns at once; who calls
what it returned waits for these results alone, while the GPU works on what was launched since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...types import Array
from .cuda import CudaDevice

if TYPE_CHECKING:
    import torch

Results = list[NDArray[Any]]


def upload(values: Array, like: torch.Tensor, cuda: CudaDevice | None) -> torch.Tensor:
    """``values`` on the device and in the dtype of ``like``."""
    import torch

    given = torch.from_numpy(np.ascontiguousarray(values))
    if cuda is not None:
        place = cuda.pinned(tuple(given.shape), given.dtype)
        given = place.copy_(given)
    return given.to(like.device, non_blocking=cuda is not None).to(like.dtype)


def begin_download(results: Sequence[torch.Tensor], cuda: CudaDevice | None) -> Callable[[], Results]:
    """Start to copy ``results`` to the CPU. Call what is returned, once, for the arrays."""
    if cuda is None:
        arrays = [one.cpu().numpy() for one in results]
        return lambda: arrays
    with cuda.active():
        places = [cuda.pinned(tuple(one.shape), one.dtype) for one in results]
        for place, one in zip(places, results, strict=True):
            place.copy_(one, non_blocking=True)
        copied = cuda.new_event()
        copied.record(cuda.current_stream())

    def wait() -> Results:
        copied.synchronize()
        return [place.numpy().copy() for place in places]  # so that pinned memory is soon free for the next batch

    return wait


__all__ = ["begin_download", "upload"]
