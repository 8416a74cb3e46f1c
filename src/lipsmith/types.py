"""The data types that all modules share: frozen dataclasses whose arrays are read-only by convention.

Every array says its dims, its dtype where it is not float32, and its unit. Images are RGB uint8 (H, W, 3)
everywhere inside; sound is mono float32 in [-1, 1]; boxes are x0 y0 x1 y1 in pixels, half-open.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W, 3) RGB."""
Samples = NDArray[np.float32]
"""(n,) mono, in [-1, 1]."""
Array = NDArray[np.float32]
"""float32 of the dims that the field or argument names."""

MOUTH_CONTROLS = ("jaw", "spread", "pucker", "upper", "lower", "press", "bite", "tongue")
"""The eight mouth controls, in the order of every (8,) drive. All 0..1, spread -1..1.

jaw opens; spread pulls the corners apart (negative: together); pucker rounds and protrudes; upper lifts the
upper lip; lower depresses the lower lip; press holds the lips together (p, b, m); bite brings the lower lip to
the upper teeth (f, v); tongue lifts the tongue (l, th).
"""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in one image."""

    box: Array  # (4,) px: x0 y0 x1 y1, around the landmarks
    landmarks: Array  # (478, 3) px: FaceMesh order; x right, y down, z away from the camera, in pixels of x
    score: float  # 0..1
    track: int = 0  # the same person keeps the same number through a film
    frame: int = -1  # position in the source; -1: not known
    scene: int = 0  # number of the scene; a cut begins the next


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """The affine map from an image to the picture that an engine draws, and back."""

    matrix: Array  # (2, 3): image px -> picture px
    size: tuple[int, int]  # width, height of the picture in px
    box: tuple[int, int, int, int] | None = None  # px; set when the crop is axis-aligned, on whole pixels

    @classmethod
    def from_box(cls, box: tuple[int, int, int, int], size: tuple[int, int] | None = None) -> Crop:
        """An axis-aligned crop. ``size`` (width, height) defaults to the size of the box: pixel for pixel."""
        x0, y0, x1, y1 = box
        width, height = size or (x1 - x0, y1 - y0)
        sx, sy = width / (x1 - x0), height / (y1 - y0)
        return cls(np.array([[sx, 0, -x0 * sx], [0, sy, -y0 * sy]], np.float32), (width, height), box)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFace:
    """One face prepared for an engine: where its picture goes, and what the engine needs to draw it."""

    STORED_AS: ClassVar[str] = "Target"  # its name in stored avatars
    crop: Crop
    mask: Array | None  # (h, w) alpha 0..1 of the picture; None: opaque
    material: object  # of a type that the engine defines
    unable: str | None = None  # why the engine cannot draw this face in this frame; None: it can
    track: int = 0  # the same person keeps the same number through a film


@dataclass(frozen=True, slots=True, eq=False)
class SourceFrame:
    """One picture of the source with its prepared faces. Without faces it is a cutaway."""

    index: int  # position in the source
    image: Image
    faces: tuple[PreparedFace, ...] = ()
    scene: int = 0  # number of the scene; a cut begins the next


@dataclass(frozen=True, slots=True, eq=False)
class DrivenFrame:
    """A source frame with its drive and its samples, ready to be rendered."""

    index: int  # position in the film
    source_frame: SourceFrame
    drive: Array  # what the face does, of the engine's own fixed shape: (17,) for warp, (50, 384) for musetalk
    samples: Samples  # (n,) at the stream's playing rate


@dataclass(frozen=True, slots=True, eq=False)
class AVFrame:
    """One finished picture and the samples that play while it shows."""

    index: int
    image: Image
    samples: Samples  # (n,) at the stream's playing rate
    alpha: NDArray[np.uint8] | None = None  # (H, W) 0 clear .. 255 opaque, straight (not premultiplied); None: opaque


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Name, version and batch sizes of an engine.

    ``window`` is the number of consecutive frames that it renders together; ``batch`` is how many windows one call of
    ``render`` should get for the best speed.
    """

    name: str
    version: str
    window: int = 1
    batch: int = 1


@dataclass(frozen=True, slots=True)
class FilmInfo:
    """Size, frame rate and sample rate of a film or stream, known before its first frame."""

    size: tuple[int, int]  # width, height in px
    fps: Fraction
    rate: int  # Hz of the playing sound
