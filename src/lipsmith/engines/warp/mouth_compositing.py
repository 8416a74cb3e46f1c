"""Composite the mouth over the warped picture: each lip from its own layer, and the interior into the opening."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor

import cv2
import numpy as np
from numpy.typing import NDArray

from ...face.canonical import Points
from ...types import Array, Image
from .image_ops import Numbers, as_float32, resample
from .interior import Interior, draw_interior, unit
from .landmark_indices import INNER_LOWER, INNER_UPPER, LOWER_RINGS, UPPER_RINGS
from .lip_opening import LipCurves, Opening, lip_opening
from .material import WarpMaterial
from .mesh import sample_grid, sample_grid_over
from .neutral import aperture
from .spline import smoothstep
from .teeth import lay_source_teeth

_SMALLEST_OPENING = 0.6
"""px between the lips up to which nothing is drawn there."""

_SLIT = (0.012, 0.045)
"""Eye distances between the lips: behind a narrower opening all is in the shade, behind a wider one in the light."""
_LINE_WIDTH = 0.009
"""Eye distances from the middle of the drawn lip line to where it has faded to a third."""
_CORNER_REACH = 0.055
"""Eye distances around a mouth corner within which nothing is nearly black."""
_CORNER_FLOOR = 0.45
"""Of the lips' colour, or of that around the corner if it is darker: the darkest that a corner is."""

_INNER = [*INNER_UPPER, *INNER_LOWER]
_CONTOURS = np.concatenate([UPPER_RINGS[0], LOWER_RINGS[0]])
_MOUTH = np.array([*_INNER, *_CONTOURS])
"""Landmarks of the inner contours of both lips, of the outer ones, and of both."""

Box = tuple[int, int, int, int]
"""x0 y0 x1 y1, px of the picture."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameWarp:
    """One frame's warp, from which its mouth is composited."""

    material: WarpMaterial
    controls: Array  # (8,)
    landmarks: Points  # (468, 2) px: the target landmarks, before head motion
    picture: Image  # (h, w, 3) the source, its lids closed as in this frame
    head: Array | None  # (rows, columns, 2) px displacement by head motion; None: the head is still
    upper: Array  # (g, g, 2) px: the upper layer's backward displacement
    lower: Array  # (g, g, 2) px: the lower layer's
    curves: LipCurves

    def places_before_head_motion(self, box: Box) -> Array:
        """(h, w, 2) px: where the pixels of a box of the output lay before the head moved."""
        x0, y0, x1, y1 = box
        if self.head is None:
            places = np.zeros((y1 - y0, x1 - x0, 2), np.float32)
        else:
            height, width = self.picture.shape[:2]
            places = sample_grid_over(self.head, (0, 0, width, height), box)
            np.negative(places, out=places)
        places[..., 0] += np.arange(x0, x1, dtype=np.float32)
        places[..., 1] += np.arange(y0, y1, dtype=np.float32)[:, None]
        return places

    def after_head_motion(self, points: Numbers) -> Numbers:
        """(n, 2) px moved along with the head: the places whose ``places_before_head_motion`` they are."""
        if self.head is None:
            return points
        height, width = self.picture.shape[:2]
        moved = as_float32(points)
        for _ in range(3):
            moved = as_float32(points + sample_grid(self.head, (0, 0, width, height), moved[None])[0])
        return moved


def composite_mouth(frame: FrameWarp, output: Image) -> None:
    """Composite lips and interior over the mouth's box of ``output`` (h, w, 3) in place, its border feathered.

    The layers' colours are blended across the lip line, not their displacements: blended displacements smear teeth.
    """
    placement = frame.material.placement
    height, width = frame.picture.shape[:2]
    points = _moved_points(frame)
    x0, y0, x1, y1 = box = _bounds(points.lips, 0.06 * placement.scale, (width, height))
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    places = frame.places_before_head_motion(box)
    plane = np.asarray(cv2.transform(places, placement.inverse), np.float32)
    across, down = plane[..., 0], plane[..., 1]
    (lip_line,) = frame.curves.heights(across, frame.curves.middle)
    down_from_line = down - lip_line
    softness = frame.curves.beyond_corners(across)
    softness *= np.float32(0.9)
    softness += np.float32(1 / placement.scale)
    below = unit(down_from_line / softness + np.float32(0.5))
    mouth = _both_lips(frame, places, below)
    _fill_opening(frame, mouth, (x0, y0), places, plane, points)
    _draw_lip_line(frame, mouth, across, down_from_line)
    _soften_corners(frame, mouth, points.corners - np.array([x0, y0]))
    inside = _feather(y1 - y0, x1 - x0, max(2, int(0.03 * placement.scale)))
    output[y0:y1, x0:x1] = cv2.blendLinear(mouth, np.ascontiguousarray(output[y0:y1, x0:x1]), inside, 1 - inside)


def _both_lips(frame: FrameWarp, places: Array, below: Array) -> Image:
    """(h, w, 3) the mouth's box: the upper layer blended into the lower one by (h, w) ``below`` the lip line.

    Each layer is resampled only in the rows where it shows; elsewhere its share is 0.
    """
    layers = np.concatenate([frame.upper, frame.lower], -1)
    moved = sample_grid(layers, frame.material.placement.box, places)
    above, height = 1 - below, len(below)
    pictures = []
    for share, displacement in ((above, moved[..., :2]), (below, moved[..., 2:])):
        rows = np.flatnonzero(share.max(1))
        picture = np.empty((height, below.shape[1], 3), np.uint8)
        if len(rows):
            shown = slice(rows[0], rows[-1] + 1)
            picture[shown] = resample(frame.picture, places[shown] - displacement[shown], cv2.INTER_CUBIC)
        pictures.append(picture)
    return np.asarray(cv2.blendLinear(pictures[0], pictures[1], above, below), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class _MovedPoints:
    """px of the output, after head motion: what says where the mouth is."""

    lips: Numbers  # (44, 2) outer contours of both lips as they are now, then as in the source
    inner: Numbers  # (22, 2) inner contours of both lips
    teeth: Numbers  # (3, 2) the corners of the source's own teeth; (0, 2) without

    @property
    def corners(self) -> Numbers:
        """(2, 2) the inner corners of the mouth."""
        return self.inner[[0, 10]]


def _moved_points(frame: FrameWarp) -> _MovedPoints:
    material, teeth = frame.material, frame.material.interior.teeth
    corners = np.zeros((0, 2)) if teeth is None else material.pose.to_image(teeth.corners)[:, :2]
    source = material.landmarks[_CONTOURS, :2]
    points = frame.after_head_motion(np.concatenate([frame.landmarks[_MOUTH], source, corners]))
    inner, lips = len(_INNER), len(_MOUTH) + len(_CONTOURS)
    return _MovedPoints(points[inner:lips], points[:inner], points[lips:])


def _bounds(points: Numbers, margin: float, size: tuple[int, int]) -> Box:
    """The box around (n, 2) px points with a margin, inside a picture of (width, height)."""
    left, top = (points.min(0) - margin).tolist()
    right, bottom = (points.max(0) + margin).tolist()
    return max(0, floor(left)), max(0, floor(top)), min(ceil(right) + 1, size[0]), min(ceil(bottom) + 1, size[1])


def _around(x: float, y: float, reach: float, size: tuple[int, int]) -> Box:
    """The box of ``reach`` px around a place, inside a picture of (width, height)."""
    right, bottom = min(ceil(x + reach) + 1, size[0]), min(ceil(y + reach) + 1, size[1])
    return max(0, floor(x - reach)), max(0, floor(y - reach)), right, bottom


def _feather(height: int, width: int, reach: int) -> Array:
    """(h, w) weights: 1 from ``reach`` px inside the border, falling towards 0 at it."""
    return (_ramps(height, reach)[:, None] * _ramps(width, reach)).astype(np.float32)


@lru_cache(maxsize=256)
def _ramps(length: int, reach: int) -> NDArray[np.float64]:
    """(length,) rising from near 0 to 1 over ``reach`` px at either end."""
    count = np.arange(1, length + 1)
    return np.minimum(np.minimum(count, count[::-1]) / reach, 1)


def _fill_opening(
    frame: FrameWarp, mouth: Image, corner: tuple[int, int], places: Array, plane: Array, points: _MovedPoints
) -> None:
    """Draw the interior into the opening, in place; nothing where the lips touch.

    Args:
        frame: the frame's warp.
        mouth: (h, w, 3) the mouth's box with both lips.
        corner: x0, y0 of the box in the picture.
        places: (h, w, 2) px of the picture before head motion, of each pixel of the box.
        plane: (h, w, 2) the same on the reference plane.
        points: where the mouth is in the output.
    """
    curves, scale = frame.curves, frame.material.placement.scale
    if float((curves.lower - curves.upper).max()) * scale < _SMALLEST_OPENING:
        return
    x0, y0, x1, y1 = _bounds(points.inner - np.array(corner), 2, (mouth.shape[1], mouth.shape[0]))
    if x1 <= x0 or y1 <= y0:
        return
    places, plane = places[y0:y1, x0:x1], plane[y0:y1, x0:x1]
    opening = lip_opening(curves, plane, frame.controls, scale)
    alpha = _opening_alpha(opening)
    alpha *= (curves.beyond_corners(opening.across) <= 0) * np.float32(frame.material.strength)
    picture = _interior_picture(frame, opening, places, points.teeth - np.array((corner[0] + x0, corner[1] + y0)))
    _darken_slit(picture, opening, frame.material.interior)
    lips = mouth[y0:y1, x0:x1].astype(np.float32)
    picture -= lips
    picture *= alpha[..., None]
    picture += lips
    mouth[y0:y1, x0:x1] = _rounded(picture)


def _rounded(colours: Array) -> Image:
    """(h, w, 3) uint8 of 0..255, rounded; what lies beyond is cut off."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(colours, 0)), np.uint8)


def _darken_slit(picture: Array, opening: Opening, interior: Interior) -> None:
    """Darken an (h, w, 3) interior in place where the lips are close: no light reaches teeth behind a slit."""
    narrow, wide = _SLIT
    if float(opening.gap.min()) >= wide:
        return
    dark = np.minimum(np.maximum((wide - opening.gap) * np.float32(1 / (wide - narrow)), 0), np.float32(0.85))[
        ..., None
    ]
    picture *= 1 - dark
    picture += dark * as_float32(interior.light * interior.palette.shadow)


def _draw_lip_line(frame: FrameWarp, mouth: Image, across: Array, down: Array) -> None:
    """Draw a soft dark line where open lips of the source are closed now, in the (h, w, 3) mouth in place.

    Lips that meet in the source have their own line. Others bring a rim of bright teeth with them: nothing on the line
    stays brighter than its shade. ``across`` and ``down`` (h, w) eye distances: x on the plane, and y below the line.
    """
    curves, interior = frame.curves, frame.material.interior
    opened = min(aperture(frame.material.own) / 0.03, 1.0) * frame.material.strength
    if opened == 0:
        return
    gap, ends = curves.lower - curves.upper, np.minimum(curves.x - curves.x[0], curves.x[-1] - curves.x)
    closed = opened * (1 - smoothstep(gap, 0.004, 0.03)) * smoothstep(ends, 0.02, 0.1)
    if closed.max() < 0.02:
        return
    near = np.flatnonzero((np.abs(down) < 2.5 * _LINE_WIDTH).any(1))
    if not len(near):
        return
    cut = slice(near[0], near[-1] + 1)
    (share,) = curves.heights(across[cut], as_float32(closed))
    width = max(_LINE_WIDTH, 0.7 / frame.material.placement.scale)
    share = (share * np.exp(-((down[cut] / width) ** 2)))[..., None]
    pixels = mouth[cut].astype(np.float32)
    shade = interior.light * (0.55 * interior.palette.lip + 0.45 * interior.palette.shadow)
    mouth[cut] = (pixels + share * (np.minimum(pixels, shade) - pixels) + 0.5).astype(np.uint8)


def _soften_corners(frame: FrameWarp, mouth: Image, corners: Numbers) -> None:
    """Lift what is nearly black around the corners to a dark shade of the lips, in the (h, w, 3) mouth in place.

    Such spots come from the shade in a wider mouth of the source, or from the cavity; closing lips leave them behind.
    ``corners`` (2, 2) px of the box: the corners of the mouth.
    """
    interior, reach = frame.material.interior, _CORNER_REACH * frame.material.placement.scale
    lip = _CORNER_FLOOR * interior.light * interior.palette.lip
    height, width = mouth.shape[:2]
    for x, y in corners.tolist():
        x0, y0, x1, y1 = _around(x, y, reach, (width, height))
        if x1 - x0 < 3 or y1 - y0 < 3:
            continue
        patch = mouth[y0:y1, x0:x1]
        if not (patch.reshape(-1, 3).min(0) < lip).any():
            continue
        across, down = (np.arange(x0, x1) - x) / reach, (np.arange(y0, y1) - y) / reach
        share = np.maximum((1 - down * down)[:, None] - across * across, 0)
        around = cv2.mean(patch, (share < 0.4).view(np.uint8))[:3]  # dark where there is hair, or a shadow
        floor = np.minimum(lip, _CORNER_FLOOR * np.array(around))
        lift = np.maximum(floor - patch, 0)
        lift *= (frame.material.strength * share)[..., None]
        lift += 0.5
        patch += lift.astype(np.uint8)


def _opening_alpha(opening: Opening) -> Array:
    """(h, w) 0..1: 1 inside the opening, antialiased at the lips, faded where the lips are less than a pixel apart."""
    edge = max(1.0, 0.010 * opening.scale)
    per_px = np.float32(opening.scale / edge)
    alpha = unit(np.minimum(opening.below_upper, opening.above_lower) * per_px + np.float32(0.5))
    alpha *= unit(opening.gap * per_px - np.float32(_SMALLEST_OPENING / edge))
    return alpha


def _interior_picture(frame: FrameWarp, opening: Opening, places: Array, corners: Numbers) -> Array:
    """(h, w, 3) RGB 0..255 of what is seen between the lips.

    ``places`` (h, w, 2) px of the picture before head motion; ``corners`` (3, 2) px of the opening's box: where the
    corners of the source's own teeth lie.
    """
    interior, size = frame.material.interior, opening.across.shape[::-1]
    picture = draw_interior(interior, opening, frame.material.pose, places)
    teeth = interior.teeth
    if teeth is not None:
        affine = cv2.getAffineTransform(teeth.picture_corners(), corners.astype(np.float32))
        shown, alpha = (cv2.warpAffine(a, affine, size, flags=cv2.INTER_CUBIC) for a in (teeth.picture, teeth.alpha))
        lay_source_teeth(picture, opening, interior.palette, as_float32(shown), as_float32(alpha))
    if interior.light != 1:
        picture *= np.float32(interior.light)
    return picture
