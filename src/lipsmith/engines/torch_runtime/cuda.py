"""All that is used of CUDA beyond tensors: streams, events, graphs and pinned memory of one device.

Everything that waits, captures or replays goes through a ``CudaDevice``; tests have a double of it that runs on a CPU.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class CudaDevice:
    """One GPU. Each method means this one, whichever is torch's current device.

    Args:
        name: torch's name of it, such as ``cuda:1``.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def active(self) -> AbstractContextManager[Any]:
        """Makes it torch's current device, for a while and for this thread."""
        import torch

        return torch.cuda.device(self.name)

    def new_stream(self) -> Any:
        """A side stream."""
        import torch

        return torch.cuda.Stream(self.name)  # type: ignore[no-untyped-call]

    def current_stream(self) -> Any:
        """The stream of this thread."""
        import torch

        return torch.cuda.current_stream(self.name)

    def on_stream(self, stream: Any) -> AbstractContextManager[Any]:
        """Makes ``stream`` the stream of this thread, for a while."""
        import torch

        return torch.cuda.stream(stream)

    def new_event(self) -> Any:
        """An event. Who waits for it sleeps, and leaves the processor to others."""
        import torch

        return torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]

    def new_graph(self) -> Any:
        """An empty graph. To be made while the device is active."""
        import torch

        return torch.cuda.CUDAGraph()

    def new_pool(self) -> Any:
        """A token for memory that graphs share."""
        import torch

        return torch.cuda.graph_pool_handle()

    def capture(self, graph: Any, pool: Any, stream: Any) -> AbstractContextManager[Any]:
        """Records what is launched on ``stream`` into ``graph``. Other threads may use the GPU meanwhile."""
        import torch

        return torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local")

    def pinned(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Memory of the CPU that the GPU reads and writes by itself. torch keeps it for the next caller."""
        import torch

        return torch.empty(shape, dtype=dtype, pin_memory=True)


def cuda_device(device: str) -> CudaDevice | None:
    """The GPU called ``device``, or None for a device that is not CUDA's."""
    return CudaDevice(device) if device.startswith("cuda") else None


__all__ = ["CudaDevice", "cuda_device"]
