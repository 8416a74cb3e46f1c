"""Lay the landmarks' inner lip contours onto what the picture shows: landmarks alone miss by up to .03 eye distances.

Closed lips: onto the dark line between them. Open lips: onto the border between lip colour and teeth or darkness.
Both are cheapest smooth paths through a strip along the contour, found by dynamic programming.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...face.canonical import Points, Pose
from ...types import Image
from .lips import INNER_LOWER, INNER_UPPER, LOWER_RINGS, UPPER_RINGS
from .palette import luma
from .pixels import Numbers, look_up
from .spline import monotone_curve

REACH = 0.045
"""How far above and below the landmarks the line is looked for, in eye distances."""
OPEN = 0.04
"""A wider opening has no line between the lips."""
INSET = 0.012
"""How far beyond the border an open lip's contour is laid into the lip, so that no teeth are dragged along."""
INNER_CORNERS, OUTER_CORNERS = (78, 308, 62, 292, 76, 306), (61, 291, 61, 291, 61, 291)
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
        """(11,) px downwards: the cheapest smooth path through (n, _COLUMNS) ``cost``, at the contour's points."""
        return np.interp(self.nodes, self.at, _path(cost, self.offsets))


def _axes(pose: Pose) -> tuple[Numbers, Numbers]:
    along = pose.rotation[:2, 0] / np.linalg.norm(pose.rotation[:2, 0])
    return along, np.array([-along[1], along[0]])


def _strip(contour: Numbers, pose: Pose, above: float, below: float) -> _Strip:
    """The band ``above`` and ``below`` eye distances around an (11, 2) px contour."""
    along, down = _axes(pose)
    centre = contour.mean(0)
    x, y = (contour - centre) @ along, (contour - centre) @ down
    at = np.linspace(x[0], x[-1], _COLUMNS)
    curve = monotone_curve(x, y, at)
    count = max(15, int((above + below) * pose.scale) + 1)
    offsets = np.linspace(-above, below, count) * pose.scale
    rows = curve[None] + offsets[:, None]
    return _Strip(at, x, offsets, centre + at[None, :, None] * along + rows[..., None] * down)


def snap_lip_line(image: Image, landmarks: Points, pose: Pose) -> Points:
    """(468, 3) px landmarks whose closed lips meet on the darkest smooth path; an open mouth's as they were."""
    gap = np.linalg.norm(landmarks[INNER_LOWER] - landmarks[INNER_UPPER], axis=1) / pose.scale
    if gap.max() > OPEN:
        return landmarks
    middle = (landmarks[INNER_UPPER] + landmarks[INNER_LOWER])[:, :2] / 2
    strip = _strip(middle, pose, REACH, REACH)
    bright = luma(_look(image, strip.places, pose.scale))
    cost = (bright - bright.mean(0)) / (bright.std() + 1e-3) + (strip.offsets[:, None] / strip.offsets[-1]) ** 2
    shift = strip.shift(cost)
    snapped = landmarks.copy()
    snapped[INNER_UPPER, :2] = snapped[INNER_LOWER, :2] = middle
    for rings in (UPPER_RINGS, LOWER_RINGS):
        _move(snapped, rings, shift, pose)
    return snapped


def fit_open_lips(image: Image, landmarks: Points, pose: Pose) -> Points:
    """(468, 3) px landmarks whose open lips' inner contours lie where their colour ends; closed ones stay."""
    gap = np.linalg.norm((landmarks[INNER_LOWER] - landmarks[INNER_UPPER])[:, :2], axis=1) / pose.scale
    share = float(np.clip((gap[3:8].mean() - 0.015) / 0.035, 0, 1))
    if share <= 0:
        return landmarks
    fitted = landmarks.copy()
    for inner, outer in zip(INNER_CORNERS, OUTER_CORNERS, strict=True):
        fitted[inner, :2] += 0.75 * share * (fitted[outer, :2] - fitted[inner, :2])
    for rings, above, below, side in ((UPPER_RINGS, 0.04, 0.012, 1), (LOWER_RINGS, 0.012, 0.04, -1)):
        strip = _strip(fitted[rings[3], :2], pose, above, below)
        cost = _border_cost(image, landmarks[rings], landmarks[_SKIN], strip, pose, side)
        shift = share * (strip.shift(cost) - side * INSET * pose.scale)
        _move(fitted, rings, shift, pose)
    return fitted


def _move(landmarks: Points, rings: NDArray[np.int64], shift: Numbers, pose: Pose) -> None:
    """Shift a lip's inner contour by (11,) px downwards in place; middle rings keep their share of the thickness."""
    down = _axes(pose)[1]
    outer, inner = landmarks[rings[0, 1:-1], :2] @ down, landmarks[rings[3, 1:-1], :2] @ down
    for ring in rings[1:]:
        inside = ring[1:-1]
        share = (landmarks[inside, :2] @ down - outer) / np.where(np.abs(inner - outer) < 1, 1, inner - outer)
        landmarks[inside, :2] += (np.clip(share, 0, 1) * shift[1:-1])[:, None] * down


def _border_cost(image: Image, lip: Points, skin: Points, strip: _Strip, pose: Pose, side: int) -> Numbers:
    """(n, _COLUMNS) low where the colour of lip or skin lies on the outer side and not on the inner.

    ``lip`` (4, 11, 3) px rings; ``skin`` (n, 3) px places beside the mouth; ``side`` 1 is the upper lip, -1 the lower.
    """
    seen = _look(image, strip.places, pose.scale)
    like = np.zeros(seen.shape[:2])
    for points in (lip[1:3, 2:9, :2], skin[:, :2]):
        flesh = _look(image, points.reshape(1, -1, 2), pose.scale)[0]
        usual = np.median(flesh, 0)
        spread = max(14.0, 1.5 * float(np.abs(flesh - usual).mean()))
        like = np.maximum(like, np.exp(-((seen - usual) ** 2).sum(-1) / (2 * (2 * spread) ** 2)))
    if side < 0:
        like = like[::-1]
    step = abs(float(strip.offsets[1] - strip.offsets[0]))
    reach = max(1, round(0.016 * pose.scale / step))
    total = np.cumsum(np.pad(like, ((reach + 1, reach), (0, 0)), "edge"), 0)
    outer = (total[reach : -reach - 1] - total[: -2 * reach - 1]) / reach
    inner = (total[2 * reach + 1 :] - total[reach + 1 : -reach]) / reach
    cost = (1 - outer) + inner
    if side < 0:
        cost = cost[::-1]
    return np.asarray(3 * cost + 0.5 * (strip.offsets[:, None] / (0.03 * pose.scale)) ** 2)


def _look(image: Image, places: Numbers, scale: float) -> Numbers:
    """(n, m, 3): the slightly softened image at (n, m, 2) px."""
    height, width = image.shape[:2]
    flat = places.reshape(-1, 2)
    x0, y0 = np.clip(np.floor(flat.min(0)).astype(int) - 2, 0, (width - 2, height - 2))
    x1, y1 = np.clip(np.ceil(flat.max(0)).astype(int) + 3, (x0 + 2, y0 + 2), (width, height))
    soft = cv2.GaussianBlur(image[y0:y1, x0:x1], (0, 0), max(0.6, 0.006 * scale))
    return look_up(np.asarray(soft, np.float32), places - (x0, y0))


def _path(cost: Numbers, offsets: Numbers) -> Numbers:
    """(m,) px: the cheapest smooth way through (n, m) cost from left to right."""
    rows, columns = cost.shape
    total, came = cost.copy(), np.zeros((rows, columns), int)
    for column in range(1, columns):
        before = np.pad(total[:, column - 1], 1, constant_values=np.inf)
        ways = np.stack([before[:-2] + 0.15, before[1:-1], before[2:] + 0.15])
        came[:, column] = ways.argmin(0) - 1
        total[:, column] += ways.min(0)
    path = np.zeros(columns, int)
    path[-1] = total[:, -1].argmin()
    for column in range(columns - 1, 0, -1):
        path[column - 1] = path[column] + came[path[column], column]
    return np.convolve(np.pad(offsets[path], 3, "edge"), np.ones(7) / 7, "valid")
