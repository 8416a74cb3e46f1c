"""Face parsing: the class of each pixel of a face, and the region that MuseTalk replaces.

A parser takes a square around a face and returns the 19 classes of CelebAMask-HQ: BiSeNet if its weights are installed,
else polygons around landmarks. The region follows from the classes in one of three modes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import Array, Image
from .points68 import BROWS, EYES, JAW, LIPS, MOUTH, NOSE

if TYPE_CHECKING:
    import torch

SIDE = 512
"""px of a class map."""
SKIN, BROW, EYE, NOSE_CLASS, MOUTH_CLASS, UPPER_LIP, LOWER_LIP, NECK = 1, 2, 4, 10, 11, 12, 13, 14
_SPEAKING = (MOUTH_CLASS, UPPER_LIP, LOWER_LIP)
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's
_FOREHEAD = 0.5  # how far skin reaches above the brows, as a share of the distance from brows to chin
_NECK = slice(5, 12)  # the jaw points between which the neck lies; it is narrower than the jaw

Mode = Literal["raw", "neck", "jaw"]
Classes = NDArray[np.uint8]
"""(512, 512) uint8: the class of each pixel of the square, 0..18."""
Mask = NDArray[np.bool_]
"""(512, 512) bool."""


class FaceParser(Protocol):
    """Finds the class of each pixel of a face."""

    def classes(self, picture: Image, points: Array) -> Classes:
        """The classes of a square picture, (side, side, 3), of a face with ``points`` (68, 2) px."""
        ...


def speaking_region(classes: Classes, mode: Mode, left_cheek: int = 90, right_cheek: int = 90) -> Mask:
    """The region of a face that MuseTalk replaces.

    Args:
        classes: of the square around the face.
        mode: ``raw``: skin and mouth. ``neck``: also the neck. ``jaw``: mouth and skin without the nose; the skin is
            dilated downwards past the chin, then eroded again outside the cheek widths.
        left_cheek, right_cheek: px of 512 from the middle, for ``jaw``.
    """
    if mode == "raw":
        return np.isin(classes, (SKIN, *_SPEAKING))
    if mode == "neck":
        return np.isin(classes, (SKIN, *_SPEAKING, NECK))
    jaw = _jaw(classes == SKIN, left_cheek, right_cheek) & (classes != NOSE_CLASS)
    return np.asarray(jaw | np.isin(classes, _SPEAKING), np.bool_)


def _jaw(skin: Mask, left_cheek: int, right_cheek: int) -> Mask:
    import cv2

    grown = cv2.dilate(skin.astype(np.uint8), chin_kernel())
    flat = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (35, 3))
    shrunk = cv2.erode(grown, flat, iterations=2)
    columns = np.arange(SIDE)
    aside = (columns <= SIDE // 2 - left_cheek) | (columns >= SIDE // 2 + right_cheek)
    return np.asarray(np.where(aside, shrunk, grown) == 1, np.bool_)


def chin_kernel() -> NDArray[np.uint8]:
    """(33, 33) 0 or 1, shaped like a house below the middle: 11 rows of roof, 12 of wall. It dilates downwards."""
    kernel = np.zeros((33, 33), np.uint8)
    for row in range(10, 33):
        half = min(row - 10, 10)
        kernel[row, 16 - half : 17 + half] = 1
    return kernel


def _build() -> torch.nn.Module:
    from ..nets.bisenet import BiSeNet

    return BiSeNet()


class BiSeNetParser:
    """Parses with BiSeNet.

    Args:
        net: ``lipsmith.nets.bisenet.BiSeNet`` with its weights, on its device.
    """

    def __init__(self, net: Any) -> None:
        self._net = net.eval()

    @classmethod
    def load(cls, path: Path, device: str = "cpu") -> BiSeNetParser:
        """Read the official file.

        Raises:
            InputError: damaged, or not BiSeNet's.
            EngineUnavailable: torch is not installed.
        """
        from ..weights import read_network

        return cls(read_network("bisenet", path, _build, device))

    def classes(self, picture: Image, points: Array) -> Classes:
        """As ``FaceParser.classes``; the points are not used."""
        import torch

        weight = next(self._net.parameters())
        with torch.inference_mode():
            given = torch.from_numpy(network_input(picture)[None]).to(weight.device, weight.dtype)
            scores: torch.Tensor = self._net(given)
        return np.asarray(scores[0].argmax(0).cpu().numpy(), np.uint8)


def network_input(picture: Image) -> Array:
    """(3, 512, 512) of a (side, side, 3) RGB picture: scaled by Pillow's bilinear filter, normalised as ImageNet is."""
    from PIL import Image as Pillow

    scaled = Pillow.fromarray(picture).resize((SIDE, SIDE), Pillow.Resampling.BILINEAR)
    values = np.asarray(scaled, np.float32).transpose(2, 0, 1) / np.float32(255)
    mean, deviation = (np.array(three, np.float32)[:, None, None] for three in (_MEAN, _DEVIATION))
    return np.asarray((values - mean) / deviation, np.float32)


class PolygonParser:
    """Parses with polygons between landmarks, without a network. It knows no hair, glasses, beard or hands.

    On the drawn face of the golden tests, its region has an intersection over union of at least .94 with the region
    from the reference classes, in all three modes.
    """

    def classes(self, picture: Image, points: Array) -> Classes:
        """As ``FaceParser.classes``; the picture's pixels are not used."""
        own = points[:, :2] * (SIDE / picture.shape[0])
        classes = np.zeros((SIDE, SIDE), np.uint8)
        for name, outline in _outlines(own):
            _fill(classes, outline, name)
        return classes


def _outlines(points: Array) -> list[tuple[int, Array]]:
    """Class and outline of each part, in drawing order."""
    lips, mouth, nose = points[LIPS], points[MOUTH], points[NOSE]
    upper = np.concatenate([lips[:7], mouth[4::-1]])
    lower = np.concatenate([lips[6:], lips[:1], mouth[:1], mouth[:3:-1]])
    brows = points[BROWS]
    return [
        (NECK, _neck(points)),
        (SKIN, _skin(points)),
        *((BROW + side, brows[5 * side : 5 * side + 5]) for side in (0, 1)),
        *((EYE + side, points[eye]) for side, eye in enumerate(EYES)),
        (NOSE_CLASS, np.concatenate([nose[:1], nose[4:]])),
        (MOUTH_CLASS, mouth),
        (UPPER_LIP, upper),
        (LOWER_LIP, lower),
    ]


def _skin(points: Array) -> Array:
    """Jaw and forehead."""
    brows = points[BROWS]
    up = (brows.mean(0) - points[JAW][8]) * _FOREHEAD
    return np.concatenate([points[JAW], (brows + up)[::-1]])


def _neck(points: Array) -> Array:
    """From the jaw downwards, away from the brows."""
    under = points[JAW][_NECK]
    down = (points[JAW][8] - points[BROWS].mean(0)) * 2
    return np.concatenate([under, (under[[-1, 0]] + down)])


def _fill(classes: Classes, outline: Array, name: int) -> None:
    import cv2

    cv2.fillPoly(classes, [np.rint(outline).astype(np.int32)], (name,))
