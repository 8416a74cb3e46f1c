"""An engine for Lipsmith: a dark bar across the mouth, as high as the sound is loud. docs/engines.md explains it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lipsmith import EngineSpec
from lipsmith.engines.protocols import EncoderUse
from lipsmith.options import option
from lipsmith.timing import sample_at
from lipsmith.types import Array, Crop, EngineInfo, Face, Image, PreparedFace, Samples

LIPS = (61, 291, 0, 17)  # FaceMesh: both corners, the top and the bottom


@dataclass(frozen=True)
class BarOptions:
    gain: float = option(10.0, "How high the bar grows with the loudness of the sound.")
    grey: int = option(30, "Grey level of the bar, 0 to 255.", prepares=False)


@dataclass(frozen=True, eq=False)
class Mouth:
    pixels: Image  # (h, w, 3) what lies below the bar
    gain: float


class BarEncoder:
    """Drives are (1,): the loudness of the frame, root mean square."""

    def __init__(self, fps: Fraction) -> None:
        self.fps, self.frame, self.sound = fps, 0, np.zeros(0, np.float32)

    def push(self, samples: Samples) -> list[Array]:
        self.sound, drives = np.concatenate([self.sound, samples]), []
        while len(self.sound) >= (size := sample_at(self.frame + 1, self.fps) - sample_at(self.frame, self.fps)):
            drives.append(np.array([np.sqrt(np.mean(self.sound[:size] ** 2))], np.float32))
            self.sound, self.frame = self.sound[size:], self.frame + 1
        return drives

    def flush(self) -> list[Array]:
        missing = sample_at(self.frame + 1, self.fps) - sample_at(self.frame, self.fps) - len(self.sound)
        return self.push(np.zeros(missing, np.float32)) if len(self.sound) else []


class BarAnalysis:
    def add(self, image: Image, face: Face) -> None: ...

    def identity(self) -> None: ...


class BarEngine:
    info = EngineInfo("bar", "1")
    material_types = (Mouth,)
    notices = ()

    def __init__(self, options: BarOptions) -> None:
        self.options = options

    def analyze(self, still: bool) -> BarAnalysis:
        return BarAnalysis()

    def prepare(self, image: Image, face: Face, identity: object) -> PreparedFace:
        points = face.landmarks[list(LIPS), :2].round().astype(int).clip(0, np.array(image.shape[1::-1]) - 2)
        (x0, y0), (x1, y1) = points.min(0), points.max(0) + 2
        box = (int(x0), int(y0), int(x1), int(y1))
        return PreparedFace(Crop.from_box(box), None, Mouth(image[y0:y1, x0:x1].copy(), self.options.gain))

    def speech_encoder(self, fps: Fraction, use: EncoderUse = "file") -> BarEncoder:
        return BarEncoder(fps)

    def render(self, materials: Sequence[Sequence[Mouth]], drives: Sequence[Sequence[Array]]) -> list[list[Image]]:
        rows = zip(materials, drives, strict=True)
        return [[self.draw(mouth, drive) for mouth, drive in zip(*row, strict=True)] for row in rows]

    def draw(self, mouth: Mouth, drive: Array) -> Image:
        picture, height = mouth.pixels.copy(), len(mouth.pixels)
        half = round(min(1.0, mouth.gain * float(drive[0])) * height / 2)
        picture[height // 2 - half : height // 2 + half] = self.options.grey
        return picture


SPEC = EngineSpec("bar", "1", "a dark bar across the mouth", "nothing", BarEngine, BarOptions)
