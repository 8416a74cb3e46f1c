"""The source's own upper teeth: those of a portrait, or of the frame of a video that shows them best.

They are cut out once, together with the dark lines between them, and each column is continued upwards under the lip.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...face.canonical import Points, Pose
from ...types import Array, Image
from .dental_arch import UPPER
from .image_ops import Numbers, as_float32, polygon_mask
from .landmark_indices import INNER_LOWER, INNER_UPPER
from .neutral import aperture
from .palette import Palette, luma, saturation
from .spline import smoothstep
from .teeth import Teeth

MIN_APERTURE = 0.05
"""Frames whose mouth is less open, in eye distances, are passed over."""
MIN_AREA = 0.004
"""Teeth that a frame must show, in square eye distances."""
SHOWN_SHARE = 0.12
"""Share of the open mouth of a portrait, in its pixels, that must look like teeth; wet lips have up to .06."""
_MARGIN = 4
_HIDDEN = 0.06
"""How far teeth are continued upwards under the lip, eye distances."""


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """The teeth of one frame."""

    score: float
    picture: Image  # (h, w, 3) RGB
    mask: Array  # (h, w) 0..1
    corner: tuple[int, int]  # px of the frame: x0, y0
    pose: Pose


class TeethSearch:
    """Reads frames, and keeps the one that shows most teeth, and those most clearly apart."""

    def __init__(self) -> None:
        self._best: _Candidate | None = None

    def add(self, image: Image, landmarks: Points, shape: Points, pose: Pose, palette: Palette) -> None:
        """Look at one frame.

        Args:
            image: (H, W, 3) RGB.
            landmarks: (468, 3) px.
            shape: (468, 3) the landmarks in the head's frame, eye distances.
            pose: the head's pose.
            palette: the face's colours.
        """
        if aperture(shape) < MIN_APERTURE:
            return
        contour, (x0, y0, x1, y1) = _mouth_box(image, landmarks, pose.scale)
        if x1 - x0 < 8 or y1 - y0 < 8:
            return
        picture = image[y0:y1, x0:x1].astype(np.float32)
        inside = _inside_mask(contour - (x0, y0), picture.shape[:2], pose.scale)
        tooth_like = _unlike_lips(picture, palette, 0.58) & (saturation(picture) < 0.40) & (inside > 127)
        row = _upper_row(tooth_like, pose.scale)
        area = float(row.sum()) / pose.scale**2 - 0.02 * abs(pose.angles[0])
        score = area * (0.6 + _detail(picture, row, pose.scale) / 0.05)
        if area > MIN_AREA and (self._best is None or score > self._best.score):
            mask = _row_mask(picture, inside, row, palette.bright, pose.scale)
            self._best = _Candidate(score, image[y0:y1, x0:x1].copy(), mask, (x0, y0), pose)

    def best(self, middle: Points) -> Teeth | None:
        """The best teeth, cut off below the edge of the upper row; None where no frame shows any.

        ``middle`` (3,) is the middle of the closed lip line in the head's frame.
        """
        if self._best is None:
            return None
        candidate = self._best
        height, width = candidate.mask.shape
        corners = _corners(candidate.pose, candidate.corner, (width, height), float(middle[2]))
        down = corners[:, 1] - middle[1]
        across, below = np.meshgrid(np.arange(width) / width, np.arange(height) / height)
        below_lip_line = down[0] + across * (down[1] - down[0]) + below * (down[2] - down[0])
        mask = candidate.mask * np.clip((UPPER.edge + 0.035 - below_lip_line) / 0.02, 0, 1)
        return _teeth(as_float32(candidate.picture), as_float32(mask), candidate.pose.scale, corners)


def portrait_teeth(image: Image, landmarks: Points, pose: Pose, palette: Palette, middle: Points) -> Teeth | None:
    """The upper teeth between the open lips of a portrait; None where it shows none.

    Args:
        image: (H, W, 3) RGB.
        landmarks: (468, 3) px.
        pose: the head's pose.
        palette: the face's colours.
        middle: (3,) middle of the closed lip line in the head's frame.
    """
    contour, (x0, y0, x1, y1) = _mouth_box(image, landmarks, pose.scale)
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None
    picture = image[y0:y1, x0:x1].astype(np.float32)
    mouth = polygon_mask(picture.shape, contour - (x0, y0)) > 127
    tooth_like = _unlike_lips(picture, palette, 0.42) & mouth
    if tooth_like.sum() < max(10, SHOWN_SHARE * mouth.sum()):
        return None
    inside = _inside_mask(contour - (x0, y0), picture.shape[:2], pose.scale)
    row = _largest_patch(_upper_row(tooth_like, pose.scale), pose.scale)
    mask = np.where(_above_lower_edge(row, pose.scale), inside, 0)
    alpha = as_float32(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.6, 0.008 * pose.scale))) / 255
    alpha *= _even_lower_edge(alpha, pose.scale)
    corners = _corners(pose, (x0, y0), (x1 - x0, y1 - y0), float(middle[2]))
    return _teeth(picture, alpha, pose.scale, corners)


def _teeth(picture: Array, alpha: Array, scale: float, corners: Points) -> Teeth | None:
    """The teeth cut out by (h, w) ``alpha``, continued under the lip; None where next to nothing is left of them."""
    picture, alpha = _continue_upwards(picture, alpha, scale)
    return Teeth(picture, alpha, corners) if alpha.max() > 0.5 else None


def _mouth_box(image: Image, landmarks: Points, scale: float) -> tuple[Points, tuple[int, int, int, int]]:
    """The (22, 2) px contour of the opening, and x0 y0 x1 y1 around it with room above for hidden teeth."""
    contour = np.vstack([landmarks[INNER_UPPER, :2], landmarks[INNER_LOWER[::-1], :2]])
    size = np.array([image.shape[1], image.shape[0]])
    room = (_MARGIN, _MARGIN + round(_HIDDEN * scale))
    x0, y0 = (np.floor(contour.min(0)).astype(int) - room).clip(0)
    x1, y1 = np.minimum(np.ceil(contour.max(0)).astype(int) + _MARGIN, size)
    return contour, (int(x0), int(y0), int(x1), int(y1))


def _corners(pose: Pose, corner: tuple[int, int], size: tuple[int, int], depth: float) -> Points:
    """``Teeth.corners`` of a picture of (width, height) whose first pixel lies at ``corner`` of the frame."""
    width, height = size
    return _at_depth(pose, np.array([[0, 0], [width, 0], [0, height]], np.float64) + corner, depth)


def _unlike_lips(picture: Array, palette: Palette, bright: float) -> NDArray[np.bool_]:
    """(h, w) pixels much less red than the lips, and at least ``bright`` times as bright as well-lit skin."""
    redness = (picture[..., 0] - picture[..., 1:].mean(-1)) / np.maximum(picture[..., 0], 1)
    lip = float(palette.lip[0] - palette.lip[1:].mean()) / max(1.0, float(palette.lip[0]))
    return np.asarray((luma(picture) > bright * palette.bright) & (redness < 0.65 * lip))


def _above_lower_edge(row: NDArray[np.bool_], scale: float) -> NDArray[np.bool_]:
    """(h, w) all above the lower edge of a row of teeth, from its first column to its last."""
    height, width = row.shape
    columns = np.flatnonzero(row.any(0))
    last = height - 1 - row[::-1, columns].argmax(0)
    edge = np.interp(np.arange(width), columns, last).astype(np.float32)[None]
    reach = 2 * max(1, round(0.05 * scale)) + 1
    closed = cv2.morphologyEx(edge, cv2.MORPH_CLOSE, np.ones((1, reach)), borderType=cv2.BORDER_REPLICATE)
    edge = _smoothed(as_float32(closed[0]), scale) + 0.008 * scale
    edge[: columns[0]] = edge[columns[-1] + 1 :] = -1
    return np.asarray(np.arange(height)[:, None] <= edge)


def _even_lower_edge(alpha: Array, scale: float) -> Array:
    """(h, w) 0..1: without what hangs below the smoothed lower edge of (h, w) ``alpha``, as contours have steps."""
    height = len(alpha)
    shown = alpha > 0.5
    columns = np.flatnonzero(shown.any(0))
    if not len(columns):
        return np.ones_like(alpha)
    last = height - shown[::-1, columns].argmax(0)
    edge = np.interp(np.arange(alpha.shape[1]), columns, last).astype(np.float32)
    edge = cv2.GaussianBlur(edge[None], (0, 0), max(0.8, 0.05 * scale), borderType=cv2.BORDER_REPLICATE)[0]
    return as_float32(np.clip(edge - np.arange(height)[:, None] + 0.5, 0, 1))


def _detail(picture: Array, row: NDArray[np.bool_], scale: float) -> float:
    """How much the light varies from tooth to tooth: mean deviation from its running mean, relative to it."""
    if not row.any():
        return 0.0
    light = luma(picture)
    smooth = cv2.GaussianBlur(light, (0, 0), 0.025 * scale)
    return float((np.abs(light - smooth) / np.maximum(smooth, 1))[row].mean())


def _continue_upwards(picture: Numbers, alpha: Array, scale: float) -> tuple[Array, Array]:
    """(h, w, 3) and (h, w): each column's uppermost tooth continued upwards, fading out, as under a lip.

    It is continued from where it is brightest near its top, because its very top is blurred into the lip. The row fades
    out to the sides too, where drawn teeth go on.
    """
    height, width = alpha.shape
    solid = alpha > 0.8
    shown = solid.any(0)
    columns, rows = np.arange(width), np.arange(height)[:, None]
    top = solid.argmax(0)
    near_top = solid & (rows <= top + max(1, round(0.03 * scale)))
    begin = np.where(near_top, luma(picture), -1).argmax(0).astype(np.float32)
    begin = np.where(shown, np.maximum(top, _smoothed(begin, scale)), 0).astype(int)
    sides = np.flatnonzero(shown)
    if len(sides):
        from_side = np.minimum(columns - sides[0], sides[-1] - columns) + 1
        alpha = as_float32(alpha * np.clip(from_side / (0.03 * scale), 0, 1))
    fading = np.where(shown, np.clip(1.5 * (1 - (top - rows) / (_HIDDEN * scale)), 0, 1), 0)
    extended = np.where(rows < begin, np.maximum(alpha, alpha[begin, columns] * fading), alpha)
    return as_float32(picture[np.maximum(rows, begin), columns]), as_float32(extended)


def _smoothed(curve: Array, scale: float) -> Array:
    """(n,) without jumps from one column to the next."""
    return as_float32(cv2.GaussianBlur(curve[None], (0, 0), max(0.8, 0.012 * scale))[0])


def _inside_mask(contour: Points, size: tuple[int, ...], scale: float) -> Image:
    """(h, w) uint8 0..255: the inside of a (22, 2) px contour, shrunk a little."""
    mask = polygon_mask(size, contour)
    reach = max(1, round(0.012 * scale))
    return np.asarray(cv2.erode(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.uint8)


def _upper_row(tooth_like: NDArray[np.bool_], scale: float) -> NDArray[np.bool_]:
    """(h, w) of the pixels that look like teeth those above, in each column, the first dark gap.

    The gap separates the upper teeth from the lower ones.
    """
    max_gap = max(1, round(0.012 * scale))
    row = np.zeros_like(tooth_like)
    begun, gap = np.zeros(tooth_like.shape[1], bool), np.zeros(tooth_like.shape[1], int)
    for y, here in enumerate(tooth_like):
        row[y] = here & (gap <= max_gap)
        begun |= here
        gap = np.where(here & (gap <= max_gap), 0, gap + begun)
    return row


def _row_mask(picture: Array, inside: Image, row: NDArray[np.bool_], bright: float, scale: float) -> Array:
    """(h, w) 0..1: the convex hull of the row's largest patch, inside the lips, feathered.

    Dark parts are left out, but not the dark lines between the teeth.
    """
    largest = _largest_patch(row, scale)
    if not largest.any():
        return np.zeros(row.shape, np.float32)
    hull = polygon_mask(row.shape, as_float32(cv2.convexHull(cv2.findNonZero(largest.astype(np.uint8)))[:, 0]))
    reach = _patch_reach(scale)
    light = as_float32(smoothstep(luma(picture), 0.32 * bright, 0.50 * bright))
    light = as_float32(cv2.morphologyEx(light, cv2.MORPH_CLOSE, np.ones((1, 2 * reach + 1), np.uint8)))
    mask = np.where(_above_lower_edge(largest, scale), np.minimum(inside, hull), 0).astype(np.float32) / 255 * light
    return as_float32(cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.006 * scale)))


def _patch_reach(scale: float) -> int:
    """px across which the parts of a row of teeth are joined."""
    return max(1, round(0.024 * scale))


def _largest_patch(row: NDArray[np.bool_], scale: float) -> NDArray[np.bool_]:
    """(h, w) the largest of a row's patches, those close together joined to one; nothing where there is none."""
    reach = _patch_reach(scale)
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    joined = cv2.morphologyEx(row.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    if count < 2:
        return np.zeros(row.shape, bool)
    return np.asarray(labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax())


def _at_depth(pose: Pose, places: Points, depth: float) -> Points:
    """(n, 3) points of the head's frame at z = ``depth`` that are seen at (n, 2) px."""
    to_image = pose.rotation[:2] * pose.scale
    flat = np.linalg.solve(to_image[:, :2], (places - pose.shift[:2] - to_image[:, 2] * depth).T).T
    return np.hstack([flat, np.full((len(flat), 1), depth)])
