"""Where one scene ends and the next begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Array, Image

_SAMPLED_AT = 160  # px: about the long side of the sparse copy that both measures see
_GRID = (32, 18)  # cells, width and height, compared place by place
_SHADES = 6  # per channel, in the histogram that ignores place
_PLACES_DIFFER = 0.05  # mean difference of the grid, of full scale
_BOTH_DIFFER = (
    0.012  # that times the share of pixels whose shade has no counterpart; seen: moving .001, cuts .03 and up
)
_OUTSTANDS = 3.0  # a cut differs this many times more than the frames just before
_INTERRUPTION = 4  # frames: a scene that is back before then was covered or flashed over, not cut
_BACK = 0.06  # mean difference of the grid up to which it is the scene of before


@dataclass(frozen=True, slots=True, eq=False)
class _Sight:
    """What is measured of one frame."""

    grid: Array  # (18, 32, 3) 0..1
    shades: Array  # (216,) shares

    def places_differ(self, other: _Sight) -> float:
        return float(np.abs(self.grid - other.grid).mean())

    def colours_differ(self, other: _Sight) -> float:
        return float(np.abs(self.shades - other.shades).sum()) / 2


class SceneCuts:
    """Watches frames in order and numbers the scenes. At a cut places and colours both change, and at once.

    A flash, or something that passes before the lens for up to three frames, is no cut: the scene before goes on.
    """

    def __init__(self) -> None:
        self.starts: list[int] = []
        """First frames of new scenes so far; the very first scene is not among them."""
        self.difference = 0.0
        """Between the last two frames, place by place, mean of full scale."""
        self._frame = -1
        self._last: _Sight | None = None
        self._usual = 0.0  # running mean of the differences
        self._scene = self._newest = self._scene_before = 0
        self._before_cut: _Sight | None = None

    def push(self, image: Image) -> int:
        """The scene number, from 0, of the next (H, W, 3) uint8 RGB frame."""
        self._frame += 1
        sight, last = _measured(image), self._last
        self._last = sight
        if last is None:
            return self._scene
        places = self.difference = sight.places_differ(last)
        both = places * sight.colours_differ(last)
        if places > max(_PLACES_DIFFER, _OUTSTANDS * self._usual) and both > _BOTH_DIFFER:
            self._cut(sight, last)
        else:
            self._usual = 0.8 * self._usual + 0.2 * places
        return self._scene

    def _cut(self, sight: _Sight, last: _Sight) -> None:
        self._usual = 0.0
        recent = self.starts and self._frame - self.starts[-1] < _INTERRUPTION
        if recent and self._before_cut and sight.places_differ(self._before_cut) < _BACK:
            self.starts.pop()
            self._scene, self._before_cut = self._scene_before, None
            return
        self.starts.append(self._frame)
        self._newest += 1
        self._scene_before, self._scene, self._before_cut = self._scene, self._newest, last


def _measured(image: Image) -> _Sight:
    import cv2

    step = max(1, max(image.shape[:2]) // _SAMPLED_AT)
    sparse = np.ascontiguousarray(image[::step, ::step])
    grid = cv2.resize(sparse, _GRID, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    shade = (sparse.reshape(-1, 3).astype(np.uint16) * _SHADES) >> 8
    code = (shade[:, 0] * _SHADES + shade[:, 1]) * _SHADES + shade[:, 2]
    counts = np.bincount(code, minlength=_SHADES**3).astype(np.float32)
    return _Sight(grid, counts / counts.sum())
