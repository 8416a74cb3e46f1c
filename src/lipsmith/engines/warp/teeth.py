"""The source's own teeth, laid over the opening."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...face.canonical import Points
from ...types import Array
from .image_ops import as_float32
from .lip_opening import Opening
from .palette import Palette
from .spline import smoothstep_of

_DIM_RATES = np.array([0.86, 1.0, 1.16], np.float32)
"""Light inside a mouth is reddish: of the red less is lost than of the blue."""
_HIDDEN_BY_PUCKER = (0.30, 0.75)
"""Pucker from which the lips begin to hide the source's teeth, and where they are gone."""


@dataclass(frozen=True, slots=True, eq=False)
class Teeth:
    """The source's own teeth: a picture placed in the head's frame."""

    picture: Array  # (h, w, 3) RGB 0..255
    alpha: Array  # (h, w) 0..1
    corners: Points  # (3, 3) eye distances, head's frame: where the picture's (0, 0), (w, 0) and (0, h) lie

    def colour(self) -> Array:
        """(3,) RGB 0..255 of well-lit teeth."""
        return as_float32(np.percentile(self.picture[self.alpha >= 0.8 * self.alpha.max()], 65, axis=0))

    def picture_corners(self) -> Array:
        """(3, 2) px in the picture of what ``corners`` places."""
        height, width = self.alpha.shape
        return np.array([[0, 0], [width, 0], [0, height]], np.float32)


def lay_source_teeth(picture: Array, opening: Opening, palette: Palette, teeth: Array, alpha: Array) -> None:
    """Lay the source's teeth, (h, w, 3) RGB 0..255 and (h, w) alpha warped to the frame, onto a picture in place.

    They bring their own light. They darken under the lip, where a round mouth shades them, and in a narrow opening,
    which would be a white line otherwise. A very round mouth hides them.
    """
    hidden = smoothstep_of(opening.pucker, *_HIDDEN_BY_PUCKER)
    if hidden == 1:
        return
    lit = 0.6 + 0.4 * np.minimum(np.maximum(opening.below_upper * np.float32(1 / 0.03), 0), 1)
    lit *= 0.6 + 0.4 * np.minimum(np.maximum(opening.gap * np.float32(1 / 0.05), 0), 1)
    dimmed = (1 - lit * np.float32(1 - 0.3 * opening.pucker))[..., None]
    shown = teeth * (1 - dimmed * _DIM_RATES)
    shown += dimmed * (np.float32(0.6) * palette.shadow)
    shown -= picture
    shown *= (alpha * np.float32(1 - hidden))[..., None]
    picture += shown
