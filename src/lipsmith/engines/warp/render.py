"""Draw one face under one drive: warp the skin backwards in a single resampling, then composite the mouth."""

from __future__ import annotations

import cv2
import numpy as np

from ...types import Array, Image
from .deform import target_landmarks
from .eyelids import draw_eyes
from .idle import BLINK, GAZE, HEAD_CONTROLS, IDLE_CONTROLS
from .image_ops import as_float32, resample
from .lip_opening import LipCurves, lip_curves
from .material import WarpMaterial
from .mesh import Placement, backward_displacements, sample_grid
from .mouth_compositing import Box, FrameWarp, composite_mouth
from .skin_shading import shade_skin
from .spline import smoothstep


def render(material: WarpMaterial, drive: Array) -> Image:
    """(h, w, 3) RGB uint8: the material's picture under a (17,) drive.

    The drive holds the 8 mouth controls (``MOUTH_CONTROLS``), then the 9 of idle motion (``IDLE_CONTROLS``). Those that
    a shorter drive leaves out are 0.
    """
    if material.strength <= 0:
        return material.picture.copy()
    controls, idle = drive[:8], np.zeros(len(IDLE_CONTROLS), np.float32)
    idle[: len(drive) - 8] = drive[8:]
    landmarks = target_landmarks(material, controls)
    mesh, placement = material.sheets, material.placement
    target = placement.to_plane(landmarks)
    upper, lower = backward_displacements(mesh, placement, material.source, target - mesh.centres)
    curves = lip_curves(target)
    both = _blend_layers(placement, curves, upper, lower)
    still = material.still
    picture, motion = material.picture, idle[HEAD_CONTROLS]
    if still:
        picture = draw_eyes(picture, still.eyes, float(idle[BLINK]), (float(idle[GAZE][0]), float(idle[GAZE][1])))
    picture = shade_skin(material, controls, picture)
    head = still.head.at(motion) if still and np.any(motion) else None
    if still is None or head is None:
        output = _warp_box(picture, placement.box, both)
    else:
        # The mouth's displacement is 0 on the border of its box, so beyond it the nearest cell's is right.
        output = _warp(picture, head + sample_grid(both, placement.box, still.head.nodes - head))
    composite_mouth(FrameWarp(material, controls, landmarks, picture, head, upper, lower, curves), output)
    return output


def _blend_layers(placement: Placement, curves: LipCurves, upper: Array, lower: Array) -> Array:
    """(g, g, 2) px: the upper layer above the lip line and the lower one below it.

    The step between them softens with the distance beyond the corners of the mouth.
    """
    across, down = placement.plane_nodes()
    lip_line = np.interp(across, curves.x, curves.middle)
    softness = 0.02 + 0.9 * curves.beyond_corners(across)
    share = smoothstep((down - lip_line) / softness, -1, 1)[..., None].astype(np.float32)
    return as_float32(upper + share * (lower - upper))


def _warp(picture: Image, displacement: Array) -> Image:
    """The picture warped backwards: each pixel is read at its place less the displacement, a grid of cells over it."""
    offset = cv2.resize(-displacement, (picture.shape[1], picture.shape[0]))
    return resample(picture, np.asarray(offset), cv2.INTER_LINEAR | cv2.WARP_RELATIVE_MAP)


def _warp_box(picture: Image, box: Box, displacement: Array) -> Image:
    """A copy of the picture with one box warped backwards."""
    x0, y0, x1, y1 = box
    if box == (0, 0, picture.shape[1], picture.shape[0]):
        return _warp(picture, displacement)
    output = picture.copy()
    if x1 > x0 and y1 > y0:
        output[y0:y1, x0:x1] = _warp(picture[y0:y1, x0:x1], displacement)
    return output
