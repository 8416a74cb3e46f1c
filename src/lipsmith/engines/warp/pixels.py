"""OpenCV's look-ups with our types: pictures and grids read at fractional places."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating[Any]]
"""Real numbers of either precision."""
_Kind = TypeVar("_Kind", bound=np.generic)
_ALL_IN_ONE: Any = None


def look_up(picture: NDArray[_Kind], places: Numbers, how: int = cv2.INTER_LINEAR) -> NDArray[_Kind]:
    """(h, w) or (h, w, c) of the same kind at (h, w, 2) px: x, y; held beyond the border."""
    places = np.asarray(places, np.float32)
    source: Any = picture
    return np.asarray(cv2.remap(source, places, _ALL_IN_ONE, how, borderMode=cv2.BORDER_REPLICATE), picture.dtype)


def single(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """The same as contiguous float32."""
    return np.ascontiguousarray(numbers, np.float32)


def fill(size: tuple[int, ...], polygon: Numbers) -> NDArray[np.uint8]:
    """(h, w) 0..255: the inside of a (k, 2) px polygon, its border smooth."""
    mask = np.zeros(size[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(polygon * 16).astype(np.int32)], [255], cv2.LINE_AA, 4)
    return mask
