"""Finds scene cuts in a video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Array, Image

_SAMPLED_SIDE = 160  # px: about the long side of the subsampled frame that both measures use
_GRID = (32, 18)  # cells, width and height
_LEVELS = 6  # per channel, in the colour histogram
_MIN_GRID_DIFFERENCE = 0.05  # mean difference of the grids, of full scale
_MIN_CUT_SCORE = 0.012  # grid difference times colour difference; measured: motion .001, cuts .03 and more
_CUT_RATIO = 3.0  # of a cut's grid difference to that of the frames just before
_MAX_INTERRUPTION = 4  # frames: a scene that returns sooner was covered or flashed over, not cut
_RETURN_DIFFERENCE = 0.06  # grid difference up to which the previous scene has returned


@dataclass(frozen=True, slots=True, eq=False)
class _FrameStatistics:
    """What is compared between frames."""

    grid: Array  # (18, 32, 3) 0..1: mean colour of each cell
    shades: Array  # (216,) colour histogram, sum 1

    def grid_difference(self, other: _FrameStatistics) -> float:
        return float(np.abs(self.grid - other.grid).mean())

    def colour_difference(self, other: _FrameStatistics) -> float:
        return float(np.abs(self.shades - other.shades).sum()) / 2


class SceneCutDetector:
    """Takes frames in order and numbers the scenes. At a cut the grid and the colours both change, in one frame.

    A flash, or something that passes before the lens for up to three frames, is not a cut.
    """

    def __init__(self) -> None:
        self.starts: list[int] = []
        """First frames of the scenes found so far, without the first scene."""
        self.difference = 0.0
        """Grid difference between the last two frames, of full scale."""
        self._frame = -1
        self._last: _FrameStatistics | None = None
        self._typical = 0.0  # running mean of the differences
        self._scene = self._newest_scene = self._previous_scene = 0
        self._before_cut: _FrameStatistics | None = None

    def push(self, image: Image) -> int:
        """Take the next frame, (H, W, 3) uint8 RGB; return its scene number, from 0."""
        self._frame += 1
        statistics, last = _statistics(image), self._last
        self._last = statistics
        if last is None:
            return self._scene
        difference = self.difference = statistics.grid_difference(last)
        score = difference * statistics.colour_difference(last)
        if difference > max(_MIN_GRID_DIFFERENCE, _CUT_RATIO * self._typical) and score > _MIN_CUT_SCORE:
            self._cut(statistics, last)
        else:
            self._typical = 0.8 * self._typical + 0.2 * difference
        return self._scene

    def _cut(self, statistics: _FrameStatistics, last: _FrameStatistics) -> None:
        self._typical = 0.0
        recent = self.starts and self._frame - self.starts[-1] < _MAX_INTERRUPTION
        if recent and self._before_cut and statistics.grid_difference(self._before_cut) < _RETURN_DIFFERENCE:
            self.starts.pop()
            self._scene, self._before_cut = self._previous_scene, None
            return
        self.starts.append(self._frame)
        self._newest_scene += 1
        self._previous_scene, self._scene, self._before_cut = self._scene, self._newest_scene, last


def _statistics(image: Image) -> _FrameStatistics:
    import cv2

    step = max(1, max(image.shape[:2]) // _SAMPLED_SIDE)
    sparse = np.ascontiguousarray(image[::step, ::step])
    grid = cv2.resize(sparse, _GRID, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    shade = (sparse.reshape(-1, 3).astype(np.uint16) * _LEVELS) >> 8
    code = (shade[:, 0] * _LEVELS + shade[:, 1]) * _LEVELS + shade[:, 2]
    counts = np.bincount(code, minlength=_LEVELS**3).astype(np.float32)
    return _FrameStatistics(grid, counts / counts.sum())
