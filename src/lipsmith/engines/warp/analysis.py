"""One look over a person's frames: how the face rests, its colours, its teeth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...face.canonical import POINTS, Points, Pose, fit_pose
from ...types import Array, Face, Image
from .geometry import aperture
from .interior import Teeth
from .moving_person import MovingPerson
from .occlusion import UsualSkin, cheek_light, skin_colours, usual_skin
from .palette import Colour, Palette, look
from .pixels import single
from .source_teeth import TeethSearch
from .target import neutral_of

SHAPES = 256
"""Most shapes kept, 6 kB each; beyond, every second is dropped and only every second frame is looked at."""
TEETH_OFTENER = 4
"""Teeth, of which only the best are kept, are looked for so many times as often."""
LEAST_OPEN = 0.2
"""Share of the frames, the least open ones, that tell how the face rests."""
LOOKS = 24
"""Most palettes kept."""


@dataclass(frozen=True, slots=True, eq=False)
class WarpIdentity:
    """One person, as one look over the frames showed them."""

    palette: Palette
    film: MovingPerson | None = None  # None: a still portrait
    teeth: Teeth | None = None
    usual: UsualSkin | None = None


class WarpAnalysis:
    """Looks over one person's frames. Memory does not grow beyond SHAPES shapes and the best teeth: about 2 MB."""

    def __init__(self, still: bool) -> None:
        self._still = still
        self._frames = 0
        self._stride = 1
        self._shapes: list[Array] = []
        self._palettes: list[Palette] = []
        self._colours: list[Array] = []
        self._lights: list[float] = []
        self._teeth = TeethSearch()

    def add(self, image: Image, face: Face) -> None:
        """See one (H, W, 3) RGB frame with its face."""
        if self._frames % max(1, self._stride // TEETH_OFTENER) == 0:
            landmarks = face.landmarks[:POINTS].astype(np.float64)
            pose = fit_pose(landmarks)
            own = pose.to_head(landmarks)
            if self._frames % self._stride == 0:
                self._keep(image, landmarks, pose, own)
            self._teeth.see(image, landmarks, own, pose, self._palettes[-1].bright)
        self._frames += 1

    def _keep(self, image: Image, landmarks: Points, pose: Pose, own: Points) -> None:
        self._shapes.append(own.astype(np.float32))
        self._colours.append(skin_colours(image, landmarks, pose.scale))
        self._lights.append(cheek_light(image, landmarks, pose.scale))
        if len(self._shapes) >= SHAPES:
            self._shapes, self._colours, self._lights = self._shapes[::2], self._colours[::2], self._lights[::2]
            self._stride *= 2
        if self._frames % (5 * self._stride) == 0:
            self._palettes.append(look(image, landmarks, pose.scale))
            if len(self._palettes) >= LOOKS:
                self._palettes = self._palettes[::2]

    def identity(self) -> WarpIdentity:
        """The character of all frames seen."""
        palette = median_palette(self._palettes)
        if self._still:
            return WarpIdentity(palette)
        shapes = np.stack(self._shapes)
        open_by = np.array([aperture(shape) for shape in shapes])
        least = shapes[open_by <= np.quantile(open_by, LEAST_OPEN)]
        film = MovingPerson(neutral_of(least.mean(0, dtype=np.float64)))
        teeth = self._teeth.best(film.middle)
        if teeth is not None:
            palette = replace(palette, teeth=teeth.colour())
        return WarpIdentity(palette, film, teeth, usual_skin(self._colours, self._lights))


def median_palette(palettes: list[Palette]) -> Palette:
    """The middle of what several frames showed."""

    def colour(name: str) -> Colour:
        return single(np.median([getattr(palette, name) for palette in palettes], 0))

    return Palette(
        skin=colour("skin"),
        lip=colour("lip"),
        teeth=colour("teeth"),
        tongue=colour("tongue"),
        cavity=colour("cavity"),
        shadow=colour("shadow"),
        bright=float(np.median([palette.bright for palette in palettes])),
        slant=float(np.median([palette.slant for palette in palettes])),
    )
