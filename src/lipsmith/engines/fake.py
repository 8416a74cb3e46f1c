"""An engine that needs nothing: a grey square over the face, as bright as the sound is loud.

It stands in for any engine in tests. ``window`` and the encoder's ``context`` can be set to those of a real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from ..options import option
from ..timing import frame_count, sample_at
from ..types import Array, Crop, EngineInfo, Face, Image, PreparedFace, Samples
from .protocols import EncoderUse
from .registry import EngineSpec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SIDE = 8  # px of the pictures


@dataclass(frozen=True, slots=True)
class FakeOptions:
    """Which properties of a real engine it imitates."""

    window: int = option(1, "Frames drawn together.", prepares=False)
    context: int = option(2, "Frames of sound used before and after each frame.", prepares=False)


class FakeEncoder:
    """Drives are (1,): the summed loudness of the frame and its context."""

    def __init__(self, fps: Fraction, context: int) -> None:
        self._fps, self._context = fps, context
        self._sound = np.zeros(0, np.float32)
        self._offset = self._heard = self._next = 0

    def push(self, samples: Samples) -> list[Array]:
        self._sound = np.concatenate([self._sound, samples])
        self._heard += len(samples)
        drives = []
        while sample_at(self._next + 1 + self._context, self._fps) <= self._heard:
            drives.append(self._drive())
        return drives

    def flush(self) -> list[Array]:
        return [self._drive() for _ in range(frame_count(self._heard, self._fps) - self._next)]

    def _drive(self) -> Array:
        start = max(0, sample_at(self._next - self._context, self._fps)) - self._offset
        stop = sample_at(self._next + 1 + self._context, self._fps) - self._offset
        loudness = np.abs(self._sound[start:stop]).sum(dtype=np.float64)
        self._next += 1
        keep = max(0, sample_at(self._next - self._context, self._fps)) - self._offset
        self._sound, self._offset = self._sound[keep:], self._offset + keep
        return np.array([loudness], np.float32)


class FakeAnalysis:
    """Counts frames; the identity is how many there were."""

    def __init__(self) -> None:
        self._frames = 0

    def add(self, image: Image, face: Face) -> None:
        self._frames += 1

    def identity(self) -> int:
        return self._frames


class FakeEngine:
    """See the module."""

    notices: tuple[str, ...] = ()

    def __init__(self, options: FakeOptions | None = None) -> None:
        self.options = options or FakeOptions()
        self.calls: list[int] = []  # rows of every call to render

    @property
    def info(self) -> EngineInfo:
        return EngineInfo("fake", "1", self.options.window)

    @property
    def material_types(self) -> tuple[type[DataclassInstance], ...]:
        return ()

    def analyze(self, still: bool) -> FakeAnalysis:
        return FakeAnalysis()

    def prepare(self, image: Image, face: Face, identity: object) -> PreparedFace:
        height, width = image.shape[:2]
        x0, y0, x1, y1 = (int(v) for v in face.box)
        box = (max(0, x0), max(0, y0), min(width, x1), min(height, y1))
        return PreparedFace(Crop.from_box(box, (SIDE, SIDE)), None, float(image.mean()))

    def speech_encoder(self, fps: Fraction, use: EncoderUse = "file") -> FakeEncoder:
        return FakeEncoder(fps, self.options.context)

    def render(self, materials: Sequence[Sequence[object]], drives: Sequence[Sequence[Array]]) -> list[list[Image]]:
        self.calls.append(len(materials))
        return [
            [self._picture(material, drive) for material, drive in zip(*row, strict=True)]
            for row in zip(materials, drives, strict=True)
        ]

    def _picture(self, material: object, drive: Array) -> Image:
        assert isinstance(material, float)
        return np.full((SIDE, SIDE, 3), int(material + drive[0]) % 251, np.uint8)


SPEC = EngineSpec(
    name="fake",
    version="1",
    summary="a grey square, for tests",
    needs="nothing",
    options=FakeOptions,
    load=FakeEngine,
    for_tests=True,
)
