"""A portrait's eyes: the lids close, and the irises move between them.

Heights count downwards and lengths are eye distances, unless px is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...face.canonical import Points, Pose
from ...types import Array, Image
from .axes import image_axes
from .image_ops import Numbers, as_float32, polygon_mask, resample
from .lid_edges import COLUMNS, snap_lid, with_outer_corners
from .palette import luma
from .spline import monotone_curve, smoothstep

Mask = NDArray[np.bool_]
EYES = (
    ([33, 246, 161, 160, 159, 158, 157, 173, 133], [33, 7, 163, 144, 145, 153, 154, 155, 133], [70, 63, 105, 66, 107]),
    (
        [362, 398, 384, 385, 386, 387, 388, 466, 263],
        [362, 382, 381, 380, 374, 373, 390, 249, 263],
        [336, 296, 334, 293, 300],
    ),
)
"""FaceMesh indices of upper lid, lower lid and brow, left to right in the image, of both eyes."""
_AROUND_EYES = (
    [113, 225, 224, 223, 222, 221, 189, 244, 233, 232, 231, 230, 229, 228, 31, 226, 35, 143, 124, 46, 53],
    [342, 445, 444, 443, 442, 441, 413, 464, 453, 452, 451, 450, 449, 448, 261, 446, 265, 372, 353, 276, 283],
)
"""FaceMesh indices of points around both eyes, the temple's included."""
FACE_CONTOUR = [
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176),
    *(149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
]
"""FaceMesh indices of the face's contour, all around; the far side of a turned face lies outside it."""
_IRISES = (slice(468, 473), slice(473, 478))
"""Centre of the iris, then four points of its edge, of both eyes."""
_USUAL_IRIS = 0.065
"""Radius: 11.7 mm across, over 90 mm between the eyes' outer corners."""
FARTHEST_GAZE = 0.045
"""Farther shifts of the iris would fold the white of the eye."""
_SLIGHTLY = 0.022
"""A lid that closes by less is bent like one that follows the gaze."""
LASHES = 0.016
"""Thickness of the line of lashes that a lid ends with."""
_OVERLAP = 0.006
"""How far a closed lid lies over the lower one, so that no iris shows."""
_AROUND, _LASHES_REACH = 0.025, 0.08
"""So far around the eye's opening all pixels, and so far the dark lines, are lashes or liner, not skin."""
_THIN, _DARK = 0.08, 0.92
"""A dark line is no wider than the first, and its brightness is below this share of what is around it."""


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """One eye's box, and what is needed to move its lid and its iris there."""

    box: tuple[int, int, int, int]  # px of the picture: x0 y0 x1 y1
    scale: float  # px per eye distance
    pixels: Array  # (h, w, 2) px: each pixel's place in the box
    height: Array  # (h, w) height of each pixel
    lid: Array  # (h, w) height of the open upper lid's edge in this column
    gap: Array  # (h, w) opening between the lids in this column
    opening: Array  # (h, w) 0..1: 1 where the eyeball is seen
    iris: Array  # (h, w, 2) px that a pixel moves per eye distance of gaze across: whole on the iris, less around it
    lift: Array  # (h, w, 2) px that a pixel moves per eye distance of gaze down: whole at the upper lid's edge
    skin: Image  # (h, w, 3) the box with skin in place of the eyeball and the lashes: what a lid shows
    lid_share: Array  # (h, w) 0..1: 1 where ``skin`` differs from the picture
    lashes: Array  # (3,) RGB 0..255: the colour of the lashes


def make_eyes(picture: Image, landmarks: Points, pose: Pose, glasses: bool = False) -> tuple[Eye, ...]:
    """The eyes of (478, 3) px landmarks that lie in a (h, w, 3) RGB picture, at least in part.

    Dark lines may be rims where ``glasses`` are.
    """
    face = face_region(picture.shape, landmarks[:, :2])
    reach = np.where(face, _AROUND if glasses else _LASHES_REACH, -1)
    axes = image_axes(pose)
    points = landmarks[:, :2]
    return tuple(
        _make_eye(picture, points, lines, iris, axes, pose.scale, reach)
        for lines, iris in zip(EYES, _IRISES, strict=True)
        if _shows(_box(points[[*lines[0], *lines[1]]], pose.scale, picture))
    )


def _shows(box: tuple[int, int, int, int]) -> bool:
    return box[0] < box[2] and box[1] < box[3]


def face_region(size: tuple[int, ...], points: Points) -> Mask:
    """(h, w) of ``size`` (h, w, ...): what belongs to the face, by (478, 2) px landmarks; also beside a far eye."""
    face = polygon_mask(size, points[FACE_CONTOUR])
    for around in _AROUND_EYES:
        face |= polygon_mask(size, as_float32(cv2.convexHull(as_float32(points[around]))[:, 0]))
    return np.asarray(face > 127)


def _make_eye(
    picture: Image,
    points: Points,
    indices: tuple[list[int], ...],
    iris: slice,
    axes: tuple[Points, Points],
    scale: float,
    reach: Points,
) -> Eye:
    right, below = axes
    points = with_outer_corners(picture, points, indices[0], indices[1], scale)
    x0, y0, x1, y1 = box = _box(points[[*indices[0], *indices[1]]], scale, picture)
    rows, columns = np.mgrid[y0:y1, x0:x1]
    places = np.stack([columns, rows], -1).astype(np.float64)
    across, height = places @ right / scale, places @ below / scale
    upper, lower, brow = ((points[i] @ right / scale, points[i] @ below / scale) for i in indices)
    upper, lower = _snapped(picture, upper, axes, scale, True), _snapped(picture, lower, axes, scale, False)
    lid, bottom, brow_line = (_curve_through(line, across) for line in (upper, lower, brow))
    t = np.clip((across - upper[0][0]) / (upper[0][-1] - upper[0][0]), 0, 1)
    gap = np.maximum(bottom - lid, 0) * (t > 0) * (t < 1)
    lift = _lift(height - lid, height - bottom, t)
    part = picture[y0:y1, x0:x1]
    seen = (gap > 0) & (height > lid - 0.004) & (height < bottom + 0.004)
    reach = _below_brow(reach[y0:y1, x0:x1], height - 0.4 * brow_line - 0.6 * lid)
    skin, lid_share = _closed_lid(part, seen, reach, scale)
    edge = (np.abs(height - lid - 0.5 * LASHES) < LASHES) & (gap > 0.4 * gap.max(initial=0))
    return Eye(
        box=box,
        scale=scale,
        pixels=as_float32(np.stack([columns - x0, rows - y0], -1)),
        height=as_float32(height),
        lid=as_float32(lid),
        gap=as_float32(gap),
        opening=_opening(height - lid, bottom - height, gap, scale),
        iris=as_float32(np.multiply.outer(_iris_weight(places, points[iris], scale), right * scale)),
        lift=as_float32(np.multiply.outer(lift, below * scale)),
        skin=skin,
        lid_share=lid_share,
        lashes=_lash_colour(part[edge], skin),
    )


def _lift(below_lid: Points, below_bottom: Points, t: Points) -> Points:
    """(h, w) 0..1: how far each pixel moves along when the gaze goes down; ``t`` 0..1 from corner to corner."""
    between = smoothstep(below_lid, -0.13, -0.02) * (1 - smoothstep(below_bottom, -0.04, 0.04))
    return between * smoothstep(np.minimum(t, 1 - t), 0.0, 0.3)


def _opening(below_lid: Points, above_bottom: Points, gap: Points, scale: float) -> Array:
    """(h, w) 0..1: 1 where the eyeball is seen, the edge antialiased; heights (h, w) from the lids."""
    inside = np.minimum(below_lid - 0.6 * LASHES, above_bottom) * scale
    return as_float32(np.clip(inside + 0.5, 0, 1) * (gap > 0))


def _box(lids: Points, scale: float, picture: Image) -> tuple[int, int, int, int]:
    """The box x0 y0 x1 y1 around (n, 2) px points of the lids that blinks and gaze may change."""
    x0, y0 = np.floor(lids.min(0) - (0.12 * scale, 0.15 * scale)).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(lids.max(0) + 0.12 * scale).astype(int), picture.shape[1::-1])
    return int(x0), int(y0), max(int(x0), int(x1)), max(int(y0), int(y1))


def _snapped(
    picture: Image, line: tuple[Points, Points], axes: tuple[Points, Points], scale: float, upper: bool
) -> tuple[Points, Points]:
    """A lid's curve, (across, height) of its points, moved onto the lid's edge in the picture."""
    across = np.linspace(line[0].min(), line[0].max(), COLUMNS)
    heights = _curve_through(line, across)
    curve = (across[:, None] * axes[0] + heights[:, None] * axes[1]) * scale
    return across, heights + snap_lid(picture, curve, axes[1] * scale, upper=upper)


def _curve_through(points: tuple[Points, Points], at: Points) -> Points:
    """Heights at positions across of the curve through points given as (across, height), each (n,)."""
    order = np.argsort(points[0])
    return monotone_curve(points[0][order], points[1][order], at.ravel()).reshape(at.shape)


def _iris_weight(places: Points, iris: Points, scale: float) -> Points:
    """(h, w) 0..1: how far each of (h, w, 2) px places moves along with the iris; ``iris`` (5, 2) px."""
    radius = float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean()) / scale
    radius = radius if 0.04 < radius < 0.12 else _USUAL_IRIS
    distance = np.linalg.norm(places - iris[0], axis=-1) / scale
    return 1 - smoothstep(distance, 1.05 * radius, 1.05 * radius + 0.085)


def _below_brow(reach: Points, depth: Points) -> Points:
    """(h, w) ``reach``, none where the (h, w) ``depth`` below the brow is negative; outside the face as it is."""
    return np.where(depth > 0, reach, np.minimum(reach, 0))


def _closed_lid(box: Image, seen: Mask, reach: Points, scale: float) -> tuple[Image, Array]:
    """(h, w, 3) the box with skin in place of the eye, and (h, w) 0..1 where it differs from the box.

    The skin around the eye and its lashes is continued over them. ``seen`` (h, w): where the eyeball is;
    ``reach`` (h, w): how far around the opening dark lines are lashes; negative outside the face.
    """
    face = seen | (reach >= 0)
    distance = cv2.distanceTransform((~seen).astype(np.uint8), cv2.DIST_L2, 5) / scale
    light = luma(box.astype(np.float32))
    side = max(3, round(_THIN * scale) | 1)
    without_lines = cv2.morphologyEx(light, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    dark = light < _DARK * np.asarray(without_lines)
    replaced = face & ((distance < _AROUND) | (dark & (distance < reach)))
    known = face & ~(replaced | (dark & (distance < 0.3)))
    skin = fill_smoothly(box, known if known.any() else ~replaced)
    skin = tinted(skin, box[known]) + _grain(light, known)[..., None]
    share = cv2.GaussianBlur(replaced.astype(np.float32), (0, 0), max(0.6, 0.016 * scale))
    return np.clip(skin + 0.5, 0, 255).astype(np.uint8), as_float32(np.maximum(share * face, seen))


def fill_smoothly(picture: Image, known: Mask) -> Array:
    """(h, w, 3) 0..255: the picture's unknown pixels filled from the known ones around them.

    Pull and push (Gortler et al., "The Lumigraph", 1996): means of the known pixels at ever coarser sizes, each filling
    the holes of the next finer one.
    """
    values, weights = picture.astype(np.float32) * known[..., None], known.astype(np.float32)
    levels = [(values, weights)]
    while min(weights.shape) > 2:
        size = ((weights.shape[1] + 1) // 2, (weights.shape[0] + 1) // 2)
        values, weights = (as_float32(cv2.resize(a, size, interpolation=cv2.INTER_AREA)) for a in (values, weights))
        levels.append((values, weights))
    filled = values / np.maximum(weights, 1e-3)[..., None]
    for values, weights in reversed(levels[:-1]):
        coarse = np.asarray(cv2.resize(filled, weights.shape[::-1], interpolation=cv2.INTER_LINEAR))
        share = np.minimum(3 * weights, 1)[..., None]
        filled = values * (share / np.maximum(weights, 1e-3)[..., None]) + (1 - share) * coarse
    return as_float32(filled)


def tinted(skin: Array, around: Image) -> Array:
    """(h, w, 3) skin that is no greyer than the skin of ordinary brightness among the (n, 3) pixels ``around``.

    A fill from both dark hair or brows and light skin has the brightness between them, but not the colour: it is grey.
    """
    light = luma(around.astype(np.float32))
    low, high = np.percentile(light, [40, 85]) if len(light) else (0.0, 0.0)
    ordinary = (light >= max(low, 20)) & (light <= high)
    if not ordinary.any():
        return skin
    tint = np.median(around[ordinary] / light[ordinary, None], 0)
    brightness = luma(skin)[..., None]
    own = np.ptp(skin / np.maximum(brightness, 1), axis=-1, keepdims=True)
    greyer = np.clip(2 - 2 * own / max(float(np.ptp(tint)), 0.02), 0, 1)
    return as_float32(skin + greyer * (brightness * tint - skin))


def _grain(light: Array, where: Mask) -> Array:
    """(h, w) noise like that of the picture's skin, always the same; ``light`` (h, w) 0..255."""
    fine = light - cv2.GaussianBlur(light, (0, 0), 2.0)
    strength = min(4.0, 0.8 * float(np.median(np.abs(fine[where])))) if where.any() else 0.0
    noise = cv2.GaussianBlur(np.random.default_rng(0).standard_normal(light.shape), (0, 0), 0.7)
    return as_float32(strength / max(1e-6, float(noise.std())) * noise)


def _lash_colour(edge: Image, skin: Image) -> Array:
    """(3,) RGB: the darker quarter of the (n, 3) pixels at the lid's edge, or dark skin where there are too few."""
    if len(edge) < 4:
        return as_float32(0.3 * skin.reshape(-1, 3).mean(0))
    light = luma(edge.astype(np.float32))
    return as_float32(edge[light <= np.percentile(light, 25)].mean(0))


def draw_eyes(picture: Image, eyes: tuple[Eye, ...], closing: float, gaze: tuple[float, float]) -> Image:
    """A copy of the (h, w, 3) RGB picture with its lids closed by 0..1 and its irises moved by ``gaze``.

    ``gaze`` is across and down, in eye distances. Eyes at rest give the picture itself.
    """
    moved = max(abs(gaze[0]), abs(gaze[1])) > 5e-4
    if closing < 0.02 and not moved:
        return picture
    picture = picture.copy()
    for eye in eyes:
        x0, y0, x1, y1 = eye.box
        picture[y0:y1, x0:x1] = _drawn_eye(picture[y0:y1, x0:x1], eye, closing, gaze)
    return picture


def _drawn_eye(box: Image, eye: Eye, closing: float, gaze: tuple[float, float]) -> Image:
    """The eye's box with its lid closed and its iris moved. A lid that is hardly lowered moves with its own lashes."""
    lowered = closing * float(eye.gap.max(initial=0))
    if lowered < _SLIGHTLY:
        return _moved_iris(box, eye, (gaze[0], gaze[1] + lowered))
    eyeball = _moved_iris(box, eye, gaze) if closing < 0.95 else box
    return _closed(eyeball, eye, _lid_shift(eye, closing))


def _lid_shift(eye: Eye, closing: float) -> Array:
    """(h, w) how far the upper lid's edge lies below its place in the picture."""
    return as_float32(closing * (eye.gap + _OVERLAP * np.minimum(eye.gap / 0.03, 1)))


def _moved_iris(box: Image, eye: Eye, gaze: tuple[float, float]) -> Image:
    """The eye's box with its iris moved across between the lids, and up or down together with the upper lid."""
    across, down = (np.float32(min(max(shift, -FARTHEST_GAZE), FARTHEST_GAZE)) for shift in gaze)
    lowered = abs(down) > 5e-4
    picture = resample(box, eye.pixels - eye.lift * down) if lowered else np.array(box)
    rows = np.flatnonzero(eye.opening.max(1, initial=0))
    if not len(rows):
        return picture
    open_rows = slice(rows[0], rows[-1] + 1)
    places = eye.pixels[open_rows] - eye.lift[open_rows] * down
    places -= eye.iris[open_rows] * across
    eyeball, opening = resample(box, places, cv2.INTER_CUBIC), eye.opening[open_rows]
    picture[open_rows] = cv2.blendLinear(eyeball, picture[open_rows], opening, 1 - opening)
    return picture


def _closed(eyeball: Image, eye: Eye, shift: Array) -> Image:
    """The eye's box with its upper lid lowered by (h, w) ``shift``: skin down to the lid's new edge, then lashes.

    Below, the eyeball stays as it is. The lid's crease and its old lashes fade as the lid leaves them.
    """
    if float(shift.max()) < 0.002:
        return eyeball
    depth = eye.height - eye.lid - shift  # below the lid's new edge
    left = np.where(eye.height > eye.lid, np.float32(1), min(float(shift.max()) / 0.04, 1.0))
    covered = as_float32(_unit(0.5 - depth * eye.scale) * eye.lid_share * left)
    picture = cv2.blendLinear(eye.skin, np.ascontiguousarray(eyeball), covered, 1 - covered).astype(np.float32)
    picture *= 1 - (0.06 * covered * np.exp(np.minimum(depth, 0) / 0.03))[..., None]
    lashes = _lash_line(eye, depth, shift)[..., None]
    picture += lashes * (eye.lashes - picture)
    picture += np.float32(0.5)
    return picture.astype(np.uint8)


def _lash_line(eye: Eye, depth: Array, shift: Array) -> Numbers:
    """(h, w) 0..1: how much of the lashes' colour shows at a depth below the lid's edge, thinner at the corners."""
    thickness = LASHES * np.minimum(eye.gap / 0.06, 1)
    pixel = 1 / eye.scale
    above = _unit((depth + 0.005) / (0.004 + pixel) + 0.5)
    below = _unit((thickness - depth) / (0.012 + pixel) + 0.5)
    line = 0.8 * above * below * np.minimum(shift / 0.004, 1) * np.minimum(eye.gap / 0.03, 1)
    return np.asarray(line)


def _unit(numbers: Array) -> Array:
    return np.minimum(np.maximum(numbers, 0), 1)
