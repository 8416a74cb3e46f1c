"""Draw one face under one drive: bend both sheets, look the picture up through them once, fill the opening."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...face.canonical import POINTS, Points
from ...types import Array, Image
from .geometry import fields, jaw_turn, smoothstep
from .head import blink
from .interior import Opening, draw, finish, sprite_corners, teeth_corners
from .lips import INNER_LOWER, INNER_UPPER, LIPS, LOWER_RINGS, UPPER_RINGS
from .material import WarpMaterial
from .mesh import LEFT, STEP, TOP, Placement, pull, sample
from .pixels import Numbers, look_up, single
from .spline import monotone_curve
from .target import aim

_SKIN = np.setdiff1d(np.arange(POINTS), LIPS)
_CURVE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Mouth:
    """The inner lips of one frame on the plane."""

    x: Array  # (_CURVE,) plane x, left corner to right
    upper: Array  # (_CURVE,) plane y of the upper lip's edge
    lower: Array  # (_CURVE,) of the lower lip's, never above

    @property
    def middle(self) -> Array:
        """(_CURVE,) plane y where the lips part."""
        return np.asarray((self.upper + self.lower) / 2)


def aimed(material: WarpMaterial, controls: Array) -> Points:
    """(468, 2) px of the picture: where the face should be under (8,) ``controls``, its head still."""
    goal = aim(material.neutral, controls)
    if material.jaw_angle is not None:
        goal[_SKIN] = _skin(material, goal, material.jaw_angle)
    moved = (goal - material.own) @ material.pose.rotation.T[:, :2] * material.pose.scale
    return np.asarray(material.landmarks[:, :2] + material.strength * moved)


def _skin(material: WarpMaterial, goal: Points, jaw_angle: float) -> Points:
    """Where a film's skin goes: as this frame has it, less its jaw and smile, plus those it should have."""
    field, own = fields(), material.own
    kept = own + goal - material.neutral.shape - jaw_turn(own, field.jaw, jaw_angle)
    for corner, side in ((61, -1), (291, 1)):
        here = field.side == side
        kept[here] += field.relax[here, None] * (goal[corner] - kept[corner])
    return np.asarray(kept[_SKIN])


def render(material: WarpMaterial, drive: Array) -> Image:
    """(h, w, 3) RGB of the material's picture under (14,): 8 mouth controls, blink, 5 of head motion."""
    if material.strength <= 0:
        return material.picture.copy()
    controls, idle = drive[:8], drive[8:]
    points = aimed(material, controls)
    place = material.placement
    goal = place.to_plane(points)
    upper, lower = pull(material.sheets, place, material.source, goal - material.sheets.centres)
    mouth = mouth_of(goal)
    both = _blend(place, mouth, upper, lower)
    still = material.still
    picture = blink(material.picture, still.eyes, float(idle[0])) if still else material.picture
    head = still.head.at(idle[1:]) if still and np.any(idle[1:]) else None
    if still is None or head is None:
        output = _bend_box(picture, place.box, both)
    else:
        output = _bend(picture, head + _under(still.head.nodes - head, place.box, both))
    _draw_mouth(_Scene(material, controls, points, picture, head, upper, lower, mouth), output)
    return output


def mouth_of(goal: Array) -> Mouth:
    """The inner lips of (468, 2) points on the plane."""
    upper, lower = goal[INNER_UPPER], goal[INNER_LOWER]
    x = np.linspace(upper[0, 0], upper[-1, 0], _CURVE)
    above = monotone_curve(upper[:, 0], upper[:, 1], x)
    below = np.maximum(above, monotone_curve(lower[:, 0], lower[:, 1], x))
    return Mouth(*(np.asarray(a, np.float32) for a in (x, above, below)))


def _blend(place: Placement, mouth: Mouth, upper: Array, lower: Array) -> Array:
    """(g, g, 2) px: the upper layer above the lip line, the lower one below, parting ever softer beyond the corners."""
    across, down = place.start[..., 0] * STEP + LEFT, place.start[..., 1] * STEP + TOP
    line = np.interp(across, mouth.x, mouth.middle)
    beyond = np.maximum(np.maximum(mouth.x[0] - across, across - mouth.x[-1]), 0)
    width = 0.02 + 0.9 * beyond
    share = smoothstep((down - line) / width, -1, 1)[..., None].astype(np.float32)
    return single(upper + share * (lower - upper))


def _under(places: Array, box: tuple[int, int, int, int], pulls: Array) -> Array:
    """(rows, columns, 2) px: the mouth's pull at ``places`` of the picture, 0 outside the mouth's box."""
    x0, y0, x1, y1 = box
    inside = np.all((places > (x0, y0)) & (places < (x1 - 1, y1 - 1)), -1)[..., None]
    return single(sample(pulls, box, places) * inside)


def _bend(picture: Image, pulls: Array) -> Image:
    """The picture with each pixel taken from where ``pulls``, a grid of cells over it, say."""
    away = cv2.resize(-pulls, (picture.shape[1], picture.shape[0]))
    return look_up(picture, np.asarray(away), cv2.INTER_LINEAR | cv2.WARP_RELATIVE_MAP)


def _bend_box(picture: Image, box: tuple[int, int, int, int], pulls: Array) -> Image:
    x0, y0, x1, y1 = box
    output = picture.copy()
    output[y0:y1, x0:x1] = _bend(picture[y0:y1, x0:x1], pulls)
    return output


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """One frame while its mouth is drawn."""

    material: WarpMaterial
    controls: Array  # (8,)
    points: Points  # (468, 2) px
    picture: Image  # the source, lids closed as they should be
    head: Array | None  # (rows, columns, 2) px
    upper: Array  # (g, g, 2) px
    lower: Array
    mouth: Mouth

    def still_places(self, x0: int, y0: int, x1: int, y1: int) -> Array:
        """(h, w, 2) px: where the output's pixels lay before the head moved."""
        rows, columns = np.arange(y0, y1, dtype=np.float32), np.arange(x0, x1, dtype=np.float32)
        places = single(np.stack(np.meshgrid(columns, rows), -1))
        if self.head is None:
            return places
        height, width = self.picture.shape[:2]
        return single(places - sample(self.head, (0, 0, width, height), places))

    def moved(self, points: Numbers) -> Numbers:
        """(n, 2) px carried along by the head."""
        if self.head is None:
            return points
        height, width = self.picture.shape[:2]
        return single(points + sample(self.head, (0, 0, width, height), single(points[None]))[0])


def _bounds(points: Numbers, pad: float, size: tuple[int, int]) -> tuple[int, int, int, int]:
    x0, y0 = np.floor(points.min(0) - pad).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(points.max(0) + pad).astype(int) + 1, size)
    return int(x0), int(y0), int(x1), int(y1)


def _draw_mouth(scene: _Scene, output: Image) -> None:
    """Lay the lips, each from its own sheet, and what lies between them, over the mouth's box of ``output``."""
    material, place = scene.material, scene.material.placement
    height, width = scene.picture.shape[:2]
    rings = np.concatenate([UPPER_RINGS[0], LOWER_RINGS[0]])
    lips = np.vstack([scene.points[rings], material.landmarks[rings, :2]])
    x0, y0, x1, y1 = box = _bounds(scene.moved(lips), 0.06 * place.scale, (width, height))
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    places = scene.still_places(*box)
    layers = [
        look_up(scene.picture, places - sample(pulls, place.box, places), cv2.INTER_CUBIC)
        for pulls in (scene.upper, scene.lower)
    ]
    plane = np.asarray(cv2.transform(places, place.inverse), np.float32)
    line, beyond = _along(scene.mouth, plane, scene.mouth.middle)
    below = np.clip((plane[..., 1] - line) / (1 / place.scale + 0.9 * beyond) + 0.5, 0, 1)
    drawn = np.asarray(cv2.blendLinear(layers[0], layers[1], 1 - below, below), np.uint8)
    _fill(scene, drawn, (x0, y0), places, plane)
    edge = _feather(y1 - y0, x1 - x0, max(2, int(0.03 * place.scale)))
    output[y0:y1, x0:x1] = cv2.blendLinear(drawn, np.ascontiguousarray(output[y0:y1, x0:x1]), edge, 1 - edge)


def _along(mouth: Mouth, plane: Array, *curves: Array) -> tuple[Array, ...]:
    """Each curve's (h, w) height in the column of each (h, w, 2) plane point, and the distance beyond the corners."""
    across = plane[..., 0]
    step = (mouth.x[-1] - mouth.x[0]) / (_CURVE - 1)
    column = (across - mouth.x[0]) / max(float(step), 1e-6)
    zeros = np.zeros_like(column)
    heights = [
        cv2.remap(curve[None], column, zeros, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for curve in curves
    ]
    beyond = np.maximum(np.maximum(mouth.x[0] - across, across - mouth.x[-1]), 0)
    return (*heights, beyond)


def _feather(height: int, width: int, reach: int) -> Array:
    """(h, w) 0 at the border, 1 from ``reach`` px inside."""
    rows = np.minimum(np.arange(height), np.arange(height)[::-1])
    columns = np.minimum(np.arange(width), np.arange(width)[::-1])
    return np.outer(np.clip((rows + 1) / reach, 0, 1), np.clip((columns + 1) / reach, 0, 1)).astype(np.float32)


def _fill(scene: _Scene, drawn: Image, corner: tuple[int, int], places: Array, plane: Array) -> None:
    """Draw the interior into the opening, in place; nothing where the lips touch."""
    material, mouth, scale = scene.material, scene.mouth, scene.material.placement.scale
    if float((mouth.lower - mouth.upper).max()) * scale < 0.6:
        return
    inner = np.concatenate([INNER_UPPER, INNER_LOWER])
    inside = scene.moved(scene.points[inner]) - np.array(corner)
    x0, y0, x1, y1 = _bounds(inside, 2, (drawn.shape[1], drawn.shape[0]))
    if x1 <= x0 or y1 <= y0:
        return
    places, plane = places[y0:y1, x0:x1], plane[y0:y1, x0:x1]
    opening = _opening(scene, plane)
    above, under = opening.down - opening.top, opening.bottom - opening.down
    edge = max(1.0, 0.010 * scale)
    cover = np.clip(np.minimum(above, under) * scale / edge + 0.5, 0, 1)
    cover *= np.clip(((above + under) * scale - 0.6) / edge, 0, 1)
    beyond = np.maximum(mouth.x[0] - opening.across, opening.across - mouth.x[-1])
    cover *= material.strength * (beyond <= 0)
    picture = _interior(scene, opening, places, (corner[0] + x0, corner[1] + y0))
    lips = drawn[y0:y1, x0:x1].astype(np.float32)
    drawn[y0:y1, x0:x1] = np.clip(lips + cover[..., None] * (picture - lips) + 0.5, 0, 255).astype(np.uint8)


def _opening(scene: _Scene, plane: Array) -> Opening:
    mouth = scene.mouth
    top, bottom, _ = _along(mouth, plane, mouth.upper, mouth.lower)
    jaw, pucker, tongue = (float(scene.controls[i]) for i in (0, 2, 7))
    return Opening(
        across=plane[..., 0],
        down=plane[..., 1],
        top=top,
        bottom=bottom,
        centre=float(mouth.x[0] + mouth.x[-1]) / 2,
        half=float(mouth.x[-1] - mouth.x[0]) / 2,
        highest=float(mouth.upper[_CURVE // 2]),
        lowest=float(mouth.lower[_CURVE // 2]),
        scale=scene.material.placement.scale,
        jaw=jaw,
        pucker=pucker,
        tongue=tongue,
    )


def _interior(scene: _Scene, opening: Opening, places: Array, corner: tuple[int, int]) -> Array:
    """(h, w, 3) RGB 0..255 of what lies behind the lips."""
    interior, size = scene.material.interior, opening.across.shape[::-1]

    def laid(picture: Array, from_corners: Numbers, own: Points) -> Array:
        goal = scene.moved(scene.material.pose.to_image(own)[:, :2]) - np.array(corner)
        way = cv2.getAffineTransform(from_corners.astype(np.float32), goal.astype(np.float32))
        return np.asarray(cv2.warpAffine(picture, way, size, flags=cv2.INTER_LINEAR))

    rows = [
        laid(sprite, sprite_corners(sprite), teeth_corners(interior, upper, opening.jaw))
        for upper, sprite in ((True, interior.upper), (False, interior.lower))
    ]
    picture = draw(interior, opening, rows[0], rows[1])
    if interior.kept is not None:
        own = look_up(scene.picture, places, cv2.INTER_CUBIC)
        alpha = look_up(interior.kept, places)[..., None]
        picture += alpha * (own.astype(np.float32) - picture)
    if interior.harvested is not None:
        teeth = interior.harvested
        height, width = teeth.alpha.shape
        ends = np.array([[0, 0], [width, 0], [0, height]], np.float32)
        alpha = laid(teeth.alpha, ends, teeth.corners)[..., None]
        shadow = np.clip(0.7 + 0.3 * (opening.down - opening.top) / 0.03, 0, 1) * (1 - 0.3 * opening.pucker)
        picture += alpha * (laid(teeth.picture, ends, teeth.corners) * shadow[..., None] - picture)
    picture *= interior.light
    return finish(picture, opening, interior.palette)
