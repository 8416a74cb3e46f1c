"""MuseTalk's speed on this machine with seeded random weights, compared with the same networks run plainly."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compose import compose
from ..engines.musetalk import MuseTalkEngine, MuseTalkOptions
from ..engines.musetalk.options import REALTIME_FEATHER
from ..engines.musetalk.painter import FacePainter
from ..engines.musetalk.prepare import MuseTalkPreparation
from ..types import Array, PreparedFace
from .comparison import Comparison, compare, spent_on
from .musetalk_scene import MuseTalkScene, parsed_region, portrait_scene, whole_frame_detector

if TYPE_CHECKING:
    from ..engines.torch_runtime.networks import Networks
    from ..engines.torch_runtime.shared import Shared
    from .reference import DiffusersReference

GMAC = {"unet": 88.9, "decoder": 311.1}
"""Multiply-accumulate operations for one face at full size, in 1e9."""
SPEAKER_FPS = 25
"""Frames per second of one speaker."""
CLIP_FRAMES = 250
"""Frames of the clip that is prepared: 10 s."""
FULL_HD, HD = (1920, 1080), (1280, 720)


@dataclass(frozen=True, slots=True)
class MuseTalkCase:
    """What is measured."""

    tiny: bool = False  # small networks: a trial of the benchmark, not a figure
    device: str = "auto"
    batches: tuple[int, ...] = ()  # faces rendered together; none: 1, 4, 8, 16 on a GPU and 1 on a CPU
    rounds: int = 3  # the fastest counts
    clip_frames: int = 3  # frames of the clip that are prepared; the others are extrapolated
    threads: int = 0  # of torch and OpenCV; 0: all cores


@dataclass(frozen=True, slots=True)
class Rate:
    """Rendering alone: latents and drives in, uint8 pictures of the pasted region out."""

    batch: int
    fps: float
    tflops: float | None  # two operations per multiply-accumulate, 0.8e12 a face; None: tiny networks
    speakers: int  # at 25 fps


@dataclass(frozen=True, slots=True)
class MuseTalkFigures:
    """Everything measured in one call."""

    device: str
    precision: str
    tiny: bool
    threads: int
    load: float | None  # of the machine at the start, over the last minute; None: this system does not report it
    versus: tuple[Comparison, ...]
    rates: tuple[Rate, ...]
    apart_mean: float  # mean difference between our face and theirs, in grey levels
    notices: tuple[str, ...]


def bench_musetalk(case: MuseTalkCase, progress: Callable[[str], None] = lambda _: None) -> MuseTalkFigures:
    """Measure the hot path, blending, preparation and rates, each compared with upstream's way where it has one.

    Args:
        progress: called with what is being measured.

    Raises:
        EngineUnavailable, OptionError: torch or the device is not available.
    """
    import torch

    _limit_threads(case.threads)
    weights, threads = "tiny" if case.tiny else "random", torch.get_num_threads()
    options = MuseTalkOptions(weights=weights, device=case.device, threads=threads)
    load = _load()
    progress("building the networks")
    sides = BothSides.of(options, case)
    progress("the hot path")
    hot, apart = sides.hot_path()
    progress("blending at 1920x1080")
    blending = sides.blending()
    progress("preparation at 1280x720")
    preparation = sides.preparation()
    rates = tuple(sides.rate(batch) for batch in _batches(case, sides.networks.device, progress))
    networks = sides.networks
    compare = (hot, blending, preparation)
    notices = tuple(networks.notices)
    return MuseTalkFigures(
        networks.device, networks.precision, case.tiny, threads, load, compare, rates, apart, notices
    )


@dataclass(frozen=True, slots=True, eq=False)
class BothSides:
    """Our engine and the reference with the same weights, and a scene."""

    case: MuseTalkCase
    engine: MuseTalkEngine
    reference: DiffusersReference
    scene: MuseTalkScene
    latents: Array  # (8, 32, 32)
    shared: Shared[Networks]  # the engine's too

    @property
    def networks(self) -> Networks:
        """UNet and VAE of our side."""
        return self.shared.value

    @classmethod
    def of(cls, options: MuseTalkOptions, case: MuseTalkCase) -> BothSides:
        """Load both sides, and prepare the portrait."""
        from ..engines.musetalk.networks import shared_networks
        from ..engines.torch_runtime.device import resolve_device
        from .reference import DiffusersReference

        device = resolve_device(options.device)
        scene = portrait_scene(FULL_HD, options)
        reference = DiffusersReference(options, device, None if case.tiny else whole_frame_detector(device))
        engine, shared = MuseTalkEngine(options), shared_networks(options)
        preparation = MuseTalkPreparation(options, shared.value, scene.region)
        material: Any = preparation.prepare_at(scene.image, scene.points, scene.face.box).material
        return cls(case, engine, reference, scene, material.latents, shared)

    def hot_path(self) -> tuple[Comparison, float]:
        """From latents and drives to finished 1920x1080 frames, a batch at a time; and the difference of both faces."""
        batch = FacePainter(self.networks).batches.size
        latents, drives = np.stack([self.latents] * batch), _drives(batch)
        scene, reference = self.scene, self.reference
        material, frame = _material(self), np.ascontiguousarray(scene.image[..., ::-1])
        prepared = PreparedFace(scene.patch.crop, scene.patch.alpha, material)

        def ours() -> None:
            for row in self.engine.render([[material]] * batch, [[drive] for drive in drives]):
                compose(scene.image, [prepared], row)

        def theirs() -> None:
            for face in reference.draw(latents, drives):
                reference.blend(frame, face, scene.box, scene.mask)

        drawn = FacePainter(self.networks, 1).paint([self.latents], list(drives[:1]))[0]
        apart = np.abs(drawn.astype(int) - reference.draw(latents[:1], drives[:1])[0][..., ::-1]).mean()
        note = f"per frame, {batch} together, 1920x1080; theirs: fp32, whole-frame blending with a mask made before"
        return compare(
            "hot path", spent_on(ours, self.case.rounds), spent_on(theirs, self.case.rounds), batch, note
        ), float(apart)

    def blending(self) -> Comparison:
        """From a rendered face to a finished 1920x1080 frame."""
        scene = self.scene
        face = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
        frame, prepared = (
            np.ascontiguousarray(scene.image[..., ::-1]),
            PreparedFace(scene.patch.crop, scene.patch.alpha, None),
        )
        rounds = 10 * self.case.rounds
        ours = spent_on(lambda: compose(scene.image, [prepared], [scene.patch.fitted(face)]), rounds)
        theirs = spent_on(lambda: self.reference.blend(frame, face, scene.box, scene.mask), rounds)
        width, height = scene.box[2] - scene.box[0], scene.box[3] - scene.box[1]
        return compare("blending", ours, theirs, 1, f"per frame, 1920x1080, a face of {width}x{height} px")

    def preparation(self) -> Comparison:
        """Preparation of a 1280x720 clip of 10 s, extrapolated from some of its frames."""
        from ..face.landmarks import Landmarker

        case, options = self.case, replace(self.engine.options, feather=REALTIME_FEATHER)
        scene = portrait_scene(HD, options, parsed_region(self.networks.device, case.tiny))
        clip = [np.roll(scene.image, shift, 1) for shift in range(case.clip_frames)]
        with tempfile.TemporaryDirectory(prefix="lipsmith-bench-") as name, Landmarker(1, tracking=True) as landmarker:
            landmarker.find(scene.image)
            preparation = MuseTalkPreparation(options, self.networks, scene.region)

            def ours() -> None:
                for image in clip:
                    preparation.prepare(image, (landmarker.find(image) or [scene.face])[0])

            def theirs() -> None:
                for image in clip:
                    self.reference.prepare(image, scene.box, scene.points, scene.region, Path(name))

            share = case.clip_frames / CLIP_FRAMES
            both = spent_on(ours, 1), spent_on(theirs, 1)
        note = (
            f"10 s at 1280x720, extrapolated from {case.clip_frames} of {CLIP_FRAMES} frames; ours: FaceMesh, parsing, "
        )
        note += "encoding; theirs: PNGs, encoding, parsing there and back"
        note += "" if case.tiny else ", the network of S3FD (its sorting, DWPose and films left out)"
        return compare("preparation", *both, share, note)

    def rate(self, batch: int) -> Rate:
        """Frames per second of rendering ``batch`` faces together."""
        options = self.engine.options
        painter = FacePainter(self.networks, batch, options.compile, options.graphs)
        latents, drives, patches = [self.latents] * batch, list(_drives(batch)), [self.scene.patch] * batch
        painter.paint_parts(latents, drives, patches)
        spent = spent_on(lambda: painter.paint_parts(latents, drives, patches), self.case.rounds, warm=False)
        fps = batch / spent.wall
        tflops = None if self.case.tiny else fps * 2 * sum(GMAC.values()) / 1000
        return Rate(batch, fps, tflops, int(fps // SPEAKER_FPS))


def _drives(count: int) -> Array:
    return np.random.default_rng(1).standard_normal((count, 50, 384)).astype(np.float32)


def _material(sides: BothSides) -> Any:
    from ..engines.musetalk.prepare import MuseTalkMaterial

    return MuseTalkMaterial(sides.latents, sides.scene.patch)


def _batches(case: MuseTalkCase, device: str, progress: Callable[[str], None]) -> Iterator[int]:
    for batch in case.batches or ((1,) if device == "cpu" else (1, 4, 8, 16)):
        progress(f"rendering {batch} together")
        yield batch


def _load() -> float | None:
    import os

    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _limit_threads(threads: int) -> None:
    import cv2
    import torch

    if threads:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)


def parse_batches(words: Sequence[str]) -> tuple[int, ...]:
    """Whole numbers from 1.

    Raises:
        OptionError: a word that is none.
    """
    from ..errors import OptionError

    if not all(word.strip().isdigit() and int(word) > 0 for word in words):
        raise OptionError(f"batches is '{','.join(words)}'; give whole numbers such as 1,4,8,16.")
    return tuple(int(word) for word in words)


__all__ = ["MuseTalkCase", "MuseTalkFigures", "Rate", "bench_musetalk", "parse_batches"]
