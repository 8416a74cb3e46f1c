"""Composite the mouth over the warped picture: each lip from its own layer, and the interior into the opening."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...face.canonical import Points
from ...types import Array, Image
from .image_ops import Numbers, as_float32, resample
from .interior import Interior, draw_interior
from .landmark_indices import INNER_LOWER, INNER_UPPER, LOWER_RINGS, UPPER_RINGS
from .lip_opening import LipCurves, Opening, lip_opening
from .material import WarpMaterial
from .mesh import sample_grid
from .neutral import lip_gaps
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
        rows, columns = np.arange(y0, y1, dtype=np.float32), np.arange(x0, x1, dtype=np.float32)
        places = as_float32(np.stack(np.meshgrid(columns, rows), -1))
        if self.head is None:
            return places
        height, width = self.picture.shape[:2]
        return as_float32(places - sample_grid(self.head, (0, 0, width, height), places))

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
    contours = np.concatenate([UPPER_RINGS[0], LOWER_RINGS[0]])
    lips = np.vstack([frame.landmarks[contours], frame.material.landmarks[contours, :2]])
    x0, y0, x1, y1 = box = _bounds(frame.after_head_motion(lips), 0.06 * placement.scale, (width, height))
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    places = frame.places_before_head_motion(box)
    layers = [
        resample(frame.picture, places - sample_grid(displacement, placement.box, places), cv2.INTER_CUBIC)
        for displacement in (frame.upper, frame.lower)
    ]
    plane = np.asarray(cv2.transform(places, placement.inverse), np.float32)
    (lip_line,) = frame.curves.heights(plane[..., 0], frame.curves.middle)
    softness = 1 / placement.scale + 0.9 * frame.curves.beyond_corners(plane[..., 0])
    below = np.clip((plane[..., 1] - lip_line) / softness + 0.5, 0, 1)
    mouth = np.asarray(cv2.blendLinear(layers[0], layers[1], 1 - below, below), np.uint8)
    _fill_opening(frame, mouth, (x0, y0), places, plane)
    _draw_lip_line(frame, mouth, plane[..., 0], plane[..., 1] - lip_line)
    _soften_corners(frame, mouth, (x0, y0))
    inside = _feather(y1 - y0, x1 - x0, max(2, int(0.03 * placement.scale)))
    output[y0:y1, x0:x1] = cv2.blendLinear(mouth, np.ascontiguousarray(output[y0:y1, x0:x1]), inside, 1 - inside)


def _bounds(points: Numbers, margin: float, size: tuple[int, int]) -> Box:
    """The box around (n, 2) px points with a margin, inside a picture of (width, height)."""
    x0, y0 = np.floor(points.min(0) - margin).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(points.max(0) + margin).astype(int) + 1, size)
    return int(x0), int(y0), int(x1), int(y1)


def _feather(height: int, width: int, reach: int) -> Array:
    """(h, w) weights: 1 from ``reach`` px inside the border, falling towards 0 at it."""
    rows = np.minimum(np.arange(height), np.arange(height)[::-1])
    columns = np.minimum(np.arange(width), np.arange(width)[::-1])
    return np.outer(np.clip((rows + 1) / reach, 0, 1), np.clip((columns + 1) / reach, 0, 1)).astype(np.float32)


def _fill_opening(frame: FrameWarp, mouth: Image, corner: tuple[int, int], places: Array, plane: Array) -> None:
    """Draw the interior into the opening, in place; nothing where the lips touch.

    Args:
        frame: the frame's warp.
        mouth: (h, w, 3) the mouth's box with both lips.
        corner: x0, y0 of the box in the picture.
        places: (h, w, 2) px of the picture before head motion, of each pixel of the box.
        plane: (h, w, 2) the same on the reference plane.
    """
    curves, scale = frame.curves, frame.material.placement.scale
    if float((curves.lower - curves.upper).max()) * scale < _SMALLEST_OPENING:
        return
    inner = np.concatenate([INNER_UPPER, INNER_LOWER])
    contour = frame.after_head_motion(frame.landmarks[inner]) - np.array(corner)
    x0, y0, x1, y1 = _bounds(contour, 2, (mouth.shape[1], mouth.shape[0]))
    if x1 <= x0 or y1 <= y0:
        return
    places, plane = places[y0:y1, x0:x1], plane[y0:y1, x0:x1]
    opening = lip_opening(curves, plane, frame.controls, scale)
    alpha = _opening_alpha(opening)
    alpha *= frame.material.strength * (curves.beyond_corners(opening.across) <= 0)
    picture = _interior_picture(frame, opening, places, (corner[0] + x0, corner[1] + y0))
    _darken_slit(picture, opening, frame.material.interior)
    lips = mouth[y0:y1, x0:x1].astype(np.float32)
    mouth[y0:y1, x0:x1] = np.clip(lips + alpha[..., None] * (picture - lips) + 0.5, 0, 255).astype(np.uint8)


def _darken_slit(picture: Array, opening: Opening, interior: Interior) -> None:
    """Darken an (h, w, 3) interior in place where the lips are close: no light reaches teeth behind a slit."""
    narrow, wide = _SLIT
    dark = np.clip((wide - opening.bottom + opening.top) / np.float32(wide - narrow), 0, 0.85)
    picture += dark[..., None] * (interior.light * interior.palette.shadow - picture)


def _draw_lip_line(frame: FrameWarp, mouth: Image, across: Array, down: Array) -> None:
    """Draw a soft dark line where open lips of the source are closed now, in the (h, w, 3) mouth in place.

    Lips that meet in the source have their own line. Others bring a rim of bright teeth with them: nothing on the line
    stays brighter than its shade. ``across`` and ``down`` (h, w) eye distances: x on the plane, and y below the line.
    """
    curves, interior = frame.curves, frame.material.interior
    opened = float(np.clip(lip_gaps(frame.material.own)[3:8].mean() / 0.03, 0, 1)) * frame.material.strength
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


def _soften_corners(frame: FrameWarp, mouth: Image, corner: tuple[int, int]) -> None:
    """Lift what is nearly black around the corners to a dark shade of the lips, in the (h, w, 3) mouth in place.

    Such spots come from the shade in a wider mouth of the source, or from the cavity; closing lips leave them behind.
    ``corner`` is x0, y0 of the mouth's box in the picture.
    """
    interior, reach = frame.material.interior, _CORNER_REACH * frame.material.placement.scale
    lip = _CORNER_FLOOR * interior.light * interior.palette.lip
    for centre in frame.after_head_motion(frame.landmarks[[INNER_UPPER[0], INNER_UPPER[-1]]]) - np.array(corner):
        x0, y0, x1, y1 = _bounds(centre[None], reach, (mouth.shape[1], mouth.shape[0]))
        patch = mouth[y0:y1, x0:x1]
        if x1 - x0 < 3 or y1 - y0 < 3 or np.all(patch.min((0, 1)) >= lip):
            continue
        across, down = (np.arange(x0, x1) - centre[0]) / reach, (np.arange(y0, y1) - centre[1]) / reach
        share = np.maximum(1 - (down**2)[:, None] - across**2, 0)
        around = cv2.mean(patch, (share < 0.4).view(np.uint8))[:3]  # dark where there is hair, or a shadow
        floor = np.minimum(lip, _CORNER_FLOOR * np.array(around))
        lift = (frame.material.strength * share)[..., None] * np.maximum(floor - patch, 0)
        patch += (lift + 0.5).astype(np.uint8)


def _opening_alpha(opening: Opening) -> Array:
    """(h, w) 0..1: 1 inside the opening, antialiased at the lips, faded where the lips are less than a pixel apart."""
    above, below = opening.down - opening.top, opening.bottom - opening.down
    edge = max(1.0, 0.010 * opening.scale)
    alpha = np.clip(np.minimum(above, below) * opening.scale / edge + 0.5, 0, 1)
    alpha *= np.clip(((above + below) * opening.scale - _SMALLEST_OPENING) / edge, 0, 1)
    return np.asarray(alpha)


def _interior_picture(frame: FrameWarp, opening: Opening, places: Array, corner: tuple[int, int]) -> Array:
    """(h, w, 3) RGB 0..255 of what is seen between the lips.

    ``places`` (h, w, 2) px of the picture before head motion; ``corner`` x0, y0 of the opening's box in the picture.
    """
    interior, size = frame.material.interior, opening.across.shape[::-1]

    def warped(picture: Array, picture_corners: Numbers, head_points: Points) -> Array:
        """The picture laid so that its (3, 2) px corners show the (3, 3) points of the head's frame."""
        target = frame.after_head_motion(frame.material.pose.to_image(head_points)[:, :2]) - np.array(corner)
        affine = cv2.getAffineTransform(picture_corners.astype(np.float32), target.astype(np.float32))
        return np.asarray(cv2.warpAffine(picture, affine, size, flags=cv2.INTER_CUBIC))

    picture = draw_interior(interior, opening, frame.material.pose, places)
    if interior.teeth is not None:
        teeth = interior.teeth
        pictures = (warped(image, teeth.picture_corners(), teeth.corners) for image in (teeth.picture, teeth.alpha))
        lay_source_teeth(picture, opening, interior.palette, *pictures)
    return picture * np.float32(interior.light)
