"""The inner edges of the lips in one frame, and the opening between them, on the mesh's reference plane."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ...types import Array
from .image_ops import Numbers
from .landmark_indices import INNER_LOWER, INNER_UPPER
from .spline import monotone_curve

SAMPLES = 64
"""Points of each lip curve."""
_INNER = np.array([INNER_UPPER, INNER_LOWER])
_COUNT = np.arange(SAMPLES, dtype=np.float64)
_SMOOTHED = 2.5
"""Standard deviation, in points, by which lip curves are smoothed: a monotone curve is flat around its peak, and a flat
peak between steep sides would show a box between rounded lips."""


@dataclass(frozen=True, slots=True, eq=False)
class LipCurves:
    """The inner edges of both lips in one frame, in eye distances on the plane."""

    x: Array  # (SAMPLES,) left corner to right, evenly spaced
    upper: Array  # (SAMPLES,) y of the upper lip's edge
    lower: Array  # (SAMPLES,) y of the lower lip's edge, never above the upper one

    @property
    def middle(self) -> Array:
        """(SAMPLES,) y of the line between the lips."""
        return np.asarray((self.upper + self.lower) / 2)

    def beyond_corners(self, x: Array) -> Array:
        """How far each plane x lies outside the mouth's corners, 0 between them; of the shape of ``x``."""
        beyond: Array = np.maximum(self.x[0] - x, x - self.x[-1])
        return np.asarray(np.maximum(beyond, 0, out=beyond))

    def heights(self, x: Array, *curves: Array) -> tuple[Array, ...]:
        """For each curve of (SAMPLES,) values, its (h, w) value at (h, w) plane x."""
        step = (self.x[-1] - self.x[0]) / (SAMPLES - 1)
        column = (x - self.x[0]) / max(float(step), 1e-6)
        row = np.zeros_like(column)
        return tuple(
            np.asarray(cv2.remap(c[None], column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
            for c in curves
        )


def lip_curves(landmarks: Array) -> LipCurves:
    """The lip edges of (468, 2) landmarks on the plane."""
    edges = landmarks[_INNER]
    first, last = edges[0, 0, 0], edges[0, -1, 0]
    x = _COUNT * ((last - first) / (SAMPLES - 1)) + first  # np.linspace, at a third of its cost
    x[-1] = last
    above, below = _smoothed(monotone_curve(edges[..., 0], edges[..., 1], x))
    return LipCurves(*(np.asarray(a, np.float32) for a in (x, above, np.maximum(above, below))))


def _smoothed(curves: Numbers) -> Numbers:
    """(2, SAMPLES) curves without their kinks. Their ends stay, straight lines too, and lips that touch still touch."""
    around = np.empty((2, 3 * SAMPLES - 2))  # odd about both ends
    np.subtract(2 * curves[:, :1], curves[:, :0:-1], out=around[:, : SAMPLES - 1])
    around[:, SAMPLES - 1 : 2 * SAMPLES - 1] = curves
    np.subtract(2 * curves[:, -1:], curves[:, -2::-1], out=around[:, 2 * SAMPLES - 1 :])
    rounded = cv2.GaussianBlur(around, (0, 0), _SMOOTHED, sigmaY=1e-3, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(rounded[:, SAMPLES - 1 : 2 * SAMPLES - 1])


@dataclass(frozen=True, eq=False)
class Opening:
    """The opening between the lips over its (h, w) box. Lengths are eye distances on the plane."""

    across: Array  # (h, w) x of each pixel
    down: Array  # (h, w) y of each pixel
    top: Array  # (h, w) y of the upper lip's edge in this column
    bottom: Array  # (h, w) y of the lower lip's edge in this column
    centre: float  # x of the mouth's middle
    half_width: float
    upper_middle: float  # y of the upper lip's edge at the mouth's middle
    lower_middle: float  # y of the lower lip's edge there
    scale: float  # px per eye distance
    jaw: float  # these three: the mouth controls of the frame
    pucker: float
    tongue: float

    @cached_property
    def below_upper(self) -> Array:
        """(h, w) how far each pixel lies below the upper lip's edge."""
        return self.down - self.top

    @cached_property
    def above_lower(self) -> Array:
        """(h, w) how far each pixel lies above the lower lip's edge."""
        return self.bottom - self.down

    @cached_property
    def gap(self) -> Array:
        """(h, w) height of the opening in each pixel's column."""
        return self.bottom - self.top


def lip_opening(curves: LipCurves, plane: Array, controls: Array, scale: float) -> Opening:
    """The opening over pixels that lie at (h, w, 2) on the plane, under (8,) controls; ``scale`` px an eye distance."""
    top, bottom = curves.heights(plane[..., 0], curves.upper, curves.lower)
    jaw, pucker, tongue = (float(controls[i]) for i in (0, 2, 7))
    return Opening(
        across=plane[..., 0],
        down=plane[..., 1],
        top=top,
        bottom=bottom,
        centre=float(curves.x[0] + curves.x[-1]) / 2,
        half_width=float(curves.x[-1] - curves.x[0]) / 2,
        upper_middle=float(curves.upper[SAMPLES // 2]),
        lower_middle=float(curves.lower[SAMPLES // 2]),
        scale=scale,
        jaw=jaw,
        pucker=pucker,
        tongue=tongue,
    )
