"""Typed wrappers around OpenCV: resampling at fractional pixels, and polygon masks."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating[Any]]
"""float32 or float64."""
_Scalar = TypeVar("_Scalar", bound=np.generic)
_NO_SECOND_MAP: Any = None  # cv2.remap takes x and y as one map of two channels


def resample(
    picture: NDArray[_Scalar],
    places: Numbers,
    interpolation: int = cv2.INTER_LINEAR,
    border: int = cv2.BORDER_REPLICATE,
) -> NDArray[_Scalar]:
    """Read a picture at fractional places (``cv2.remap``).

    Args:
        picture: (H, W) or (H, W, c), any type that OpenCV resamples.
        places: (h, w, 2) px, x then y.
        interpolation: an OpenCV flag.
        border: what is read outside the picture, an OpenCV flag: the nearest border pixel, or 0 (``BORDER_CONSTANT``).

    Returns:
        (h, w) or (h, w, c) of the picture's type.
    """
    places = np.asarray(places, np.float32)
    source: Any = picture
    result = cv2.remap(source, places, _NO_SECOND_MAP, interpolation, borderMode=border)
    return np.asarray(result, picture.dtype)


def as_float32(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """The same numbers as a contiguous float32 array."""
    return np.ascontiguousarray(numbers, np.float32)


def polygon_mask(size: tuple[int, ...], polygon: Numbers) -> NDArray[np.uint8]:
    """(h, w) uint8 of ``size`` (h, w, ...): 255 inside a (k, 2) px polygon, 0 outside, the edge antialiased."""
    mask = np.zeros(size[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(polygon * 16).astype(np.int32)], [255], cv2.LINE_AA, 4)
    return mask
