"""The face's own directions in the image."""

from __future__ import annotations

import numpy as np

from ...face.canonical import Points, Pose


def image_axes(pose: Pose) -> tuple[Points, Points]:
    """Two (2,) float64 unit vectors in image px: along the line through the eyes to the right, and down the face."""
    right = pose.rotation[:2, 0] / np.linalg.norm(pose.rotation[:2, 0])
    return right, np.array([-right[1], right[0]])
