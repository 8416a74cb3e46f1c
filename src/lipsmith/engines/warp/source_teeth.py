"""Upper teeth taken from the frame of a film that shows them best."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...face.canonical import Points, Pose
from ...types import Array, Image
from .geometry import aperture, smoothstep
from .interior import UPPER_EDGE, Teeth
from .lips import INNER_LOWER, INNER_UPPER
from .palette import luma, saturation
from .pixels import fill, single

OPEN = 0.05
"""A mouth less open shows no teeth worth having."""
ENOUGH = 0.004
"""Square eye distances of teeth that a frame must show."""
_MARGIN = 4


@dataclass(frozen=True, slots=True, eq=False)
class _Find:
    score: float
    picture: Image  # (h, w, 3) RGB
    mask: Array  # (h, w) 0..1
    corner: tuple[int, int]  # px
    pose: Pose


class TeethSearch:
    """Sees frames, remembers the one that shows most bright, unsaturated pixels between the lips."""

    def __init__(self) -> None:
        self._found: _Find | None = None

    def see(self, image: Image, landmarks: Points, own: Points, pose: Pose, bright: float) -> None:
        """One (H, W, 3) RGB frame; ``bright`` is the luma of well-lit skin."""
        if aperture(own) < OPEN:
            return
        contour = np.vstack([landmarks[INNER_UPPER, :2], landmarks[INNER_LOWER[::-1], :2]])
        size = np.array([image.shape[1], image.shape[0]])
        x0, y0 = (np.floor(contour.min(0)).astype(int) - _MARGIN).clip(0)
        x1, y1 = np.minimum(np.ceil(contour.max(0)).astype(int) + _MARGIN, size)
        if x1 - x0 < 8 or y1 - y0 < 8:
            return
        picture = image[y0:y1, x0:x1].astype(np.float32)
        inner = _inner(contour - (x0, y0), picture.shape[:2], pose.scale)
        row = _upper_row(picture, inner, bright, pose.scale)
        score = float(row.sum()) / pose.scale**2 - 0.02 * abs(pose.angles[0])
        if score > ENOUGH and (self._found is None or score > self._found.score):
            mask = _cover(picture, inner, row, bright, pose.scale)
            self._found = _Find(score, image[y0:y1, x0:x1].copy(), mask, (int(x0), int(y0)), pose)

    def best(self, middle: Points) -> Teeth | None:
        """The teeth found, cut below the upper row's edge; ``middle`` (3,) own is the lip line's middle."""
        if self._found is None:
            return None
        find = self._found
        height, width = find.mask.shape
        ends = np.array([[0, 0], [width, 0], [0, height]], np.float64) + find.corner
        corners = _on_plane(find.pose, ends, float(middle[2]))
        down = corners[:, 1] - middle[1]
        across, below = np.meshgrid(np.arange(width) / width, np.arange(height) / height)
        depth = down[0] + across * (down[1] - down[0]) + below * (down[2] - down[0])
        mask = find.mask * np.clip((UPPER_EDGE + 0.035 - depth) / 0.02, 0, 1)
        return Teeth(find.picture.astype(np.float32), mask.astype(np.float32), corners)


def _inner(contour: Points, shape: tuple[int, ...], scale: float) -> Image:
    """(h, w) 0..255: the inside of a (22, 2) px contour, shrunk a little."""
    mask = fill(shape, contour)
    reach = max(1, round(0.012 * scale))
    return np.asarray(cv2.erode(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.uint8)


def _upper_row(picture: Array, inner: Image, bright: float, scale: float) -> NDArray[np.bool_]:
    """(h, w) bright, unsaturated pixels inside; in each column only down to the first dark gap, where the row ends."""
    like = (luma(picture) > 0.58 * bright) & (saturation(picture) < 0.40) & (inner > 127)
    allowed = max(1, round(0.012 * scale))
    row = np.zeros_like(like)
    begun, missing = np.zeros(like.shape[1], bool), np.zeros(like.shape[1], int)
    for y, here in enumerate(like):
        row[y] = here & (missing <= allowed)
        begun |= here
        missing = np.where(here & (missing <= allowed), 0, missing + begun)
    return row


def _cover(picture: Array, inner: Image, row: NDArray[np.bool_], bright: float, scale: float) -> Array:
    """(h, w) 0..1: the convex hull of the row's largest patch, inside, less what is dark there; feathered."""
    reach = max(1, round(0.024 * scale))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    whole = cv2.morphologyEx(row.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(whole)
    if count < 2:
        return np.zeros(row.shape, np.float32)
    largest = (labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
    hull = fill(row.shape, single(cv2.convexHull(cv2.findNonZero(largest))[:, 0]))
    light = single(smoothstep(luma(picture), 0.32 * bright, 0.50 * bright))
    mask = np.minimum(inner, hull).astype(np.float32) / 255 * light
    return single(cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.006 * scale)))


def _on_plane(pose: Pose, places: Points, depth: float) -> Points:
    """(n, 3) own points at own z = ``depth`` seen at (n, 2) px."""
    turn = pose.rotation[:2] * pose.scale
    flat = np.linalg.solve(turn[:, :2], (places - pose.shift[:2] - turn[:, 2] * depth).T).T
    return np.hstack([flat, np.full((len(flat), 1), depth)])
