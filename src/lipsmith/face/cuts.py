"""Where one scene ends and the next begins."""

from __future__ import annotations

import numpy as np

from ..types import Array, Image

_SAMPLED_AT = 160  # px: about the long side of the sparse copy that both measures see
_GRID = (32, 18)  # cells, width and height, compared place by place
_SHADES = 6  # per channel, in the histogram that ignores place
_PLACES_DIFFER = 0.10  # mean difference of the grid, of full scale
_COLOURS_DIFFER = 0.25  # share of pixels whose shade has no counterpart
_OUTSTANDS = 3.0  # a cut differs this many times more than the frames just before


class SceneCuts:
    """Watches frames in order and says where a cut is: both places and colours change, and at once."""

    def __init__(self) -> None:
        self._grid: Array | None = None
        self._shades: Array | None = None
        self.difference = 0.0
        """Between the last two frames, place by place, mean of full scale."""
        self._usual = 0.0  # running mean of the differences between frames

    def push(self, image: Image) -> bool:
        """Is (H, W, 3) uint8 RGB the first frame of another scene? The very first frame is not."""
        grid, shades = _measured(image)
        before, shades_before = self._grid, self._shades
        self._grid, self._shades = grid, shades
        if before is None or shades_before is None:
            return False
        places = self.difference = float(np.abs(grid - before).mean())
        colours = float(np.abs(shades - shades_before).sum()) / 2
        cut = places > max(_PLACES_DIFFER, _OUTSTANDS * self._usual) and colours > _COLOURS_DIFFER
        self._usual = 0.0 if cut else 0.8 * self._usual + 0.2 * places
        return cut


def _measured(image: Image) -> tuple[Array, Array]:
    import cv2

    step = max(1, max(image.shape[:2]) // _SAMPLED_AT)
    sparse = np.ascontiguousarray(image[::step, ::step])
    grid = cv2.resize(sparse, _GRID, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    shade = (sparse.reshape(-1, 3).astype(np.uint16) * _SHADES) >> 8
    code = (shade[:, 0] * _SHADES + shade[:, 1]) * _SHADES + shade[:, 2]
    counts = np.bincount(code, minlength=_SHADES**3).astype(np.float32)
    return grid, counts / counts.sum()
