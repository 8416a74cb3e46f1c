"""Films made of one portrait: pasted anywhere, at any size, mirrored or turned, over a backdrop."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lipsmith.face.landmarks import Landmarker
from lipsmith.types import Array, Image

HEAD = (slice(0, 300), slice(80, 380))  # rows and columns of the astronaut's head
HEAD_SIDE = 300
FACE_SHARE = 0.305  # width of the face / side of the head picture


@dataclass(frozen=True, eq=False)
class Head:
    """A picture of a head and where its landmarks are."""

    picture: Image  # (300, 300, 3)
    landmarks: Array  # (478, 2) px

    @classmethod
    def of(cls, portrait: Image) -> Head:
        picture = np.ascontiguousarray(portrait[HEAD])
        with Landmarker(1) as landmarker:
            (face,) = landmarker.find(picture)
            return cls(picture, landmarker.refine(picture, face).landmarks[:, :2])

    @property
    def mirrored(self) -> Image:
        return np.ascontiguousarray(self.picture[:, ::-1])


def backdrop(width: int = 480, height: int = 270, seed: int | None = None) -> Image:
    """Plain grey, or soft coloured blots."""
    if seed is None:
        return np.full((height, width, 3), 128, np.uint8)
    blots = np.random.default_rng(seed).integers(0, 255, (5, 8, 3), np.uint8)
    return np.asarray(cv2.resize(blots, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def placement(x: float, y: float, side: float, degrees: float = 0.0) -> Array:
    """(2, 3) that brings the head picture to ``side`` px around (x, y), turned clockwise on the screen."""
    scale, turn = side / HEAD_SIDE, np.deg2rad(degrees)
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    middle = (HEAD_SIDE - 1) / 2
    return np.array([[c, -s, x - c * middle + s * middle], [s, c, y - s * middle - c * middle]], np.float32)


def paste(scene: Image, head: Image, matrix: Array) -> Image:
    """A copy of the scene with the head on it; large heads are shrunk without aliasing first."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 1:
        size = max(1, round(HEAD_SIDE * scale))
        shrunk = cv2.resize(head, (size, size), interpolation=cv2.INTER_AREA)
        back = np.array(
            [[HEAD_SIDE / size, 0, 0.5 * HEAD_SIDE / size - 0.5], [0, HEAD_SIDE / size, 0.5 * HEAD_SIDE / size - 0.5]]
        )
        matrix = (np.vstack([matrix, [0, 0, 1]]) @ np.vstack([back, [0, 0, 1]]))[:2].astype(np.float32)
        head = np.asarray(shrunk, np.uint8)
    size_out = (scene.shape[1], scene.shape[0])
    picture = cv2.warpAffine(head, matrix, size_out, flags=cv2.INTER_LINEAR)
    there = cv2.warpAffine(np.full(head.shape[:2], 255, np.uint8), matrix, size_out, flags=cv2.INTER_NEAREST)
    return np.where(there[..., None] > 0, picture, scene).astype(np.uint8)


def moved(landmarks: Array, matrix: Array) -> Array:
    """(478, 2) px after the (2, 3) matrix."""
    return (landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def error(found: Array, truth: Array) -> float:
    """Mean distance of the landmarks, of the distance between the outer eye corners."""
    eyes = float(np.linalg.norm(truth[33] - truth[263]))
    return float(np.linalg.norm(found[:, :2] - truth, axis=1).mean()) / eyes
