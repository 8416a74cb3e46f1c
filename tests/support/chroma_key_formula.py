"""The chroma key of ``lipsmith.media.chroma_key`` written down plainly: every pixel, in double precision, slow."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsmith.media.chroma_key import CHROMA, EDGE_WIDTH, OPAQUE_SHARE, SUBSAMPLING, ChromaKey
from lipsmith.types import Image

Plane = NDArray[np.float64]


def planes_of(image: Image, colour: NDArray[Any]) -> tuple[Plane, Plane]:
    """(H, W) chroma along the screen's and across it, of which the screen has 1 and 0."""
    chroma, screen = image.astype(float) @ CHROMA.astype(float).T, CHROMA.astype(float) @ colour
    strength = np.hypot(*screen) ** 2
    return chroma @ screen / strength, chroma @ (-screen[1], screen[0]) / strength


def alpha_by_formula(image: Image, key: ChromaKey) -> Plane:
    """(H, W) 0..255: the person's share of each pixel, as the page on green screens says."""
    along, across = planes_of(image, key.colour)
    share = np.clip(along - np.abs(across), 0, 1)
    clear = (share >= 1 - key.clear_below).astype(np.uint8)
    reach = max(2, round(min(clear.shape) * EDGE_WIDTH))
    around = cv2.dilate(clear, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    inside_along, inside_across = _beside((along, across), 1.0 - around, 1.3 * reach / SUBSAMPLING)
    inside_along = np.minimum(inside_along, np.abs(inside_across))
    way = (along - inside_along) * (1 - inside_along) + (across - inside_across) * -inside_across
    mixed = np.clip(way / ((1 - inside_along) ** 2 + inside_across**2), 0, 1)
    edge = around > clear
    share[edge] = np.maximum(share, mixed)[edge]
    return np.asarray(255 * np.clip((1 - key.clear_below - share) / (OPAQUE_SHARE - key.clear_below), 0, 1))


def _beside(planes: tuple[Plane, Plane], core: Plane, sigma: float) -> list[Plane]:
    """The mean of each plane over the ``core`` pixels near by; every fourth row and column is looked at."""
    weight = cv2.GaussianBlur(core[::SUBSAMPLING, ::SUBSAMPLING], (0, 0), sigma) + 0.01
    found = []
    for plane in planes:
        mean = cv2.GaussianBlur((plane * core)[::SUBSAMPLING, ::SUBSAMPLING], (0, 0), sigma) / weight
        found.append(np.repeat(np.repeat(mean, SUBSAMPLING, 0), SUBSAMPLING, 1)[: core.shape[0], : core.shape[1]])
    return found
