"""How much two looks at a face are alike: enough to know people apart within a film, not to recognise anybody.

A look is 12x12 luma of the upright face, freed of brightness and contrast, and 6x6 of its colours. Over the trial
clips two looks at one person are .2 apart (90 % below .55), looks at two people 1.2 (99 % above .88).
"""

from __future__ import annotations

import numpy as np

from ..types import Array, Image

_SIDE, _COLOURS = 12, 6
_PLACES = np.array(
    [[0.25, 0.42], [0.75, 0.42], [0.5, 0.83]], np.float32
)  # eye corners and mouth in the look, of its side
_ENOUGH = 8  # looks kept of one person
_NEW = 0.3  # a look this far from all known ones is worth keeping


def describe(image: Image, landmarks: Array) -> Array:
    """(252,) of the face with (478, 3) px landmarks in (H, W, 3) uint8 RGB."""
    import cv2

    fine = 4 * _SIDE  # sampled finer, then averaged: no aliasing up to faces of some 400 px
    mouth = (landmarks[61, :2] + landmarks[291, :2]) / 2
    matrix = _similarity(np.stack([landmarks[33, :2], landmarks[263, :2], mouth]), _PLACES * fine)
    upright = cv2.warpAffine(image, matrix, (fine, fine), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(upright, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    luma = small.mean(2)
    shape = (luma - luma.mean()) / (luma.std() + 8)
    colours = cv2.resize(
        (small - luma[..., None]) / (luma.mean() + 16), (_COLOURS, _COLOURS), interpolation=cv2.INTER_AREA
    )
    return np.concatenate([shape.ravel() / _SIDE, colours.ravel() * (8 / np.sqrt(3) / _COLOURS)])


class Appearance:
    """What one person looked like so far: a few looks that differ."""

    def __init__(self, first: Array) -> None:
        self._looks = [first]

    def distance(self, seen: Array) -> float:
        """From the nearest known look, 0 = the same; above about .8 it is somebody else."""
        return min(float(np.linalg.norm(seen - known)) for known in self._looks)

    def learn(self, seen: Array) -> None:
        """Keep a look that is new but surely the same person's."""
        if len(self._looks) < _ENOUGH and self.distance(seen) > _NEW:
            self._looks.append(seen)


def _similarity(source: Array, target: Array) -> Array:
    """(2, 3) least-squares rotation, scale and shift that brings (n, 2) points onto others (Umeyama in the plane)."""
    a, b = source - source.mean(0), target - target.mean(0)
    square = max(float((a * a).sum()), 1e-6)
    c = float((a * b).sum()) / square
    s = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / square
    turn = np.array([[c, -s], [s, c]], np.float32)
    return np.hstack([turn, (target.mean(0) - turn @ source.mean(0))[:, None]]).astype(np.float32)
