"""A test face: skin, lips and eyes painted where the mean face has them, with its exact landmarks."""

from __future__ import annotations

import cv2
import numpy as np

from lipsmith.engines.warp.landmark_indices import LOWER_RINGS, UPPER_RINGS
from lipsmith.engines.warp.rig import jaw_displacement, rig_weights
from lipsmith.face.canonical import Pose, mean_face
from lipsmith.types import Face, Image

SKIN, LIP, TEETH, DARK = (205, 165, 140), (170, 90, 90), (225, 220, 205), (40, 15, 15)
SIZE = 320
_OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152]
_OVAL += [148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
_EYES = ([33, 159, 133, 145], [362, 386, 263, 374])


def turned(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """(3, 3) rotation of a head turned by these angles, rad, in the sense of Pose.angles."""
    ahead = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), -np.cos(yaw) * np.cos(pitch)])
    right = np.cross([0.0, 1.0, 0.0], -ahead)
    right /= np.linalg.norm(right)
    upright = np.stack([right, np.cross(-ahead, right), -ahead], 1)
    cosine, sine = np.cos(roll), np.sin(roll)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]) @ upright


def open_shape(jaw: float) -> np.ndarray:
    """(468, 3) eye distances, head's frame: the mean face with its jaw opened by ``jaw`` rad."""
    return mean_face() + jaw_displacement(np.array(mean_face()), rig_weights().jaw, jaw)


def drawn_face(
    scale: float = 80.0,
    centre: tuple[float, float] = (160.0, 125.0),
    jaw: float = 0.0,
    yaw: float = 0.0,
    roll: float = 0.0,
    light: float = 1.0,
    seed: int = 0,
) -> tuple[Image, Face]:
    """A (320, 320, 3) RGB picture of a face and its landmarks; fine noise makes every shift visible.

    Args:
        scale: px per eye distance.
        centre: px where the bridge of the nose lies.
        jaw, yaw, roll: rad.
        light: factor on the brightness.
        seed: of the noise.
    """
    pose = Pose(scale, turned(yaw, 0.0, roll), np.array([*centre, 0.0]))
    points = pose.to_image(open_shape(jaw))
    image = np.full((SIZE, SIZE, 3), (70, 90, 110), np.uint8)

    def paint(indices: list[int], colour: tuple[int, int, int]) -> None:
        polygon = np.round(points[indices, :2] * 16).astype(np.int32)
        cv2.fillPoly(image, [polygon], colour, cv2.LINE_AA, 4)

    paint(_OVAL, SKIN)
    for eye in _EYES:
        paint(eye, (235, 235, 235))
    upper, lower = UPPER_RINGS.tolist(), LOWER_RINGS.tolist()
    paint([*upper[0], *lower[0][::-1]], LIP)
    paint([*upper[3], *lower[3][::-1]], TEETH if jaw > 0 else DARK)
    noise = np.random.default_rng(seed).normal(0, 4, image.shape)
    image = np.clip(image * light + noise, 0, 255).astype(np.uint8)
    landmarks = np.vstack([points, np.repeat(points[[159, 386]], 5, 0)]).astype(np.float32)
    box = np.array([*landmarks[:, :2].min(0), *landmarks[:, :2].max(0)], np.float32)
    return image, Face(box, landmarks, 1.0)
