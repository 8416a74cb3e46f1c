"""Refine the landmarks' inner lip contours on the picture: landmarks alone miss by up to 0.03 eye distances.

Closed lips are moved onto the dark line between them, open lips onto the border between lip colour and teeth or
darkness. Both are minimum-cost smooth paths through a strip of the picture along the contour, found by dynamic
programming.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...face.canonical import Points, Pose
from ...types import Image
from .axes import image_axes
from .image_ops import Numbers, resample
from .landmark_indices import INNER_LOWER, INNER_UPPER, LOWER_RINGS, UPPER_RINGS
from .palette import luma
from .spline import monotone_curve

SEARCH_REACH = 0.045
"""How far above and below the landmarks the line between closed lips is searched, in eye distances."""
MAX_CLOSED_GAP = 0.04
"""Opening, in eye distances, above which there is no line between the lips."""
INSET = 0.012
"""How far beyond the border an open lip's contour is moved into the lip, so that no teeth are dragged along."""
_INNER_CORNERS, _OUTER_CORNERS = (78, 308, 62, 292, 76, 306), (61, 291, 61, 291, 61, 291)
_COLUMNS = 61
_SKIN = [92, 322, 57, 287, 43, 273, 106, 335, 204, 424]


@dataclass(frozen=True, slots=True, eq=False)
class _Strip:
    """A band of the picture along a lip contour."""

    at: Numbers  # (_COLUMNS,) px along the mouth
    nodes: Numbers  # (11,) px along the mouth: the contour's own points
    offsets: Numbers  # (n,) px downwards from the contour
    places: Numbers  # (n, _COLUMNS, 2) px

    def shift(self, cost: Numbers) -> Numbers:
        """(11,) px downwards at the contour's points: the cheapest smooth path through an (n, _COLUMNS) cost."""
        return np.interp(self.nodes, self.at, _cheapest_path(cost, self.offsets))


def _strip(contour: Numbers, pose: Pose, above: float, below: float) -> _Strip:
    """The band from ``above`` to ``below`` eye distances around an (11, 2) px contour."""
    along, down = image_axes(pose)
    centre = contour.mean(0)
    x, y = (contour - centre) @ along, (contour - centre) @ down
    at = np.linspace(x[0], x[-1], _COLUMNS)
    curve = monotone_curve(x, y, at)
    count = max(15, int((above + below) * pose.scale) + 1)
    offsets = np.linspace(-above, below, count) * pose.scale
    rows = curve[None] + offsets[:, None]
    return _Strip(at, x, offsets, centre + at[None, :, None] * along + rows[..., None] * down)


def refine_closed_lips(image: Image, landmarks: Points, pose: Pose) -> Points:
    """(468, 3) px landmarks whose closed lips meet on the darkest smooth path; those of an open mouth unchanged."""
    gap = np.linalg.norm(landmarks[INNER_LOWER] - landmarks[INNER_UPPER], axis=1) / pose.scale
    if gap.max() > MAX_CLOSED_GAP:
        return landmarks
    middle = (landmarks[INNER_UPPER] + landmarks[INNER_LOWER])[:, :2] / 2
    strip = _strip(middle, pose, SEARCH_REACH, SEARCH_REACH)
    bright = luma(_soft_pixels(image, strip.places, pose.scale))
    cost = (bright - bright.mean(0)) / (bright.std() + 1e-3) + (strip.offsets[:, None] / strip.offsets[-1]) ** 2
    shift = strip.shift(cost)
    refined = landmarks.copy()
    refined[INNER_UPPER, :2] = refined[INNER_LOWER, :2] = middle
    for rings in (UPPER_RINGS, LOWER_RINGS):
        _shift_inner_contour(refined, rings, shift, pose)
    return refined


def refine_open_lips(image: Image, landmarks: Points, pose: Pose) -> Points:
    """(468, 3) px landmarks whose open lips' inner contours lie where lip colour ends; closed lips unchanged."""
    gap = np.linalg.norm((landmarks[INNER_LOWER] - landmarks[INNER_UPPER])[:, :2], axis=1) / pose.scale
    share = float(np.clip((gap[3:8].mean() - 0.015) / 0.035, 0, 1))
    if share <= 0:
        return landmarks
    refined = landmarks.copy()
    for inner, outer in zip(_INNER_CORNERS, _OUTER_CORNERS, strict=True):
        refined[inner, :2] += 0.75 * share * (refined[outer, :2] - refined[inner, :2])
    for rings, above, below, side in ((UPPER_RINGS, 0.04, 0.012, 1), (LOWER_RINGS, 0.012, 0.04, -1)):
        strip = _strip(refined[rings[3], :2], pose, above, below)
        cost = _border_cost(image, landmarks[rings], landmarks[_SKIN], strip, pose, side)
        shift = share * (strip.shift(cost) - side * INSET * pose.scale)
        _shift_inner_contour(refined, rings, shift, pose)
    return refined


def _shift_inner_contour(landmarks: Points, rings: NDArray[np.int64], shift: Numbers, pose: Pose) -> None:
    """Move a lip's inner contour by (11,) px downwards in place; the contours between keep their share of the lip."""
    down = image_axes(pose)[1]
    outer, inner = landmarks[rings[0, 1:-1], :2] @ down, landmarks[rings[3, 1:-1], :2] @ down
    for ring in rings[1:]:
        inside = ring[1:-1]
        share = (landmarks[inside, :2] @ down - outer) / np.where(np.abs(inner - outer) < 1, 1, inner - outer)
        landmarks[inside, :2] += (np.clip(share, 0, 1) * shift[1:-1])[:, None] * down


def _border_cost(image: Image, lip: Points, skin: Points, strip: _Strip, pose: Pose, side: int) -> Numbers:
    """(n, _COLUMNS) cost: low where lip or skin colour lies on the lip's side and something else beyond.

    Args:
        image: (H, W, 3) RGB.
        lip: (4, 11, 3) px contours of the lip.
        skin: (k, 3) px points beside the mouth.
        strip: the band in which the border is searched.
        pose: the head's pose.
        side: 1 for the upper lip, -1 for the lower one.
    """
    pixels = _soft_pixels(image, strip.places, pose.scale)
    likeness = np.zeros(pixels.shape[:2])
    for points in (lip[1:3, 2:9, :2], skin[:, :2]):
        samples = _soft_pixels(image, points.reshape(1, -1, 2), pose.scale)[0]
        median = np.median(samples, 0)
        spread = max(14.0, 1.5 * float(np.abs(samples - median).mean()))
        likeness = np.maximum(likeness, np.exp(-((pixels - median) ** 2).sum(-1) / (2 * (2 * spread) ** 2)))
    if side < 0:
        likeness = likeness[::-1]
    step = abs(float(strip.offsets[1] - strip.offsets[0]))
    reach = max(1, round(0.016 * pose.scale / step))
    total = np.cumsum(np.pad(likeness, ((reach + 1, reach), (0, 0)), "edge"), 0)
    outer = (total[reach : -reach - 1] - total[: -2 * reach - 1]) / reach
    inner = (total[2 * reach + 1 :] - total[reach + 1 : -reach]) / reach
    cost = (1 - outer) + inner
    if side < 0:
        cost = cost[::-1]
    return np.asarray(3 * cost + 0.5 * (strip.offsets[:, None] / (0.03 * pose.scale)) ** 2)


def _soft_pixels(image: Image, places: Numbers, scale: float) -> Numbers:
    """(n, m, 3) RGB of the slightly blurred image at (n, m, 2) px."""
    height, width = image.shape[:2]
    flat = places.reshape(-1, 2)
    x0, y0 = np.clip(np.floor(flat.min(0)).astype(int) - 2, 0, (width - 2, height - 2))
    x1, y1 = np.clip(np.ceil(flat.max(0)).astype(int) + 3, (x0 + 2, y0 + 2), (width, height))
    soft = cv2.GaussianBlur(image[y0:y1, x0:x1], (0, 0), max(0.6, 0.006 * scale))
    return resample(np.asarray(soft, np.float32), places - (x0, y0))


def _cheapest_path(cost: Numbers, offsets: Numbers) -> Numbers:
    """(m,) px: the offset in each column of the cheapest path through an (n, m) cost, left to right, smoothed.

    A step to a neighbouring row costs 0.15; larger steps are not allowed.
    """
    rows, columns = cost.shape
    total, step = cost.copy(), np.zeros((rows, columns), int)
    for column in range(1, columns):
        before = np.pad(total[:, column - 1], 1, constant_values=np.inf)
        choices = np.stack([before[:-2] + 0.15, before[1:-1], before[2:] + 0.15])
        step[:, column] = choices.argmin(0) - 1
        total[:, column] += choices.min(0)
    path = np.zeros(columns, int)
    path[-1] = total[:, -1].argmin()
    for column in range(columns - 1, 0, -1):
        path[column - 1] = path[column] + step[path[column], column]
    return np.convolve(np.pad(offsets[path], 3, "edge"), np.ones(7) / 7, "valid")
