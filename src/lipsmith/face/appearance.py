"""Compares the appearance of faces, to tell people apart within one film. It is too coarse to recognise anybody.

A descriptor is 12x12 luma of the upright face, normalised for brightness and contrast, and 6x6 of its colours. In the
trial clips, descriptors of one person are .2 apart (90 % below .55), those of two people 1.2 (99 % above .88).
"""

from __future__ import annotations

import numpy as np

from ..types import Array, Image

_SIDE, _COLOURS = 12, 6
_REFERENCE_POINTS = np.array(
    [[0.25, 0.42], [0.75, 0.42], [0.5, 0.83]], np.float32
)  # outer eye corners and mouth in the upright face, as shares of its side
_MAX_DESCRIPTORS = 8  # kept of one person
_NEW_DISTANCE = 0.3  # from all kept descriptors, above which another one is kept


def describe(image: Image, landmarks: Array) -> Array:
    """The (252,) descriptor of the face with (478, 3) px landmarks in (H, W, 3) uint8 RGB."""
    import cv2

    fine = 4 * _SIDE  # sampled finer, then averaged: no aliasing up to faces of some 400 px
    mouth = (landmarks[61, :2] + landmarks[291, :2]) / 2
    matrix = _similarity(np.stack([landmarks[33, :2], landmarks[263, :2], mouth]), _REFERENCE_POINTS * fine)
    upright = cv2.warpAffine(image, matrix, (fine, fine), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(upright, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    luma = small.mean(2)
    shape = (luma - luma.mean()) / (luma.std() + 8)
    colours = cv2.resize(
        (small - luma[..., None]) / (luma.mean() + 16), (_COLOURS, _COLOURS), interpolation=cv2.INTER_AREA
    )
    return np.concatenate([shape.ravel() / _SIDE, colours.ravel() * (8 / np.sqrt(3) / _COLOURS)])


class Appearance:
    """The appearance of one person so far: a few descriptors that differ."""

    def __init__(self, first: Array) -> None:
        self._descriptors = [first]

    def distance(self, seen: Array) -> float:
        """Distance to the nearest kept descriptor: 0 is the same, above about .8 it is another person."""
        return min(float(np.linalg.norm(seen - known)) for known in self._descriptors)

    def add(self, seen: Array) -> None:
        """Keep ``seen``, a descriptor of the same person, if it differs from those kept and there is room."""
        if len(self._descriptors) < _MAX_DESCRIPTORS and self.distance(seen) > _NEW_DISTANCE:
            self._descriptors.append(seen)


def _similarity(source: Array, target: Array) -> Array:
    """(2, 3) least-squares rotation, scale and shift from (n, 2) points to others (Umeyama 1991, in the plane)."""
    a, b = source - source.mean(0), target - target.mean(0)
    square = max(float((a * a).sum()), 1e-6)
    c = float((a * b).sum()) / square
    s = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / square
    turn = np.array([[c, -s], [s, c]], np.float32)
    return np.hstack([turn, (target.mean(0) - turn @ source.mean(0))[:, None]]).astype(np.float32)
