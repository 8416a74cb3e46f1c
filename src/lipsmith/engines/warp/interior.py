"""The inside of an open mouth: cavity, tongue, two rows of teeth, and the shade along the lips.

The picture is the sum of five colours, and the drawing deals with their weights alone. Shadow inside a mouth is never
grey: all darkens towards a dark shade of the lips, teeth a little less than the rest, which would tint them pink.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ...face.canonical import Points, Pose
from ...types import Array
from .dental_arch import LOWER, UPPER, head_places, jaw_pose, see_arch
from .image_ops import as_float32, resample
from .lip_opening import Opening
from .neutral import lip_line_middle
from .palette import Palette
from .rig import MAX_JAW_ANGLE
from .spline import smoothstep
from .teeth import Teeth
from .tooth_texture import sample_row

JAW_SHOWS_LOWER_TEETH = 0.15
"""Up to this jaw no lower teeth are seen; they are fully there .2 further down."""
_TONGUE_WIDTH, _TONGUE_HEIGHT, _TONGUE_DEPTH = 0.20, 0.15, 0.16
"""Half width, height and depth behind the lips of the tongue, eye distances."""
_TONGUE_PX = 64
"""px of half a tongue's width, and of its height, in its texture."""
_FULL_LIGHT = 0.10
"""Opening, in eye distances, that lets all the light into the mouth."""


@dataclass(frozen=True, slots=True)
class _RowLights:
    """How light falls on a row of teeth."""

    near: float  # light right under the upper lip, relative to
    far: float  # light further down, relative to what enters the mouth
    reach: float  # how far down, eye distances
    rounded: float  # share of the light that a round mouth takes away besides
    shade: float  # how much of the lips' shade shows where no light falls; above 1: lips and tongue shine on them


_UPPER_LIGHTS, _LOWER_LIGHTS = _RowLights(0.76, 1.0, 0.035, 0.0, 0.8), _RowLights(0.52, 0.76, 0.12, 0.0, 1.25)
_BESIDE_OWN = _RowLights(0.76, 0.65, 0.035, 0.7, 0.9)
"""Upper teeth drawn beside the source's own are a little darker, because they never fit them exactly."""
_SHADE, _CAVITY, _TONGUE, _TEETH, _GUM = range(5)


@dataclass(frozen=True, slots=True, eq=False)
class Interior:
    """All that is drawn between the lips of one face."""

    palette: Palette
    middle: Points  # (3,) eye distances: middle of the closed lip line, head's frame
    teeth: Teeth | None = None  # the source's own upper teeth; None: they are drawn
    light: float = 1.0  # this frame's light relative to the light in which the colours were measured


def make_interior(palette: Palette, neutral: Points, teeth: Teeth | None = None) -> Interior:
    """The interior of a face with its own ``teeth``, drawn in ``palette``; ``neutral`` (468, 3) is the closed face."""
    return Interior(palette, lip_line_middle(neutral), teeth)


def draw_interior(interior: Interior, opening: Opening, pose: Pose, places: Array) -> Array:
    """(h, w, 3) RGB 0..255: cavity, tongue and drawn teeth, as sharp as the picture is.

    ``places`` (h, w, 2) are the opening's px before head motion, under ``pose``.
    """
    palette, middle = interior.palette, interior.middle
    weights = np.zeros((5, *opening.down.shape), np.float32)
    weights[_CAVITY] = _darkness(opening)
    weights[_SHADE] = 1 - weights[_CAVITY]
    light = entering_light(palette, opening) * _shade_along_lips(opening)
    _draw_tongue(weights, middle, opening, head_places(pose, float(middle[2]) + _TONGUE_DEPTH, places), light)
    _draw_teeth(weights, interior, opening, pose, places, light)
    colours = np.stack([palette.shadow, palette.cavity, palette.tongue, palette.teeth, palette.gum])
    picture = cv2.transform(cv2.merge(list(weights)), colours.T)
    return as_float32(cv2.GaussianBlur(picture, (0, 0), max(0.4, 0.55 * palette.softness * opening.scale)))


def entering_light(palette: Palette, opening: Opening) -> Array:
    """(h, w) the light between the lips: from the side, through the opening, less towards the corners."""
    open_by = opening.lower_middle - opening.upper_middle
    admitted = (0.85 + 0.20 * min(1.0, max(0.0, open_by) / _FULL_LIGHT)) * (1 - 0.4 * opening.pucker)
    from_middle = np.minimum(np.abs(opening.across - opening.centre) * (1 / max(1e-3, opening.half_width)), 1)
    light = palette.relative_light(opening.across - opening.centre)
    return as_float32(light * (np.float32(admitted) - np.float32(0.5 * admitted) * from_middle**3))


def _darkness(opening: Opening) -> Array:
    """(h, w) 0..1: 1 inside the opening, falling to 0 close to lips and corners."""
    above, below = opening.down - opening.top, opening.bottom - opening.down
    return as_float32(_unit(np.minimum(above, below) * (1 / 0.02) + 0.2))


def _cover(weights: Array, alpha: Array, shade: Array) -> None:
    """Cover (5, h, w) weights by something of (h, w) alpha, ``shade`` of which is the lips' shade, in place."""
    weights *= 1 - alpha
    weights[_SHADE] += shade


def _draw_teeth(weights: Array, interior: Interior, opening: Opening, pose: Pose, places: Array, light: Array) -> None:
    """Draw the lower and the upper row into (5, h, w) weights in place."""
    upper_lights = _UPPER_LIGHTS if interior.teeth is None else _BESIDE_OWN
    below = opening.down - opening.top
    lower = float(smoothstep(np.array(opening.jaw), JAW_SHOWS_LOWER_TEETH, JAW_SHOWS_LOWER_TEETH + 0.2))
    for arch, lights in ((LOWER, _LOWER_LIGHTS), (UPPER, upper_lights)):
        visible = lower if arch is LOWER else 1.0
        if visible <= 0:
            continue
        view = see_arch(arch, pose, interior.middle, opening.jaw, places)
        enamel, gum, alpha = sample_row(arch is UPPER, view, opening.scale)
        seen = view.facing * np.float32(min(1.0, 3 * visible) * (1 - 0.25 * opening.pucker))
        away_from_lip = _unit(below * (1 / lights.reach))
        far = visible * lights.far * (1 - lights.rounded * opening.pucker)
        bright = seen * light * (far * (lights.near + (1 - lights.near) * away_from_lip))
        alpha, enamel, gum = alpha * seen, enamel * bright, gum * bright
        _cover(weights, alpha, lights.shade * (alpha - enamel - gum))
        weights[_TEETH] += enamel
        weights[_GUM] += gum


def _draw_tongue(weights: Array, middle: Points, opening: Opening, head: Array, light: Array) -> None:
    """Draw the tongue, on the floor of the mouth or raised to the upper teeth, into (5, h, w) weights in place.

    ``head`` (h, w, 2) is x and y in the head's frame at the tongue's depth.
    """
    front = middle + np.array([0.0, LOWER.edge, LOWER.behind])
    front = jaw_pose(_HEAD, MAX_JAW_ANGLE * opening.jaw).to_image(front[None])[0]
    rest = float(front[1]) - 0.015 - 0.18 * max(0.0, opening.lower_middle - opening.upper_middle)
    raised = float(middle[1]) + UPPER.edge - 0.012
    top = rest + opening.tongue * (min(rest, raised) - rest)
    width = _TONGUE_WIDTH * (1 - 0.15 * opening.tongue - 0.25 * opening.pucker)
    x = (head[..., 0] - np.float32(middle[0])) * np.float32(_TONGUE_PX / width) + np.float32(1.25 * _TONGUE_PX - 0.5)
    y = (head[..., 1] - np.float32(top)) * np.float32(_TONGUE_PX / _TONGUE_HEIGHT) + np.float32(1.5)
    places = as_float32(cv2.merge([x, y]))
    shade, alpha = (as_float32(part) for part in cv2.split(resample(_tongue_texture(), places)))
    reached = 0.35 + 0.65 * _unit((opening.down - opening.top) * (1 / 0.12))
    bright = shade * reached * light
    _cover(weights, alpha, alpha - bright)
    weights[_TONGUE] += bright


_HEAD = Pose(1.0, np.eye(3), np.zeros(3))
"""The pose that leaves points of the head where they are."""


@cache
def _tongue_texture() -> Array:
    """(h, w, 2) shade (times alpha) and alpha of a mound with a groove in the middle and a shine on either side."""
    down, across = (np.mgrid[-2 : 2 * _TONGUE_PX, 0 : round(2.5 * _TONGUE_PX)] + 0.5) / _TONGUE_PX
    across -= 1.25
    mound = 1 - across**2 - np.minimum(down - 1, 0) ** 2
    alpha = np.clip(mound * 4, 0, 1)
    groove = np.exp(-((across / 0.13) ** 2)) * smoothstep(down, 0.05, 0.3) * smoothstep(down, 1.1, 0.6)
    shine = np.exp(-(((np.abs(across) - 0.30) / 0.20) ** 2) - ((down - 0.32) / 0.16) ** 2)
    shade = (0.50 + 0.50 * np.sqrt(np.clip(mound, 0, 1)) - 0.20 * groove) * (1 + 0.22 * shine)
    texture = np.dstack([alpha * shade, alpha]).astype(np.float32)
    texture.setflags(write=False)
    return texture


def _shade_along_lips(opening: Opening) -> Array:
    """(h, w) 0..1: how much light is left along both lips."""
    above = 0.50 * _unit((opening.down - opening.top) * (1 / 0.016))
    below = 0.65 * _unit((opening.bottom - opening.down) * (1 / 0.022))
    return as_float32((0.50 + above) * (0.35 + below))


def _unit(numbers: Array) -> Array:
    """The numbers, cut to 0..1."""
    return np.minimum(np.maximum(numbers, 0), 1)
