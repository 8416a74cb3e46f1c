"""MuseTalk's rendering on one GPU: speed, memory, warm-up and fidelity by batch, precision and graphs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engines.musetalk import MuseTalkOptions
from ..engines.musetalk.blend import Patch
from ..engines.musetalk.painter import FacePainter
from ..engines.torch_runtime.device import Precision, resolve_device
from ..engines.torch_runtime.graphs import GraphCache
from ..engines.torch_runtime.precision import full_fp32
from ..errors import EngineUnavailable
from ..types import Array, Image
from .comparison import spent_on

if TYPE_CHECKING:
    from ..engines.torch_runtime.networks import Networks

BATCHES = (1, 2, 4, 8)
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "fp16")
CALLS = 10  # in a round
NO_GPU = (
    "torch finds no CUDA GPU here, so there is nothing to measure: run this on a machine with one; `lipsmith doctor` "
    "says whether it is seen. `lipsmith bench musetalk` without --gpu measures the CPU."
)
_FACE = Patch((100, 100, 442, 556), (100, 328, 442, 556), np.ones((228, 342), np.float32))
"""The lower half of a face of 342 x 456 px: that of the other figures at 1920x1080."""


@dataclass(frozen=True, slots=True)
class GpuCase:
    """What is measured."""

    tiny: bool = False  # small networks: a trial, not a figure
    device: str = "auto"
    batches: tuple[int, ...] = BATCHES
    rounds: int = 3  # the fastest counts


@dataclass(frozen=True, slots=True)
class GpuRow:
    """Rendering of ``batch`` faces together: latents and drives in, uint8 pictures of the pasted part out."""

    batch: int
    precision: str
    graphs: bool
    milliseconds: float  # for each face
    peak_bytes: int  # of the GPU's memory, networks included
    warm_up: float  # s until the first picture: kernels are chosen, graphs of this and all smaller sizes are captured
    apart_mean: float  # grey levels between these pictures and those of exact fp32 without graphs
    apart_max: int
    notices: tuple[str, ...]  # fallbacks that were taken


@dataclass(frozen=True, slots=True)
class GpuFigures:
    """The whole table."""

    gpu: str
    software: str
    tiny: bool
    rows: tuple[GpuRow, ...]


class GpuMeter:
    """What the GPU says of itself."""

    def __init__(self, device: str) -> None:
        self._device = device

    @property
    def name(self) -> str:
        """Of the card."""
        import torch

        return torch.cuda.get_device_name(self._device)

    def reset(self) -> None:
        """Give back memory that is not in use, and measure the peak from now on."""
        import torch

        torch.cuda.synchronize(self._device)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self._device)

    def peak(self) -> int:
        """Bytes that torch held at most since ``reset``."""
        import torch

        return torch.cuda.max_memory_reserved(self._device)


def bench_gpu(case: GpuCase, progress: Callable[[str], None] = lambda _: None) -> GpuFigures:
    """Measure every row of the table.

    Args:
        progress: called with what is being measured.

    Raises:
        EngineUnavailable: there is no CUDA GPU, or its memory does not hold the networks.
        OptionError: torch does not have this device.
    """
    import torch

    device = resolve_device(case.device)
    if not device.startswith("cuda"):
        raise EngineUnavailable(NO_GPU)
    meter = GpuMeter(device)
    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    software = f"torch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN {cudnn}"
    return GpuFigures(meter.name, software, case.tiny, tuple(measure_rows(case, device, meter, progress)))


def measure_rows(
    case: GpuCase, device: str, meter: GpuMeter, progress: Callable[[str], None] = lambda _: None
) -> Iterator[GpuRow]:
    """One row after the other, each precision with networks of its own, which are gone before the next is loaded."""
    from ..engines.musetalk.networks import load_networks

    given = _faces(max(case.batches))
    exact: list[Image] = []
    for precision in PRECISIONS:
        progress(f"loading the networks in {precision}")
        weights = "tiny" if case.tiny else "random"
        networks = load_networks(MuseTalkOptions(weights=weights, device=device, precision=precision))
        if not exact:
            with full_fp32():
                exact = FacePainter(networks, 1, graphs=False).paint_parts(*given)
        for batch in case.batches:
            for graphs in (False, True):
                progress(f"{batch} together in {precision}{' with graphs' * graphs}")
                yield _row(networks, batch, graphs, given, exact, meter, case.rounds)


def _row(
    networks: Networks,
    batch: int,
    graphs: bool,
    given: tuple[list[Array], list[Array], list[Patch]],
    exact: Sequence[Image],
    meter: GpuMeter,
    rounds: int,
) -> GpuRow:
    for cache in networks.made(GraphCache):
        cache.drop()
    meter.reset()
    notices: list[str] = []
    painter, some = FacePainter(networks, batch, graphs=graphs, notices=notices), [one[:batch] for one in given]
    work: Callable[[], Any] = lambda: painter.paint_parts(*some)  # type: ignore[arg-type]  # noqa: E731
    began = time.perf_counter()
    painter.warm_up()
    drawn = work()
    warm_up = time.perf_counter() - began
    spent = spent_on(lambda: [work() for _ in range(CALLS)], rounds, warm=False)
    apart = [np.abs(ours.astype(int) - theirs) for ours, theirs in zip(drawn, exact[:batch], strict=True)]
    return GpuRow(
        batch,
        networks.precision,
        graphs,
        1000 * spent.wall / (CALLS * batch),
        meter.peak(),
        warm_up,
        float(np.mean([one.mean() for one in apart])),
        max(int(one.max()) for one in apart),
        tuple(notices),
    )


def _faces(count: int) -> tuple[list[Array], list[Array], list[Patch]]:
    random = np.random.default_rng(1)
    latents = random.standard_normal((count, 8, 32, 32)).astype(np.float32) * np.float32(0.8)
    drives = random.standard_normal((count, 50, 384)).astype(np.float32)
    return list(latents), list(drives), [_FACE] * count


__all__ = ["BATCHES", "GpuCase", "GpuFigures", "GpuMeter", "GpuRow", "bench_gpu", "measure_rows"]
