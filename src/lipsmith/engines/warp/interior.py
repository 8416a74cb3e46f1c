"""The inside of an open mouth: cavity, tongue, two rows of teeth, and the shade along the lips.

Shadow inside a mouth is never grey: all darkens towards a dark shade of the lips, teeth a little less than the rest,
which would tint them pink.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import cos, sin

import cv2
import numpy as np

from ...face.canonical import Points, Pose
from ...types import Array
from .dental_arch import LOWER, UPPER, head_places, see_arch
from .image_ops import resample
from .lip_opening import Opening
from .neutral import lip_line_middle
from .palette import Palette
from .rig import JAW_HINGE, MAX_JAW_ANGLE
from .spline import smoothstep, smoothstep_of
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
    picture = _darkness(opening)[..., None] * (palette.cavity - palette.shadow)
    picture += palette.shadow
    light = entering_light(palette, opening)
    light *= _shade_along_lips(opening)
    head = head_places(pose, float(middle[2]) + _TONGUE_DEPTH, places)
    _draw_tongue(picture, palette, middle, opening, head, light)
    _draw_teeth(picture, interior, opening, pose, places, light)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(0.4, 0.55 * palette.softness * opening.scale)))


def entering_light(palette: Palette, opening: Opening) -> Array:
    """(h, w) the light between the lips: from the side, through the opening, less towards the corners."""
    open_by = opening.lower_middle - opening.upper_middle
    admitted = (0.85 + 0.20 * min(1.0, max(0.0, open_by) / _FULL_LIGHT)) * (1 - 0.4 * opening.pucker)
    across = opening.across - np.float32(opening.centre)
    light = palette.relative_light(across)
    np.abs(across, out=across)
    across *= np.float32(1 / max(1e-3, opening.half_width))
    from_middle = np.minimum(across, 1, out=across)
    light *= np.float32(admitted) - np.float32(0.5 * admitted) * (from_middle * from_middle * from_middle)
    return light


def _darkness(opening: Opening) -> Array:
    """(h, w) 0..1: 1 inside the opening, falling to 0 close to lips and corners."""
    return unit(np.minimum(opening.below_upper, opening.above_lower) * np.float32(1 / 0.02) + np.float32(0.2))


def _cover(picture: Array, layers: Array, colours: Array) -> None:
    """Cover an (h, w, 3) picture, in place, by layers (h, w, n), the last of which is alpha.

    ``colours`` (n, 3): what a layer of 1 adds to the picture.
    """
    picture *= 1 - layers[..., -1:]
    picture += cv2.transform(layers, colours.T)


def _draw_teeth(picture: Array, interior: Interior, opening: Opening, pose: Pose, places: Array, light: Array) -> None:
    """Draw the lower and the upper row into an (h, w, 3) picture in place."""
    palette = interior.palette
    upper_lights = _UPPER_LIGHTS if interior.teeth is None else _BESIDE_OWN
    lower = smoothstep_of(opening.jaw, JAW_SHOWS_LOWER_TEETH, JAW_SHOWS_LOWER_TEETH + 0.2)
    for arch, lights in ((LOWER, _LOWER_LIGHTS), (UPPER, upper_lights)):
        visible = lower if arch is LOWER else 1.0
        if visible <= 0:
            continue
        view = see_arch(arch, pose, interior.middle, opening.jaw, places)
        row = sample_row(arch is UPPER, view, opening.scale)
        seen = view.facing * np.float32(min(1.0, 3 * visible) * (1 - 0.25 * opening.pucker))
        far = visible * lights.far * (1 - lights.rounded * opening.pucker)
        bright = unit(opening.below_upper * np.float32(1 / lights.reach))
        bright *= np.float32(far * (1 - lights.near))
        bright += np.float32(far * lights.near)
        bright *= seen
        bright *= light
        row *= cv2.merge([bright, bright, seen])
        shade = np.float32(lights.shade) * palette.shadow
        _cover(picture, row, np.array([palette.teeth - shade, palette.gum - shade, shade]))


def _draw_tongue(picture: Array, palette: Palette, middle: Points, opening: Opening, head: Array, light: Array) -> None:
    """Draw the tongue, on the floor of the mouth or raised to the upper teeth, into an (h, w, 3) picture in place.

    ``head`` (h, w, 2) is x and y in the head's frame at the tongue's depth.
    """
    angle, (hinge_y, hinge_z) = MAX_JAW_ANGLE * opening.jaw, JAW_HINGE
    y, z = float(middle[1]) + LOWER.edge - hinge_y, float(middle[2]) + LOWER.behind - hinge_z
    front = cos(angle) * y - sin(angle) * z + hinge_y
    rest = front - 0.015 - 0.18 * max(0.0, opening.lower_middle - opening.upper_middle)
    raised = float(middle[1]) + UPPER.edge - 0.012
    top = rest + opening.tongue * (min(rest, raised) - rest)
    width = _TONGUE_WIDTH * (1 - 0.15 * opening.tongue - 0.25 * opening.pucker)
    per_unit = np.array([_TONGUE_PX / width, _TONGUE_PX / _TONGUE_HEIGHT], np.float32)
    places = head - np.array([middle[0], top], np.float32)
    places *= per_unit
    places += np.array([1.25 * _TONGUE_PX - 0.5, 1.5], np.float32)
    layers = resample(_tongue_texture(), places)
    reached = unit(opening.below_upper * np.float32(1 / 0.12))
    reached *= np.float32(0.65)
    reached += np.float32(0.35)
    reached *= light
    layers[..., 0] *= reached
    _cover(picture, layers, np.array([palette.tongue - palette.shadow, palette.shadow]))


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
    above = unit(opening.below_upper * np.float32(1 / 0.016)) * np.float32(0.50) + np.float32(0.50)
    above *= unit(opening.above_lower * np.float32(1 / 0.022)) * np.float32(0.65) + np.float32(0.35)
    return above


def unit(numbers: Array) -> Array:
    """The numbers, which may be changed, cut to 0..1."""
    np.maximum(numbers, 0, out=numbers)
    return np.minimum(numbers, 1, out=numbers)
