"""Upper teeth taken from the frame of a video that shows them best."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...face.canonical import Points, Pose
from ...types import Array, Image
from .image_ops import as_float32, polygon_mask
from .landmark_indices import INNER_LOWER, INNER_UPPER
from .neutral import aperture
from .palette import luma, saturation
from .spline import smoothstep
from .teeth import UPPER_EDGE, Teeth

MIN_APERTURE = 0.05
"""Frames whose mouth is less open, in eye distances, are passed over."""
MIN_AREA = 0.004
"""Teeth that a frame must show, in square eye distances."""
_MARGIN = 4


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """The teeth of one frame."""

    score: float
    picture: Image  # (h, w, 3) RGB
    mask: Array  # (h, w) 0..1
    corner: tuple[int, int]  # px of the frame: x0, y0
    pose: Pose


class TeethSearch:
    """Reads frames, and keeps the one that shows most bright, unsaturated pixels between the lips."""

    def __init__(self) -> None:
        self._best: _Candidate | None = None

    def add(self, image: Image, landmarks: Points, shape: Points, pose: Pose, bright: float) -> None:
        """Look at one frame.

        Args:
            image: (H, W, 3) RGB.
            landmarks: (468, 3) px.
            shape: (468, 3) the landmarks in the head's frame, eye distances.
            pose: the head's pose.
            bright: luma of well-lit skin, 0..255.
        """
        if aperture(shape) < MIN_APERTURE:
            return
        contour = np.vstack([landmarks[INNER_UPPER, :2], landmarks[INNER_LOWER[::-1], :2]])
        size = np.array([image.shape[1], image.shape[0]])
        x0, y0 = (np.floor(contour.min(0)).astype(int) - _MARGIN).clip(0)
        x1, y1 = np.minimum(np.ceil(contour.max(0)).astype(int) + _MARGIN, size)
        if x1 - x0 < 8 or y1 - y0 < 8:
            return
        picture = image[y0:y1, x0:x1].astype(np.float32)
        inside = _inside_mask(contour - (x0, y0), picture.shape[:2], pose.scale)
        row = _upper_row(picture, inside, bright, pose.scale)
        score = float(row.sum()) / pose.scale**2 - 0.02 * abs(pose.angles[0])
        if score > MIN_AREA and (self._best is None or score > self._best.score):
            mask = _row_mask(picture, inside, row, bright, pose.scale)
            self._best = _Candidate(score, image[y0:y1, x0:x1].copy(), mask, (int(x0), int(y0)), pose)

    def best(self, middle: Points) -> Teeth | None:
        """The best teeth, cut off below the edge of the upper row; None where no frame shows any.

        ``middle`` (3,) is the middle of the closed lip line in the head's frame.
        """
        if self._best is None:
            return None
        candidate = self._best
        height, width = candidate.mask.shape
        picture_corners = np.array([[0, 0], [width, 0], [0, height]], np.float64) + candidate.corner
        corners = _at_depth(candidate.pose, picture_corners, float(middle[2]))
        down = corners[:, 1] - middle[1]
        across, below = np.meshgrid(np.arange(width) / width, np.arange(height) / height)
        below_lip_line = down[0] + across * (down[1] - down[0]) + below * (down[2] - down[0])
        mask = candidate.mask * np.clip((UPPER_EDGE + 0.035 - below_lip_line) / 0.02, 0, 1)
        return Teeth(candidate.picture.astype(np.float32), mask.astype(np.float32), corners)


def _inside_mask(contour: Points, size: tuple[int, ...], scale: float) -> Image:
    """(h, w) uint8 0..255: the inside of a (22, 2) px contour, shrunk a little."""
    mask = polygon_mask(size, contour)
    reach = max(1, round(0.012 * scale))
    return np.asarray(cv2.erode(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.uint8)


def _upper_row(picture: Array, inside: Image, bright: float, scale: float) -> NDArray[np.bool_]:
    """(h, w) bright, unsaturated pixels inside the lips; in each column only down to the first dark gap.

    The gap separates the upper teeth from the lower ones.
    """
    tooth_like = (luma(picture) > 0.58 * bright) & (saturation(picture) < 0.40) & (inside > 127)
    max_gap = max(1, round(0.012 * scale))
    row = np.zeros_like(tooth_like)
    begun, gap = np.zeros(tooth_like.shape[1], bool), np.zeros(tooth_like.shape[1], int)
    for y, here in enumerate(tooth_like):
        row[y] = here & (gap <= max_gap)
        begun |= here
        gap = np.where(here & (gap <= max_gap), 0, gap + begun)
    return row


def _row_mask(picture: Array, inside: Image, row: NDArray[np.bool_], bright: float, scale: float) -> Array:
    """(h, w) 0..1: the convex hull of the row's largest patch, inside the lips, without dark pixels, feathered."""
    reach = max(1, round(0.024 * scale))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    joined = cv2.morphologyEx(row.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    if count < 2:
        return np.zeros(row.shape, np.float32)
    largest = (labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
    hull = polygon_mask(row.shape, as_float32(cv2.convexHull(cv2.findNonZero(largest))[:, 0]))
    light = as_float32(smoothstep(luma(picture), 0.32 * bright, 0.50 * bright))
    mask = np.minimum(inside, hull).astype(np.float32) / 255 * light
    return as_float32(cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.006 * scale)))


def _at_depth(pose: Pose, places: Points, depth: float) -> Points:
    """(n, 3) points of the head's frame at z = ``depth`` that are seen at (n, 2) px."""
    to_image = pose.rotation[:2] * pose.scale
    flat = np.linalg.solve(to_image[:, :2], (places - pose.shift[:2] - to_image[:, 2] * depth).T).T
    return np.hstack([flat, np.full((len(flat), 1), depth)])
