"""A face's 68 points: from FaceMesh, already smoothed over time, or from DWPose, as in upstream."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...face.points68 import points68
from ...types import Array, Face, Image
from ...weights import find
from ..torch_runtime.device import resolve_device
from .availability import models_folder
from .options import MuseTalkOptions
from .weights import DWPOSE

if TYPE_CHECKING:
    from ...face.dwpose import DWPose, PoseEstimate

LandmarkSource = Callable[[Image, Face], Array | None]
"""(image, face) -> (68, 2) px, or None where it does not see this face."""


def by_mesh(_: Image, face: Face) -> Array:
    """FaceMesh's points: (68, 2) px."""
    return points68(face.landmarks)


class PoseLandmarks:
    """DWPose's points. It sees one face in a whole image, so it runs once for an image with several people."""

    def __init__(self, pose: DWPose) -> None:
        self._pose = pose
        self._last: tuple[Image, PoseEstimate] | None = None

    def __call__(self, image: Image, face: Face) -> Array | None:
        """(68, 2) px, or None where DWPose sees another face than this one."""
        last = self._last
        if last is None or last[0] is not image:
            self._last = last = image, self._pose.find(image)
        points = last[1].points
        x, y = points.mean(0)
        x0, y0, x1, y1 = face.box
        return points if x0 <= x < x1 and y0 <= y < y1 else None


def landmark_source(options: MuseTalkOptions) -> LandmarkSource:
    """What the options ask for.

    Raises:
        WeightsMissing: DWPose was asked for and is not here.
        InputError: its file is damaged or another network's.
    """
    if options.landmarks == "facemesh":
        return by_mesh
    from ...face.dwpose import DWPose

    return PoseLandmarks(DWPose.load(find(DWPOSE, models_folder(options.weights)).path, resolve_device(options.device)))
