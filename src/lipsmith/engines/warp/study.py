"""One look over a person's frames: how the face rests, its colours, its teeth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...face.canonical import POINTS, Points, fit_pose
from ...types import Array, Face, Image
from .geometry import aperture
from .interior import Teeth
from .palette import Palette, look
from .sheet import Sheets, make_sheets
from .target import Neutral, neutral_of

SHAPES = 1024
"""Most shapes kept; beyond, every second is dropped and only every second frame is looked at."""
LEAST_OPEN = 0.2
"""Share of the frames, the least open ones, that tell how the face rests."""
LOOKS = 24
"""Most palettes kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """What belongs to a person who moves, not to a frame."""

    neutral: Neutral
    sheets: Sheets  # over the neutral face seen from the front, origin at its lip line's middle
    middle: Points  # (3,) that origin, own frame
    lean: Points  # (3,): depth of the mouth's surface at plane x, y is lean @ (1, x, y)


@dataclass(frozen=True, slots=True, eq=False)
class Character:
    """One person, as one look over the frames showed them."""

    palette: Palette
    film: Film | None = None  # None: a still portrait
    teeth: Teeth | None = None


class WarpStudy:
    """Looks over one person's frames. Memory does not grow beyond SHAPES shapes."""

    def __init__(self) -> None:
        self._frames = 0
        self._stride = 1
        self._shapes: list[Array] = []
        self._palettes: list[Palette] = []

    def add(self, image: Image, face: Face) -> None:
        """See one (H, W, 3) RGB frame with its face."""
        if self._frames % self._stride == 0:
            self._keep(image, face)
        self._frames += 1

    def _keep(self, image: Image, face: Face) -> None:
        landmarks = face.landmarks[:POINTS].astype(np.float64)
        pose = fit_pose(landmarks)
        self._shapes.append(pose.to_own(landmarks).astype(np.float32))
        if len(self._shapes) >= SHAPES:
            self._shapes, self._stride = self._shapes[::2], 2 * self._stride
        if self._frames % (5 * self._stride) == 0:
            self._palettes.append(look(image, landmarks, pose.scale))
            if len(self._palettes) >= LOOKS:
                self._palettes = self._palettes[::2]

    def done(self) -> Character:
        """The character of all frames seen; a single frame is a still portrait."""
        palette = median_palette(self._palettes)
        if self._frames == 1:
            return Character(palette)
        return Character(palette, make_film(np.stack(self._shapes)))


def median_palette(palettes: list[Palette]) -> Palette:
    """The middle of what several frames showed."""
    colours = [
        np.median([getattr(p, name) for p in palettes], 0).astype(np.float32)
        for name in ("skin", "lip", "teeth", "tongue", "cavity")
    ]
    bright, slant = (float(np.median([getattr(p, name) for p in palettes])) for name in ("bright", "slant"))
    return Palette(*colours, bright=bright, slant=slant)


def make_film(shapes: Array) -> Film:
    """The rest of a person from (n, 468, 3) shapes in the head's own frame."""
    open_by = np.array([aperture(shape) for shape in shapes])
    least = shapes[open_by <= np.quantile(open_by, LEAST_OPEN)]
    neutral = neutral_of(least.mean(0, dtype=np.float64))
    shape = neutral.shape
    middle = (shape[13] + shape[14]) / 2
    near = np.exp(-((shape - middle) ** 2)[:, :2].sum(1) / (2 * 0.25**2))
    near *= shape[:, 1] > middle[1] - 0.2
    terms = np.stack([np.ones(POINTS), *(shape - middle)[:, :2].T], 1)
    lean = np.linalg.lstsq(terms * near[:, None], (shape - middle)[:, 2] * near, rcond=None)[0]
    return Film(neutral, make_sheets((shape - middle)[:, :2]), middle, lean)
