"""``lipsmith bench musetalk``: MuseTalk's speed here, compared with the same networks run plainly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from ..options import build
from .bench import app
from .flags import flags_from
from .generate import AsJson
from .records import print_json

if TYPE_CHECKING:
    from ..bench.musetalk import MuseTalkFigures
    from ..bench.musetalk_gpu import GpuFigures

HELP = {
    "tiny": "Small networks: a trial of the benchmark, not a figure.",
    "device": "auto: the GPU if there is one; else a device name of torch.",
    "gpu": "A table of one GPU instead: batch, precision, graphs; exit code 5 where there is none.",
    "batches": "Faces rendered together; left out: 1,4,8,16 on a GPU, 1 on a CPU; 1,2,4,8 for --gpu.",
    "rounds": "How often each measurement is repeated; the fastest counts.",
    "clip_frames": "Frames of a clip of 250 that are prepared; the others are extrapolated.",
    "threads": "Threads of torch and OpenCV; 0: all cores.",
}


@dataclass(frozen=True, slots=True)
class MuseTalkBenchOptions:
    """What is measured."""

    tiny: bool = False
    gpu: bool = False
    device: str = "auto"
    batches: str = ""
    rounds: int = 3
    clip_frames: int = 3
    threads: int = 0


@app.command("musetalk")
@flags_from(MuseTalkBenchOptions, HELP)
def bench_musetalk(as_json: AsJson = False, **given: Any) -> None:
    """Measure MuseTalk on seeded random weights: hot path, blending, preparation, frames per second by batch.

    It is compared with diffusers' own networks in fp32 with upstream's whole-frame blending and PNGs, in the same
    process. With --gpu, rendering alone, in a table for every batch and precision, with and without CUDA graphs:
    milliseconds for each face, the peak of memory, the time to warm up, and how far its pictures are from fp32's.
    """
    from ..bench.musetalk import MuseTalkCase, parse_batches
    from ..bench.musetalk import bench_musetalk as measure

    chosen = build(MuseTalkBenchOptions, given)
    batches = parse_batches(chosen.batches.split(",") if chosen.batches else [])
    if chosen.gpu:
        _bench_gpu(chosen, batches, as_json)
        return
    counts = chosen.rounds, chosen.clip_frames, chosen.threads
    case = MuseTalkCase(chosen.tiny, chosen.device, batches, *counts)
    found = measure(case, lambda what: typer.echo(f"measuring {what} ...", err=True))
    print_json(found) if as_json else _print(found)


def _bench_gpu(chosen: MuseTalkBenchOptions, batches: tuple[int, ...], as_json: bool) -> None:
    from ..bench.musetalk_gpu import BATCHES, GpuCase, bench_gpu

    case = GpuCase(chosen.tiny, chosen.device, batches or BATCHES, chosen.rounds)
    found = bench_gpu(case, lambda what: typer.echo(f"measuring {what} ...", err=True))
    print_json(found) if as_json else _print_gpu(found)


def _print_gpu(found: GpuFigures) -> None:
    size = "tiny networks: no figures" if found.tiny else "full-size random weights"
    print(f"MuseTalk on {found.gpu}, {found.software}; {size}")
    print("batch  precision  graphs  ms/face  peak GB  warm-up s  apart from fp32: mean, most")
    for row in found.rows:
        graphs, peak = "yes" if row.graphs else "no", row.peak_bytes / 1e9
        print(
            f"{row.batch:>5}  {row.precision:<9}  {graphs:<6}  {row.milliseconds:>7.2f}  {peak:>7.2f}"
            f"  {row.warm_up:>9.2f}  {row.apart_mean:.3f}, {row.apart_max}"
        )
        for notice in row.notices:
            print(f"       note: {notice}")


def _print(found: MuseTalkFigures) -> None:
    load = "" if found.load is None else f", load {found.load:.1f} at the start"
    size = "tiny networks: no figures" if found.tiny else "full-size random weights"
    print(f"MuseTalk on {found.device} in {found.precision}, {found.threads} threads{load}; {size}")
    for one in found.versus:
        print(f"  {one.what}: {one.times_wall:.1f} times faster by the clock, {one.times_cpu:.1f} by processor time")
        for name, spent in (("ours", one.ours), ("theirs", one.theirs)):
            print(f"    {name:6} {spent.wall:.4g} s, processor {spent.cpu:.4g} s")
        print(f"    {one.note}")
    for rate in found.rates:
        work = "" if rate.tflops is None else f", {rate.tflops:.2f} TFLOP/s"
        print(f"  {rate.batch} together: {rate.fps:.2f} fps{work}, {rate.speakers} speakers at 25 fps")
    print(f"  both sides' faces differ by {found.apart_mean:.2f} grey levels in the mean")
    for notice in found.notices:
        print(f"  note: {notice}")


__all__ = ["app", "bench_musetalk"]
