"""One pass over a person's frames: the neutral face, its colours, its teeth, the usual appearance of its skin."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ...face.canonical import POINTS, Points, Pose, fit_pose
from ...types import Array, Face, Image
from .face_limits import Fading, face_view, limited_strength
from .image_ops import as_float32
from .moving_person import MovingPerson
from .neutral import aperture, neutral_face
from .occlusion import SkinStatistics, cheek_light, skin_colours, skin_statistics
from .palette import Colour, Palette, estimate_palette
from .source_teeth import TeethSearch
from .teeth import Teeth

MAX_SHAPES = 256
"""Most shapes kept, 6 kB each. Beyond it every second is dropped, and from then on every second frame is skipped."""
MAX_PALETTES = 24
"""Most palettes kept."""
PALETTE_EVERY = 5
"""A palette is estimated for one in so many shapes."""
TEETH_RATE = 4
"""Teeth are searched so many times as often as shapes are kept: only the best are kept, so they cost no memory."""
REST_SHARE = 0.2
"""Share of the frames, those with the least open mouths, whose mean is the neutral face."""


@dataclass(frozen=True, slots=True, eq=False)
class WarpIdentity:
    """One person, as their frames showed them."""

    palette: Palette
    moving: MovingPerson | None = None  # None: a portrait; so are the two below
    teeth: Teeth | None = None  # None: no frame showed any
    skin: SkinStatistics | None = None
    fading: Fading = field(default_factory=Fading)


class WarpAnalysis:
    """Collects one person's frames. Memory stays below about 2 MB: MAX_SHAPES shapes and the best teeth.

    To it come 0.2 kB for each frame beyond a limit.
    """

    def __init__(self, still: bool) -> None:
        self._still = still
        self._frames = 0
        self._stride = 1  # one in so many frames is kept
        self._shapes: list[Array] = []
        self._palettes: list[Palette] = []
        self._colours: list[Array] = []
        self._lights: list[float] = []
        self._teeth = TeethSearch()
        self._limited: dict[int, tuple[int, float, str]] = {}  # see ``Fading``; only a few frames of a usual film

    def add(self, image: Image, face: Face) -> None:
        """Look at one (H, W, 3) RGB frame with its face."""
        landmarks = face.landmarks[:POINTS].astype(np.float64)
        pose = fit_pose(landmarks)
        shape = pose.to_head(landmarks)
        strength, reason = limited_strength(face_view(shape, pose))
        if strength < 1:
            self._limited[face.frame] = (face.scene, strength, reason)
        if self._frames % max(1, self._stride // TEETH_RATE) == 0:
            if self._frames % self._stride == 0:
                self._keep(image, landmarks, pose, shape)
            self._teeth.add(image, landmarks, shape, pose, self._palettes[-1])
        self._frames += 1

    def _keep(self, image: Image, landmarks: Points, pose: Pose, shape: Points) -> None:
        self._shapes.append(shape.astype(np.float32))
        self._colours.append(skin_colours(image, landmarks, pose.scale))
        self._lights.append(cheek_light(image, landmarks, pose.scale))
        if len(self._shapes) >= MAX_SHAPES:
            self._shapes, self._colours, self._lights = self._shapes[::2], self._colours[::2], self._lights[::2]
            self._stride *= 2
        if self._frames % (PALETTE_EVERY * self._stride) == 0:
            self._palettes.append(estimate_palette(image, landmarks, pose.scale))
            if len(self._palettes) >= MAX_PALETTES:
                self._palettes = self._palettes[::2]

    def identity(self) -> WarpIdentity:
        """The person shown by all frames added."""
        palette = median_palette(self._palettes)
        if self._still:
            return WarpIdentity(palette)
        shapes = np.stack(self._shapes)
        apertures = np.array([aperture(shape) for shape in shapes])
        resting = shapes[apertures <= np.quantile(apertures, REST_SHARE)]
        moving = MovingPerson(neutral_face(resting.mean(0, dtype=np.float64)))
        teeth = self._teeth.best(moving.middle)
        if teeth is not None:
            palette = replace(palette, teeth=teeth.colour())
        skin = skin_statistics(self._colours, self._lights)
        return WarpIdentity(palette, moving, teeth, skin, Fading(self._limited))


def median_palette(palettes: list[Palette]) -> Palette:
    """The median of several frames' palettes, colour by colour and channel by channel."""

    def colour(name: str) -> Colour:
        return as_float32(np.median([getattr(palette, name) for palette in palettes], 0))

    return Palette(
        skin=colour("skin"),
        lip=colour("lip"),
        teeth=colour("teeth"),
        tongue=colour("tongue"),
        cavity=colour("cavity"),
        shadow=colour("shadow"),
        bright=float(np.median([palette.bright for palette in palettes])),
        slant=float(np.median([palette.slant for palette in palettes])),
        softness=float(np.median([palette.softness for palette in palettes])),
    )
