"""Where a face's 68 points are: FaceMesh's, which are smoothed over time, or DWPose's, as upstream sees them."""

from __future__ import annotations

from collections.abc import Callable

from ...face.points68 import points68
from ...types import Array, Face, Image
from ...weights import find
from .networks import models_folder
from .options import MuseTalkOptions

Sight = Callable[[Image, Face], Array]
"""(image, face) -> (68, 2) px."""


def by_mesh(_: Image, face: Face) -> Array:
    """Those of FaceMesh."""
    return points68(face.landmarks)


def sight_of(options: MuseTalkOptions) -> Sight:
    """What the options ask for.

    Raises:
        WeightsMissing: DWPose was asked for and is not here.
        InputError: its file is another network's.
    """
    if options.landmarks == "facemesh":
        return by_mesh
    from ...face.dwpose import DWPose

    pose = DWPose.load(find("dwpose", models_folder(options.weights)).path)

    def by_pose(image: Image, face: Face) -> Array:
        """DWPose sees one face in the whole image: where that is another one, FaceMesh's points stand in."""
        points = pose.find(image).points
        x, y = points.mean(0)
        x0, y0, x1, y1 = face.box
        return points if x0 <= x < x1 and y0 <= y < y1 else by_mesh(image, face)

    return by_pose
